"""What the routes have at hand: the reader, the catalogue, the status, the streams, the metrics."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Depends
from starlette.requests import HTTPConnection

from serving.api.metrics import Metrics
from serving.api.problems import kind_of
from serving.api.statuses import Statuses, StatusSource
from serving.api.terms import Terms
from serving.api.watching import Watch
from shopper_reader import AskedWronglyError, AsyncFeatures, Catalogue, Limits, ReaderError, Shopper
from shopper_reader.plans import Names
from shopper_reader.specs import at_reading

AT_ONCE: Final = Limits().connections
"""Reads at once; more wait."""

logger = logging.getLogger("shopper.api")


@dataclass
class Serving:
    """One application's; routes of others find it by `serving_of`."""

    connect: Callable[[], AsyncFeatures]
    catalogue: Catalogue
    status: StatusSource
    terms: Terms
    stored_id: Callable[[str], str]
    """The id by which a shopper is kept, of the id that the shop knows."""
    metrics: Metrics = field(default_factory=Metrics)
    streams: int = 0
    """How many are open."""
    statuses: Statuses = field(init=False)
    watch: Watch = field(init=False)
    """What streams look through."""
    clocks: Mapping[str, frozenset[str]] = field(init=False)
    """By window, the features that depend on the moment of reading."""
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _reader: AsyncFeatures | None = None
    _silent: bool = False

    def __post_init__(self) -> None:
        """Derive the rest."""
        self.statuses = Statuses(self.status)
        self.watch = Watch(self.read, self.terms.poll_s)
        self.clocks = {
            label: frozenset(feature.name for feature in at_reading(self.catalogue, label))
            for label in self.catalogue.labels
        }

    @property
    def reader(self) -> AsyncFeatures:
        """The reader, made in the event loop that first asks for it."""
        if self._reader is None:
            self._reader = self.connect()
        return self._reader

    async def read(
        self, shoppers: Iterable[str], windows: Names = None, features: Names = None
    ) -> dict[str, Shopper]:
        """The shoppers' rows by the ids that were asked for, in their order, in one round trip.

        Raises:
            ReaderError: as `AsyncFeatures.get_many` does.
        """
        stored = {shopper: self.stored_id(shopper) for shopper in shoppers}
        try:
            # The reader has so many connections, and fails where it would have to wait for one.
            async with self._places:
                found = await self.reader.get_many(stored.values(), windows=windows, features=features)
        except AskedWronglyError:
            raise
        except ReaderError as error:
            self.metrics.failures.labels(kind_of(error)).inc()
            if not self._silent:
                logger.warning("features cannot be read: %s", error)
            self._silent = True
            raise
        if self._silent:
            logger.warning("features can be read again")
        self._silent = False
        return {shopper: found[own] for shopper, own in stored.items()}

    def count_streams(self, more: int) -> None:
        """Note that so many more are open."""
        self.streams += more
        self.metrics.streams.inc(more)

    async def close(self) -> None:
        """End the streams and the connections."""
        self.watch.close()
        if self._reader is not None:
            await self._reader.close()
            self._reader = None


def serving_of(connection: HTTPConnection) -> Serving:
    """What the application that answers this request has at hand."""
    found: Serving = connection.app.state.serving
    return found


Served = Annotated[Serving, Depends(serving_of)]
