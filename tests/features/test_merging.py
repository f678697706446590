"""What a device hands over grows into its user's state: room, names, orders, ids, sessions."""

from collections.abc import Iterable
from typing import Any

import pytest

from events.event import (
    ADD_TO_CART,
    PAGE_VIEW,
    PRODUCT_VIEW,
    REFUND,
    TRANSACTION,
    Event,
    Money,
    Product,
)
from features.bound import MOST_BYTES
from features.logic import ShopperLogic
from features.row import FeatureRow
from features.sessions import MOST_KEPT, MOST_OPEN
from features.state import REMEMBERED_IDS, REMEMBERED_ORDERS, ShopperState, orders_of
from features.views import branch_views
from sinks.codec import fields_of
from tests.features.one_shopper import DAY, HOUR, MINUTE, SECOND, T
from tests.test_state_bound import a_whole_day

LOGIC = ShopperLogic()
GAP = 30 * MINUTE


def event(name: str, at: int, kind: str = PRODUCT_VIEW, session: str | None = "s", **more: Any) -> Event:
    return Event("someone", name, T + at, kind, session, **more)


def state_of(*events: Event, as_of: int = 0) -> ShopperState:
    state = LOGIC.zero()
    for each in events:
        assert LOGIC.apply(state, each, max(each.at, T + as_of)) == "applied"
    return state


def handed(device: ShopperState, logic: ShopperLogic = LOGIC) -> bytes:
    """What a device hands over at a login."""
    logic.learn(device, "ann", device.at, device.at)
    return logic.hand_over(device)


def merged(user: ShopperState, *devices: ShopperState, as_of: int = 0) -> ShopperState:
    """The user's state after the devices handed theirs over; each goes through its bytes."""
    for device in devices:
        LOGIC.merge(user, handed(device), T + as_of)
        user = LOGIC.load(LOGIC.dump(user))
    return user


def rows(state: ShopperState) -> dict[tuple[str, str], FeatureRow]:
    """By entity id and window."""
    return {(row.entity_id, row.window): row for row in LOGIC.all_rows(state, "ann")}


def day(state: ShopperState) -> dict[str, Any]:
    return rows(state)["ann", "24h"].values or {}


def test_counts_are_added_up_and_records_too() -> None:
    user = merged(state_of(event("a", 0)), state_of(event("b", 1), event("c", 2)))
    assert (day(user)["product_view_count"], user.seen) == (3, 3)
    assert rows(user)["s", "session"].seen == 3


def test_a_user_who_was_never_seen_takes_it_all() -> None:
    user = merged(LOGIC.zero(), state_of(event("b", 1)))
    assert (day(user)["product_view_count"], user.seen) == (1, 1)
    assert LOGIC.apply(user, event("c", 2), T + 2) == "applied"
    assert user.seen == 2


def test_time_passes_for_both_and_never_goes_back() -> None:
    user = merged(state_of(event("a", 0)), state_of(event("b", 10 * MINUTE)), as_of=5 * MINUTE)
    assert user.at == T + 10 * MINUTE
    assert (rows(user)["ann", "5min"].values or {})["product_view_count"] == 1
    late = merged(state_of(event("a", 2 * DAY)), state_of(event("b", 0)))
    assert (day(late)["product_view_count"], late.at, late.seen) == (1, T + 2 * DAY, 1)


def test_all_rows_are_given_whole_after_a_merge() -> None:
    user = state_of(event("a", 0))
    assert LOGIC.rows(user, "ann")
    LOGIC.merge(user, handed(state_of(event("b", 1, session="t"))), T + 1)
    given = LOGIC.rows(user, "ann")
    assert {row.base for row in given} == {None}
    assert [(row.entity_id, row.window) for row in given] == [
        *(("ann", label) for label in ("5min", "1h", "24h")),
        *(("s", "session"), ("t", "session"), ("ann", "session")),
    ]


