"""Connections for threads: one server, the sentinels' primary, or the nodes of a cluster."""

import time
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.connection import Connection, ConnectionPool, SSLConnection
from redis.exceptions import (
    AskError,
    MovedError,
    ResponseError,
    TimeoutError,  # noqa: A004  redis-py's own
    TryAgainError,
)
from redis.retry import Retry
from redis.sentinel import Sentinel

from shopper_reader.address import Address
from shopper_reader.asking import Asking, pack
from shopper_reader.limits import Limits
from shopper_reader.wire import CHUNK, Replies

ELSEWHERE: Final = (MovedError, AskError, TryAgainError)
"""How a node says that a slot is another's."""


class Link(Protocol):
    """A way to Redis."""

    def exchange(self, asking: Asking) -> list[Any]:
        """Send and read once; replies may be errors. Raises what redis-py raises when nobody answers."""

    def close(self) -> None:
        """Close all connections."""


def link_to(address: Address, limits: Limits) -> Link:
    """The link of the address's kind; it connects at its first exchange."""
    return ClusterLink(address, limits) if address.kind == "cluster" else PoolLink(address, limits)


class PoolLink:
    """One server at a time."""

    def __init__(self, address: Address, limits: Limits) -> None:
        """Make the pool."""
        self._timeout_s = limits.timeout_s
        self._asked: Sequence[Any] = ()
        arguments = _arguments(address, limits)
        if address.kind == "sentinel":
            sentinels: Any = Sentinel  # not typed in redis-py
            waits = {name: arguments[name] for name in ("socket_timeout", "socket_connect_timeout", "retry")}
            own = waits | address.sentinel_credentials | address.tls_options
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
        self._pool = pool

    def exchange(self, asking: Asking) -> list[Any]:
        """As the protocol says."""
        talk = Talk(self._pool, range(asking.count), asking.packed())
        found = converse((talk,), self._timeout_s)
        return [found[number] for number in talk.numbers]

    def close(self) -> None:
        """As the protocol says."""
        self._pool.disconnect()
        for client in self._asked:
            client.close()


class ClusterLink:
    """Each key's node is asked, all at once; redis-py knows which that is."""

    def __init__(self, address: Address, limits: Limits) -> None:
        """Remember where; the nodes are looked up at the first exchange."""
        self._address = address
        self._limits = limits
        self._client: Any = None  # redis-py's cluster client is not typed

    def exchange(self, asking: Asking) -> list[Any]:
        """As the protocol says."""
        try:
            return self._exchange(self._connected(), asking)
        except BaseException:
            # Who is where may have changed: looked up anew.
            self.close()
            raise

    def close(self) -> None:
        """As the protocol says."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _exchange(self, client: Any, asking: Asking) -> list[Any]:
        commands = asking.keyed
        asked: dict[Any, list[int]] = {}
        nodes = [client.get_node_from_key(key) for _, key, *_ in commands] or [client.get_default_node()]
        pools = [client.get_redis_connection(node).connection_pool for node in nodes]
        for number, pool in enumerate(pools[: len(commands)]):
            asked.setdefault(pool, []).append(number)
        asked.setdefault(pools[0], []).append(len(commands))
        sent = [*commands, (b"TIME",)]
        talks = [Talk(pool, own, [pack(sent[number]) for number in own]) for pool, own in asked.items()]
        found = converse(talks, self._limits.timeout_s)
        for number, (name, *rest) in enumerate(commands):
            if isinstance(found[number], ELSEWHERE):
                # The slot is moving, or has moved: redis-py goes after it.
                found[number] = client.execute_command(name.decode(), *rest)
        return [found[number] for number in range(asking.count)]

    def _connected(self) -> Any:
        if self._client is None:
            node: Any = ClusterNode
            self._client = RedisCluster(
                startup_nodes=[node(host, port) for host, port in self._address.hosts],
                require_full_coverage=False,
                ssl=self._address.tls,
                max_connections=self._limits.connections,
                **_arguments(self._address, self._limits),
            )
        return self._client


class Talk:
    """What one node is sent, and which replies it owes."""

    def __init__(self, pool: ConnectionPool, numbers: Sequence[int], packed: Iterable[bytes]) -> None:
        """Take the commands, packed, and their numbers."""
        self.pool = pool
        self.numbers = numbers
        self.packed = packed
        self.connection: Any = None


def converse(talks: Iterable[Talk], timeout_s: float) -> dict[int, Any]:
    """Send to all nodes, then read all replies, by number; replies may be errors.

    Raises:
        TimeoutError: redis-py's, if that takes longer than `timeout_s`.
    """
    until = time.monotonic() + timeout_s
    replies: dict[int, Any] = {}
    begun: list[tuple[Talk, Replies]] = []
    try:
        for talk in talks:
            talk.connection = talk.pool.get_connection()
            found = Replies(talk.packed, len(talk.numbers))
            begun.append((talk, found))
            _send(talk, found)
        for talk, found in begun:
            held = found.socket_of(talk.connection)
            while not found.complete:
                if time.monotonic() > until:
                    msg = f"no whole answer within {timeout_s:g} s"
                    raise TimeoutError(msg)
                if held is None:
                    found.found.append(_reply(talk.connection))
                else:
                    found.feed(held.recv(CHUNK))
                _send(talk, found)
            replies.update(zip(talk.numbers, found.found, strict=True))
    finally:
        for talk, _ in begun:
            if talk.numbers[-1] not in replies:
                # Answers that were not read would be taken for those of the next call.
                talk.connection.disconnect()
            talk.pool.release(talk.connection)
    return replies


def _send(talk: Talk, replies: Replies) -> None:
    while part := replies.due():
        talk.connection.send_packed_command([part])


def _reply(connection: Any) -> Any:
    """One reply, by redis-py's own reading."""
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


def _arguments(address: Address, limits: Limits) -> dict[str, Any]:
    """Arguments of a connection; it never retries by itself, since the limits say how often."""
    return {
        "socket_timeout": limits.timeout_s,
        "socket_connect_timeout": limits.connect_timeout_s,
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        **address.credentials,
        **address.tls_options,
    }
