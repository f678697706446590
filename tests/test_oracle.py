"""The oracle itself, pinned by small examples whose arithmetic is in plain sight."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events import event as kinds
from events.event import Event, Money, Product
from tests.oracle import (
    HOUR,
    MINUTE,
    SECOND,
    OracleDefinitions,
    Window,
    encoded,
    expected_rows,
    text,
    verdicts,
)
from tests.strategies import START as T
from tests.strategies import Arrival, arrivals, events, random_arrivals, telling_moments

DAY = 24 * HOUR


def eur(major: str) -> Money:
    return Money(round(float(major) * 100), "EUR")


def boots(price: str = "10.00", **more: Any) -> Product:
    values: dict[str, Any] = {"id": "boots", "category": "shoes", "price": eur(price)}
    return Product(**values | more)


def an(kind: str, at: int = 0, event_id: str = "", **more: Any) -> Event:
    """An event of Ada's, `at` ms after the start; ids follow the event time unless one is given."""
    return Event("ada", event_id or f"{at:012d}-{kind}", T + at, kind, **more)


def row(*events_: Event, window: str = "24h", after: int = 0, **rules: Any) -> dict[str, str]:
    """Ada's row, read `after` ms after her latest event; all events are processed at its time."""
    now = max(event.at for event in events_) + after
    arrived = [(event, max(event.at, now - after)) for event in events_]
    return expected_rows(arrived, now, OracleDefinitions(**rules)).get(f"user:ada:features:{window}", {})


def session(*events_: Event, **rules: Any) -> dict[str, str]:
    return row(*events_, window="session", **rules)


def picked(fields: dict[str, str], *names: str) -> list[str | None]:
    return [fields.get(name) for name in names]


# ---------------------------------------------------------------- product, category


def test_unique_and_return_views() -> None:
    views = [an(kinds.PRODUCT_VIEW, n, products=(Product(p),)) for n, p in enumerate(["a", "b", "a", "a"])]
    names = ("product_view_count", "unique_products_viewed", "return_view_count", "last_product_viewed")
    assert picked(row(*views), *names) == ["4", "2", "2", "a"]  # 4 views - {a, b}
    several = an(kinds.PRODUCT_VIEW, 9, products=(Product(None), Product("c"), Product("d")))
    assert picked(row(*views, several), *names) == ["5", "4", "1", "c"]  # 5 - {a, b, c, d}; first with an id


def test_viewed_prices_ignore_quantity_and_other_currencies() -> None:
    fields = row(
        an(kinds.PRODUCT_VIEW, 1, products=(boots("10.00", quantity=9), boots("20.00"))),
        an(kinds.PRODUCT_VIEW, 2, products=(Product("yen", price=Money(500, "JPY")),)),
        an(kinds.PRODUCT_VIEW, 3, products=(boots("10.01"), Product("free of price"))),
    )
    names = ("avg_viewed_price", "min_viewed_price", "max_viewed_price", "price_range_viewed")
    # (10.00 + 20.00 + 10.01) / 3 = 13.33666…
    assert picked(fields, *names) == ["13.3367", "10.00", "20.00", "10.00"]
    assert picked(fields, "product_currency", "product_currency_mixed") == ["EUR", "1"]


def test_promotions_and_list_clicks() -> None:
    fields = row(
        *(an(kinds.PROMO_VIEW, n) for n in range(3)),
        an(kinds.PROMO_CLICK, 5),
        an(kinds.LIST_CLICK, 6, list_name="RECOMMENDED for you"),
        an(kinds.LIST_CLICK, 7, list_name="Top this week"),
        an(kinds.LIST_CLICK, 8),
    )
    assert picked(fields, "promo_view_count", "promo_click_count") == ["3", "1"]
    assert fields["promo_click_rate"] == "0.3333333333333333"  # 1 / 3
    assert picked(fields, "list_click_count", "recommendation_click_count") == ["3", "1"]


