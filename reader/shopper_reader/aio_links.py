"""Connections for asyncio: one server, the sentinels' primary, or the nodes of a cluster."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import Connection, ConnectionPool, SSLConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from shopper_reader.address import Address
from shopper_reader.asking import Asking
from shopper_reader.faults import CAUGHT
from shopper_reader.limits import Limits
from shopper_reader.wire import CHUNK, Replies


class AsyncLink(Protocol):
    """A way to Redis."""

    async def exchange(self, asking: Asking) -> list[Any]:
        """Send and read once; replies may be errors. Raises what redis-py raises when nobody answers."""

    async def close(self) -> None:
        """Close all connections."""


def async_link_to(address: Address, limits: Limits) -> AsyncLink:
    """The link of the address's kind; it connects at its first exchange."""
    if address.kind == "cluster":
        return AsyncClusterLink(address, limits)
    return AsyncPoolLink(address, limits)


class AsyncPoolLink:
    """One server at a time."""

    def __init__(self, address: Address, limits: Limits) -> None:
        """Make the pool."""
        self._timeout_s = limits.timeout_s
        self._connect_s = limits.connect_timeout_s + limits.timeout_s
        self._asked: Sequence[Any] = ()
        arguments = _arguments(address, limits)
        if address.kind == "sentinel":
            own = arguments | address.sentinel_credentials
            own.pop("db")
            sentinels: Any = Sentinel  # not typed in redis-py
            asked = sentinels(address.hosts, sentinel_kwargs=own)
            self._asked = asked.sentinels
            pool = asked.master_for(address.service, ssl=address.tls, **arguments).connection_pool
            pool.max_connections = limits.connections
        else:
            host, port = address.hosts[0]
            pool = ConnectionPool(
                connection_class=SSLConnection if address.tls else Connection,
                max_connections=limits.connections,
                host=host,
                port=port,
                **arguments,
            )
        self._pool: Any = pool

    async def exchange(self, asking: Asking) -> list[Any]:
        """As the protocol says."""
        # A server that hangs takes connections all the same, and then does not answer the greeting.
        connection = await asyncio.wait_for(self._pool.get_connection(), self._connect_s)
        replies = Replies(asking.packed(), asking.count)
        try:
            await asyncio.wait_for(_converse(connection, replies), self._timeout_s)
        finally:
            if not replies.complete:
                # Answers that were not read would be taken for those of the next call.
                await connection.disconnect(nowait=True)
            await self._pool.release(connection)
        return replies.found

    async def close(self) -> None:
        """As the protocol says."""
        await self._pool.disconnect()
        for client in self._asked:
            await client.aclose()


class AsyncClusterLink:
    """Each key's node is asked, all at once; redis-py knows which that is."""

    def __init__(self, address: Address, limits: Limits) -> None:
        """Make the client; the nodes are looked up at the first exchange."""
        self._most_s = limits.connect_timeout_s + limits.timeout_s
        node: Any = ClusterNode  # redis-py's cluster client is not typed
        self._client: Any = RedisCluster(
            startup_nodes=[node(host, port) for host, port in address.hosts],
            require_full_coverage=False,
            ssl=address.tls,
            max_connections=limits.connections,
            **_arguments(address, limits) | {"socket_timeout": limits.timeout_s},
        )

    async def exchange(self, asking: Asking) -> list[Any]:
        """As the protocol says."""
        return await asyncio.wait_for(self._exchange(self._client, asking), self._most_s)

    async def close(self) -> None:
        """As the protocol says."""
        await self._client.aclose()

    async def _exchange(self, client: Any, asking: Asking) -> list[Any]:
        await client.initialize()
        pipeline = client.pipeline()
        for name, *rest in asking.keyed:
            pipeline.execute_command(name.decode(), *rest)
        time = client.execute_command("TIME", target_nodes=client.get_default_node())
        replies, now = await asyncio.gather(pipeline.execute(raise_on_error=False), time)
        for reply in replies:
            if isinstance(reply, CAUGHT) and not isinstance(reply, ResponseError):
                raise reply
        return [*replies, now]


async def _converse(connection: Any, replies: Replies) -> None:
    held = replies.socket_of(connection)
    while not replies.complete:
        while part := replies.due():
            await connection.send_packed_command([part])
        if held is None:
            replies.found.append(await _reply(connection))
        else:
            replies.feed(await held.read(CHUNK))


async def _reply(connection: Any) -> Any:
    """One reply, by redis-py's own reading."""
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


def _arguments(address: Address, limits: Limits) -> dict[str, Any]:
    """Arguments of a connection; a round trip has one timeout as a whole, and the limits say how often."""
    return {
        "socket_connect_timeout": limits.connect_timeout_s,
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        **address.credentials,
        **address.tls_options,
    }
