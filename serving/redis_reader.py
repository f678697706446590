"""A Redis client for reading, from the same URL that the sink writes to."""

from collections.abc import Sequence
from typing import Any, Final

from redis import Redis, RedisError
from redis.cluster import ClusterNode, RedisCluster

from sinks.address import Address
from sinks.faults import fault_of, remedy
from sinks.routes import route_to

TIMEOUT_S: Final = 5.0
_CURE: Final = "does it run, is redis_url right?"


class RedisUnreachableError(Exception):
    """Redis did not answer; the message names it without credentials."""


class RedisReader:
    """Reads hashes. Not thread-safe; connects at the first read.

    Raises:
        RedisUnreachableError: from every method, if Redis does not answer.
    """

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        """Remember where; nothing is asked yet."""
        self._address = Address.parse(url)
        self._timeout_s = timeout_s
        self._client: Any = None

    @property
    def cluster(self) -> bool:
        """Whether keys carry hash tags."""
        return self._address.kind == "cluster"

    def hashes(self, keys: Sequence[str]) -> list[dict[str, str]]:
        """Return the hashes of `keys` in one round trip; an absent one is empty."""
        try:
            with self._connected().pipeline(transaction=False) as pipeline:
                for key in keys:
                    pipeline.hgetall(key)
                return [_as_text(found) for found in pipeline.execute()]
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from None

    def keys(self, pattern: str) -> list[str]:
        """Return the keys that a glob matches, sorted; it walks over all keys, seconds with some millions."""
        try:
            found = self._connected().scan_iter(match=pattern, count=10_000)
            return sorted({key.decode(errors="replace") for key in found})
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from None

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _unreachable(self, error: Exception) -> RedisUnreachableError:
        _, code = fault_of(error, self.cluster)
        said = f"refused ({error}); {remedy(code)}" if code else f"does not answer ({error}); {_CURE}"
        return RedisUnreachableError(f"Redis at {self._address.shown} {said}")

    def _connected(self) -> Any:
        if self._client is None and self.cluster:
            node: Any = ClusterNode  # redis-py's cluster client is not typed
            self._client = RedisCluster(
                startup_nodes=[node(host, port) for host, port in self._address.hosts],
                **self._address.connection(self._timeout_s) | {"ssl": self._address.tls},
            )
        elif self._client is None:
            (pool,) = route_to(self._address, self._timeout_s).pools(())
            self._client = Redis(connection_pool=pool)
        return self._client


def _as_text(found: dict[bytes, bytes]) -> dict[str, str]:
    return {name.decode(errors="replace"): text.decode(errors="replace") for name, text in found.items()}
