"""Which connection a key's commands go to: one server, the sentinels' primary, or the slot's node."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from redis.cluster import ClusterNode, RedisCluster
from redis.connection import Connection, ConnectionPool, SSLConnection
from redis.sentinel import Sentinel

from sinks.address import Address
from sinks.calls import Call
from sinks.faults import BROKEN
from sinks.slots import tag_of_slot


class Route(Protocol):
    """Knows a pool for each call. Made without talking to anyone; `pools` may."""

    cluster: bool

    def pools(self, calls: Iterable[Call]) -> dict[ConnectionPool, list[Call]]:
        """The calls by the pool that takes them. Raises what redis-py raises when nobody answers."""

    def refresh(self) -> None:
        """Forget what is known: the next `pools` looks again who is where."""

    def close(self) -> None:
        """Close all connections."""


def route_to(address: Address, timeout_s: float) -> Route:
    """The route for the address's kind."""
    return ClusterRoute(address, timeout_s) if address.kind == "cluster" else _one_pool(address, timeout_s)


class OnePool:
    """One server, or the primary that sentinels name: redis-py asks them at each new connection."""

    cluster = False

    def __init__(self, pool: ConnectionPool, sentinels: Iterable[Any] = ()) -> None:
        self._pool = pool
        self._sentinels = list(sentinels)

    def pools(self, calls: Iterable[Call]) -> dict[ConnectionPool, list[Call]]:
        """All of them by the one pool."""
        return {self._pool: list(calls)}

    def refresh(self) -> None:
        """Close the connections: the next one resolves the name, or asks the sentinels, again."""
        self._pool.disconnect()

    def close(self) -> None:
        """Close the connections, those to the sentinels too."""
        self._pool.disconnect()
        for client in self._sentinels:
            client.close()


class ClusterRoute:
    """Redis Cluster: redis-py knows the topology; commands are grouped by node here.

    redis-py 5 blocks `evalsha` in its cluster pipeline, and retries what failed one command at a time, which
    takes minutes for a batch when a node is down.
    """

    cluster = True

    def __init__(self, address: Address, timeout_s: float) -> None:
        self._hosts = address.hosts
        self._arguments: dict[str, Any] = address.connection(timeout_s) | {"ssl": address.tls}
        # redis-py's cluster client is not typed.
        self._client: Any = None
        self._stale = False

    def pools(self, calls: Iterable[Call]) -> dict[ConnectionPool, list[Call]]:
        """By the node that has the slot, or that it moves to. Looks at the cluster when it must."""
        client = self._known()
        pools: defaultdict[ConnectionPool, list[Call]] = defaultdict(list)
        for call in _apart(calls, client):
            node = client.get_node(*call.asking) if call.asking else client.get_node_from_key(call.key)
            if node is None:
                # A slot that nobody serves, or a node that has joined since: known after another look.
                call.asking, self._stale = None, True
                node = client.get_default_node()
            pools[client.get_redis_connection(node).connection_pool].append(call)
        return dict(pools)

    def refresh(self) -> None:
        """Ask for the slots again before the next call."""
        self._stale = True

    def close(self) -> None:
        """Close the connections to all nodes."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _known(self) -> Any:
        if self._client is not None and self._stale:
            try:
                self._client.nodes_manager.initialize()
            except BROKEN:
                # Every node that was known is gone: begin again at the configured ones.
                self.close()
        if self._client is None:
            node: Any = ClusterNode
            self._client = RedisCluster(
                startup_nodes=[node(host, port) for host, port in self._hosts],
                require_full_coverage=False,
                cluster_error_retry_attempts=0,
                **self._arguments,
            )
        self._stale = False
        return self._client


def _apart(calls: Iterable[Call], client: Any) -> Iterator[Call]:
    """The calls, those for every node once for each, under a key of the least slot that is the node's."""
    for call in calls:
        if not call.everywhere:
            yield call
            continue
        least: dict[str, int] = {}
        for slot, nodes in client.nodes_manager.slots_cache.items():
            least[nodes[0].name] = min(slot, least.get(nodes[0].name, slot))
        yield from (call.tagged(tag_of_slot(slot)) for slot in sorted(least.values()))


def _one_pool(address: Address, timeout_s: float) -> OnePool:
    arguments = address.connection(timeout_s)
    if address.kind == "sentinel":
        sentinels: Any = Sentinel  # not typed in redis-py
        asked = sentinels(address.hosts, sentinel_kwargs=address.sentinel_connection(timeout_s))
        primary = asked.master_for(address.service, ssl=address.tls, **arguments)
        return OnePool(primary.connection_pool, asked.sentinels)
    host, port = address.hosts[0]
    connection = SSLConnection if address.tls else Connection
    return OnePool(ConnectionPool(connection_class=connection, host=host, port=port, **arguments))