def test_categories_count_entities_of_product_and_list_views() -> None:
    hats = Product("h", "hats")
    fields = row(
        an(kinds.LIST_VIEW, 1, products=(hats, boots(), Product("no category"))),
        an(kinds.PRODUCT_VIEW, 2, products=(hats,)),
        an(kinds.LIST_VIEW, 3),
        an(kinds.ADD_TO_CART, 4, products=(boots(), boots(), boots())),
    )
    assert picked(fields, "category_view_count", "list_view_count", "unique_categories") == ["3", "2", "2"]
    assert picked(fields, "top_category", "top_category_share") == ["hats", "0.6666666666666666"]  # 2 of 3


def test_top_category_ties_go_to_the_most_recent_then_to_the_alphabet() -> None:
    old, new = an(kinds.LIST_VIEW, 1, products=(Product("a", "a"),)), Product("c", "c")
    assert row(old, an(kinds.LIST_VIEW, 2, products=(new, Product("b", "b"))))["top_category"] == "b"


# ---------------------------------------------------------------- cart


def test_cart_values_are_price_times_quantity() -> None:
    fields = row(
        an(kinds.ADD_TO_CART, 1, products=(boots("10.00", quantity=3), Product("h", price=eur("2.50")))),
        an(kinds.REMOVE_FROM_CART, 2, products=(boots("10.00", quantity=2),)),
    )
    assert picked(fields, "cart_add_count", "cart_remove_count", "cart_update_count") == ["1", "1", "2"]
    assert picked(fields, "cart_added_value", "cart_removed_value") == [
        "32.50",
        "20.00",
    ]  # 3 × 10 + 2.50; 2 × 10
    assert fields["cart_value"] == "12.50"  # 32.50 - 20.00: no cart entity was seen


def test_cart_value_is_the_latest_cart_entity_and_a_later_transaction_empties_it() -> None:
    add = an(kinds.ADD_TO_CART, 5, products=(boots("1.00"),), cart_total=eur("70.00"))
    late = an(kinds.REMOVE_FROM_CART, 4, products=(boots("1.00"),), cart_total=eur("69.00"))
    assert row(add, late)["cart_value"] == "70.00"
    assert row(add, an(kinds.TRANSACTION, 4))["cart_value"] == "70.00"
    assert row(add, an(kinds.TRANSACTION, 6))["cart_value"] == "0.00"
    assert "cart_value" not in row(an(kinds.TRANSACTION, 6))


def test_cart_value_without_entity_takes_the_last_64_changes_since_the_transaction() -> None:
    adds = [an(kinds.ADD_TO_CART, n, products=(boots("1.00"),)) for n in range(70)]
    assert row(*adds)["cart_value"] == "64.00"
    assert row(*adds, an(kinds.TRANSACTION, 60, "z"))["cart_value"] == "9.00"  # 61 … 69
    assert row(*adds[:1], an(kinds.REMOVE_FROM_CART, 1, products=(boots("5.00"),)))["cart_value"] == "0.00"


def test_the_latest_money_event_chooses_the_currency() -> None:
    dollars = Product("d", price=Money(300, "USD"))
    fields = row(
        an(kinds.ADD_TO_CART, 1, products=(boots("10.00"),)),
        an(kinds.ADD_TO_CART, 2, products=(boots("7.00"), dollars), cart_total=Money(999, "USD")),
    )
    assert picked(fields, "cart_currency", "cart_currency_mixed") == ["USD", "1"]
    assert picked(fields, "cart_added_value", "cart_value") == ["3.00", "9.99"]  # the 17 EUR are not shown


# ---------------------------------------------------------------- purchase


