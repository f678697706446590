"""The work of one operator instance on its buckets: batches, wake-ups, what is due when. Knows no Flink."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from events.bucket import bucket_of
from features.entities.rankings import told
from features.split import Split
from features.state import next_of
from operators import ledger as ledgers
from operators.applying import Applying
from operators.backlog import IDLE_MS, Backlog
from operators.batch import Batch, Raws, Stage, decode, encode, head_of, together
from operators.bucket import Bucket
from operators.combining import Combining
from operators.handing_on import HandingOn
from operators.leading import Leading
from operators.ledger import Ledger
from operators.outcome import Outcome, Spoiled
from operators.places import topic_and_partition
from operators.release import COMPILED
from operators.routed import devices_of
from operators.store import LEDGER, Store
from operators.timers import Timers
from operators.turns import Turns
from operators.writing import Names, Sink, Writing, rewrite
from sinks.dead_letters import dead_letter

CHUNK: Final = 100
"""Shoppers a wake-up handles before new events have their turn, which wait no longer than for a large batch.
All who did something in the same ten seconds leave the shortest window at the same moment."""
ALONG: Final = 10
"""Shoppers whose moment has come that a batch takes along, and one for each event. They share its write, and
do not keep its events waiting for long."""
REWRITE_CHUNK: Final = 100
"""Shoppers whose rows are written again in one go."""


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
    idle_ms: int = IDLE_MS
    """Where nothing came for so long, a bucket's batches that wait are applied."""
    rewrites_per_s: int = 1000
    """Shoppers a second whose rows are written again after Redis lost some."""
    buckets: int = 1
    """How many there are: told in the progress to readers, who find a shopper's by it, and to whoever
    submits, since a state cannot go on with another number."""
    devices: bool = False
    """Whether it holds devices, and hands on to users."""
    sources: dict[int, str] = field(default_factory=dict)
    """The topics of declared sources, by their numbers (`operators.places`)."""
    sides: tuple[str, ...] = ()
    """The tables of side inputs, of which it counts rows."""
    resumed: int = 0
    """Which migration the job goes on from; 0: none."""
    beyond: str = ""
    """`ENTITIES` or `RANKINGS` where it holds those instead of shoppers."""
    leaders: int = 1
    """Members of a sorted set over all entities."""

    @property
    def host(self) -> str:
        """Name of the operator in keys; empty where it is the only one."""
        return self.beyond or (devices_of(self.branch) if self.devices else self.branch)


