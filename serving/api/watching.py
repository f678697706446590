"""Looks at all shoppers that somebody follows, with one round trip a moment, however many follow."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Final

from shopper_reader import ReaderError, Shopper

AT_ONCE: Final = 200
"""Shoppers a round trip."""
Look = Mapping[str, Shopper] | ReaderError | None
"""What was seen: rows by shopper; why they could not be read; None: nothing more will come."""
Read = Callable[[Iterable[str]], Awaitable[Mapping[str, Shopper]]]


class Watch:
    """One for all streams. Looks only while somebody follows."""

    def __init__(self, read: Read, every_s: float) -> None:
        """Look with `read` once in `every_s` seconds."""
        self._read = read
        self._every_s = every_s
        self._followed: Counter[str] = Counter()
        self._next: asyncio.Future[Look] | None = None
        self._now: asyncio.Future[Look] | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()

    @contextmanager
    def following(self, shopper: str) -> Iterator[None]:
        """Have the shopper among those who are looked at."""
        self._followed[shopper] += 1
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        try:
            yield
        finally:
            self._followed[shopper] -= 1
            if not self._followed[shopper]:
                del self._followed[shopper]

    async def look(self) -> Look:
        """What the next look shows; one that has begun already may be older than what the caller knows."""
        if self._closed.is_set():
            return None
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        # Many wait for the same; one that is cancelled must not cancel it.
        return await asyncio.shield(self._next)

    @property
    def closed(self) -> bool:
        """Whether the server ends."""
        return self._closed.is_set()

    def close(self) -> None:
        """Let everybody go."""
        self._closed.set()
        self._end()

    async def _run(self) -> None:
        try:
            while self._followed and not self._closed.is_set():
                await asyncio.sleep(self._every_s)
                self._now, self._next = self._next, None
                _tell(self._now, await self._seen())
        finally:
            # Whatever ended it: nobody may wait for ever.
            self._end()

    async def _seen(self) -> Look:
        found: dict[str, Shopper] = {}
        try:
            for some in _portions(self._followed):
                found.update(await self._read(some))
        except ReaderError as error:
            return error
        return found

    def _end(self) -> None:
        for waited in (self._now, self._next):
            _tell(waited, None)
        self._now = self._next = None


def _tell(waited: "asyncio.Future[Look] | None", look: Look) -> None:
    if waited is not None and not waited.done():
        waited.set_result(look)


def _portions(shoppers: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(list(shoppers))
    while some := list(islice(rest, AT_ONCE)):
        yield some