def test_orders_are_distinct_transactions_and_refunds_are_not_netted() -> None:
    fields = row(
        an(kinds.TRANSACTION, 1, transaction_id="t1", revenue=eur("30.00"), total_quantity=5),
        an(kinds.TRANSACTION, 2, transaction_id="t1", revenue=eur("99.00"), total_quantity=9),
        an(kinds.TRANSACTION, 3, transaction_id="t2", revenue=eur("11.11"), products=(boots(quantity=2),)),
        an(kinds.TRANSACTION, 4),
        an(kinds.REFUND, 5, refund=eur("4.00")),
        an(kinds.REFUND, 6),
    )
    assert picked(fields, "orders_count", "order_value") == [
        "3",
        "41.11",
    ]  # 30.00 + 11.11; the third has no value
    assert fields["avg_order_value"] == "20.5550"  # 41.11 / 2
    assert picked(fields, "items_purchased", "top_purchased_category") == ["7", "shoes"]  # 5 + 2
    assert picked(fields, "refund_count", "refund_value") == ["2", "4.00"]


def test_a_transaction_id_is_remembered_until_its_pane_leaves_the_longest_window() -> None:
    def order(at: int, event_id: str) -> Arrival:
        return an(kinds.TRANSACTION, at, event_id, transaction_id="t"), T + at

    leaves = 15 * MINUTE + DAY
    for again, orders in ((leaves - 1, "0"), (leaves, "1")):
        # The third arrives when the first is forgotten, and always repeats the second, an order or not.
        arrived = [order(0, "a"), order(again, "b"), order(again + 1, "c")]
        fields = expected_rows(arrived, T + again + 1)["user:ada:features:session"]
        assert picked(fields, "event_count", "orders_count") == ["2", orders]  # the first was another session


def test_checkout_started_furthest_and_completed() -> None:
    fields = row(
        an(kinds.CHECKOUT_STEP, 1, step=1, session_id="s1"),
        an(kinds.CHECKOUT_STEP, 2, step=1, session_id="s1"),
        an(kinds.CHECKOUT_STEP, 3, step=1, session_id="s2"),
        an(kinds.CHECKOUT_STEP, 4, step=3, session_id="s3"),
        an(kinds.TRANSACTION, 5, session_id="s1"),
        an(kinds.TRANSACTION, 6, session_id="s3"),
    )
    assert picked(fields, "checkout_started_count", "checkout_furthest_step") == ["2", "3"]  # s1, s2
    assert fields["checkout_completion_rate"] == "0.5"  # s1 of s1, s2


def test_checkouts_without_a_session_belong_to_runs_no_30_minutes_apart() -> None:
    gap = 30 * MINUTE
    steps = [an(kinds.CHECKOUT_STEP, at, step=1) for at in (0, 2 * gap, 3 * gap + 1)]
    assert row(*steps)["checkout_started_count"] == "3"
    assert row(*steps, an(kinds.OTHER, gap))["checkout_started_count"] == "2"  # bridges the first two
    assert row(*steps, an(kinds.TRANSACTION, gap))["checkout_completion_rate"] == "0.5"


def test_checkout_step_rule() -> None:
    trip = (
        an(kinds.ADD_TO_CART, 1, products=(boots("10.00", quantity=3),), session_id="s"),
        an(kinds.REMOVE_FROM_CART, 2, products=(boots("10.00"),), session_id="s", cart_total=eur("999.00")),
        an(kinds.ADD_TO_CART, 3, products=(boots("5.00"),), session_id="other"),
        an(kinds.CHECKOUT_STEP, 4, step=2, session_id="s"),
        an(kinds.CHECKOUT_STEP, 5, step=2, session_id="s"),
    )
    fields = row(*trip, checkout_order_step=2)
    # Once, 3 × 10.00 - 1 × 10.00: the other session's add and the second step 2 add nothing.
    assert picked(fields, "orders_count", "order_value", "items_purchased") == ["1", "20.00", "2"]
    assert row(*trip)["orders_count"] == "0"


# ---------------------------------------------------------------- session


