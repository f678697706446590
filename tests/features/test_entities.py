"""Entities beyond the shopper: declarations, facts of an event, rows, their pace, expiry and forgetting."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from events.event import Event, Money, Product
from events.money import GREATEST, minor_units
from features.definition import Derived
from features.digest import digest
from features.entities import hyperloglog
from features.entities.aggregates import (
    MOST_BEAT_WORDS,
    MOST_MINOR,
    Beats,
    Count,
    Days,
    First,
    Last,
    Prices,
    Seconds,
    Shown,
    Tally,
    Trend,
)
from features.entities.definition import EntityFeature, EntityView, Leaders
from features.entities.interaction import Fact, facts, kind_of, page_fact
from features.entities.logic import SECONDS, SHOWN, EntityLogic
from features.entities.rankings import RankingLogic, told
from features.entities.settings import EntitySettings, SellerWeights, Weights
from features.entities.state import GRACE_MS, Combined, EntityState, dump, entry_of, load
from features.entities.views import VIEWS, entity_views
from features.entities.views.lifetime import user_segment
from features.row import FeatureRow
from features.settings import ONE_HOUR

NOW = 1_700_000_000_000
DAY = 86_400_000
ALL = EntitySettings(tuple(VIEWS))


def event(kind: str, *products: Product, shopper: str = "ann", at: int = NOW, seller: str = "") -> Event:
    return Event(shopper, "e", at, kind, products=products, seller_id=seller or None)


class Entity:
    """One entity's state, fed by events."""

    def __init__(self, view: str, *parts: str, settings: EntitySettings = ALL) -> None:
        self.logic = EntityLogic(replace(settings, views=(view,)))
        self.entry, self.state = entry_of(view, parts), EntityState()

    def take(self, *events: Event, as_of: int = NOW) -> list[FeatureRow]:
        added: dict[str, Combined] = {}
        for each in events:
            self.logic.combine(added, each, order=True)
        if self.entry in added:
            self.logic.add(self.state, added[self.entry], as_of)
        return self.logic.rows(self.state, self.entry)

    def values(self, *events: Event) -> dict[str, Any]:
        return {
            name: v for row in self.take(*events) if not row.ranked for name, v in (row.values or {}).items()
        }


@pytest.mark.parametrize(
    ("change", "told_of"),
    [
        ({"weights": Weights(click=-1)}, "whole numbers"),
        ({"seller_weights": SellerWeights(like=0.5)}, "whole numbers"),  # type: ignore[arg-type]
        ({"views": ("item", "item")}, "once"),
        ({"currency": "ABC"}, "ISO 4217"),
        ({"price_bounds": (500, 500, 600)}, "rise"),
        ({"price_bounds": (0, 500, 600)}, "rise"),
        ({"ranking_most": 0}, "1 to 1000"),
    ],
)
def test_settings_that_cannot_work_say_why(change: dict[str, Any], told_of: str) -> None:
    with pytest.raises(ValueError, match=told_of):
        replace(ALL, **change)


def test_a_view_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"no basket, only item, product.*lifetime"):
        entity_views(EntitySettings(("item", "basket")))
    assert entity_views(EntitySettings()) == ()


def declared(**change: Any) -> EntityView:
    given: dict[str, Any] = {
        "name": "pair",
        "key": ("product", "category"),
        "of": "event",
        "row": ("product", "category"),
        "expiry": timedelta(days=1),
        "features": (EntityFeature("n", Count(), "Facts."),),
    }
    return EntityView(**given | change)


@pytest.mark.parametrize(
    ("change", "told_of"),
    [
        ({}, "facts of a event have shopper"),
        ({"key": ()}, "facts of"),
        ({"key": ("shopper", "shopper"), "row": ("user", "user")}, "facts of"),
        ({"key": ("shopper",), "row": ("user", "a", "b")}, "needs a word for each"),
        (
            {"key": ("shopper",), "row": ("user",), "features": (Derived("d", lambda n: n, "D."),)},
            r"reads \['n'\]",
        ),
        (
            {"key": ("shopper",), "row": ("user",), "features": (EntityFeature("n", Count(), "N."),) * 2},
            "comes twice",
        ),
        (
            {
                "key": ("shopper",),
                "row": ("user",),
                "leaders": (Leaders("m", ("x", "y"), 1, timedelta(1), "M."),),
            },
            "not all features with an aggregate",
        ),
    ],
)
def test_a_declaration_that_cannot_work_says_why(change: dict[str, Any], told_of: str) -> None:
    with pytest.raises(ValueError, match=told_of):
        declared(**change)


