"""Who has its turn when a slot has more to do than time: departures of all buckets, and events, simulated.

Batches and wake-ups take as long as they are told to. Timers fire as Flink has them: one for a bucket and
millisecond, the earliest first, those of a millisecond in an order of its own. Flink lets a batch have its
turn between two triggers (`between`); that it comes when none has gone off any more is harder for batches.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from random import Random

import msgspec
import pytest

from operators.applying import Applier
from operators.batch import Batch, encode
from operators.bucket import Bucket
from operators.floors import Floors
from operators.ledger import Ledger
from operators.outcome import Outcome
from operators.shard import Shard, ShardOptions
from operators.turns import BREATH_MS, TURN_MS, Turns
from tests.logics import logic_of
from tests.operators.fakes import NOW, MapOfBuckets, SinkThatRemembers

PROMISED_MS = 2_000
IDLE_MS = 0.02
"""What a wake-up costs that does nothing."""
WAITS_MS = 1
"""What a batch costs at least: one that waits for others is not applied."""
LASTS_MS = 20_000
STALL_MS = 150

ORDERS: dict[str, Callable[[Random, list[int]], int]] = {
    "any": Random.choice,
    "up": lambda _, buckets: min(buckets),
    "down": lambda _, buckets: max(buckets),
}
"""Which of the timers of a millisecond goes first."""


def nothing(shopper: str) -> bytes | None:
    """What the state holds of a shopper, which nobody asks for here."""
    return None


@dataclass
class Load:
    """What there is to do."""

    buckets: int = 16
    shoppers: int = 20
    """Of each bucket."""
    every_ms: tuple[int, int] = (2_000, 4_000)
    """The least and the greatest time from a look at a shopper to the next departure."""
    pane_ms: int = 1
    """Departures come at multiples of this."""
    wake_ms: float = 2.0
    """What a look costs, whoever it is at."""
    shopper_ms: float = 0.1
    """What each shopper of a look costs."""
    batch_ms: float = 0.0
    """What a batch costs, of which there is always one more; 0: there is none."""
    hot: int = 1
    """Batches are of so many of the buckets, in turn."""
    order: str = "any"
    between: bool = False
    """Whether events have their turn already between two triggers."""
    down_ms: int = 0
    """How long the job is down, when half of the time is over; 0: never."""
    stalls: float = 0.0
    """How often the machine stands still between the shard's look at the clock and Flink's."""
    seed: int = 1


class Passing(Applier):
    """Lets the clock go on where others work; remembers how late shoppers had their turn."""

    def __init__(self, load: Load) -> None:
        super().__init__(logic_of(), nothing)
        self.load = load
        self.chance = Random(load.seed)
        self.now = float(NOW)
        self.moments: dict[str, int] = {}
        self.lateness: list[float] = []

    def apply(
        self, work: Batch, as_of: int, floors: Floors | None = None, outcome: Outcome | None = None
    ) -> Outcome:
        outcome = outcome or Outcome()
        for shopper in work.restated:
            self._look(shopper, as_of + self.chance.randint(0, self.load.every_ms[1]), outcome)
        if not work.restated:
            self.now += self.load.batch_ms
        return outcome

    def advance(
        self, shoppers: Iterable[str], as_of: int, whole: bool = False, outcome: Outcome | None = None
    ) -> Outcome:
        outcome = outcome or Outcome()
        looked = list(shoppers)
        if looked:
            self.now += self.load.wake_ms + self.load.shopper_ms * len(looked)
        for shopper in looked:
            self.lateness.append(self.now - self.moments[shopper])
            self._look(shopper, as_of + self.chance.randint(*self.load.every_ms), outcome)
        return outcome

    def _look(self, shopper: str, moment: int, outcome: Outcome) -> None:
        moment = -(-moment // self.load.pane_ms) * self.load.pane_ms
        self.moments[shopper] = outcome.next[shopper] = moment
        outcome.data[shopper] = msgspec.msgpack.encode([moment])


@dataclass
class Seen:
    """What a simulation came to."""

    late_ms: float
    """The greatest lateness of a departure, of those that are still to come, too."""
    held_ms: float
    """The longest time from one batch to the next."""
    batches: int
    looks: int
    idle: int
    """Wake-ups that did nothing."""
    again: int
    """The most wake-ups of one bucket in a row that did nothing."""
    triggers: int
    """How many go on from timer to timer."""


@dataclass
class Flink:
    """The timers of an operator instance and what sets them off, as `InternalTimerServiceImpl` does."""

    timers: set[tuple[int, int]] = field(default_factory=set)
    triggers: list[int] = field(default_factory=list)
    """The moments of those that are set, or have gone off and wait for their turn."""
    last: int | None = None
    """The moment of the one that would be taken back for an earlier one."""

    def add(self, moment: int, bucket: int, now: float) -> None:
        head = min(self.timers)[0] if self.timers else None
        self.timers.add((moment, bucket))
        if head is None or moment < head:
            if self.last is not None and not gone_off(self.last, now):
                self.triggers.remove(self.last)
            self._set(moment)

    def begin(self, moment: int) -> None:
        """One that has gone off has its turn."""
        self.triggers.remove(moment)
        self.last = None

    def end(self) -> None:
        """All that it is for has fired."""
        if self.timers and self.last is None:
            self._set(min(self.timers)[0])

    def _set(self, moment: int) -> None:
        self.triggers.append(moment)
        self.last = moment


def gone_off(moment: int, now: float) -> bool:
    """Flink's triggers go off a millisecond later than they are for."""
    return moment + 1 <= now


