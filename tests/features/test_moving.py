"""What a device hands over at a login, what it keeps, and the rows that point to the user."""

import pytest
from msgspec.structs import asdict

from events.event import ADD_TO_CART, PAGE_VIEW, PRODUCT_VIEW, TRANSACTION, Event, Money, Product
from features.identity import FORWARD, OFF, Move
from features.logic import ShopperLogic
from features.pointing import POINTED_MS, pointing_rows
from features.row import NEVER_AGAIN, FeatureRow
from features.settings import Definitions
from features.state import ShopperState
from features.views import branch_views
from tests.features.one_shopper import DAY, HOUR, MINUTE, SECOND, T

LOGIC = ShopperLogic()


def device(*sessions: str | None, logic: ShopperLogic = LOGIC) -> ShopperState:
    """A device with a product view every second, in these sessions."""
    state = logic.zero()
    for number, session in enumerate(sessions):
        at = T + number * SECOND
        event = Event("d", f"d{number}", at, PRODUCT_VIEW, session, products=(Product("hat"),))
        logic.apply(state, event, at)
    logic.learn(state, "ann", T, max(T, state.at))
    return state


def test_all_that_events_left_moves_and_who_was_logged_in_stays() -> None:
    state = device("s", None)
    logic = LOGIC
    logic.apply(
        state, Event("d", "t", T, TRANSACTION, "s", transaction_id="t", revenue=Money(5, "EUR")), T + SECOND
    )
    before, keep = logic.rows(state, "d"), state.keep
    moved = logic.load(logic.hand_over(state))
    assert (moved.seen, moved.at, moved.logins) == (3, T + SECOND, [])
    assert [row.values for row in logic.all_rows(moved, "d")] == [row.values for row in before]
    left = asdict(logic.load(logic.dump(state)))
    fresh = asdict(logic.load(logic.dump(logic.zero())))
    changed = {name for name in left if left[name] != fresh[name]}
    assert changed == {"next", "at", "seen", "keep", "logins", "room", "deleted"}
    assert (state.seen, state.keep, state.next) == (4, keep, keep + MINUTE)
    assert logic.owner(state, T) == "ann"
    gone = [(row.entity_id, row.values) for row in logic.all_rows(state, "d")]
    assert gone == [(f"d~{T + SECOND}", None)]


def test_a_device_goes_on_after_it_was_emptied() -> None:
    state = device("s")
    LOGIC.rows(state, "d")
    assert LOGIC.hand_over(state)
    later = Event("d", "d0", T + MINUTE, PRODUCT_VIEW, "s")
    assert LOGIC.apply(state, later, T + MINUTE) == "applied"
    rows = LOGIC.rows(state, "d")
    assert {row.base for row in rows} == {None}
    assert {(row.values or {})["product_view_count"] for row in rows} == {1}
    assert {row.seen for row in rows} == {3}


@pytest.mark.parametrize("identity", [OFF, FORWARD])
def test_without_merging_nothing_moves(identity: str) -> None:
    logic = ShopperLogic(definitions=Definitions(identity=identity))
    state = device("s", logic=logic)
    data = logic.dump(state)
    assert (logic.hand_over(state), logic.dump(state)) == (b"", data)


def test_of_a_device_without_events_nothing_moves() -> None:
    state = LOGIC.zero()
    assert LOGIC.hand_over(state) == b""
    assert LOGIC.apply(state, Event("d", "1", T - 3 * DAY, PAGE_VIEW), T) == "late"
    assert LOGIC.learn(state, "ann", T, T)
    assert LOGIC.hand_over(state) == b""
    emptied = device("s")
    assert LOGIC.hand_over(emptied)
    assert (LOGIC.hand_over(emptied), emptied.seen) == (b"", 2)


def test_nothing_moves_before_a_login_is_known() -> None:
    state = LOGIC.zero()
    LOGIC.apply(state, Event("d", "1", T, PAGE_VIEW), T)
    LOGIC.learn(state, "ann", T + HOUR, T)
    assert LOGIC.hand_over(state) == b""
    LOGIC.learn(state, "ann", T, T)
    assert LOGIC.hand_over(state)


@pytest.mark.parametrize("kept", ["ids", "sessions", "trails", "orders", "levels"])
def test_each_thing_that_events_left_is_reason_enough(kept: str) -> None:
    state, full = device(), device("s")
    full.orders = {b"12345678": T + DAY}
    setattr(state, kept, getattr(full, kept))
    assert getattr(LOGIC.load(LOGIC.hand_over(state)), kept)


