"""The work of one operator instance on its buckets: batches, wake-ups, what is due when. Knows no Flink."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import orjson

from features.row import FeatureRow
from features.state import next_of
from operators import ledger as ledgers
from operators.applying import Applier, Outcome, Spoiled
from operators.batch import Batch
from operators.ledger import Ledger
from operators.schedule import NEVER, Schedule
from operators.store import LEDGER, Store
from sinks.dead_letters import dead_letter
from sinks.redis_sink import WriteReport

CHUNK: Final = 500
"""Shoppers a wake-up handles before new events have their turn."""
BREATH_MS: Final = 5
"""Pause between two wake-ups without an event between them: Flink runs all timers that are due in one go."""


class Sink(Protocol):
    """Where rows go; raises when it cannot take them."""

    def write(  # noqa: D102
        self, rows: Sequence[FeatureRow], life: int, put: Mapping[str, Mapping[str, str]] | None = None
    ) -> WriteReport: ...


@dataclass(frozen=True)
class ShardOptions:
    """What a shard is told by the job."""

    job: str
    topic: str
    life: int
    covers_from: int
    branch: str = ""
    accounts: bool = True
    """Whether records that the logic finds too far in the future become dead letters here."""
    progress_ms: int = 1000


@dataclass
class Bucket:
    """What is known in memory of one bucket; all of it follows from its state."""

    number: int
    ledger: Ledger
    schedule: Schedule = field(default_factory=Schedule)
    armed: int = NEVER
    """The earliest timer that Flink holds for it, as far as known."""


class Shard:
    """The buckets of one operator instance.

    Within one element everything happens or nothing: rows are written to the sink, then the states to Flink.
    No checkpoint barrier falls inside an element; after a failure both happen again, and the fence makes that
    harmless.
    """

    def __init__(
        self,
        options: ShardOptions,
        applier: Applier,
        sink: Sink,
        store: Store,
        clock: Callable[[], int],
    ) -> None:
        """Begin knowing no bucket. `store` is the map of the bucket at hand, `clock` gives epoch ms."""
        self._options = options
        self._applier = applier
        self._sink = sink
        self._store = store
        self._clock = clock
        self._buckets: dict[int, Bucket] = {}
        self._beat = 0
        """When progress is to be told again."""
        self._beating = -1
        """The bucket whose timer carries that moment."""
        self._free_at = 0

    def take(self, batch: Batch) -> list[str]:
        """Apply a batch; returns its dead letters."""
        bucket = self._bucket(batch.bucket)
        now = self._clock()
        as_of = bucket.ledger.as_of = max(bucket.ledger.as_of, now)
        self._free_at = 0
        bucket.ledger.take(batch)
        outcome = self._applier.apply(batch.records, as_of)
        letters = batch.letters + [
            self._letter(spoiled, now) for spoiled in outcome.spoiled if self._tells(spoiled)
        ]
        self._keep(bucket, outcome, now)
        return letters

    def wake(self, number: int) -> None:
        """Work off what is due in a bucket, at most `CHUNK` shoppers."""
        bucket = self._bucket(number)
        now = self._clock()
        bucket.armed = NEVER
        if bucket.schedule.earliest <= now and now >= self._free_at:
            as_of = bucket.ledger.as_of = max(bucket.ledger.as_of, now)
            outcome = self._applier.advance(bucket.schedule.due(as_of, CHUNK), as_of)
            bucket.ledger.add("woken", len(outcome.data) + len(outcome.gone))
            bucket.ledger.add("wake_bugs", outcome.bugs)
            self._keep(bucket, outcome, now)
            self._free_at = self._clock() + BREATH_MS
        elif now >= self._beat:
            self._sink.write((), bucket.ledger.life, self._progress(bucket, now))

    def alarm(self, number: int) -> int | None:
        """The moment (epoch ms) for which Flink must wake the bucket; None where a timer stands for it."""
        bucket = self._buckets[number]
        moment = bucket.schedule.earliest
        if number == self._beating:
            moment = min(moment, self._beat)
        moment = max(moment, self._free_at)
        if moment >= bucket.armed:
            return None
        bucket.armed = moment
        return moment

    def counts(self) -> dict[str, int]:
        """The counters of all buckets that this instance has met."""
        totals: dict[str, int] = {}
        for bucket in self._buckets.values():
            for name, number in bucket.ledger.counts.items():
                totals[name] = totals.get(name, 0) + number
        return totals

    def _bucket(self, number: int) -> Bucket:
        bucket = self._buckets.get(number)
        if bucket is None:
            bucket = self._buckets[number] = self._restore(number)
            if self._beating < 0:
                self._beating = number
        return bucket

    def _restore(self, number: int) -> Bucket:
        """The bucket as its state has it, its schedule rebuilt from the head of each shopper's bytes."""
        data = self._store.get(LEDGER)
        if data is None:
            return Bucket(number, Ledger(self._options.life, self._options.covers_from))
        bucket = Bucket(number, ledgers.load(data))
        for shopper, state in self._store.items():
            if shopper != LEDGER:
                bucket.schedule.add(shopper, next_of(state))
        return bucket

    def _keep(self, bucket: Bucket, outcome: Outcome, now: int) -> None:
        ledger = bucket.ledger
        for verdict, number in outcome.verdicts.items():
            ledger.add(verdict, number)
        for spoiled in outcome.spoiled:
            ledger.add("dead")
            ledger.add(f"dead.{spoiled.kind}")
        ledger.event_time = max(ledger.event_time, outcome.event_time)
        if outcome.rows or now >= self._beat:
            report = self._sink.write(outcome.rows, ledger.life, self._progress(bucket, now))
            ledger.add("rows.written", report.written)
            ledger.add("rows.refused", report.refused)
            ledger.add("rows.foreign", report.foreign)
        self._store.put_all({**outcome.data, LEDGER: ledgers.dump(ledger)})
        for shopper, moment in outcome.next.items():
            bucket.schedule.add(shopper, moment)
        for shopper in outcome.gone:
            self._store.remove(shopper)
            bucket.schedule.drop(shopper)

    def _tells(self, spoiled: Spoiled) -> bool:
        return spoiled.kind == "bug" or self._options.accounts

    def _letter(self, spoiled: Spoiled, now: int) -> str:
        kind, record, dead, error = spoiled
        place = self._options.topic, record.partition, record.offset
        return dead_letter(bytes(record.raw), dead, *place, now, kind, error).decode()

    def _progress(self, bucket: Bucket, now: int) -> dict[str, dict[str, str]] | None:
        """What to write of the progress, once in `progress_ms`; `bucket` then carries the next moment."""
        if now < self._beat:
            return None
        options = self._options
        self._beat, self._beating = now + options.progress_ms, bucket.number
        suffix = f"/{options.branch}" if options.branch else ""
        return {
            f"pipeline:{options.job}:progress": {
                f"{number}{suffix}": orjson.dumps(known.ledger.progress(now)).decode()
                for number, known in self._buckets.items()
            }
        }
