"""What becomes of an event, in this order: future, duplicate, late, applied."""

import pytest

from events.event import (
    ADD_TO_CART,
    PAGE_VIEW,
    PRODUCT_VIEW,
    TRANSACTION,
    TRANSACTION_ITEM,
    UNTYPED_ACTION,
    Event,
    Money,
    Product,
)
from features.logic import ShopperLogic
from features.settings import Definitions
from features.state import FUTURE_MS, REMEMBERED_IDS, REMEMBERED_ORDERS
from features.views import branch_views
from tests.features.one_shopper import DAY, HOUR, MINUTE, SECOND, OneShopper, T

LONGEST = DAY + 15 * MINUTE


def event(at: int, event_id: str = "x", kind: str = PRODUCT_VIEW, session: str | None = "s") -> Event:
    return Event("ann", event_id, T + at, kind, session)


def test_an_event_more_than_two_minutes_ahead_is_future() -> None:
    ann = OneShopper()
    assert ann.apply(event(FUTURE_MS), T) == "applied"
    assert ann.apply(event(FUTURE_MS + 1, "y"), T) == "future"
    assert (ann.window() or {})["product_view_count"] == 1


def test_a_future_event_is_not_remembered() -> None:
    ann = OneShopper()
    ann.apply(event(FUTURE_MS + 1), T)
    assert ann.apply(event(FUTURE_MS + 1), T + 1) == "applied"


def test_an_id_seen_before_is_a_duplicate_and_the_first_to_arrive_counts() -> None:
    ann = OneShopper()
    assert ann.apply(event(0), T) == "applied"
    assert ann.apply(event(0, kind=ADD_TO_CART), T) == "duplicate"
    window = ann.window()
    assert window is not None
    assert (window["product_view_count"], window["cart_add_count"]) == (1, 0)


def test_future_comes_before_duplicate_and_duplicate_before_late() -> None:
    ann = OneShopper()
    ann.apply(event(0, "x", session="old"), T)
    assert ann.apply(event(10 * MINUTE), T) == "future"
    ann.apply(event(LONGEST - 1, "y"), T + LONGEST - 1)
    assert ann.apply(event(0), T + LONGEST) == "duplicate"


def test_the_last_1024_ids_are_remembered() -> None:
    ann = OneShopper()
    ann.feed(event(0, str(number), PAGE_VIEW) for number in range(REMEMBERED_IDS + 1))
    assert ann.apply(event(0, "1", PAGE_VIEW), T) == "duplicate"
    assert ann.apply(event(0, "0", PAGE_VIEW), T) == "applied"


def test_an_id_is_only_found_where_a_hash_begins() -> None:
    ann = OneShopper()
    ann.feed(event(0, str(number), PAGE_VIEW) for number in range(9))
    ids = ann.state.ids
    ann.state.ids = b"\0" + ids[:-1]
    assert ann.apply(event(0, "5", PAGE_VIEW), T) == "applied"


@pytest.mark.parametrize(("session", "verdict"), [("other", "late"), ("s", "applied")])
def test_an_event_that_fits_no_window_is_late_unless_its_session_lives(session: str, verdict: str) -> None:
    ann = OneShopper()
    ann.apply(event(0, "x"), T)
    old = event(-LONGEST, "y", session=session)
    assert ann.apply(old, T + 1) == verdict
    assert (ann.window("24h") or {})["product_view_count"] == 1


def test_an_event_that_fits_the_longest_window_is_not_late() -> None:
    ann = OneShopper()
    ann.apply(event(0, "x"), T)
    old = event(-DAY, "y", session="then")
    assert ann.apply(old, T) == "applied"
    assert (ann.window("24h") or {})["product_view_count"] == 2
    assert ann.session("then") is None
    assert ann.apply(event(-DAY - 1, "z", session="then"), T) == "late"


def test_a_late_event_is_not_remembered_and_its_order_neither() -> None:
    ann = OneShopper()
    bought = Event("ann", "x", T - 2 * DAY, TRANSACTION, "s", transaction_id="t1")
    assert ann.apply(bought, T) == "late"
    assert ann.state.ids == b""
    assert ann.state.orders == {}


def test_an_untyped_action_is_late_when_its_session_cannot_take_it() -> None:
    ann = OneShopper()
    assert ann.apply(event(-DAY, kind=UNTYPED_ACTION), T) == "late"
    assert ann.apply(event(1 - DAY, kind=UNTYPED_ACTION), T) == "applied"


def test_every_record_is_seen_whatever_its_verdict() -> None:
    ann = OneShopper()
    told = [event(0), event(0), event(10 * MINUTE, "y"), event(-3 * DAY, "z", session="then")]
    assert [ann.apply(each, T) for each in told] == ["applied", "duplicate", "future", "late"]
    assert ann.state.seen == 4