@dataclass
class Slot:
    """One operator instance in Flink, with a shard of its own."""

    load: Load
    flink: Flink = field(default_factory=Flink)

    def __post_init__(self) -> None:
        self.work = Passing(self.load)
        self.store, self.waiting = MapOfBuckets(), MapOfBuckets()
        self.sink = SinkThatRemembers()
        self.shard = self.begun()
        self.restored = 0.0
        self.chance = Random(self.load.seed)
        self.counts = {"batches": 0, "looks": 0, "idle": 0, "again": 0}
        self.row = [0] * self.load.buckets
        self.held_ms = 0.0
        for number in range(self.load.buckets):
            shoppers = {f"{number}-{each}": 0 for each in range(self.load.shoppers)}
            self.take(Batch(number, restated=shoppers))

    def begun(self) -> Shard:
        """A shard that has its state and no memory."""
        options = ShardOptions("job", "topic", NOW, NOW, buckets=self.load.buckets)
        clock = lambda: int(self.work.now)  # noqa: E731
        return Shard(options, self.work, self.sink, self.store, self.waiting, clock)

    def restore(self) -> None:
        """The job comes back, with Flink's timers, and a trigger for the earliest of them."""
        self.work.now += self.load.down_ms
        self.restored, self.shard = self.work.now, self.begun()
        self.flink.last = min(self.flink.timers)[0]
        self.flink.triggers = [self.flink.last]

    def newest(self) -> int:
        """When the newest record of the next batch came; after a pause they are read four times as fast."""
        behind = self.load.down_ms - 4 * (self.work.now - self.restored) if self.restored else 0
        return int(self.work.now - max(behind, 0))

    def run(self) -> Seen:
        """Let time pass; what was seen of it."""
        work, free = self.work, self.work.now
        while work.now < NOW + LASTS_MS:
            if self.load.down_ms and not self.restored and work.now > NOW + LASTS_MS / 2:
                self.restore()
            while gone_off(trigger := min(self.flink.triggers), work.now):
                self.go_off(trigger)
                if self.load.between:
                    break
            if self.load.batch_ms:
                self.held_ms = max(self.held_ms, work.now - free)
                self.counts["batches"] += 1
                self.take(Batch(self.counts["batches"] % self.load.hot, self.newest()))
                work.now = max(work.now, free + WAITS_MS)
                free = work.now
            else:
                work.now = max(work.now, min(self.flink.triggers) + 1)
        late = max(work.lateness + [work.now - moment for moment in work.moments.values()])
        return Seen(late, self.held_ms, **self.counts, triggers=len(self.flink.triggers))

    def go_off(self, trigger: int) -> None:
        """Let all fire that are for the trigger's moment or before it."""
        flink, order = self.flink, ORDERS[self.load.order]
        flink.begin(trigger)
        while flink.timers and (moment := min(flink.timers)[0]) <= trigger:
            bucket = order(self.chance, sorted(number for at, number in flink.timers if at == moment))
            flink.timers.remove((moment, bucket))
            self.wake(bucket, moment)
        flink.end()

    def take(self, batch: Batch) -> None:
        self.store.bucket = self.waiting.bucket = batch.bucket
        self.shard.take(encode(batch))
        self.arm(batch.bucket)

    def wake(self, bucket: int, fired: int) -> None:
        looks = len(self.work.lateness)
        self.store.bucket = self.waiting.bucket = bucket
        self.shard.wake(bucket, fired)
        self.work.now += IDLE_MS
        idle = len(self.work.lateness) == looks
        self.counts["idle" if idle else "looks"] += 1
        self.row[bucket] = self.row[bucket] + 1 if idle else 0
        self.counts["again"] = max(self.counts["again"], self.row[bucket])
        assert self.row[bucket] < 1_000, "it asks again and again"
        self.arm(bucket)

    def arm(self, bucket: int) -> None:
        moment = self.shard.alarm(bucket)
        if self.chance.random() < self.load.stalls:
            self.work.now += STALL_MS
        if moment is not None:
            self.flink.add(moment, bucket, self.work.now)
        assert any(number == bucket for _, number in self.flink.timers), "no bucket is left without a timer"


