"""Side inputs in a shard of entities: told, looked up, passed on to who reads them, also over a crash."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from events.event import PRODUCT_VIEW, Event, Money, Product
from events.sides.row import PRODUCTS, PROFILES, SELLERS, SideRow
from features.definition import Derived
from features.entities.aggregates import Count
from features.entities.definition import EntityFeature, EntityView
from features.entities.logic import EntityLogic
from features.entities.settings import EntitySettings
from features.entities.sides import FAVOURITES, Side, side_entry
from features.entities.state import Combined, EntityState, entry_of
from features.entities.views import VIEWS
from operators.batch import Batch, Stage, decode, encode
from operators.combining import Combining
from operators.entities import Entities
from operators.outcome import Interaction
from operators.shard import CHUNK
from operators.sides import Readers
from sinks.keys import key_of
from tests.operators.test_entities import Beyond

DAY = 86_400_000
SETTINGS = EntitySettings(tuple(VIEWS))
OF_A_DAY = replace(SETTINGS, pair_expiry=timedelta(days=1))
"""Pairs, and favourites, expire after a day."""
HAT = SideRow(PRODUCTS, "hat", name="A hat", category="hats", price=Money(1999, "EUR"))
ANN = side_entry(PROFILES, "ann", 0)
TOP = side_entry(FAVOURITES, "ann", 0)


def seller(*categories: str, gone: bool = False, key: str = "s1") -> SideRow:
    return SideRow(SELLERS, key, gone, categories=categories)


def profile(*categories: str, gone: bool = False, key: str = "ann") -> SideRow:
    return SideRow(PROFILES, key, gone, categories=categories)


class Joined(Beyond):
    """Entities that are told events and rows of side inputs; everything in one bucket."""

    def __init__(self, logic: Any = None) -> None:
        super().__init__(logic)
        self.combining = Combining(self.logic, 1)

    def see(self, *shoppers: str, seller_id: str = "s1", category: str | None = "hats") -> None:
        told: list[Interaction | str] = [
            Interaction(self.seen(shopper, seller_id, category), order=False) for shopper in shoppers
        ]
        self.give(self.combining.batches(told, self.now))

    def seen(self, shopper: str, seller_id: str, category: str | None = "hats") -> Event:
        product = (Product("hat", category),)
        return Event(shopper, "e", self.now, PRODUCT_VIEW, "s", products=product, seller_id=seller_id)

    def side(self, *rows: SideRow) -> None:
        self.give(self.combining.sides(rows, self.now))

    def run(self, logic: EntityLogic) -> None:
        """Go on from the state with other views or tables."""
        self.logic, self.combining = logic, Combining(logic, 1)
        self.restart()

    def add_to(self, entry: str, *events: Event) -> None:
        """Tell one entity alone of events."""
        into: dict[str, Combined] = {}
        for event in events:
            self.logic.combine(into, event, order=False)
        self.add(into[entry])

    def settle(self) -> int:
        """Wake it until nothing is due for a while; how many wake-ups that took."""
        woken = 0
        end = self.now + 3_000
        while (moment := self.shard._buckets[0].schedule.earliest) < end:
            self.now = max(self.now + 5, moment)
            self.shard.wake(0)
            woken += 1
        return woken

    def match(self, shopper: str = "ann", seller_id: str = "s1") -> Any:
        return self.values(f"user:{shopper}:seller:{seller_id}").get("favorites_match")

    def state(self, entry: str) -> EntityState | None:
        data = self.store.entries[0].get(entry)
        return None if data is None else EntityLogic.load(data)


def test_the_last_of_several_rows_of_a_key_counts_and_each_bucket_has_one_batch() -> None:
    combining = Combining(EntityLogic(SETTINGS), 4)
    rows = [seller("a"), HAT, profile("x"), seller("b"), seller("c", key="s2"), profile(gone=True)]
    batches = {number: decode(payload) for number, payload in combining.sides(rows, 77)}
    assert set(batches) == set(range(4))
    assert {(batch.newest, batch.bucket) for batch in batches.values()} == {(77, n) for n in range(4)}
    added = [more for batch in batches.values() for stage in batch.stages for more in stage.added]
    assert sum(more.entry.startswith("side:sellers") for more in added) == 8
    said = {more.entry: next(iter(more.accs.values())) for more in added}
    assert said[side_entry(SELLERS, "s1", 2)][3] == ["b"]
    assert [acc for entry, acc in said.items() if entry.startswith("side:profiles")] == [None]
    assert {(more.seen, more.last) for more in added} == {(0, 0)}


def test_rows_that_no_view_reads_make_nothing() -> None:
    combining = Combining(EntityLogic(EntitySettings(("item", "sellers"))), 4)
    assert combining.sides([seller("a"), HAT, profile("x")], 0) == []


def test_a_defect_costs_the_row_and_is_counted() -> None:
    class Defective(EntityLogic):
        def told(self, row: SideRow, buckets: int) -> Any:
            if row.key == "bad":
                raise ZeroDivisionError
            return super().told(row, buckets)

    combining = Combining(Defective(SETTINGS), 1)
    ((_, payload),) = combining.sides([seller("a", key="bad"), seller("a")], 0)
    assert (combining.lost, len(decode(payload).stages[0].added)) == (1, 1)
    combining.sides([], 0)
    assert combining.lost == 0


def test_a_row_of_the_catalogue_makes_no_redis_row_and_is_there_when_the_product_is_looked_at() -> None:
    entities = Joined()
    entities.side(HAT)
    assert (entities.settle(), entities.sink.rows) == (0, [])
    entities.restart()
    entities.see("ann")
    stats = entities.values("product:hat:stats")
    assert (stats["product_name"], stats["price"], stats["total_views"]) == ("A hat", Money(1999, "EUR"), 1)
    entities.side(replace_row(HAT, name="Another"))
    entities.settle()
    assert entities.values("product:hat:stats")["product_name"] == "Another"


def replace_row(row: SideRow, **change: Any) -> SideRow:
    return SideRow(**{name: getattr(row, name) for name in row.__struct_fields__} | change)


def test_a_product_that_expires_leaves_what_the_catalogue_says_and_a_tombstone_takes_it() -> None:
    entities = Joined(EntityLogic(replace(SETTINGS, expiry=timedelta(days=1))))
    entities.side(HAT)
    entities.see("ann")
    entities.now += 2 * DAY
    entities.settle()
    state = entities.state(entry_of("product", ("hat",)))
    assert state is not None
    assert (state.seen, state.last) == (0, 0)
    assert entities.keys["product:hat:stats"].forgotten
    entities.see("bob")
    assert entities.values("product:hat:stats")["total_views"] == 1
    assert entities.values("product:hat:stats")["product_name"] == "A hat"
    entities.now += 2 * DAY
    entities.settle()
    rows = len(entities.sink.rows)
    entities.side(SideRow(PRODUCTS, "hat", gone=True), SideRow(PRODUCTS, "never", gone=True))
    assert entities.state(entry_of("product", ("hat",))) is None
    assert entities.state(entry_of("product", ("never",))) is None
    assert len(entities.sink.rows) == rows


def test_a_pair_has_what_its_two_rows_say_and_a_change_of_either_reaches_it() -> None:
    entities = Joined()
    entities.side(seller("hats", "bags"))
    entities.see("ann", "bob")
    assert (entities.match(), entities.match("bob")) == (True, True)
    entities.side(profile("ties"))
    entities.settle()
    assert (entities.match(), entities.match("bob")) == (False, True)
    seen = entities.keys["user:ann:seller:s1"].seen
    before = entities.keys["user:ann:seller:s1"].at
    entities.side(seller("ties", "shoes"))
    entities.settle()
    assert (entities.match(), entities.match("bob")) == (True, False)
    # The fence takes it: as many facts, later.
    assert entities.keys["user:ann:seller:s1"].seen == seen == 1
    assert entities.keys["user:ann:seller:s1"].at > before
    entities.side(profile(gone=True))
    entities.settle()
    assert entities.match() is False
    assert entities.state(ANN) is None
    entities.side(profile())
    entities.settle()
    assert entities.match() is False
    entities.side(seller("hats"))
    entities.settle()
    assert entities.match() is True
    entities.side(seller(gone=True))
    entities.settle()
    assert entities.match() is None


def test_what_a_shopper_looks_at_most_reaches_pairs_that_get_no_event() -> None:
    entities = Joined()
    entities.side(seller("hats"), seller("bags", key="s2"), profile("hats", key="bob"))
    entities.see("ann", "bob")
    entities.see("ann", "bob", seller_id="s2", category=None)
    assert (entities.match(), entities.match(seller_id="s2")) == (True, False)
    for category in ("ties", "bags", "shoes"):
        for _ in range(2):
            entities.now += 10
            entities.see("ann", "bob", seller_id="", category=category)
    entities.settle()
    assert entities.values("user:ann:favourites")["favourite_categories"] == ["shoes", "bags", "ties"]
    assert (entities.match(), entities.match(seller_id="s2")) == (False, True)
    # Who has a profile is not asked what is looked at.
    assert (entities.match("bob"), entities.match("bob", seller_id="s2")) == (True, False)
    entities.settle()
    rows = len(entities.sink.rows)
    for _ in range(3):
        entities.now += 10
        entities.see("ann", seller_id="", category="ties")  # the same three, in another order
    entities.settle()
    assert not [row for row in entities.sink.rows[rows:] if key_of(row).startswith("user:ann:seller:")]


def test_favourites_that_expire_are_none_of_a_pair_that_stays() -> None:
    entities = Joined(EntityLogic(OF_A_DAY))
    entities.side(seller("hats"))
    entities.see("ann")
    entities.now += 80_000_000
    entities.see("ann", category=None)
    entities.settle()
    assert entities.match() is True
    entities.now += 10_000_000
    entities.settle()
    assert entities.keys["user:ann:favourites"].forgotten
    assert entities.match() is None
    assert entities.state(TOP) is None


@pytest.mark.parametrize("turn", [1, -1])
def test_who_comes_in_the_batch_in_which_favourites_go_is_told(turn: int) -> None:
    """The pair is made of an event of today, what is in favour of those that are too old to count."""
    entities = Joined(EntityLogic(OF_A_DAY))
    entities.side(seller("hats"))
    entities.see("ann", seller_id="")
    old = entities.seen("ann", "")
    entities.now += 2 * DAY
    into: dict[str, Combined] = {}
    for event in (old, entities.seen("ann", "s1", None)):
        entities.logic.combine(into, event, order=False)
    names = ("favourites", ("ann",)), ("seller", ("ann", "s1"))
    entities.add(*[into[entry_of(*name)] for name in names][::turn])
    entities.settle()
    assert entities.match() is None
    assert entities.state(TOP) is None


def test_favourites_of_before_there_were_sellers_are_known_once_there_are() -> None:
    entities = Joined(EntityLogic(SETTINGS, tables=(PRODUCTS,)))
    entities.see("ann")
    entities.settle()
    assert entities.state(TOP) is None
    entities.run(EntityLogic(SETTINGS))
    entities.side(seller("hats"))
    go_on(entities)
    assert entities.match() is True


def go_on(entities: Joined, ms: int = 4_000) -> None:
    """Let time pass with wake-ups, so that rows that are written anew are."""
    for _ in range(ms // 100):
        entities.now += 100
        entities.shard.wake(0)
    entities.settle()


@pytest.mark.parametrize(
    "other",
    [
        EntityLogic(OF_A_DAY, tables=(PRODUCTS, PROFILES)),
        EntityLogic(replace(OF_A_DAY, views=tuple(name for name in VIEWS if name != "favourites"))),
    ],
)
def test_favourites_that_expire_while_nobody_asks_for_them_are_not_there_again(other: EntityLogic) -> None:
    entities = Joined(EntityLogic(OF_A_DAY))
    entities.side(seller("hats"))
    entities.see("ann")
    entities.settle()
    entities.now += 80_000_000
    entities.see("ann", category=None)
    entities.settle()
    for logic in (other, EntityLogic(OF_A_DAY)):
        entities.run(logic)
        entities.see("bob", category=None)
        go_on(entities)
        entities.now += 10_000_000
        go_on(entities)
        entities.see("ann", category=None)
    go_on(entities)
    assert entities.state(entry_of("favourites", ("ann",))) is None
    assert entities.match() is None
    assert entities.state(TOP) is None


def test_favourites_that_expire_just_when_their_readers_are_told_are_gone() -> None:
    """One wake-up finds both due, the entity first."""
    entities = Joined(EntityLogic(OF_A_DAY))
    entities.side(seller("hats"))
    entities.see("ann")
    gone = entities.now + DAY + 60_000
    bags, ties = (entities.seen("ann", "", category) for category in ("bags", "ties"))
    entities.now = gone - 80_000_000
    entities.see("ann", category=None)
    entities.now = gone - 700
    entities.shard.wake(0)
    for event in (bags, ties):
        entities.add_to(entry_of("favourites", ("ann",)), event)
        entities.now += 5
        entities.shard.wake(0)
    row, favourites = entities.state(TOP), entities.state(entry_of("favourites", ("ann",)))
    assert row is not None
    assert favourites is not None
    assert favourites.next < row.next < gone + 600
    entities.now = gone + 600
    entities.shard.wake(0)
    entities.settle()
    assert entities.match() is None
    assert entities.state(TOP) is None


@pytest.mark.parametrize("broken", ["rows", "add"])
def test_what_is_lost_of_favourites_is_not_told_either(broken: str) -> None:
    class Defective(EntityLogic):
        on = False

        def rows(self, state: EntityState, entry: str, **more: Any) -> Any:
            if self.on and broken == "rows" and entry.startswith("favourites"):
                raise ZeroDivisionError
            return super().rows(state, entry, **more)

        def add(self, state: EntityState, more: Combined, as_of: int) -> None:
            if self.on and broken == "add" and entry_of("favourites", ("ann",)) == more.entry and state.seen:
                raise ZeroDivisionError
            super().add(state, more, as_of)

    logic = Defective(SETTINGS)
    entities = Joined(logic)
    logic.on = True
    stages = [
        *decode(entities.combining.batches([Interaction(entities.seen("ann", "s1"), False)], 0)[0][1]).stages,
        *decode(entities.combining.batches([Interaction(entities.seen("ann", "s1"), False)], 0)[0][1]).stages,
    ]
    entities.shard.take(encode(Batch(0, entities.now, stages=stages)))
    assert entities.shard.counts()["facts.lost"] == 2
    assert (entities.state(entry_of("favourites", ("ann",))), entities.state(TOP)) == (None, None)
    assert entities.values("user:ann:seller:s1")["view_count"] == 2


def test_a_view_of_shoppers_reads_what_favourites_tells() -> None:
    liked = EntityView(
        name="liked",
        key=("shopper",),
        of="event",
        row=("user", "liked"),
        expiry=timedelta(days=3),
        features=(
            EntityFeature("looks", Count("view"), "Views.", unit="events"),
            EntityFeature("top", Side(FAVOURITES), "Favourites.", "categories", "list"),
        ),
    )
    views = [VIEWS["favourites"](SETTINGS), liked]
    entities = Joined(EntityLogic(replace(SETTINGS, views=()), views))
    entities.see("ann")
    entities.see("ann", category="bags")
    entities.settle()
    assert entities.values("user:ann:liked") == {"looks": 2, "top": ["bags", "hats"]}


def test_a_change_of_what_is_told_or_read_makes_rows_anew() -> None:
    views = [VIEWS[name](SETTINGS) for name in ("favourites", "seller")]
    quiet = [replace(views[0], tells=""), views[1]]
    bare = replace(views[1], features=tuple(_always(each) for each in views[1].features))
    assert len({EntityLogic(SETTINGS, some).catalogue for some in (views, quiet, [views[0], bare])}) == 3


def _always(feature: EntityFeature | Derived) -> EntityFeature | Derived:
    """A feature that reads favourites in any job."""
    if (
        isinstance(feature, EntityFeature)
        and isinstance(feature.aggregate, Side)
        and feature.aggregate.beside
    ):
        return replace(feature, aggregate=replace(feature.aggregate, beside=""))
    return feature


def test_two_ways_of_reading_one_table_are_refused() -> None:
    with pytest.raises(ValueError, match="two accumulators share a slot"):
        EntityView(
            name="pair",
            key=("shopper", "seller"),
            of="seller",
            row=("a", "b"),
            expiry=timedelta(days=1),
            features=(
                EntityFeature("a", Side(FAVOURITES), "A.", "categories", "list"),
                EntityFeature("b", Side(FAVOURITES, beside=SELLERS), "B.", "categories", "list"),
            ),
        )


def test_rows_that_nobody_reads_are_kept_without_a_look() -> None:
    entities = Joined()
    entities.side(profile("hats"), seller("hats"))
    assert entities.settle() == 0
    entities.see("ann")
    assert entities.match() is True
    entities.settle()
    rows = len(entities.sink.rows)
    entities.side(profile("hats"), seller("hats"))  # says what is known
    assert (entities.settle(), len(entities.sink.rows)) == (0, rows)


def test_a_batch_of_an_event_and_a_row_is_right_whichever_is_first() -> None:
    for first in (True, False):
        entities = Joined()
        entities.side(seller("hats"))
        event = decode(entities.combining.batches([Interaction(entities.seen("ann", "s1"), False)], 0)[0][1])
        row = decode(entities.combining.sides([profile("hats")], 0)[0][1])
        stages = event.stages + row.stages if first else row.stages + event.stages
        entities.shard.take(encode(Batch(0, entities.now, stages=stages)))
        assert entities.match() is True


def test_a_seller_with_many_pairs_is_passed_on_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    entities, pairs = Joined(), 3 * CHUNK
    entities.see(*[f"u{number}" for number in range(pairs)])
    entities.side(*[profile("hats", key=f"u{number}") for number in range(pairs)])
    entities.settle()
    most: list[int] = []
    write = entities.sink.write

    def watched(rows: Any, *more: Any) -> Any:
        most.append(len(rows))
        return write(rows, *more)

    monkeypatch.setattr(entities.sink, "write", watched)
    entities.side(seller("hats"))
    assert most[-1:] in ([], [0])
    assert entities.settle() > pairs / CHUNK
    assert max(most) <= CHUNK
    assert [entities.match(f"u{number}") for number in range(pairs)] == [True] * pairs
    state = entities.state(side_entry(SELLERS, "s1", 0))
    assert state is not None
    assert not state.changed


def test_a_row_that_changes_all_the_time_is_passed_on_once_a_second_to_everybody() -> None:
    entities, pairs = Joined(), 700
    entities.see(*[f"u{number}" for number in range(pairs)])
    entities.side(*[profile("c", key=f"u{number}") for number in range(pairs)])
    entities.settle()
    entities.sink.rows.clear()
    begun = entities.now
    for change in range(400):
        entities.side(seller(*["c"] * (change % 2), f"x{change}"))
        entities.now += 5
        entities.shard.wake(0)
    rounds = (entities.now - begun) // 1_000 + 1
    assert len(entities.sink.rows) <= pairs * rounds
    assert len({row.owner for row in entities.sink.rows}) == pairs
    entities.side(seller("c"))
    entities.settle()
    assert {entities.match(f"u{number}") for number in range(pairs)} == {True}


def test_a_row_that_changes_while_it_is_passed_on_is_passed_on_again() -> None:
    entities, pairs = Joined(), 350
    entities.see(*[f"u{number}" for number in range(pairs)])
    entities.side(*[profile("hats", key=f"u{number}") for number in range(pairs)])
    entities.settle()
    entities.now += 2_000  # what was written last is old enough
    entities.side(seller("hats"))
    for _ in range(3):
        entities.now += 5
        entities.shard.wake(0)
    assert {entities.match(f"u{number}") for number in range(pairs)} == {True, None}
    entities.side(seller("bags"))
    entities.settle()
    assert {entities.match(f"u{number}") for number in range(pairs)} == {False}


@pytest.mark.parametrize(("row", "match"), [(seller("hats"), True), (seller(gone=True), None)])
@pytest.mark.parametrize("woken", range(0, 12, 2))
def test_a_crash_in_between_tells_everybody(woken: int, row: SideRow, match: bool | None) -> None:
    entities, pairs = Joined(), 650
    entities.side(seller("ties"))
    entities.see(*[f"u{number}" for number in range(pairs)])
    entities.side(*[profile("hats", key=f"u{number}") for number in range(pairs)])
    entities.settle()
    entities.now += 2_000
    entities.side(row)
    for _ in range(woken):
        entities.now += 5
        entities.shard.wake(0)
    checkpoint, shown = deepcopy(entities.store.entries), dict(entities.keys)
    entities.settle()
    # What came after the checkpoint did not happen, but that rows were written.
    entities.store.entries = checkpoint
    entities.keys = shown
    entities.restart()
    entities.shard._bucket(0)
    entities.settle()
    assert {entities.match(f"u{number}") for number in range(pairs)} == {match}


def test_redis_that_lost_rows_gets_pairs_with_what_rows_say_now() -> None:
    entities = Joined()
    entities.side(seller("hats"), profile("hats"))
    entities.see("ann")
    entities.settle()
    entities.side(profile("bags"))
    entities.keys.clear()
    entities.shard._buckets[0].rewrite(entities.now)
    for _ in range(20):
        entities.now += 5
        entities.shard.wake(0)
    assert entities.match() is False
    entities.settle()
    assert entities.match() is False


def test_who_is_forgotten_has_no_profile_any_more_and_a_new_one_counts() -> None:
    entities = Joined()
    entities.side(seller("hats"), profile("hats"), profile("hats", key="bob"))
    entities.see("ann", "bob")
    entities.settle()
    entities.give(entities.combining.batches(["ann"], entities.now))
    assert entities.state(ANN) is None
    assert entities.state(side_entry(PROFILES, "bob", 0)) is not None
    assert entities.state(TOP) is None
    entities.see("ann", category=None)
    assert entities.match() is None
    entities.side(profile("bags"), seller("bags"))
    entities.settle()
    assert (entities.match(), entities.match("bob")) == (True, False)
    # Told and forgotten in one batch, in either order.
    told = decode(entities.combining.sides([profile("hats", "bags")], 0)[0][1]).stages
    for stages, left in (([Stage(["ann"], []), *told], True), ([*told, Stage(["ann"], [])], False)):
        entities.shard.take(encode(Batch(0, entities.now, stages=stages)))
        assert (entities.state(ANN) is not None) == left
    entities.settle()


def test_a_pair_that_expires_is_told_nothing() -> None:
    entities = Joined(EntityLogic(OF_A_DAY))
    entities.side(seller("hats"), profile("hats"))
    entities.see("ann")
    entities.now += 2 * DAY
    entities.settle()
    rows = len(entities.sink.rows)
    entities.side(profile("bags"), seller("bags"))
    assert entities.settle() == 0
    assert len(entities.sink.rows) == rows


def test_a_defect_in_a_pair_does_not_keep_others_from_being_told() -> None:
    class Defective(EntityLogic):
        broken = ""

        def advance(self, state: EntityState, entry: str, as_of: int) -> None:
            if entry == self.broken:
                raise ZeroDivisionError
            super().advance(state, entry, as_of)

    logic = Defective(SETTINGS)
    entities = Joined(logic)
    entities.side(profile("hats"), profile("hats", key="bob"))
    entities.see("ann", "bob")
    entities.settle()
    logic.broken = entry_of("seller", ("ann", "s1"))
    entities.side(seller("hats"))
    entities.settle()
    assert (entities.match(), entities.match("bob")) == (None, True)
    assert entities.shard.counts()["wake_bugs"] == 1
    logic.broken = ""
    entities.now += 60_000
    entities.settle()
    assert entities.match() is True


def test_a_lost_row_is_counted() -> None:
    class Defective(EntityLogic):
        def add(self, state: EntityState, more: Combined, as_of: int) -> None:
            raise ZeroDivisionError

    entities = Joined(Defective(SETTINGS))
    entities.side(HAT)
    assert entities.shard.counts()["facts.lost"] == 1


def test_a_row_whose_readers_are_owed_goes_where_its_view_runs_no_more() -> None:
    entities = Joined()
    entities.see("ann")
    entities.side(profile("hats"))
    assert entities.state(ANN) is not None
    entities.logic = EntityLogic(EntitySettings(("item",)))
    entities.restart()
    entities.shard._bucket(0)
    entities.settle()
    assert entities.state(ANN) is None


def test_a_pair_reads_side_inputs_by_declaration_alone() -> None:
    def common(_hers: list[str] | None, _its: list[str] | None) -> bool:
        return not set(_hers or ()).isdisjoint(_its or ())

    shelf = EntityView(
        name="shelf",
        key=("shopper", "category", "seller"),
        of="category",
        row=("user", "shelf", "by"),
        expiry=timedelta(days=3),
        features=(
            EntityFeature("looks", Count("view"), "Views.", unit="events"),
            EntityFeature("_hers", Side(PROFILES), "Favourites.", "categories", "list"),
            EntityFeature("_its", Side(SELLERS), "Sold.", "categories", "list"),
            EntityFeature("known", Side(SELLERS), "Whether the seller is known.", type="bool"),
            Derived("common", common, "Whether they have one in common.", "bool"),
        ),
    )
    entities = Joined(EntityLogic(replace(SETTINGS, views=()), [shelf]))
    entities.see("ann")
    key = "user:ann:shelf:hats:by:s1"
    assert entities.values(key) == {"looks": 1, "known": False, "common": False}
    entities.side(seller("hats"), profile("hats"))
    entities.settle()
    assert entities.values(key) == {"looks": 1, "known": True, "common": True}


def test_buckets_do_not_share_what_is_told_of_a_seller() -> None:
    """Each has a row of its own, for the cache in front of the state is one for all."""
    logic = EntityLogic(SETTINGS)
    held: dict[str, bytes] = {}
    entities = Entities(logic, held.get, held.items, buckets=8)
    combining = Combining(logic, 8)
    for _, payload in combining.sides([seller("hats")], 0):
        held |= entities.apply(decode(payload), 1_000).data
    assert sorted(held) == sorted(side_entry(SELLERS, "s1", number) for number in range(8))


def test_readers_come_and_go() -> None:
    readers = Readers()
    readers.drop("row", "nobody")
    for reader in ("a", "a", "b", "c"):
        readers.add("row", reader)
    assert (sorted(readers.of("row")), "row" in readers) == (["a", "b", "c"], True)
    readers.drop("row", "b")
    readers.drop("row", "nobody")
    readers.drop("row", "a")
    readers.drop("row", "c")
    assert (readers.of("row"), "row" in readers) == ([], False)
    readers.add("row", "a")
    readers.drop("row", "b")
    assert readers.of("row") == ["a"]
    readers.drop("row", "a")
    assert "row" not in readers
