"""Property: whatever comes of events and side inputs, and whenever it crashes, rows are the oracle's."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from decimal import Decimal
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.event import Money
from events.sides.row import PRODUCTS, PROFILES, SELLERS, SideRow
from features.entities.logic import EntityLogic
from features.entities.settings import EntitySettings
from features.entities.views import VIEWS
from features.row import FeatureRow
from operators.cache import CachedStore
from operators.combining import Combining
from operators.entities import Entities
from operators.outcome import Interaction
from operators.routed import ENTITIES
from operators.shard import Shard, ShardOptions
from sinks.codec import fields_of
from sinks.keys import key_of
from sinks.redis_sink import WriteReport
from tests.entity_events import DRAFTS, START, Arrival, arrivals_of
from tests.entity_oracle import HOUR, MINUTE, Rows, Seen, Sets, Tables, rows
from tests.operators.fakes import MapOfBuckets
from tests.test_entities_equal_oracle import encoded

pytestmark = pytest.mark.property

LOGIC: Final = EntityLogic(EntitySettings(tuple(VIEWS)))
BUCKETS: Final = 3
SHOPPERS: Final = ("ann", "bob", "c:{%} é")
CATEGORIES = st.lists(st.sampled_from(["hats", "Hats", "shoes", "bags"]), max_size=4)


class Fenced:
    """A sink that refuses what the script of the real one would refuse."""

    def __init__(self) -> None:
        self.rows: dict[str, FeatureRow] = {}
        self._ahead: list[FeatureRow] = []

    def ahead(self, rows: Sequence[FeatureRow], life: int) -> None:
        self._ahead += rows

    def write(self, rows: Sequence[FeatureRow], *more: Any) -> WriteReport:
        rows, self._ahead = [*self._ahead, *rows], []
        behind = []
        for row in rows:
            key = key_of(row)
            stored = self.rows.get(key)
            if row.forgotten:
                self.rows.pop(key, None)
            elif stored is not None and (stored.seen, stored.at) > (row.seen, row.at):
                behind.append(row.owner)
            else:
                self.rows[key] = row
        written = len(rows) - len(behind)
        return WriteReport(written, len(behind), 0, 0, behind=tuple(dict.fromkeys(behind)))


class Snapshot(NamedTuple):
    """What a checkpoint holds, and how much had been delivered."""

    entries: dict[int, dict[str, bytes]]
    waiting: dict[int, dict[str, bytes]]
    timers: set[tuple[int, int]]
    delivered: int


class World:
    """A shard of entities with its state, its timers, all that was delivered to it, and a Redis."""

    def __init__(self) -> None:
        self.now, self.sink = START, Fenced()
        self.store, self.waiting = MapOfBuckets(), MapOfBuckets()
        self.combining = Combining(LOGIC, BUCKETS)
        self.timers: set[tuple[int, int]] = set()
        self.log: list[tuple[int, bytes]] = []
        self.begin()
        self.checkpoint()

    def begin(self) -> None:
        store = CachedStore(self.store, 10)
        applier = Entities(LOGIC, store.get, store.items, buckets=BUCKETS)
        options = ShardOptions("job", "topic", 1, 0, accounts=False, beyond=ENTITIES, buckets=BUCKETS)
        self.shard = Shard(options, applier, self.sink, store, self.waiting, lambda: self.now)

    def checkpoint(self) -> None:
        self.snapshot = Snapshot(
            deepcopy(self.store.entries), deepcopy(self.waiting.entries), set(self.timers), len(self.log)
        )

    def crash(self) -> None:
        """All is as it was at the checkpoint but for Redis, and what was delivered since comes again."""
        self.store.entries = deepcopy(self.snapshot.entries)
        self.waiting.entries = deepcopy(self.snapshot.waiting)
        self.timers = set(self.snapshot.timers)
        self.begin()
        for number, payload in self.log[self.snapshot.delivered :]:
            self.take(number, payload)

    def deliver(self, batches: list[tuple[int, bytes]]) -> None:
        self.log += batches
        for number, payload in batches:
            self.take(number, payload)

    def take(self, number: int, payload: bytes) -> None:
        self.store.bucket = self.waiting.bucket = number
        assert self.shard.take(payload) == []
        self.arm(number)

    def arm(self, number: int) -> None:
        moment = self.shard.alarm(number)
        if moment is not None:
            self.timers.add((moment, number))

    def pass_time(self, until: int) -> None:
        while self.timers and min(self.timers)[0] <= until:
            moment, number = min(self.timers)
            self.timers.remove((moment, number))
            self.now = max(self.now, moment)
            self.store.bucket = self.waiting.bucket = number
            self.shard.wake(number)
            self.arm(number)
        self.now = max(self.now, until)

    def settle(self) -> None:
        """Until nothing is due, and no pane has left for long."""
        end = self.now + 5_000
        self.pass_time(end + (10_000 if end % MINUTE < 10_000 else 0))

    def shown(self) -> tuple[Rows, Sets]:
        live = {key: row for key, row in self.sink.rows.items() if row.until > self.now}
        hashes = {key: fields_of(row) for key, row in live.items() if not row.ranked}
        sets = {key: list((row.values or {}).items()) for key, row in live.items() if row.ranked}
        return hashes, sets  # type: ignore[return-value]


class Wanted:
    """What the oracle is told."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.seen: list[Seen] = []
        self.remembered: list[Seen] = []

    def see(self, arrival: Arrival) -> None:
        self.seen += arrival.seen
        self.remembered += arrival.seen

    def forget(self, shopper: str) -> None:
        self.remembered = [each for each in self.remembered if each.shopper != shopper]
        self.tables.profiles.pop(shopper, None)

    def put(self, row: SideRow) -> None:
        table: dict[str, Any] = getattr(self.tables, row.table)
        if row.gone:
            table.pop(row.key, None)
        elif row.table == PRODUCTS:
            price = row.price and Decimal(row.price.minor).scaleb(-2)
            table[row.key] = row.name, row.category, price
        else:
            table[row.key] = list(row.categories)

    def rows(self, as_of: int) -> tuple[Rows, Sets]:
        """Products remember what shoppers did who are forgotten. Sorted sets over all are not made here."""
        hashes, sets = rows(self.remembered, as_of, self.tables)
        everything, _ = rows(self.seen, as_of, self.tables)
        kept = {key: row for key, row in hashes.items() if not key.startswith("product:")}
        kept |= {key: row for key, row in everything.items() if key.startswith("product:")}
        return encoded((kept, {key: best for key, best in sets.items() if key.startswith("user:")}))


