"""Side inputs in rows of entities: what is declared, kept, looked up, replaced, taken away."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from events.bucket import bucket_of
from events.event import Event, Money, Product
from events.sides.row import PRODUCTS, PROFILES, SELLERS, SideRow
from features.entities.aggregates import Count, Seconds
from features.entities.definition import EntityFeature, EntityView
from features.entities.logic import EntityLogic
from features.entities.rankings import RankingLogic
from features.entities.settings import EntitySettings
from features.entities.sides import (
    FAVOURITES,
    MOST_CATEGORIES,
    NEVER,
    PART,
    Side,
    kept,
    kept_names,
    side_entry,
)
from features.entities.state import GRACE_MS, Combined, EntityState, dump, entry_of, load
from features.entities.views import VIEWS
from features.row import FeatureRow

NOW = 1_700_000_000_000
DAY = 86_400_000
ALL = EntitySettings(tuple(VIEWS))
HAT = SideRow(PRODUCTS, "hat", name="A hat", category="hats/red", price=Money(1999, "EUR"))
STATS = entry_of("product", ("hat",))
PAIR = entry_of("seller", ("ann", "s1"))
SLOTS = [
    {34946, 28035, 38055, 57799, 52337, 39634, 15286, 27033},
    {4771, 38055, 20297, 52337, 39634, 24371, 35640},
]
"""Of products and of pairs with sellers, as states have them that were kept before there were side inputs."""


def viewed(at: int = NOW) -> Event:
    return Event("ann", "e", at, "product_view", products=(Product("hat"),), seller_id="s1")


def added(logic: EntityLogic, entry: str, at: int = NOW) -> Combined:
    into: dict[str, Combined] = {}
    logic.combine(into, viewed(at), order=False)
    return into[entry]


def told(logic: EntityLogic, row: SideRow, entry: str, buckets: int = 1) -> Combined:
    (more,) = [more for _, more in logic.told(row, buckets) if more.entry == entry]
    return more


def joined(row: FeatureRow) -> dict[str, Any]:
    names = ("product_name", "category", "price", "price_currency", "favorites_match")
    return {name: value for name, value in (row.values or {}).items() if name in names}


def test_what_the_catalogue_says_of_a_product_is_in_its_row_until_the_tombstone() -> None:
    logic, state = EntityLogic(ALL), EntityState()
    logic.add(state, added(logic, STATS), NOW)
    (row,) = logic.rows(state, STATS)
    assert joined(row) == {}
    logic.add(state, told(logic, HAT, STATS), NOW)
    assert (logic.rows(state, STATS), state.changed) == ([], True)  # at most once a second
    assert state.next == NOW + 1_000
    logic.advance(state, STATS, NOW + 1_000)
    (row,) = logic.rows(load(dump(state)), STATS)
    assert joined(row) == {
        "product_name": "A hat",
        "category": "hats/red",
        "price": Money(1999, "EUR"),
        "price_currency": "EUR",
    }
    assert row.seen == 1
    logic.add(state, told(logic, replace_row(HAT, price=None), STATS), NOW + 5_000)
    (row,) = logic.rows(state, STATS)
    assert joined(row) == {"product_name": "A hat", "category": "hats/red"}
    logic.add(state, told(logic, SideRow(PRODUCTS, "hat", gone=True), STATS), NOW + 10_000)
    (row,) = logic.rows(state, STATS)
    assert joined(row) == {}


def replace_row(row: SideRow, **change: Any) -> SideRow:
    return SideRow(**{name: getattr(row, name) for name in row.__struct_fields__} | change)


def test_a_row_that_says_what_is_known_changes_nothing() -> None:
    logic, state = EntityLogic(ALL), EntityState()
    logic.add(state, added(logic, STATS), NOW)
    logic.add(state, told(logic, HAT, STATS), NOW)
    logic.rows(state, STATS, whole=True)
    logic.add(load(dump(state)), told(logic, HAT, STATS), NOW + 5_000)
    assert not state.changed
    assert logic.rows(state, STATS) == []


def test_a_product_outlives_its_interactions_as_long_as_the_catalogue_has_it() -> None:
    logic, state = EntityLogic(ALL), EntityState()
    logic.add(state, told(logic, HAT, STATS), NOW)
    assert logic.gone(state, STATS)
    assert logic.remains(state, STATS)
    assert state.next == NEVER
    logic.add(state, added(logic, STATS), NOW)
    assert not logic.gone(state, STATS)
    (row,) = logic.rows(state, STATS)
    assert (row.seen, joined(row)["product_name"]) == (1, "A hat")
    logic.advance(state, STATS, NOW + 365 * DAY + GRACE_MS)
    assert logic.gone(state, STATS)
    assert logic.remains(state, STATS)
    assert (state.seen, state.last, len(state.accs)) == (0, 0, 1)
    logic.add(state, told(logic, SideRow(PRODUCTS, "hat", gone=True), STATS), NOW)
    assert not logic.remains(state, STATS)


def test_other_additions_without_an_interaction_are_added_as_ever() -> None:
    timed = EntityView(
        name="timed",
        key=("product",),
        of="product",
        row=("product", "timed"),
        expiry=timedelta(days=1),
        features=(
            EntityFeature("seconds", Seconds(), "Credited.", type="s", unit="s"),
            EntityFeature("listed", Side(PRODUCTS), "Whether the catalogue has it.", type="bool"),
        ),
    )
    logic, state, entry = EntityLogic(EntitySettings(), [timed]), EntityState(last=NOW), ""
    entry = entry_of("timed", ("hat",))
    slot = timed.accumulated()[0].slot
    for _ in range(2):
        logic.add(state, Combined(entry, accs={slot: 10}), NOW)
    (row,) = logic.rows(state, entry)
    assert row.values == {"seconds": 20, "listed": False}


def looked_up(logic: EntityLogic, rows: list[SideRow], top: list[str] | None = None) -> dict[str, Any]:
    state = EntityState()
    logic.add(state, added(logic, PAIR), NOW)
    known = {(row.table, row.key): kept(row) for row in rows} | {(FAVOURITES, "ann"): kept_names(top)}
    (row,) = logic.rows(state, PAIR, pull=lambda table, key: known.get((table, key)))
    return joined(row)


@pytest.mark.parametrize(
    ("profile", "top", "sold", "match"),
    [
        (("hats", "bags"), None, ("bags", "hats", "ties"), True),
        (("hats", "hats"), ["ties"], ("hats", "hats"), True),
        (("Hats",), ["hats"], ("hats",), False),
        ((), ["hats"], ("hats",), True),
        ((), None, ("hats",), None),
        (None, ["ties", "hats"], ("bags", "hats"), True),
        (None, ["ties"], ("bags", "hats"), False),
        (None, ["ties"], (), False),
        (("hats",), ["hats"], None, None),
        (None, ["hats"], None, None),
        (None, None, ("hats",), None),
        (None, None, None, None),
    ],
)
def test_favourites_match_by_the_profile_or_else_by_what_was_looked_at_most(
    profile: tuple[str, ...] | None, top: list[str] | None, sold: tuple[str, ...] | None, match: bool | None
) -> None:
    rows = [SideRow(PROFILES, "ann", categories=profile)] if profile is not None else []
    rows += [SideRow(SELLERS, "s1", categories=sold)] if sold is not None else []
    assert looked_up(EntityLogic(ALL), rows, top).get("favorites_match") is match


def test_favourites_are_told_where_there_are_sellers_to_compare_them_with() -> None:
    entry, state = entry_of("favourites", ("ann",)), EntityState()
    logic = EntityLogic(ALL)
    event = Event("ann", "e", NOW, "product_view", products=(Product("hat", "hats"), Product("bag", "bags")))
    into: dict[str, Combined] = {}
    logic.combine(into, event, order=False)
    logic.add(state, into[entry], NOW)
    (said,) = logic.says(state, entry)
    (gone,) = logic.says(state, entry, gone=True)
    assert {said.entry, gone.entry} == {side_entry(FAVOURITES, "ann", 0)}
    assert list(said.accs.values()) == [[None, None, None, ["bags", "hats"]]]
    assert list(gone.accs.values()) == [None]
    assert (logic.says(state, PAIR), logic.says(state, said.entry), logic.owed(state, entry)) == ([], [], [])
    for other in (
        EntityLogic(ALL, tables=(PROFILES,)),
        EntityLogic(EntitySettings(("favourites",))),
        EntityLogic(EntitySettings(("seller",))),
    ):
        assert other.says(state, entry) == []
        assert FAVOURITES not in other.looked_up


@pytest.mark.parametrize(
    "change", [{"name": "likes"}, {"key": ("shopper", "category")}, {"tells": "category_diversity"}]
)
def test_only_a_list_of_a_shopper_is_told(change: dict[str, Any]) -> None:
    with pytest.raises(
        ValueError, match=r"tells '(favourite_categories|category_diversity)', which must be one of"
    ):
        replace(VIEWS["favourites"](ALL), **({"row": ("user", "f")} | change))


def test_what_is_no_input_of_the_job_is_absent_and_costs_no_look() -> None:
    rows = [SideRow(table, key, categories=("hats",)) for table, key in ((PROFILES, "ann"), (SELLERS, "s1"))]
    logic = EntityLogic(ALL, tables=(PROFILES,))
    assert looked_up(logic, rows) == {}
    assert (set(logic.looked_up), logic.reads(PAIR)) == ({PROFILES}, [(PROFILES, "ann")])
    none = EntityLogic(ALL, tables=())
    assert (none.tables, none.looked_up, none.reads(PAIR)) == (frozenset(), frozenset(), [])
    assert list(none.told(HAT, 4)) == []
    assert len({EntityLogic(ALL).catalogue, logic.catalogue, none.catalogue}) == 3
    state = EntityState()
    none.add(state, added(none, STATS), NOW)
    none.add(state, told(EntityLogic(ALL), HAT, STATS), NOW)
    assert [joined(row) for row in none.rows(state, STATS, whole=True)] == [{}]


def test_rows_go_where_those_who_read_them_lie() -> None:
    logic, buckets = EntityLogic(ALL), 5
    assert [(number, more.entry) for number, more in logic.told(HAT, buckets)] == [
        (bucket_of("hat", buckets), STATS)
    ]
    profile, seller = SideRow(PROFILES, "ann"), SideRow(SELLERS, "s1")
    home = bucket_of("ann", buckets)
    assert [(number, more.entry) for number, more in logic.told(profile, buckets)] == [
        (home, side_entry(PROFILES, "ann", home))
    ]
    everywhere = [(number, more.entry) for number, more in logic.told(seller, buckets)]
    assert everywhere == [(number, side_entry(SELLERS, "s1", number)) for number in range(buckets)]
    assert len({entry for _, entry in everywhere}) == buckets
    assert all(logic.knows(entry) for _, entry in everywhere)
    items = EntityLogic(EntitySettings(("item",)))
    assert [list(items.told(row, buckets)) for row in (HAT, profile, seller)] == [[], [], []]
    assert not items.knows(side_entry(PROFILES, "ann", 0))


def test_ids_and_texts_are_kept_as_those_of_events_are() -> None:
    long = "ä" * 200
    logic = EntityLogic(ALL)
    ((_, product),) = logic.told(SideRow(PRODUCTS, long, name=long), 1)
    assert product.entry == entry_of("product", (long[:127],))
    ((_, profile),) = logic.told(SideRow(PROFILES, long, categories=(long, long)), 1)
    assert profile.entry == side_entry(PROFILES, long, 0)
    assert list(profile.accs.values()) == [[None, None, None, [long[:127]]]]
    many = kept(SideRow(SELLERS, "s1", categories=tuple(map(str, range(2_000)))))
    assert many is not None
    assert len(many[3]) == MOST_CATEGORIES


def test_a_profile_is_forgotten_with_its_user_and_a_seller_of_that_name_is_not() -> None:
    logic = EntityLogic(ALL)
    mine = [side_entry(table, "ann", 0) for table in PART]
    assert [logic.belongs(entry, "ann") for entry in mine] == [False, False, True, True]
    assert not logic.belongs(side_entry(PROFILES, "ann", 0), "bob")
    assert logic.forgotten(EntityState(), side_entry(PROFILES, "ann", 0), NOW) == []
    assert logic.owed(EntityState(), side_entry(PROFILES, "ann", 0)) == []
    assert logic.reads(side_entry(PROFILES, "ann", 0)) == []


@pytest.mark.parametrize(
    ("key", "table", "told_of"),
    [
        (("category",), PRODUCTS, "'product' must begin the key"),
        (("shopper", "product"), PRODUCTS, "'product' must begin the key"),
        (("seller", "shopper"), PROFILES, "'shopper' must begin the key"),
        (("shopper", "product"), SELLERS, "'seller' must be in the key"),
    ],
)
def test_a_view_reads_what_lies_in_its_bucket(key: Any, table: str, told_of: str) -> None:
    with pytest.raises(ValueError, match=told_of):
        EntityView(
            name="pair",
            key=key,
            of="product" if "product" in key else "category",
            row=("a", "b")[: len(key)],
            expiry=timedelta(days=1),
            features=(EntityFeature("n", Count(), "N."), EntityFeature("s", Side(table), "S.", type="bool")),
        )


def test_a_side_input_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="'prices' is none of"):
        Side("prices")
    assert Side(SELLERS).merge([1], [2]) == [2]
    assert replace(Side(SELLERS), table=PROFILES) == Side(PROFILES)


def test_read_outs_of_no_row() -> None:
    side = Side(PRODUCTS)
    reads = (side.name, side.category, side.price, side.currency, side.categories)
    assert [read(None) for read in reads] == [None] * 5
    assert (side.result(None), side.result([None, None, None, []])) == (False, True)


def test_slots_of_before_are_where_they_were() -> None:
    views = [VIEWS[name](ALL) for name in ("product", "seller")]
    slots = [
        {each.slot for each in view.accumulated() if not isinstance(each.aggregate, Side)} for view in views
    ]
    assert slots == SLOTS
    assert [len({side.table for side in view.sides()}) for view in views] == [1, 3]


def test_sorted_sets_read_no_side_input() -> None:
    rankings, name = RankingLogic(ALL), "products:trending:1h"
    assert (rankings.looked_up, rankings.reads(name)) == (frozenset(), [])
    assert not rankings.remains(EntityState(), name)