def test_a_state_is_kept_for_what_moved_and_not_for_the_devices_logins() -> None:
    device = state_of(event("a", 0))
    LOGIC.learn(device, "ann", T + 8 * HOUR, T + 8 * HOUR)
    user = merged(LOGIC.zero(), device, as_of=8 * HOUR)
    assert user.keep == T + DAY + 15 * MINUTE
    sessions = ShopperLogic(branch_views("session"))
    only_session = sessions.zero()
    sessions.apply(only_session, event("a", 0, "untyped_action"), T)
    other = sessions.zero()
    sessions.merge(other, handed(only_session, sessions), T)
    assert other.keep == T + DAY


@pytest.mark.parametrize("first", [0, 1])
def test_what_was_last_on_either_side_is_what_was_last(first: int) -> None:
    told = [event("a", 0, products=(Product("hat"),)), event("b", 1, products=(Product("cap"),))]
    user = merged(state_of(told[first]), state_of(told[1 - first]))
    assert day(user)["last_product_viewed"] == "cap"


# ---------------------------------------------------------------- room


def viewed(names: Iterable[object], at: int, prefix: str = "e") -> list[Event]:
    """A view a second, each of its own product and category."""
    return [
        event(f"{prefix}{name}", at + n * SECOND, products=(Product(f"p{name}", f"c{name}"),))
        for n, name in enumerate(names)
    ]


def test_names_of_both_are_one_name_each() -> None:
    user = merged(
        state_of(*viewed(("hats", "mugs"), 0)),
        state_of(*viewed(("mugs", "hats", "shoes"), MINUTE, "d")),
        state_of(*viewed(("mugs",), 2 * MINUTE, "f")),
        as_of=3 * MINUTE,
    )
    got = day(user)
    assert (got["unique_categories"], got["top_category"], got["top_category_share"]) == (3, "cmugs", 0.5)
    LOGIC.advance(user, T + 5 * MINUTE + 10 * SECOND)
    assert (rows(user)["ann", "5min"].values or {})["unique_categories"] == 3
    LOGIC.advance(user, T + 6 * MINUTE + 10 * SECOND)
    assert (rows(user)["ann", "5min"].values or {})["top_category"] == "cmugs"


def test_names_that_find_no_room_count_nowhere_and_their_windows_are_marked() -> None:
    mine, theirs = viewed(range(99), 0), viewed((5, 200, 201, 202), 2 * MINUTE, "d")
    user = merged(state_of(*mine), state_of(*theirs), as_of=3 * MINUTE)
    got = day(user)
    assert (got["unique_categories"], got["category_view_count"]) == (100, 103)
    assert (got["top_category"], got["top_category_share"]) == ("c5", 2 / 101)
    assert (user.overflow, user.lost) == (1, T + 2 * MINUTE + 2 * SECOND)
    assert rows(user)["ann", "5min"].capped
    LOGIC.apply(user, event("later", 8 * MINUTE), T + 8 * MINUTE)
    assert [rows(user)["ann", label].capped for label in ("5min", "1h")] == [False, True]


def test_a_set_keeps_the_values_seen_last() -> None:
    many = [event(f"{n}", n, products=tuple(Product(f"{n}/{i}") for i in range(300))) for n in range(4)]
    user = merged(state_of(*many[2:]), state_of(*many[:2]), as_of=SECOND)
    assert (day(user)["unique_products_viewed"], user.overflow, user.lost) == (1000, 1, T)
    assert rows(user)["ann", "5min"].capped


def test_what_a_device_lost_the_user_lost() -> None:
    device = state_of(event("a", 0))
    device.lost, device.overflow = T - HOUR, 2
    user = merged(state_of(event("b", 0)), device)
    assert (user.lost, user.overflow) == (T - HOUR, 2)
    assert [rows(user)["ann", label].capped for label in ("5min", "1h", "24h")] == [False, True, True]
    assert device.overflow == 0


