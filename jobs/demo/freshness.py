"""Measures how long an event takes from Kafka's producer until its effect can be read in Redis."""

import threading
import time
from contextlib import closing
from typing import Final

from jobs.demo.feed import Feed
from jobs.settings import Settings
from serving.redis_reader import RedisReader, RedisUnreachableError
from sinks.codec import decode, pointed_to
from sinks.keys import encode_id, key_name

_POLL_S: Final = 0.01
_GIVE_UP_S: Final = 10.0
_PAUSE_S: Final = 0.2


class Freshness(threading.Thread):
    """A thread that follows one event at a time: it is readable when its shopper's `_seen` has counted it."""

    def __init__(self, settings: Settings, feed: Feed) -> None:
        """Prepare; `start` measures."""
        super().__init__(name="freshness", daemon=True)
        self.samples_ms: list[float] = []
        self.missed = 0
        """Events that were not readable in time."""
        self._settings = settings
        self._feed = feed
        self._stopping = threading.Event()

    def run(self) -> None:
        """Measure until stopped."""
        with closing(RedisReader(self._settings.redis_url)) as reader:
            while not self._stopping.wait(_PAUSE_S):
                try:
                    self._follow(reader)
                except RedisUnreachableError:
                    self.missed += 1

    def stop(self) -> None:
        """Measure no more."""
        self._stopping.set()
        if self.is_alive():
            self.join(timeout=_GIVE_UP_S)

    def percentile(self, share: float, last: int | None = None) -> float:
        """Return the value below which `share` of the (`last`) samples lie, in ms; NaN without samples."""
        samples = sorted(self.samples_ms[-last:] if last else self.samples_ms)
        return samples[min(len(samples) - 1, int(share * len(samples)))] if samples else float("nan")

    def _follow(self, reader: RedisReader) -> None:
        before = self._feed.latest
        while (sent := self._feed.latest) is before or sent is None:
            if self._stopping.wait(_POLL_S):
                return
        key = key_name("user", encode_id(sent.shopper), "session", self._settings.redis_prefix)
        while time.monotonic() - sent.at < _GIVE_UP_S and not self._stopping.is_set():
            (fields,) = reader.hashes([key])
            if pointed_to(fields):
                return  # somebody logged in meanwhile: the event counts for a user, whose `_seen` is another
            stored = decode(fields)
            if stored is not None and stored.seen >= sent.number:
                self.samples_ms.append((time.monotonic() - sent.at) * 1000)
                return
            time.sleep(_POLL_S)
        self.missed += not self._stopping.is_set()