HOT = Load(batch_ms=60)
HOT_SLOW = Load(batch_ms=60, wake_ms=10)
HOT_ALL = Load(batch_ms=3, hot=16, shoppers=200, pane_ms=1_000)
HOT_MANY = Load(batch_ms=60, buckets=64, shoppers=8)
SILENT_SLOW = Load(wake_ms=60)
SILENT_MANY = Load(wake_ms=15, buckets=64, shoppers=8)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("load", "between"),
    [
        *((load, False) for load in (HOT, HOT_SLOW, HOT_MANY, SILENT_SLOW, SILENT_MANY)),
        *((load, True) for load in (HOT, HOT_SLOW, SILENT_SLOW)),
    ],
)
def test_every_bucket_has_its_turn_as_promised_and_events_have_theirs(
    load: Load, between: bool, order: str
) -> None:
    seen = Slot(replace(load, order=order, between=between)).run()
    assert seen.late_ms < PROMISED_MS
    longest_ms = load.wake_ms + load.shopper_ms * load.shoppers
    assert seen.held_ms < TURN_MS + longest_ms + 5, "wake-ups that go on, and the one that is under way"
    if load.batch_ms:
        assert seen.batches * load.batch_ms > LASTS_MS / 2


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("load", [HOT, HOT_SLOW, HOT_MANY, SILENT_SLOW, SILENT_MANY])
def test_a_bucket_that_waits_does_not_ask_again_and_again(load: Load, order: str) -> None:
    seen = Slot(replace(load, order=order)).run()
    turns = seen.looks + seen.batches
    assert seen.idle < 1.5 * load.buckets * turns, "about once for each turn of another"
    assert seen.again < 3 * seen.late_ms / min(load.wake_ms, load.batch_ms or load.wake_ms)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    "load",
    [
        HOT_ALL,
        replace(HOT_ALL, stalls=0.1),
        replace(HOT_ALL, stalls=0.1, between=True),
        replace(HOT_ALL, shoppers=1, down_ms=2_000, between=True),
        replace(HOT_ALL, shoppers=1, down_ms=10_000, between=True),
    ],
)
def test_flink_has_one_trigger_however_long_it_goes_on(load: Load, seed: int) -> None:
    assert Slot(replace(load, seed=seed)).run().triggers == 1


def test_who_has_waited_longest_goes_first_whoever_is_asked_first() -> None:
    turns, buckets = Turns(), [Bucket(number, Ledger(1, 1)) for number in range(3)]
    for bucket, since in zip(buckets, (20, 30, 10), strict=True):
        bucket.schedule.add("ann", since)
    turns.had(100, 100 + TURN_MS)
    paused = turns.free_at
    assert paused == 100 + TURN_MS + BREATH_MS
    assert not any(turns.has(bucket, 90, paused - 1) for bucket in buckets), "events have their turn"
    for bucket in buckets:
        bucket.timers = [paused]
    had = []
    for number in (0, 1, 2, 1, 0, 1):
        bucket = buckets[number]
        turns.left(bucket)
        if turns.has(bucket, paused, paused):
            had.append(number)
        else:
            assert bucket.turn_at == paused + 1
    assert had == [2, 0, 1]


def one_that_waits() -> tuple[Turns, Bucket, Bucket]:
    """The first of two waits during a pause for events; the second has waited less long."""
    turns, first, second = Turns(), Bucket(0, Ledger(1, 1)), Bucket(1, Ledger(1, 1))
    first.schedule.add("ann", 10)
    second.schedule.add("bob", 20)
    turns.had(100, 100 + TURN_MS)
    assert not turns.has(first, 90, 101)
    return turns, first, second


def test_who_has_had_its_turn_with_a_batch_keeps_nobody_waiting() -> None:
    turns, first, second = one_that_waits()
    turns.taken(first)
    assert turns.has(second, 101, 101)


def test_who_lets_another_go_first_whose_timer_is_for_later_asks_with_it() -> None:
    turns, first, second = one_that_waits()
    first.timers = [turns.free_at]
    turns.taken(second)
    assert not turns.has(second, 102, 102)
    assert second.turn_at == first.armed
    turns.taken(second)
    assert second.turn_at == 0