def paid(currencies: Iterable[str], at: int) -> list[Event]:
    """Everything that has an amount, in each currency."""
    return [
        event(
            f"{currency} {kind}",
            at + n * SECOND,
            kind,
            products=(Product("hat", "hats", Money(500, currency)),),
            cart_total=Money(500, currency),
            revenue=Money(500, currency),
            refund=Money(100, currency),
            transaction_id=currency,
        )
        for n, currency in enumerate(currencies)
        for kind in (PRODUCT_VIEW, ADD_TO_CART, TRANSACTION, REFUND)
    ]


AMOUNTS = ("avg_viewed_price", "cart_added_value", "cart_value", "order_value", "refund_value")


@pytest.mark.parametrize("swapped", [False, True])
def test_of_more_than_four_currencies_those_seen_last_stay(swapped: bool) -> None:
    older, newer = paid(("EUR", "USD", "GBP"), 0), paid(("JPY", "KWD", "CHF"), MINUTE)
    sides = [state_of(*older), state_of(*newer)]
    user = merged(*(sides[::-1] if swapped else sides), as_of=2 * MINUTE)
    wanted = state_of(*paid(("CHF",), MINUTE + 2 * SECOND))
    got, expected = day(user), day(wanted)
    for name in AMOUNTS:
        assert got[name] == expected[name]
    assert [got[f"{view}_currency_mixed"] for view in ("product", "cart", "purchase")] == [True] * 3
    assert (user.overflow, user.lost) == (3, T + SECOND)
    session = rows(user)["s", "session"]
    assert session.capped
    assert (session.values or {})["order_value"] == Money(500, "CHF")
    # What stayed: GBP, JPY, KWD and CHF. Nothing of the others comes back with a later amount.
    LOGIC.apply(user, paid(("GBP",), 2 * MINUTE)[0], T + 2 * MINUTE)
    assert fields_of(rows(user)["ann", "24h"])["avg_viewed_price"] == "5.0000"
    assert user.overflow == 3


def test_four_currencies_have_room_whoever_brought_them() -> None:
    sides = state_of(*paid(("EUR", "USD"), 0)), state_of(*paid(("JPY", "KWD"), MINUTE))
    user = merged(*sides, as_of=2 * MINUTE)
    assert (user.overflow, rows(user)["s", "session"].capped) == (0, False)


def test_orders_are_remembered_of_both_and_the_oldest_give_way() -> None:
    def bought(n: int, at: int) -> Event:
        return event(f"{at} {n}", at, TRANSACTION, transaction_id=f"t{n}")

    user, device = state_of(*[bought(n, 0) for n in range(200)]), state_of(*[bought(n, 1) for n in (0, 500)])
    user = merged(user, device)
    assert (len(orders_of(user)), user.overflow) == (201, 0)
    assert day(user)["orders_count"] == 202
    LOGIC.apply(user, event("again", 2, TRANSACTION, transaction_id="t500"), T + 2)
    assert day(user)["orders_count"] == 202
    other = state_of(*[bought(n, 3) for n in range(1_000, 1_100)])
    user = merged(user, other)
    assert (len(orders_of(user)), user.overflow) == (REMEMBERED_ORDERS, 301 - REMEMBERED_ORDERS)
    LOGIC.apply(user, event("own", 4, TRANSACTION, transaction_id="t199"), T + 4)
    assert day(user)["orders_count"] == 302


def test_ids_of_both_are_known_the_users_longest() -> None:
    views = [event(f"d{n}", n) for n in range(REMEMBERED_IDS - 1)]
    user = merged(state_of(event("own", 0), event("both", 1)), state_of(event("both", 1), *views), as_of=3)
    assert len(user.ids) == REMEMBERED_IDS * 8
    verdicts = [LOGIC.apply(user, event(name, 3), T + 3) for name in ("own", "both", "d1", "d1022")]
    assert verdicts == ["duplicate"] * 4
    assert LOGIC.apply(user, event("d0", 3), T + 3) == "applied"