def test_the_bytes_of_a_device_may_be_those_of_another_release() -> None:
    old = ShopperLogic(branch_views("cart"))
    state = old.zero()
    old.apply(state, Event("d", "1", T, ADD_TO_CART, products=(Product("hat"),)), T)
    old.learn(state, "ann", T, T)
    user = LOGIC.zero()
    LOGIC.merge(user, old.hand_over(state), T)
    (day,) = [row.values for row in LOGIC.rows(user, "ann") if row.window == "24h"]
    assert day is not None
    assert (day["cart_add_count"], day["product_view_count"]) == (1, 0)


def moved(state: ShopperState, logic: ShopperLogic = LOGIC) -> Move:
    data = logic.hand_over(state)
    return Move("d", "ann", state.seen, data)


def pointers(rows: list[FeatureRow]) -> list[str]:
    assert all(
        (row.entity, row.entity_id, row.values, row.same_as) == ("user", "d", {}, "ann") for row in rows
    )
    return [row.window for row in rows]


def test_every_window_of_the_device_points_to_the_user_for_a_day() -> None:
    rows = pointing_rows(LOGIC, moved(device("s")), T + HOUR)
    assert pointers(rows) == ["5min", "1h", "24h", "session"]
    assert {(row.at, row.next, row.until) for row in rows} == {
        (T + HOUR, T + HOUR + POINTED_MS, T + HOUR + POINTED_MS)
    }
    assert {(row.seen, row.base) for row in rows} == {(2, None)}


def test_where_branches_run_apart_each_points_from_what_it_writes() -> None:
    move = Move("d", "ann", 1)
    cart, session = (ShopperLogic(branch_views(branch)) for branch in ("cart", "session"))
    assert pointers(pointing_rows(cart, move, T)) == ["5min", "1h", "24h"]
    assert pointers(pointing_rows(session, move, T)) == ["5min", "1h", "24h", "session"]
    alone = ShopperLogic([view for view in branch_views("session") if view.scope == "session"])
    assert pointers(pointing_rows(alone, move, T)) == ["session"]


def test_a_device_that_is_called_like_its_user_does_not_point_to_itself() -> None:
    state = device(None)
    assert pointing_rows(LOGIC, Move("ann", "ann", 2, LOGIC.hand_over(state)), T) == []


def deletions(rows: list[FeatureRow]) -> list[tuple[str, int, bool]]:
    assert all((row.values, row.seen, row.owner, row.same_as) == (None, NEVER_AGAIN, "d", "") for row in rows)
    return sorted((row.entity_id, row.until, row.if_there) for row in rows)


def test_gap_sessions_of_the_device_are_deleted_for_they_go_on_as_the_users() -> None:
    state = device("s", None)
    rows = pointing_rows(LOGIC, moved(state), T + HOUR)
    assert deletions(rows[4:]) == [(f"d~{T + SECOND}", T + SECOND + DAY, False)]


def test_deletions_that_the_device_still_owed_are_made() -> None:
    state = LOGIC.zero()
    for number, at in enumerate((5, 3, 4)):
        LOGIC.apply(state, Event("d", str(number), T + at, PRODUCT_VIEW), T + 5)
    LOGIC.learn(state, "ann", T, T)
    rows = pointing_rows(LOGIC, moved(state), T + HOUR)
    assert deletions(rows[4:]) == [
        (f"d~{T + 3}", T + 5 + DAY, False),
        (f"d~{T + 4}", T + 4 + DAY, True),
        (f"d~{T + 5}", T + 5 + DAY, False),
    ]


def test_what_is_over_by_then_or_not_written_is_not_deleted() -> None:
    assert pointing_rows(LOGIC, moved(device(None)), T + DAY)[4:] == []
    unkeyed = ShopperLogic(definitions=Definitions(session_keys=False))
    assert pointing_rows(unkeyed, moved(device(None, logic=unkeyed), unkeyed), T)[4:] == []
    cart = ShopperLogic(branch_views("cart"))
    state = cart.zero()
    cart.apply(state, Event("d", "1", T, ADD_TO_CART), T)
    assert pointing_rows(cart, moved(state, cart), T)[3:] == []