def test_as_of_never_goes_back() -> None:
    ann = OneShopper()
    ann.apply(event(0), T + HOUR)
    ann.logic.apply(ann.state, event(0, "y"), T)
    assert ann.state.at == T + HOUR
    assert ann.logic.apply(ann.state, event(FUTURE_MS + HOUR, "z"), T) == "applied"
    assert all(row.at == T + HOUR for row in ann.logic.all_rows(ann.state, "ann"))


def test_a_repeated_transaction_is_an_event_but_no_order() -> None:
    ann = OneShopper()
    for event_id in ("x", "y"):
        fields = {"transaction_id": "t1", "revenue": Money(100, "EUR"), "event_id": event_id}
        assert ann.tell(TRANSACTION, 0, **fields) == "applied"
    window, session = ann.window(), ann.session()
    assert window is not None
    assert session is not None
    assert (window["orders_count"], window["order_value"]) == (1, Money(100, "EUR"))
    assert (session["orders_count"], session["event_count"]) == (1, 2)


def test_transactions_without_an_id_are_orders_of_their_own() -> None:
    ann = OneShopper()
    ann.tell(TRANSACTION)
    ann.tell(TRANSACTION)
    assert (ann.window() or {})["orders_count"] == 2


def test_a_transaction_is_remembered_until_its_pane_would_leave_the_longest_window() -> None:
    ann = OneShopper()
    ann.tell(TRANSACTION, 0, transaction_id="t1")
    ann.tell(TRANSACTION, LONGEST - 1, transaction_id="t1")
    assert (ann.window() or {})["orders_count"] == 0
    ann.tell(TRANSACTION, 2 * LONGEST, transaction_id="t1")
    assert (ann.window() or {})["orders_count"] == 1


def test_of_transactions_the_last_1024_are_remembered() -> None:
    ann = OneShopper()
    names = [str(number) for number in range(REMEMBERED_ORDERS + 1)]
    ann.feed(Event("ann", name, T, TRANSACTION, "s", transaction_id=name) for name in names)
    assert len(ann.state.orders) == REMEMBERED_ORDERS
    assert ann.state.overflow == 1


def test_a_transaction_that_only_its_session_still_knows_is_not_remembered() -> None:
    ann = OneShopper()
    ann.apply(event(0, "x"), T)
    bought = Event("ann", "y", T - LONGEST, TRANSACTION, "s", transaction_id="t1")
    assert ann.apply(bought, T + 1) == "applied"
    assert ann.state.orders == {}
    assert (ann.session() or {})["orders_count"] == 1


def test_a_host_without_rolling_views_still_keeps_sessions() -> None:
    (session,) = (view for view in branch_views("session") if view.scope == "session")
    ann = OneShopper(ShopperLogic((session,)))
    assert ann.tell(TRANSACTION, 0, transaction_id="t1") == "applied"
    assert (ann.session() or {})["orders_count"] == 1
    assert ann.window("24h") is None
    ann.wait(DAY)
    assert ann.session() is None


def test_nothing_is_hosted_means_everything_is_late() -> None:
    ann = OneShopper(ShopperLogic(()))
    assert ann.view() == "late"
    assert ann.shown.rows == {}


def test_the_definitions_are_the_catalogue_s_unless_others_are_given() -> None:
    assert ShopperLogic().definitions == Definitions()
    assert ShopperLogic(definitions=Definitions(checkout_order_step=2)).definitions.checkout_order_step == 2


def test_a_wake_up_that_comes_early_changes_nothing() -> None:
    ann = OneShopper()
    ann.view()
    before = ann.logic.dump(ann.state)
    ann.logic.advance(ann.state, T)
    assert ann.logic.rows(ann.state, "ann") == []
    ann.logic.advance(ann.state, T + 300 * SECOND)
    assert ann.logic.rows(ann.state, "ann") == []
    assert len(ann.logic.dump(ann.state)) == len(before)


def test_lines_of_orders_give_way_before_orders_do() -> None:
    ann = OneShopper()
    ann.tell(TRANSACTION, 0, transaction_id="o1")
    for number in range(REMEMBERED_ORDERS + 4):
        ann.tell(TRANSACTION_ITEM, 0, Product(str(number)), transaction_id="o1")
    ann.tell(TRANSACTION, 0, transaction_id="o1")
    shown = ann.window("5min")
    assert shown is not None
    assert (shown["orders_count"], shown["items_purchased"]) == (1, REMEMBERED_ORDERS + 4)
    assert len(ann.state.orders) == REMEMBERED_ORDERS