class Shard:
    """The buckets of one operator instance.

    Within one element everything happens or nothing: rows are written to the sink, then the states to Flink.
    No checkpoint barrier falls inside an element; after a failure both happen again, and the fence makes that
    harmless.
    """

    def __init__(
        self,
        options: ShardOptions,
        applier: Applying,
        sink: Sink,
        store: Store,
        waiting: Store,
        clock: Callable[[], int],
        split: Split | None = None,
        run: str = "",
    ) -> None:
        """Begin knowing no bucket.

        `store` is the map of the bucket at hand and `waiting` that of its batches that wait, `clock` gives
        epoch ms, `split` tells for which branches an event counts where all are hosted, `run` is named in the
        progress.
        """
        self._options = options
        self._applier = applier
        about = {"topic": options.topic, "buckets": options.buckets, "run": run, "compiled": COMPILED}
        names = Names(options.job, options.host, about, options.beyond)
        self._writing = Writing(names, applier, sink, options.progress_ms)
        self._store = store
        self._waiting = waiting
        self._clock = clock
        self._split = split
        self._buckets: dict[int, Bucket] = {}
        self._turns = Turns()
        self._timers = Timers()
        self._idle_at = 0
        """From then on batches are taken not to come any more, if none comes before, epoch ms."""
        self._rewrite_at = 0
        """When the next rows are to be written again."""
        self._delay = 0
        """How old the newest record of the last batch was when its rows were written, ms."""
        self._handing_on = HandingOn(options.buckets, options.accounts)
        self._handed: list[tuple[int, bytes]] = []
        self.combining: Combining | None = None
        """What makes batches for entities, where there are views of them."""
        self._beyond: list[tuple[int, bytes]] = []

    def take(self, payload: bytes) -> list[str]:
        """Apply an encoded batch, after those that waited, or let it wait; returns dead letters."""
        head = head_of(payload)
        bucket = self._bucket(head.bucket)
        now = self._clock()
        self._turns.taken(bucket)
        self._timers.element()
        self._idle_at = now + self._options.idle_ms
        if bucket.backlog.takes(payload, head, now, self._waiting):
            return []
        batch = decode(payload)
        if not batch.again:
            return self._apply(bucket, now, batch)
        letters = self._apply(bucket, now)
        return letters if bucket.ledger.has(batch) else letters + self._apply(bucket, now, batch)

    def wake(self, number: int, fired: int | None = None) -> list[str]:
        """Do a chunk of what is due in a bucket; returns dead letters.

        Its timer for `fired` (epoch ms) has gone off, or all up to now have.
        Batches that waited are applied, else time passes, else rows are written again, else it beats.
        """
        bucket = self._bucket(number)
        now = self._clock()
        fired = now if fired is None else fired
        self._timers.fired(bucket, fired)
        self._turns.left(bucket)
        if now >= bucket.backlog.due(self._idle_at):
            return self._apply(bucket, now)
        if bucket.departure <= now and not self._turns.has(bucket, fired, now):
            return []
        if now >= self._turns.free_at:
            self._wake(bucket, now)
            self._idle_at += self._clock() - now  # nothing could be taken meanwhile
        return []

    def _wake(self, bucket: Bucket, now: int) -> None:
        if bucket.leading.moment <= now:
            self._lead(bucket, now)
        if bucket.departure <= now:
            as_of = self._as_of(bucket, now)
            outcome = self._outcome(bucket)
            self._advance(bucket, bucket.schedule.due(as_of, CHUNK), as_of, now, outcome)
            self._keep(bucket, outcome, now)
            self._turns.had(now, self._clock())
        elif bucket.rewriting is not None and now >= self._rewrite_at:
            shoppers = bucket.rewriting.take(REWRITE_CHUNK)
            outcome = self._applier.advance(shoppers, self._as_of(bucket, now), True, self._outcome(bucket))
            bucket.ledger.add("rewritten", len(shoppers))
            self._keep(bucket, outcome, now, rewriting=True)
            self._rewrite_at = self._clock() + 1000 * len(shoppers) // self._options.rewrites_per_s
        elif self._writing.due(bucket, now):
            self._keep(bucket, Outcome(), now)

    def _outcome(self, bucket: Bucket) -> Outcome:
        """One whose rows go to Redis while the next are made."""
        return Outcome(send=partial(self._writing.ahead, bucket))

    def _advance(
        self, bucket: Bucket, shoppers: Iterable[str], as_of: int, now: int, outcome: Outcome
    ) -> None:
        """Let time pass for shoppers, and add what that comes to."""
        before, bugs = len(outcome.data) + len(outcome.gone), outcome.bugs
        self._applier.advance(shoppers, as_of, outcome=outcome)
        bucket.ledger.add("woken", len(outcome.data) + len(outcome.gone) - before)
        bucket.ledger.add("wake_bugs", outcome.bugs - bugs)
        if bucket.schedule.earliest > as_of:  # else the next have their turn at once
            bucket.looked_at = now

    def _take_along(self, bucket: Bucket, events: int, outcome: Outcome, as_of: int, now: int) -> None:
        """Let time pass with a batch for shoppers whose moment has come; whom it touched are done already."""
        done = outcome.data.keys() | outcome.gone
        most = min(ALONG + events, CHUNK)
        due = [each for each in bucket.schedule.due(as_of, most) if each not in done]
        self._advance(bucket, due, as_of, now, outcome)

    def _lead(self, bucket: Bucket, now: int) -> None:
        """Tell the owners of sorted sets over all who leads among this bucket's entities."""
        for name, standings in bucket.leading.told(now).items():
            number = bucket_of(name, self._options.buckets)
            stage = Stage([], [told(name, bucket.number, standings, self._as_of(bucket, now))])
            self._beyond.append((number, encode(Batch(number, bucket.ledger.newest, stages=[stage]))))

    def alarm(self, number: int) -> int | None:
        """The moment (epoch ms) for which Flink must wake the bucket; None where a timer stands for it."""
        bucket = self._buckets[number]
        moment = bucket.moment(self._rewrite_at, self._idle_at)
        if number == self._writing.beating:
            moment = min(moment, self._writing.beat)
        moment = max(moment, self._turns.free_at, bucket.turn_at)
        return self._timers.add(bucket, moment, self._clock())

    def handed_on(self) -> list[tuple[int, bytes]]:
        """Batches for buckets of users, by bucket; what was asked for once is not given again."""
        handed, self._handed = self._handed, []
        return handed

    def told_beyond(self) -> list[tuple[int, bytes]]:
        """Batches for buckets of entities, or from those for rankings; each is given once."""
        told, self._beyond = self._beyond, []
        return told

    def counts(self) -> dict[str, int]:
        """The counters of all buckets that this instance has met."""
        totals: dict[str, int] = {}
        for bucket in self._buckets.values():
            for name, number in bucket.ledger.counts.items():
                totals[name] = totals.get(name, 0) + number
        return totals

    def told(self) -> dict[str, int]:
        """The counters, how many buckets are being written again, and how far this instance is in time.

        `told_ms`, `event_time_ms` and `kafka_time_ms` are epoch ms: now, and the greatest applied and read.
        """
        ledgers_met = [bucket.ledger for bucket in self._buckets.values()]
        return self.counts() | {
            "rewriting": sum(bucket.rewriting is not None for bucket in self._buckets.values()),
            "told_ms": self._clock(),
            "delay_ms": self._delay,
            "event_time_ms": max((ledger.event_time for ledger in ledgers_met), default=0),
            "kafka_time_ms": max((ledger.newest for ledger in ledgers_met), default=0),
        }

    def _apply(self, bucket: Bucket, now: int, *fresh: Batch) -> list[str]:
        """Apply the batches that waited and then `fresh` ones, together."""
        as_of, ledger = self._as_of(bucket, now), bucket.ledger
        batches = [*map(decode, bucket.backlog.payloads), *fresh]
        if not batches:
            return []
        ledger.add("batches.waited", len(bucket.backlog.payloads))
        for batch in batches:
            ledger.take(batch)
            if batch.unlinks and not self._options.devices:
                ledger.add("unlinks.taken", len(batch.unlinks))
        letters = [letter for batch in batches for letter in batch.letters]
        work, raws = together(batches), Raws(batches)
        ledger.life = max([ledger.life, *[move.life for move in work.moves]])
        outcome = self._outcome(bucket)
        self._applier.apply(work, as_of, ledger.controls.floors, outcome)
        self._handed += self._handing_on.batches(bucket, outcome, raws, work.newest, now)
        if self.combining is not None:
            self._beyond += self.combining.batches(outcome.interactions, work.newest)
            ledger.add("facts.lost", self.combining.lost)
        letters += [self._letter(spoiled, raws, now) for spoiled in outcome.spoiled if self._tells(spoiled)]
        if not self._options.beyond:  # an entity's moment may concern another that the batch has touched
            self._take_along(bucket, len(work.records), outcome, as_of, now)
        self._keep(bucket, outcome, now)
        ended = self._clock()
        self._delay = max(ended - work.newest, 0) if work.newest else 0
        self._idle_at = ended + self._options.idle_ms  # what came meanwhile has not had its turn
        bucket.backlog.clear(self._waiting)
        return letters

    def _bucket(self, number: int) -> Bucket:
        bucket = self._buckets.get(number)
        if bucket is None:
            bucket = self._buckets[number] = self._restore(number)
            bucket.met = self._as_of(bucket, self._clock())
            bucket.backlog = Backlog.restored(self._waiting)
            bucket.ledger.resume(self._options.resumed, map(decode, bucket.backlog.payloads))
            if self._writing.beating < 0:
                self._writing.beating = number
        return bucket

    def _restore(self, number: int) -> Bucket:
        """The bucket as its state has it, its schedule rebuilt from the head of each shopper's bytes."""
        options, catalogue = self._options, self._applier.catalogue
        data = self._store.get(LEDGER)
        if data is None:
            ledger = Ledger(options.life, options.covers_from, catalogue=catalogue)
            return Bucket(number, ledger, leading=Leading(options.leaders), gathers=not options.beyond)
        leading = Leading(options.leaders)
        bucket = Bucket(number, ledgers.load(data), leading=leading, gathers=not options.beyond)
        for shopper, state in self._store.items():
            if shopper != LEDGER:
                bucket.schedule.add(shopper, next_of(state))
                self._applier.met(shopper)
                bucket.leading.note_all(self._applier.scores(shopper, state))
        if bucket.ledger.catalogue != catalogue:
            rewrite(bucket, "its rows hold other features", self._clock())
        return bucket

    def _as_of(self, bucket: Bucket, now: int) -> int:
        bucket.ledger.as_of = max(bucket.ledger.as_of, now)
        return bucket.ledger.as_of

    def _keep(self, bucket: Bucket, outcome: Outcome, now: int, rewriting: bool = False) -> None:
        ledger = bucket.ledger
        ledger.add("moved", outcome.moved)
        ledger.add("restated", outcome.restated)
        ledger.add("identity.lost", outcome.lost)
        for verdict, number in outcome.verdicts.items():
            ledger.add(verdict, number)
        if self._split is not None:
            self._count_branches(self._split, ledger, outcome)
        for (place, verdict), number in outcome.sources.items():
            ledger.add_of(place, verdict, number)
        if outcome.spoiled or outcome.facts_lost:
            self._spoiled(ledger, outcome)
        ledger.event_time = max(ledger.event_time, outcome.event_time)
        if outcome.rows or rewriting or self._writing.due(bucket, now):
            self._writing.write(bucket, outcome, now, self._buckets.values(), rewriting)
        for shopper, moment in outcome.next.items():
            bucket.schedule.add(shopper, moment)
        bucket.leading.note_all(outcome.scores)
        if bucket.leading.moment <= now:
            self._lead(bucket, now)
        # The state last: after a timer that fails, a checkpoint may come (`operators.halting`).
        self._store.put_all({**outcome.data, LEDGER: ledgers.dump(ledger)})
        for shopper in outcome.gone:
            self._store.remove(shopper)
            bucket.schedule.drop(shopper)

    def _count_branches(self, split: Split, ledger: Ledger, outcome: Outcome) -> None:
        for kind, number in outcome.kinds.items():
            for branch in split.by_kind(*kind):
                ledger.add(f"applied.{branch}", number)

    def _spoiled(self, ledger: Ledger, outcome: Outcome) -> None:
        ledger.add("facts.lost", outcome.facts_lost)
        for spoiled in outcome.spoiled:
            ledger.add("dead")
            ledger.add(f"dead.{spoiled.kind}")
            ledger.add_of(spoiled.record.partition, "dead")

    def _tells(self, spoiled: Spoiled) -> bool:
        return spoiled.kind == "bug" or self._options.accounts

    def _letter(self, spoiled: Spoiled, raws: Raws, now: int) -> str:
        kind, record, dead, error = spoiled
        number, partition = topic_and_partition(record.partition)
        place = self._options.sources.get(number, self._options.topic), partition, record.offset
        return dead_letter(raws.of(record), dead, *place, now, kind, error).decode()