SIDES = st.one_of(
    st.builds(
        SideRow,
        st.just(PRODUCTS),
        st.sampled_from(["hat", "cap", "b:{%}", "never"]),
        st.sampled_from([False, False, True]),
        st.sampled_from([None, "A hat", "Ein Hut"]),
        st.sampled_from([None, "hats", "hats/red"]),
        st.sampled_from([None, Money(0, "EUR"), Money(1999, "EUR")]),
    ),
    st.builds(
        lambda key, gone, categories: SideRow(SELLERS, key, gone, categories=tuple(categories)),
        st.sampled_from(["s1", "s1", "s2", "s3"]),
        st.sampled_from([False, False, False, True]),
        CATEGORIES,
    ),
    st.builds(
        lambda key, gone, categories: SideRow(PROFILES, key, gone, categories=tuple(categories)),
        st.sampled_from(SHOPPERS),
        st.sampled_from([False, False, False, True]),
        CATEGORIES,
    ),
)
EVENTS = st.lists(
    DRAFTS.map(lambda draft: (*draft[:3], draft[3] or "s1", draft[4] % 7_000, *draft[5:])),
    min_size=1,
    max_size=4,
)
PAIRS: Final[list[Any]] = [
    [(shopper, "view", [], seller, 0, 0, "")] for shopper in SHOPPERS for seller in ("s1", "s2")
]
"""That are there when more comes, so that changes of rows concern several."""
PROFILED: Final[list[Any]] = [[SideRow(PROFILES, SHOPPERS[0], categories=("hats", "bags"))]]
STEPS = st.lists(
    st.one_of(
        EVENTS,
        st.lists(SIDES, min_size=1, max_size=3),
        st.sampled_from([0, 1, 4, 6, 11, 30, 999, 1_001, MINUTE, HOUR]),
        st.sampled_from(["checkpoint", "crash", "crash"]),
        st.sampled_from(SHOPPERS).map(lambda shopper: ("forget", shopper)),
    ),
    max_size=25,
)


@pytest.fixture(autouse=True, scope="module")
def in_small_pieces() -> Iterator[None]:
    """Readers of a row are told one by one, and a wake-up looks at two entities."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("operators.sides.TOLD", 1)
        patch.setattr("operators.shard.CHUNK", 2)
        yield


@given(STEPS)
@settings(max_examples=200)
def test_rows_are_what_events_and_tables_say_whatever_the_order_and_the_crashes(steps: list[Any]) -> None:
    steps = [*PAIRS, *PROFILED, 2_000, *steps]
    world, wanted = World(), Wanted()
    drafts = [draft for step in steps if isinstance(step, list) for draft in step if isinstance(draft, tuple)]
    arrivals = iter(arrivals_of(drafts))
    for step in steps:
        take_step(step, world, wanted, arrivals)
    world.settle()
    (got, sets), (want, wanted_sets) = world.shown(), wanted.rows(world.now)
    differing = [
        (key, got.get(key), want.get(key))
        for key in sorted(got.keys() | want.keys())
        if got.get(key) != want.get(key)
    ]
    assert not differing
    assert sets == wanted_sets


def take_step(step: Any, world: World, wanted: Wanted, arrivals: Iterator[Arrival]) -> None:
    if isinstance(step, int):
        world.pass_time(world.now + step)
    elif step == "checkpoint":
        world.checkpoint()
    elif step == "crash":
        world.crash()
    elif isinstance(step, tuple):
        wanted.forget(step[1])
        world.deliver(world.combining.batches([step[1]], world.now))
    elif isinstance(step[0], SideRow):
        for row in step:
            wanted.put(row)
        world.deliver(world.combining.sides(step, world.now))
    else:
        came = [next(arrivals) for _ in step]
        for each in came:
            wanted.see(each)
        world.pass_time(came[-1].as_of)
        told = [Interaction(each.event, each.order) for each in came]
        world.deliver(world.combining.batches(told, world.now))