def test_session_times_counts_and_key() -> None:
    fields = session(
        an(kinds.PAGE_VIEW, 5_000, session_id="s", search=True, page_id="w1"),
        an(kinds.PAGE_VIEW, 2_000, session_id="s", page_id="w1"),
        an(kinds.PAGE_VIEW, 3_000, session_id="s"),
        an(kinds.SCREEN_VIEW, 9_000, session_id="s", page="Home"),
        an(kinds.PRODUCT_VIEW, 9_001, session_id="s"),
        an(kinds.PRODUCT_VIEW, 9_002, session_id="s"),
        an(kinds.ADD_TO_CART, 9_003, session_id="s"),
        an(kinds.UNTYPED_ACTION, 60_000, session_id="s", products=(boots(),), search=True),
    )
    assert picked(fields, "session_id", "session_start") == ["s", str(T + 2_000)]
    assert picked(fields, "session_duration", "event_count") == ["58000", "8"]  # 60 s - 2 s
    assert picked(fields, "page_count", "search_count") == ["3", "1"]  # {w1} + 1 without id + 1 screen
    assert picked(fields, "product_view_count", "cart_add_count", "cart_ratio") == ["2", "1", "0.5"]
    assert picked(fields, "_until", "_next") == [str(T + 60_000 + DAY), str(T + 60_000 + 30 * MINUTE)]


def test_a_session_is_open_until_30_minutes_after_its_last_event() -> None:
    event = an(kinds.PAGE_VIEW, session_id="s")
    assert session(event, after=30 * MINUTE - 1)["session_open"] == "1"
    closed = session(event, after=30 * MINUTE)
    assert picked(closed, "session_open", "_next") == ["0", str(T + DAY)]
    assert session(event, after=DAY - 1)
    assert not session(event, after=DAY)


def test_a_bridged_gap_session_takes_the_older_id_and_only_its_row_exists() -> None:
    gap = 30 * MINUTE
    ends = [(an(kinds.OTHER, at), T + 2 * gap) for at in (2 * gap, 0)]
    both = expected_rows(ends, T + 2 * gap)
    assert {f"session:ada~{T}:features", f"session:ada~{T + 2 * gap}:features"} <= set(both)
    bridged = expected_rows([*ends, (an(kinds.OTHER, gap), T + 2 * gap)], T + 2 * gap)
    assert [key for key in bridged if key.startswith("session:")] == [f"session:ada~{T}:features"]
    assert picked(bridged["user:ada:features:session"], "session_duration", "event_count") == [
        str(2 * gap),
        "3",
    ]


def test_touch_is_of_the_earliest_page_and_exit_of_the_latest() -> None:
    page = {"page_id": "w", "device": "phone"}
    fields = session(
        an(kinds.ADD_TO_CART, 1, page="/ignored", campaign="ignored"),
        an(kinds.PAGE_VIEW, 2, page="/a", campaign="winter", source="g", medium="cpc", referrer="/r", **page),
        an(kinds.PAGE_PING, 3, page="/b", campaign="later"),
        an(kinds.SITE_SEARCH, 4, page="/ignored"),
    )
    names = (
        "marketing_campaign",
        "marketing_source",
        "marketing_medium",
        "referrer",
        "landing_page",
        "device_type",
    )
    assert picked(fields, *names) == ["winter", "g", "cpc", "/r", "/a", "phone"]
    assert fields["exit_page"] == "/b"


def test_bounce() -> None:
    page = an(kinds.PAGE_VIEW, 1)
    assert session(page, an(kinds.PRODUCT_VIEW, 2))["bounce"] == "1"
    assert session(page, an(kinds.SCREEN_VIEW, 2))["bounce"] == "0"
    assert session(page, an(kinds.TRANSACTION_ERROR, 2))["bounce"] == "0"
    assert session(an(kinds.PRODUCT_VIEW, 1), an(kinds.PRODUCT_VIEW, 2))["bounce"] == "0"