# ---------------------------------------------------------------- sessions


def sessions(state: ShopperState) -> dict[str, FeatureRow]:
    return {
        row.entity_id: row
        for row in LOGIC.all_rows(state, "ann")
        if row.entity == "session" and row.values is not None
    }


def deleted(state: ShopperState) -> list[tuple[int, bool]]:
    """Starts of the gap sessions that are to be deleted, and whether only if they are there."""
    given = [row for row in LOGIC.rows(state, "ann") if row.values is None]
    assert all(row.entity_id == f"ann~{row.start}" and row.owner == "ann" for row in given)
    return sorted((row.start - T, row.if_there) for row in given)


def test_both_parts_of_a_session_are_one() -> None:
    user = state_of(event("b", 5, PAGE_VIEW, page="/b", page_id="2"))
    assert LOGIC.rows(user, "ann")
    user = merged(user, state_of(event("a", 0, PAGE_VIEW, page="/a", page_id="1", source="mail")))
    row = sessions(user)["s"]
    assert (row.start, row.owner, row.moved) == (T, "ann", True)
    values = row.values or {}
    assert (values["event_count"], values["page_count"], values["session_duration"]) == (2, 2, 5)
    assert (values["landing_page"], values["exit_page"], values["marketing_source"]) == ("/a", "/b", "mail")


def test_only_what_came_from_a_device_is_marked_as_moved() -> None:
    user = merged(state_of(event("a", 0, session="mine")), state_of(event("b", 0, session="its")))
    assert {name: row.moved for name, row in sessions(user).items()} == {"mine": False, "its": True}
    LOGIC.apply(user, event("c", 1, session="its"), T + 1)
    assert sessions(user)["its"].moved


def test_a_session_is_open_or_closed_as_its_last_event_says() -> None:
    user = merged(state_of(event("a", 0)), state_of(event("b", 20 * MINUTE)), as_of=40 * MINUTE)
    assert (sessions(user)["s"].values or {})["session_open"]
    closed = merged(state_of(event("a", 0)), state_of(event("b", MINUTE)), as_of=40 * MINUTE)
    assert not (sessions(closed)["s"].values or {})["session_open"]


def gap(at: int) -> Event:
    return event(f"at {at}", at, session=None)


def test_gap_sessions_that_touch_are_one_under_the_older_id() -> None:
    user = merged(state_of(gap(GAP)), state_of(gap(0)), as_of=GAP)
    (name,) = sessions(user)
    assert name == f"ann~{T}"
    assert sessions(user)[name].moved
    again = merged(state_of(gap(GAP)), state_of(gap(0)), as_of=GAP)
    assert deleted(again) == [(GAP, False)]


def test_a_gap_session_that_loses_its_start_may_have_been_there_in_another_run() -> None:
    assert deleted(merged(state_of(gap(0)), state_of(gap(GAP)), as_of=GAP)) == [(GAP, True)]


def test_gap_sessions_further_apart_stay_apart() -> None:
    user = merged(state_of(gap(0)), state_of(gap(GAP + 1)), as_of=GAP + 1)
    assert set(sessions(user)) == {f"ann~{T}", f"ann~{T + GAP + 1}"}
    assert deleted(user) == []


def test_a_gap_session_bridges_all_that_it_touches() -> None:
    mine = state_of(gap(0), gap(HOUR), gap(3 * HOUR), as_of=3 * HOUR)
    theirs = state_of(gap(GAP), gap(-GAP), gap(3 * HOUR - 1), as_of=3 * HOUR)
    user = merged(mine, theirs, as_of=3 * HOUR)
    counts = {name: (row.values or {})["event_count"] for name, row in sessions(user).items()}
    assert counts == {f"ann~{T - GAP}": 4, f"ann~{T + 3 * HOUR - 1}": 2}


def test_deletions_that_a_device_owed_may_be_needed_for_the_user_too() -> None:
    device = state_of(gap(10), gap(5), gap(7), as_of=10)
    assert deleted(merged(LOGIC.zero(), device)) == [(7, True), (10, True)]