def test_two_accumulators_never_share_a_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EntityFeature, "slot", 1)
    features = (EntityFeature("n", Count(), "N."), EntityFeature("m", Count("view"), "M."))
    with pytest.raises(ValueError, match="share a slot"):
        declared(key=("shopper",), row=("user",), features=features)


def test_a_feature_names_a_type_and_a_read_out_that_there_are() -> None:
    with pytest.raises(ValueError, match="type 'kilo'"):
        EntityFeature("n", Count(), "N.", type="kilo")
    with pytest.raises(ValueError, match="no read-out 'mean'"):
        EntityFeature("n", Count(), "N.", read="mean")


def test_every_view_says_what_its_keys_look_like() -> None:
    assert [view.pattern() for view in entity_views(ALL) if not view.gives] == [
        "user:<shopper>:item:<product>",
        "product:<product>:stats",
        "user:<shopper>:category:<category>",
        "user:<shopper>:favourites",
        "user:<shopper>:seller:<seller>",
        "user:<shopper>:favourite_sellers",
        "user:<shopper>:lifetime",
    ]
    assert entity_views(ALL)[3].pattern("categories") == "user:<shopper>:categories"


def test_what_an_event_is() -> None:
    kinds = {
        kind: kind_of(event(kind), order=True) for kind in ("product_view", "list_view", "like", "other")
    }
    assert kinds == {"product_view": "view", "list_view": None, "like": "like", "other": None}
    assert kind_of(event("list_view", seller="s"), order=False) == "other"
    assert kind_of(event("transaction"), order=True) == "purchase"
    assert kind_of(event("transaction", seller="s"), order=False) is None


def test_an_event_counts_once_for_each_product_category_and_seller_of_it() -> None:
    given = event(
        "product_view",
        Product("hat", "hats"),
        Product("hat", "hats"),
        Product("cap", "hats"),
        Product(),
        seller="s",
    )
    assert [fact.product for fact in facts(given, "view", "product")] == ["hat", "cap"]
    assert [fact.category for fact in facts(given, "view", "category")] == ["hats"]
    assert [fact.seller for fact in facts(given, "view", "seller")] == ["s"]
    assert list(facts(event("like"), "like", "seller")) == []
    assert len(list(facts(given, "view", "event"))) == 1


def test_prices_are_those_of_what_was_bought() -> None:
    line = Product("hat", price=Money(500, "EUR"), quantity=3)
    assert [fact.prices for fact in facts(event("transaction", line), "purchase", "event")] == [(line.price,)]
    assert [fact.prices for fact in facts(event("product_view", line), "view", "event")] == [()]
    assert [fact.kind for fact in facts(event("transaction_item", line), "line", "product")] == ["purchase"]


@pytest.mark.parametrize(
    ("interactions", "purchases", "segment"),
    [
        (99, 0, "casual"),
        (100, 0, "browser"),
        (500, 1, "one_time_buyer"),
        (2, 2, "regular_buyer"),
        (4, 4, "regular_buyer"),
        (5, 5, "power_buyer"),
    ],
)
def test_segments(interactions: int, purchases: int, segment: str) -> None:
    assert user_segment(interactions, purchases) == segment


@pytest.mark.parametrize(
    ("prices", "preference"),
    [
        ((49_999,), "budget"),
        ((50_000,), "mid"),
        ((49_999, 50_000), "budget"),
        ((99_999,), "mid"),
        ((100_000,), "high"),
        ((499_999,), "high"),
        ((500_000,), "luxury"),
        ((), None),
    ],
)
def test_price_preference_is_by_the_exact_mean(prices: tuple[int, ...], preference: str | None) -> None:
    products = [Product("hat", price=Money(price, "EUR")) for price in prices]
    values = Entity("lifetime", "ann").values(event("transaction", *products))
    assert values.get("price_preference") == preference


