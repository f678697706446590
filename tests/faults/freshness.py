"""How fresh the values are, all the time: from the progress that every bucket writes each second."""

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

import msgspec
from redis import Redis, RedisError

from jobs.watching.tellers import Teller

LOOK_S = 0.2
FRESH_MS = 3_000
"""Progress is written once a second; older than this, a bucket has stopped."""
STEADY_S = 3.0
"""So long it must stay fresh: a surviving half of the job goes on for a while before it is restarted."""
KEPT = 5 * 60 * 10


class Told(msgspec.Struct):
    at: int
    kafka_time: int
    counts: dict[str, int]


class Sample(NamedTuple):
    clock: int
    """Epoch ms."""
    oldest: int
    """The least `at` of all buckets, of users and of devices; 0 where one is missing, or Redis away."""
    newest_record: int
    """The least of what each bucket has read last, by Kafka's timestamps."""
    read: int

    @property
    def fresh(self) -> bool:
        return self.clock - self.oldest <= FRESH_MS


class Freshness:
    """A thread with its own client of Redis."""

    def __init__(self, url: str, key: str, buckets: int) -> None:
        self._client: Any = Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
        self._key = key
        self._buckets = buckets
        self._known: set[str] = set()
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="freshness", daemon=True)
        self._thread.start()

    @property
    def now(self) -> Sample:
        return self._samples[-1] if self._samples else Sample(0, 0, 0, 0)

    def recovered(self, since_ms: int, began_ms: int) -> float | None:
        """Seconds from `since_ms` to the first fresh value, once that is so for good."""
        return recovered(list(self._samples), since_ms, began_ms)

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        decoder = msgspec.json.Decoder(Told)
        while not self._end.wait(LOOK_S):
            try:
                told = {n.decode(): decoder.decode(t) for n, t in self._client.hgetall(self._key).items()}
            except (RedisError, OSError):
                told = {}
            self._known |= told.keys()
            self._samples.append(sample(time.time_ns() // 1_000_000, told, self._known, self._buckets))


def sample(clock: int, told: Mapping[str, Told], known: AbstractSet[str], buckets: int) -> Sample:
    """What the progress says at `clock`: complete with all buckets of users, and of devices all that told."""
    users = sum(not Teller.of(name).devices for name in told)
    complete = users >= buckets and told.keys() >= known
    return Sample(
        clock,
        min(bucket.at for bucket in told.values()) if complete else 0,
        min(bucket.kafka_time for bucket in told.values()) if complete else 0,
        sum(bucket.counts.get("read", 0) for bucket in told.values()),
    )


def recovered(samples: Sequence[Sample], since_ms: int, began_ms: int) -> float | None:
    """Seconds from `since_ms` to the first fresh value: every bucket has one of a record after `began_ms`.

    A job that goes on for a moment and then stops has not recovered: it must stay fresh for a while.
    """
    later = [sample for sample in samples if sample.clock >= since_ms]
    stale = [i for i, sample in enumerate(later) if not sample.fresh]
    steady = later[stale[-1] + 1 if stale else 0 :]
    if not steady or steady[-1].clock - steady[0].clock < STEADY_S * 1000:
        return None
    found = next((sample for sample in steady if sample.newest_record > began_ms), None)
    return None if found is None else (found.clock - since_ms) / 1000
