"""The reader for asyncio."""

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any

from redis.asyncio.retry import Retry
from redis.backoff import EqualJitterBackoff

from shopper_reader.address import Address
from shopper_reader.aio_links import AsyncLink, async_link_to
from shopper_reader.asking import Asker, Asking, by_shopper, joined
from shopper_reader.catalogue import Catalogue, shipped
from shopper_reader.errors import TransportError
from shopper_reader.faults import CAUGHT, unreachable
from shopper_reader.features import AGAIN, JOB, NO_DEFAULTS
from shopper_reader.keys import Keys
from shopper_reader.limits import Breaker, Limits
from shopper_reader.plans import Names
from shopper_reader.rows import Row, Shopper
from shopper_reader.values import Value


class AsyncFeatures:
    """Reads shoppers' features, as `Features` does, from one event loop; raises the same."""

    def __init__(self, link: AsyncLink, asker: Asker, limits: Limits, shown: str) -> None:
        """Take what `connect` made."""
        self._link = link
        self._asker = asker
        self._shown = shown
        self._breaker = Breaker(limits.failures, limits.pause_s, shown)
        again: Any = AGAIN  # typed as redis-py's own errors only
        self._retry = Retry(EqualJitterBackoff(cap=0.1, base=0.01), limits.retries, again)

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        prefix: str = "",
        job: str = JOB,
        catalogue: Catalogue | None = None,
        defaults: Mapping[str, Value] = NO_DEFAULTS,
        limits: Limits = Limits(),  # noqa: B008  frozen
    ) -> "AsyncFeatures":
        """A reader of the Redis at `url`, as `Features.connect` makes it; to be called in the event loop.

        Raises:
            AskedWronglyError: if one of these cannot work.
        """
        address = Address.parse(url)
        keys = Keys(prefix, address.kind == "cluster")
        asker = Asker(keys, job, catalogue or shipped(), defaults, address.shown)
        return cls(async_link_to(address, limits), asker, limits, address.shown)

    async def get(self, shopper: str, *, windows: Names = None, features: Names = None) -> Shopper:
        """The shopper's rows in one round trip; see `Features.get`."""
        return (await self.get_many((shopper,), windows=windows, features=features))[shopper]

    async def get_many(
        self, shoppers: Iterable[str], *, windows: Names = None, features: Names = None
    ) -> dict[str, Shopper]:
        """The rows of many shoppers in one round trip (to each node of a cluster).

        A second one goes to the users' rows where some are of devices whose rows point there.
        """
        asking = self._asker.shoppers(shoppers, windows, features)
        return by_shopper(asking, await self._read(asking))

    async def session(self, session_id: str, *, features: Names = None) -> Row:
        """A session by its own id, whoever is in it."""
        (row,) = await self._read(self._asker.session(session_id, features))
        return row

    async def close(self) -> None:
        """Close all connections."""
        await self._link.close()

    async def __aenter__(self) -> "AsyncFeatures":  # noqa: PYI034  Python 3.10 has no Self
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _read(self, asking: Asking) -> list[Row]:
        rows = self._asker.rows(asking, await self._replies(asking))
        further = self._asker.further(rows)
        if further is None:
            return rows
        # A row that is pointed to and points itself is not followed: it is MISSING.
        return joined(rows, self._asker.rows(further, await self._replies(further)))

    async def _replies(self, asking: Asking) -> list[Any]:
        self._breaker.admit()
        try:
            replies = await self._retry.call_with_retry(lambda: self._once(asking), _nothing)
        except TransportError:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return replies

    async def _once(self, asking: Asking) -> list[Any]:
        try:
            return await self._link.exchange(asking)
        except CAUGHT as error:
            raise unreachable(error, self._shown) from error


async def _nothing(_error: Exception) -> None:
    """Between two tries nothing is to be done: the link has dropped what was broken."""