def test_another_currency_is_left_out_and_the_shops_own_can_be_set() -> None:
    sold = event("transaction", Product("hat", price=Money(700, "JPY")))
    assert "avg_purchase_price" not in Entity("lifetime", "ann").values(sold)
    yen = Entity("lifetime", "ann", settings=replace(ALL, currency="JPY")).values(sold)
    assert (yen["min_purchase_price"], yen["price_preference"]) == (Money(700, "JPY"), "mid")


def test_weights_can_be_set_and_hold_for_what_was_counted_before() -> None:
    one = Entity("product", "hat")
    one.take(event("list_click", Product("hat")))
    heavy = EntityLogic(EntitySettings(("product",), weights=Weights(click=7)))
    (row,) = heavy.rows(one.state, one.entry, whole=True)
    assert row.values is not None
    assert (row.values["popularity"], row.values["trending_1h"]) == (7, 7)


def test_a_product_row_is_written_at_most_once_a_second() -> None:
    one, views = Entity("product", "hat"), [event("product_view", Product("hat"))]
    assert len(one.take(*views)) == 1
    assert one.take(*views, as_of=NOW + 999) == []
    assert one.state.next == NOW + 1000
    one.logic.advance(one.state, one.entry, NOW + 1000)
    (row,) = one.logic.rows(one.state, one.entry)
    assert (row.values or {})["total_views"] == row.seen == 2
    assert one.logic.rows(one.state, one.entry) == []


