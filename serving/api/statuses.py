"""The job's status, asked for once however many want it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol

from anyio import to_thread

from serving.api.problems import StatusError

HOLDS_S: Final = 1.0
"""So long a status is told again: the job tells its own once a second."""


class StatusSource(Protocol):
    """Tells how the job does. Called in a thread of its own, so it may block."""

    def __call__(self, *, lag: bool) -> Mapping[str, Any]:
        """Everything as plain data; with `lag` also how far the job is behind Kafka.

        Raises:
            NoJobError: if no job of this name has told anything.
            StatusError: if Redis or Kafka does not answer.
        """


class Statuses:
    """Remembers what was told last, with and without the lag."""

    def __init__(self, source: StatusSource, clock: Callable[[], float] = time.monotonic) -> None:
        """Ask `source`."""
        self._source = source
        self._clock = clock
        self._told: dict[bool, tuple[float, Mapping[str, Any] | StatusError]] = {}
        self._asking = {True: asyncio.Lock(), False: asyncio.Lock()}

    async def tell(self, *, lag: bool) -> Mapping[str, Any]:
        """The status, not older than a second; raises what the source raises."""
        async with self._asking[lag]:
            if lag not in self._told or self._clock() - self._told[lag][0] >= HOLDS_S:
                told = await self._ask(lag)
                self._told[lag] = self._clock(), told
        told = self._told[lag][1]
        if isinstance(told, StatusError):
            # Remembered, too: a Kafka that is down takes ten seconds, and many may wait.
            raise told
        return told

    async def _ask(self, lag: bool) -> Mapping[str, Any] | StatusError:
        try:
            return await to_thread.run_sync(partial(self._source, lag=lag))
        except StatusError as error:
            return error