def test_engaged_time_is_snowplows_heartbeats() -> None:
    def ping(at: int, page: str | None, created: int | None) -> Event:
        return an(kinds.PAGE_PING, at, page_id=page, created_at=created)

    beats = [ping(1, "w", T), ping(2, "w", T + 9_999), ping(3, "w", T + 10_000), ping(4, "w", T + 20_000)]
    # Three slots of 10 s on one page: 10 × (3 - 1) + 5 × 1.
    assert picked(session(*beats), "engaged_time", "engaged") == ["25", "1"]
    assert picked(session(*beats[:3]), "engaged_time", "engaged") == ["15", "0"]  # 15 s are 1.5 heartbeats
    two_pages = session(beats[0], ping(5, "v", None))
    assert picked(two_pages, "engaged_time", "engaged") == [
        "5",
        "1",
    ]  # the second ping has no time, but a page
    assert picked(session(ping(1, None, T)), "engaged_time", "engaged") == [None, None]


def test_carts_created_and_abandoned() -> None:
    create = an(
        kinds.ADD_TO_CART, 1, products=(boots("10.00", quantity=4), boots("2.00")), cart_total=eur("12.00")
    )
    fuller = an(kinds.ADD_TO_CART, 2, products=(boots("10.00"),), cart_total=eur("22.00"))
    names = ("carts_created", "cart_abandoned", "converted", "orders_count")
    assert picked(session(create, fuller), *names) == ["1", "1", "0", "0"]  # 10 + 2 = 12; 10 is not 22
    assert picked(session(create, an(kinds.TRANSACTION, 3)), *names) == ["1", "0", "1", "1"]
    assert picked(session(an(kinds.PAGE_VIEW)), *names) == ["0", None, "0", "0"]


def test_a_repeated_transaction_adds_nothing_to_the_session_but_an_event() -> None:
    orders = [
        an(
            kinds.TRANSACTION,
            n,
            transaction_id="t",
            revenue=eur("8.00"),
            total_quantity=2,
            session_id=f"s{n}",
        )
        for n in range(2)
    ]
    names = ("event_count", "orders_count", "order_value", "items_purchased", "converted", "bounce")
    assert picked(session(orders[0]), *names) == ["1", "1", "8.00", "2", "1", "0"]
    assert picked(session(*orders), *names) == ["1", "0", None, "0", "0", "0"]
    step = an(kinds.CHECKOUT_STEP, 3, step=2, session_id="s1")
    assert session(*orders, step)["checkout_step"] == "2"


def test_two_shoppers_parts_of_a_session_have_one_owner() -> None:
    first = an(kinds.PAGE_VIEW, 1, session_id="s")
    later = Event("bob", "b", T + 2, kinds.PAGE_VIEW, session_id="s", device="phone")
    rows = expected_rows([(later, T + 2), (first, T + 2)], T + 2)
    assert rows["session:s:features"] == rows["user:ada:features:session"]
    assert rows["user:bob:features:session"]["device_type"] == "phone"


# ---------------------------------------------------------------- context


def test_context() -> None:
    fields = row(
        an(kinds.OTHER, 1, location="DE/BE", device="tv", platform="web"),
        an(kinds.OTHER, 2, location="FR"),
        an(kinds.OTHER, 4, location="DE/BE", device="desktop"),
        an(kinds.OTHER, 3, location="FR", platform="mob"),
        an(kinds.UNTYPED_ACTION, 9, location="US", device="phone", platform="pc"),
    )
    assert fields["shopper_locations"] == '["DE/BE","FR"]'
    assert fields["region_changes"] == "2"  # DE, FR, FR, DE
    assert picked(fields, "device_types", "latest_device", "latest_platform") == [
        '["desktop","tv"]',
        "desktop",
        "mob",
    ]


# ---------------------------------------------------------------- windows, verdicts, bounds