def test_what_is_a_session_again_is_not_deleted() -> None:
    user = state_of(event("a", 0))
    user.ended, user.denied = [(T, T + DAY), (T + 1, T + DAY)], [T, T + 2]
    assert deleted(merged(user, state_of(gap(0)))) == [(1, False), (2, True)]


def test_a_bridge_makes_no_room_for_a_fifth_currency_either() -> None:
    def order(currency: str, at: int) -> Event:
        return event(currency, at, TRANSACTION, None, revenue=Money(500, currency), transaction_id=currency)

    orders = [order(each, n * SECOND) for n, each in enumerate(("EUR", "USD", "GBP"))]
    orders += [order(each, 2 * GAP - n * SECOND) for n, each in enumerate(("JPY", "KWD"))]
    user = state_of(*orders, as_of=2 * GAP)
    LOGIC.apply(user, event("bridge", GAP - SECOND, PAGE_VIEW, None), T + 2 * GAP)
    (row,) = sessions(user).values()
    assert row.capped
    assert (row.values or {})["order_value"] == Money(500, "JPY")


def test_the_sessions_with_the_oldest_last_events_give_way() -> None:
    open_ones = [event(f"{n}", n, session=f"s{n}") for n in range(MOST_OPEN)]
    moving = [event(f"d{n}", n, session=f"d{n}") for n in range(-3, 3)]
    user = merged(state_of(*open_ones), state_of(*moving), as_of=MINUTE)
    assert len(sessions(user)) == MOST_OPEN
    assert "d-1" not in sessions(user)
    assert {"s7", "s3"} <= set(sessions(user))
    assert user.overflow == 6


def test_closed_sessions_give_way_beyond_sixty_four() -> None:
    def closed(name: str) -> ShopperState:
        return state_of(*[event(f"{name}{n}", n * MINUTE * 5, session=f"{name}{n}") for n in range(40)])

    user = merged(closed("a"), closed("b"), as_of=10 * HOUR)
    assert (len(sessions(user)), user.overflow) == (MOST_KEPT, 2 * 40 - MOST_KEPT)


def test_where_branches_run_apart_each_merges_its_own() -> None:
    cart = ShopperLogic(branch_views("cart"))
    user, device = cart.zero(), cart.zero()
    for state, name in ((user, "a"), (device, "b")):
        cart.apply(state, event(name, 0, ADD_TO_CART), T)
    cart.merge(user, handed(device, cart), T)
    (day_row,) = [row for row in cart.rows(user, "ann") if row.window == "24h"]
    assert (day_row.values or {})["cart_add_count"] == 2


@pytest.mark.property
def test_a_merged_state_fits_its_bound() -> None:
    sides = [LOGIC.zero(), LOGIC.zero()]
    for number, (one, as_of) in enumerate(a_whole_day()):
        LOGIC.apply(sides[number % 2], one, as_of)
    views = [day(side)["product_view_count"] for side in sides]
    before = sides[0].overflow + sides[1].overflow
    user = merged(*sides, as_of=sides[0].at - T)
    assert len(LOGIC.dump(user)) <= MOST_BYTES
    assert 0 <= user.room <= 60_000
    assert user.overflow > before
    assert rows(user)["ann", "24h"].capped
    assert day(user)["product_view_count"] == sum(views)


def test_what_has_just_left_every_window_is_remembered_a_minute_longer() -> None:
    device = state_of(event("a", 0, session=None))
    over = DAY + 15 * MINUTE
    user = merged(LOGIC.zero(), device, as_of=over)
    assert (rows(user), user.keep, user.seen) == ({}, T + over, 1)
    LOGIC.advance(device, T + over)
    late = merged(LOGIC.zero(), state_of(event("b", 0), as_of=over - 1), as_of=over)
    assert (rows(late), late.keep) == ({}, T + over)