def test_a_trend_falls_when_its_panes_leave_and_the_row_says_when() -> None:
    one = Entity("product", "hat")
    (row,) = one.take(event("product_view", Product("hat")))
    leaves = ONE_HOUR.leaves_at(NOW // 60_000)
    assert row.next == one.state.next == leaves
    one.logic.advance(one.state, one.entry, leaves)
    (row,) = one.logic.rows(one.state, one.entry)
    assert ((row.values or {})["trending_1h"], (row.values or {})["trending_24h"]) == (0, 1)
    assert [score.score for score in one.logic.scores(one.state, one.entry)] == [0]


def test_expiry_slides_with_the_latest_event() -> None:
    one = Entity("item", "ann", "hat")
    (row,) = one.take(event("product_view", Product("hat")))
    assert row.until == row.next == NOW + 30 * DAY
    (row,) = one.take(event("like", Product("hat"), at=NOW + DAY), as_of=NOW + DAY)
    assert row.until == NOW + 31 * DAY
    assert not one.logic.gone(one.state, one.entry)
    one.logic.advance(one.state, one.entry, NOW + 31 * DAY + GRACE_MS)
    assert one.logic.gone(one.state, one.entry)


def test_a_view_that_does_not_run_still_says_how_long_its_rows_live() -> None:
    logic, state = EntityLogic(EntitySettings(("item",))), EntityState(last=NOW)
    assert logic.until(state, entry_of("product", ("hat",))) == NOW + 365 * DAY + GRACE_MS
    assert logic.until(state, entry_of("never", ("hat",))) == NOW + GRACE_MS
    entries = [entry_of("item", ("ann", "hat")), entry_of("product", ("hat",))]
    assert [logic.leads(entry) for entry in entries] == [False, False]
    assert [EntityLogic(ALL).leads(entry) for entry in entries] == [False, True]
    assert RankingLogic(EntitySettings(("item",))).until(state, "products:trending:1h") == NOW


def test_who_is_forgotten_leaves_no_key() -> None:
    one = Entity("favourites", "ann")
    one.take(event("product_view", Product("hat", "hats")))
    rows = one.logic.forgotten(one.state, one.entry, NOW)
    assert [(row.tail, row.ranked, row.values, row.forgotten) for row in rows] == [
        (("categories",), True, None, True),
        (("favourites",), False, None, True),
    ]
    assert one.logic.belongs(one.entry, "ann")
    assert not one.logic.belongs(one.entry, "bob")
    assert one.logic.belongs(entry_of("gone", ("ann", "hat")), "ann")
    assert one.logic.forgotten(one.state, entry_of("gone", ("ann",)), NOW) == []
    products = EntityLogic(EntitySettings(("product",)))
    assert not products.belongs(entry_of("product", ("ann",)), "ann")


def test_what_another_release_accumulates_is_left_alone() -> None:
    one = Entity("item", "ann", "hat")
    one.logic.add(one.state, Combined(one.entry, 1, NOW, {99_999: 3}), NOW)
    assert one.state.accs == {}


def test_a_tally_is_full_at_its_bound_and_the_row_says_so() -> None:
    tally = Tally("category", ("view",), (1,), most=2)
    acc: dict[str, list[int]] = {}
    for name in ("a", "b", "c"):
        lifted = tally.lift(Fact("view", 1, "ann", category=name))
        assert lifted is not None
        acc = tally.merge(acc, lifted)
    assert (tally.result(acc), tally.top(acc), tally.full(acc)) == (2, ["a", "b"], True)
    assert tally.lift(Fact("view", 1, "ann")) is None
    assert (tally.top(None), tally.ranking(None), tally.result(None)) == (None, {}, 0)
    view = declared(
        key=("shopper",), of="category", row=("user",), features=(EntityFeature("n", tally, "N."),)
    )
    logic, state, added = EntityLogic(ALL, [view]), EntityState(), dict[str, Combined]()
    for name in ("a", "b", "c"):
        logic.combine(added, event("product_view", Product("p", name)), order=False)
    logic.add(state, added[entry_of("pair", ("ann",))], NOW)
    assert [row.capped for row in logic.rows(state, entry_of("pair", ("ann",)))] == [True]


def test_read_outs_of_no_fact() -> None:
    assert (First().result(None), First().seconds(None), Last().seconds(1_999), Days().result(None)) == (
        None,
        None,
        1,
        0,
    )
    prices = Prices("EUR")
    assert (prices.result(None), prices.least(None), prices.greatest(None)) == (None, None, None)
    assert Trend(ONE_HOUR, Weights()).lift(Fact("like", 0, "ann")) is None
    assert Trend(ONE_HOUR, Weights()).result(None) == 0


def test_prices_of_any_size_and_number_can_be_encoded() -> None:
    greatest = minor_units(GREATEST, 4)
    assert greatest is not None
    bought = Fact("purchase", NOW, "ann", prices=(Money(greatest, "UYW"),) * 2_000)
    lifted = Prices("UYW").lift(bought)
    assert lifted == [MOST_MINOR, 2_000, greatest, greatest]
    merged = Prices("UYW").merge(lifted, lifted)
    assert load(dump(EntityState(accs={1: merged}))).accs == {1: [MOST_MINOR, 4_000, greatest, greatest]}


def test_shoppers_are_counted_exactly_up_to_a_thousand_and_closely_above() -> None:
    def of(number: int) -> bytes:
        held = b""
        for each in range(number):
            held = hyperloglog.add(held, digest(f"u{each}"))
        return held

    held = of(1000)
    assert hyperloglog.count(held) == 1000
    assert hyperloglog.count(hyperloglog.add(held, held)) == 1000
    more = hyperloglog.add(held, digest("u1000"))
    assert len(more) == hyperloglog.REGISTERS + 1
    for number in (2_000, 5_000):
        counted = hyperloglog.count(of(number))
        assert abs(counted / number - 1) < 3 * 1.04 / 64
    left, right = of(3_000), b"".join(digest(f"v{each}") for each in range(1_500))
    assert hyperloglog.add(left, right) == hyperloglog.add(right, left)
    assert hyperloglog.add(left, left) == left


def test_registers_far_from_any_use_have_an_estimate_too() -> None:
    deep = b"\x01" + bytes([hyperloglog._RANKS]) * hyperloglog.REGISTERS
    assert hyperloglog.count(deep) > 2**60
    assert hyperloglog.count(b"\x01" + bytes(hyperloglog.REGISTERS)) == 0


def test_a_sorted_set_over_all_is_what_its_buckets_told_last() -> None:
    rankings, state, name = RankingLogic(ALL), EntityState(), "products:trending:1h"
    rankings.add(state, told(name, 0, [("hat", 3), ("cap", 1)], NOW), NOW)
    rankings.add(state, told(name, 1, [("bag", 3)], NOW), NOW)
    (row,) = rankings.rows(state, name)
    assert list((row.values or {}).items()) == [("bag", 3), ("hat", 3), ("cap", 1)]
    assert (row.entity, row.entity_id, row.tail, row.ranked, row.seen) == (
        "products",
        "trending",
        ("1h",),
        True,
        0,
    )
    rankings.add(state, told(name, 0, [], NOW + 10), NOW + 10)
    assert rankings.rows(state, name) == []
    assert state.next == NOW + 1000
    rankings.advance(state, name, NOW + 1000)
    assert [list(row.values or {}) for row in rankings.rows(state, name)] == [["bag"]]
    assert state.next == row.until + 10
    assert not rankings.gone(state, name)
    rankings.advance(state, name, state.next)
    assert rankings.gone(state, name)
    assert rankings.knows(name)
    assert not rankings.knows("products:trending:5min")
    assert not rankings.leads(name)
    assert not rankings.belongs(name, "products")
    assert (list(rankings.scores(state, name)), rankings.forgotten(state, name, NOW)) == ([], [])


def test_rows_are_made_anew_when_a_definition_or_a_setting_of_meaning_changes() -> None:
    catalogues = {
        EntityLogic(settings).catalogue
        for settings in (ALL, EntitySettings(("item",)), replace(ALL, weights=Weights(click=9)))
    }
    assert len(catalogues) == 3
    assert EntityLogic(ALL).catalogue == EntityLogic(EntitySettings(tuple(VIEWS))).catalogue


def test_time_on_a_page_goes_to_the_products_viewed_on_it_in_whatever_order() -> None:
    viewed = msgspec.structs.replace(event("product_view", Product("hat"), Product("cap")), page_id="p")
    pinged = msgspec.structs.replace(event("page_ping"), page_id="p", created_at=NOW)
    later = msgspec.structs.replace(pinged, created_at=NOW + 10_000)
    logic = EntityLogic(EntitySettings(("item", "time")))
    for order in ([viewed, pinged, later, pinged], [pinged, later, viewed]):
        state, given = EntityState(), dict[str, int]()
        for each in order:
            added: dict[str, Combined] = {}
            logic.combine(added, each, order=False)
            (more,) = [more for more in added.values() if more.entry.startswith("time")]
            logic.add(state, more, NOW)
            for owed in logic.owed(state, more.entry):
                given[owed.entry] = given.get(owed.entry, 0) + owed.accs[SECONDS]
        assert given == {entry_of("item", ("ann", name)): 20 for name in ("hat", "cap")}
        assert list(logic.rows(state, more.entry, whole=True)) == []


def test_what_says_nothing_of_a_page_makes_no_fact_of_it() -> None:
    viewed = event("product_view", Product("hat"))
    assert page_fact(viewed) is None
    on_page = [
        event("product_view", Product()),
        event("page_ping"),
        event("list_click", Product("hat")),
    ]
    assert [page_fact(msgspec.structs.replace(each, page_id="p")) for each in on_page] == [None] * 3
    logic, added = EntityLogic(EntitySettings(("time",))), dict[str, Combined]()
    logic.combine(added, msgspec.structs.replace(viewed, page_id="p"), order=False)
    ((entry, more),) = added.items()
    state = EntityState()
    logic.add(state, more, NOW)
    assert logic.owed(state, entry) == []  # nobody to give it to
    assert Shown().result(state.accs[SHOWN]) == 1


def test_a_page_has_room_for_a_bounded_number_of_products_and_of_heartbeats() -> None:
    many = Shown().merge({f"p{n}": 10 for n in range(1000)}, {"more": 0, "p1": 0})
    assert (len(many), many["p1"]) == (1000, 10)
    beats: dict[int, int] = {}
    for jump in range(1_000):
        lifted = Beats().lift(Fact("ping", NOW, "ann", beat=jump * 63))
        assert lifted is not None
        beats = Beats().merge(beats, lifted)
    beats = Beats().merge(beats, {0: 0b11, 5_000: 1})
    assert (len(beats), Beats().result(beats)) == (MOST_BEAT_WORDS, (MOST_BEAT_WORDS + 1) * 10)
    assert Seconds().merge(10, 20) == Seconds().result(30) == 30
    assert RankingLogic(ALL).owed(EntityState(), "products:trending:1h") == []