@pytest.mark.parametrize(
    ("window", "width", "size"),
    [("5min", 10 * SECOND, 5 * MINUTE), ("1h", MINUTE, HOUR), ("24h", 15 * MINUTE, DAY)],
)
def test_an_event_counts_until_its_pane_has_left(window: str, width: int, size: int) -> None:
    event = an(kinds.PROMO_VIEW, width + 1)  # the second pane after the start
    leaves = 2 * width + size
    held = row(event, window=window, after=leaves - event.at + T - 1)
    assert picked(held, "promo_view_count", "_next", "_until") == ["1", str(T + leaves), str(T + leaves)]
    assert row(event, window=window, after=leaves - event.at + T) == {}


def test_verdicts_in_their_order() -> None:
    seen, now = an(kinds.OTHER, 0, "a", session_id="s"), T + 1
    ahead = 120 * SECOND
    late = an(kinds.OTHER, -DAY, "l", session_id="t")
    assert verdicts(
        [
            (seen, now),
            (seen, now),
            (an(kinds.OTHER, ahead + 2, "a"), now),  # future comes before duplicate
            (an(kinds.OTHER, ahead + 2, "b"), now),
            (an(kinds.OTHER, ahead + 1, "b"), now),  # the former was not applied, so it is not remembered
            (late, now),  # in the window until its pane of 15 minutes has left
            (an(kinds.OTHER, -DAY, "m", session_id="t"), T + 15 * MINUTE),
            (an(kinds.OTHER, -9 * DAY, "n", session_id="s"), T + 15 * MINUTE),  # its session has state
        ]
    ) == ["applied", "duplicate", "future", "future", "applied", "applied", "late", "applied"]


def test_every_record_is_seen_and_the_state_is_forgotten_a_minute_after_its_last_row() -> None:
    first, twice = an(kinds.OTHER, 0, "a", session_id="s"), an(kinds.OTHER, DAY, "a", session_id="s2")
    until = T + 15 * MINUTE + DAY  # the 24h row outlives the session's
    for moment, verdict, seen in ((until + MINUTE - 1, "duplicate", None), (until + MINUTE, "applied", "1")):
        arrived = [(first, T), (first, T), (twice, moment)]
        assert verdicts(arrived)[-1] == verdict
        assert expected_rows(arrived, moment).get("user:ada:features:24h", {}).get("_seen") == seen
    assert expected_rows([(first, T), (first, T)], T)["user:ada:features:5min"]["_seen"] == "2"


def test_only_the_last_applied_ids_are_remembered() -> None:
    arrived = [(an(kinds.OTHER, n, str(n)), T + 9) for n in (1, 2, 3, 1, 3)]
    assert verdicts(arrived, OracleDefinitions(remembered_ids=2)) == ["applied"] * 4 + ["duplicate"]


def test_of_a_set_only_so_many_values_count_and_of_a_bag_only_what_found_room() -> None:
    def view(at: int, product: str) -> Event:
        return an(kinds.PRODUCT_VIEW, at, f"{at}{product}", products=(Product(product, product),))

    names: tuple[str, ...] = ("product_view_count", "unique_products_viewed", "_capped")
    views = [view(n, p) for n, p in enumerate("abc")]
    assert picked(row(*views), *names) == ["3", "3", None]
    assert picked(row(*views, set_values=2), *names) == ["3", "2", "1"]
    names = ("category_view_count", "unique_categories", "top_category_share", "_capped")
    assert picked(row(*views, bag_values=2), *names) == ["3", "2", "0.5", "1"]
    rules = OracleDefinitions(windows=(Window("24h", 10 * SECOND, SECOND),), bag_values=2)
    freed = [(view(0, "a"), T), (view(5_000, "b"), T + 5_000), (view(11_000, "c"), T + 11_000)]
    rows = expected_rows(freed, T + 11_000, rules)
    assert picked(rows["user:ada:features:24h"], *names) == ["2", "2", "0.5", None]  # a left and made room


def test_a_fifth_currency_finds_no_room() -> None:
    views = [
        an(kinds.PRODUCT_VIEW, n, products=(Product("p", price=Money(100, name)),))
        for n, name in enumerate(["EUR", "USD", "JPY", "GBP", "CHF"])
    ]
    assert picked(row(*views), "product_currency", "avg_viewed_price", "_capped") == ["GBP", "1.0000", "1"]


