"""The job's own writer, without Flink: a shard over the real sink, for the wall clock or one that is set."""

import time
from collections.abc import Callable

from events.bucket import bucket_of
from events.event import Event
from features.logic import ShopperLogic
from operators.batch import Batch, encode
from operators.cache import CachedStore
from operators.shard import Shard, ShardOptions
from operators.users import Users
from sinks.redis_sink import RedisSink
from tests.operators.fakes import MapOfBuckets, record

BUCKETS = 8
AHEAD = 60_000
"""So far (ms) the job's clock is ahead, lest a machine that is busy make it silent."""


def now() -> int:
    """Epoch ms of this machine, which is Redis' clock, too."""
    return time.time_ns() // 1_000_000


def ahead() -> int:
    """The clock of a job that is not silent for the next minute."""
    return now() + AHEAD


class Job:
    """One operator instance that hosts all branches; reads from `covers_from` on."""

    def __init__(self, sink: RedisSink, covers_from: int = 0, clock: Callable[[], int] = ahead) -> None:
        self._clock = clock
        self._store = MapOfBuckets()
        logic = ShopperLogic()
        options = ShardOptions(
            "job", "topic", life=now(), covers_from=covers_from, buckets=BUCKETS, progress_ms=1
        )
        applier = Users(logic, CachedStore(self._store, 100).get)
        self._shard = Shard(options, applier, sink, CachedStore(self._store, 100), MapOfBuckets(), clock)

    def take(self, *events: Event) -> None:
        """Apply events; those of one shopper in one batch."""
        by_bucket: dict[int, list[Event]] = {}
        for event in events:
            by_bucket.setdefault(bucket_of(event.shopper, BUCKETS), []).append(event)
        for bucket, own in by_bucket.items():
            self._store.bucket = bucket
            records = [record(event, offset) for offset, event in enumerate(own)]
            self._shard.take(encode(Batch(bucket, self._clock(), records=records)))
            time.sleep(0.002)  # so that the next batch tells progress again