def test_the_ninth_open_session_makes_the_oldest_give_way() -> None:
    visits = [(an(kinds.OTHER, n, session_id=f"s{n}"), T + n) for n in range(9)]
    back = (an(kinds.OTHER, 20, session_id="s0"), T + 20)
    assert "session:s0:features" in expected_rows(visits, T + 9)
    assert expected_rows([*visits, back], T + 20)["session:s0:features"]["event_count"] == "1"  # begun anew


# ---------------------------------------------------------------- writing


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "1"),
        (7, "7"),
        (1.0, "1.0"),
        (1e-05, "0.00001"),
        (Money(2600, "EUR"), "26.00"),
        (Money(1500, "JPY"), "1500"),
        (Money(5, "KWD"), "0.005"),
        (["b", "ä"], '["b","ä"]'),
    ],
)
def test_values_as_text(value: Any, written: str) -> None:
    assert text(value) == written


def test_means_have_four_digits_and_round_half_to_even() -> None:
    def mean_of(currency: str, *minors: int) -> str:
        prices = tuple(Product("p", price=Money(minor, currency)) for minor in minors)
        return row(an(kinds.PRODUCT_VIEW, products=prices))["avg_viewed_price"]

    assert mean_of("EUR", 2_600) == "26.0000"
    assert mean_of("JPY", 1_500, 1_501) == "1500.5000"
    assert mean_of("KWD", *[1] * 1, *[0] * 3) == "0.0002"  # 0.001 / 4 = 0.00025
    assert mean_of("KWD", 1, 1, 1, 0) == "0.0008"  # 0.003 / 4 = 0.00075


def test_no_id_can_forge_a_key() -> None:
    assert encoded("a:b%{c} d\n~é") == "a%3Ab%25%7Bc%7D%20d%0A~é"


# ---------------------------------------------------------------- laws of the oracle and its generators

ROOMY = OracleDefinitions(
    currencies=99, open_sessions=99, sessions=999, set_values=9_999, bag_values=999, ahead=365 * DAY
)


@pytest.mark.property
@settings(max_examples=40, deadline=None)
@given(st.lists(events(), max_size=12, unique_by=lambda e: e.event_id), st.randoms(use_true_random=False))
def test_without_bounds_and_repetitions_the_order_of_arrival_does_not_matter(
    some: list[Event], rng: Any
) -> None:
    now = T + HOUR
    distinct = [e for e in some if e.transaction_id is None]
    shuffled = rng.sample(distinct, len(distinct))
    in_order = expected_rows([(event, now) for event in distinct], now, ROOMY)
    assert expected_rows([(event, now) for event in shuffled], now, ROOMY) == in_order


@pytest.mark.property
@settings(max_examples=25, deadline=None)
@given(arrivals(max_size=12))
def test_values_change_at_next_and_not_before(arrived: list[Arrival]) -> None:
    rules = OracleDefinitions(open_sessions=99)  # the row of a session that gave way does not change any more
    for moment in telling_moments(arrived)[::7]:
        for key, fields in expected_rows(arrived, moment, rules).items():
            following, until = int(fields["_next"]), int(fields["_until"])
            assert moment < following <= until
            just_before = expected_rows(arrived, following - 1, rules)[key]
            assert just_before | {"_at": fields["_at"]} == fields
            assert key not in expected_rows(arrived, until, rules)


def test_the_generator_repeats_itself_and_reaches_every_verdict() -> None:
    arrived = random_arrivals(seed=7, n=400)
    assert arrived == random_arrivals(seed=7, n=400)
    assert set(verdicts(arrived)) == {"applied", "duplicate", "late", "future"}
    assert {event.kind for event, _ in arrived} >= kinds.ECOMMERCE_ACTIONS
