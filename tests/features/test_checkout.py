"""Checkouts that become orders: the funnel, and the rule that a checkout step is an order."""

from events.event import (
    ADD_TO_CART,
    CHECKOUT_STEP,
    PAGE_VIEW,
    REMOVE_FROM_CART,
    TRANSACTION,
    Event,
    Money,
    Product,
)
from features.logic import ShopperLogic
from features.row import MeanMoney
from features.settings import Definitions
from tests.features.one_shopper import HOUR, MINUTE, OneShopper, T

HAT = Product("hat", "hats", Money(2_000, "EUR"))
TWO_HATS = Product("hat", "hats", Money(2_000, "EUR"), 2)
PEN = Product("pen", "pens", Money(300, "USD"))
UNPRICED = Product("gift", "gifts", None, 3)
GAP = 30 * MINUTE


def by_steps() -> OneShopper:
    """Ann in a shop where step 2 is an order."""
    return OneShopper(ShopperLogic(definitions=Definitions(checkout_order_step=2)))


def orders(ann: OneShopper, window: str = "5min") -> tuple[object, object, object]:
    """Number, value and items of the orders in a window or the session, which agree where both have them."""
    shown = ann.session() if window == "session" else ann.window(window)
    assert shown is not None
    return shown["orders_count"], shown.get("order_value"), shown["items_purchased"]


def test_a_checkout_is_completed_by_an_order_of_the_same_session() -> None:
    ann = OneShopper()
    ann.tell(CHECKOUT_STEP, 0, step=1, session_id="a")
    ann.tell(CHECKOUT_STEP, 1, step=1, session_id="a")
    ann.tell(CHECKOUT_STEP, 2, step=1, session_id="b")
    ann.tell(CHECKOUT_STEP, 3, step=2, session_id="c")
    ann.tell(TRANSACTION, 4, session_id="c")
    ann.tell(TRANSACTION, 5, session_id="a")
    window = ann.window()
    assert window is not None
    assert (window["checkout_started_count"], window["checkout_completion_rate"]) == (2, 0.5)


def test_without_session_ids_the_gap_tells_checkouts_apart() -> None:
    ann = OneShopper()

    def lost(at: int, kind: str, **fields: int) -> None:
        ann.tell(kind, at, session_id=None, **fields)

    lost(0, CHECKOUT_STEP, step=1)
    lost(GAP, PAGE_VIEW)
    lost(2 * GAP, TRANSACTION)
    lost(3 * GAP + 1, CHECKOUT_STEP, step=1)
    window = ann.window("24h")
    assert window is not None
    assert (window["checkout_started_count"], window["checkout_completion_rate"]) == (2, 0.5)


def test_a_step_after_an_add_is_an_order_worth_adds_less_removes() -> None:
    ann = by_steps()
    ann.tell(ADD_TO_CART, 0, TWO_HATS)
    ann.tell(REMOVE_FROM_CART, 1, HAT)
    ann.tell(CHECKOUT_STEP, 2, step=2)
    for where in ("5min", "session"):
        assert orders(ann, where) == (1, Money(2_000, "EUR"), 1)
    assert (ann.window() or {})["avg_order_value"] == MeanMoney(2_000, 1, "EUR")


def test_a_step_without_an_add_since_the_last_order_is_none() -> None:
    ann = by_steps()
    ann.tell(REMOVE_FROM_CART, 0, HAT)
    ann.tell(CHECKOUT_STEP, 1, step=2)
    ann.tell(ADD_TO_CART, 2, HAT)
    ann.tell(CHECKOUT_STEP, 3, step=1)
    assert orders(ann)[0] == 0
    ann.tell(CHECKOUT_STEP, 4, step=2)
    ann.tell(CHECKOUT_STEP, 5, step=2)
    assert orders(ann)[0] == 1


def test_the_rule_is_off_unless_a_step_is_set() -> None:
    ann = OneShopper()
    ann.tell(ADD_TO_CART, 0, HAT)
    ann.tell(CHECKOUT_STEP, 1, step=2)
    assert orders(ann) == (0, None, 0)


def test_adds_of_another_session_are_not_bought() -> None:
    ann = by_steps()
    ann.tell(ADD_TO_CART, 0, HAT, session_id="a")
    ann.tell(CHECKOUT_STEP, 1, step=2, session_id="b")
    assert orders(ann)[0] == 0


def test_an_order_is_never_worth_less_than_nothing() -> None:
    ann = by_steps()
    ann.tell(ADD_TO_CART, 0, HAT)
    ann.tell(REMOVE_FROM_CART, 1, TWO_HATS)
    ann.tell(CHECKOUT_STEP, 2, step=2)
    assert orders(ann) == (1, Money(0, "EUR"), 0)


def test_an_order_of_unpriced_products_counts_without_a_value() -> None:
    ann = by_steps()
    ann.tell(ADD_TO_CART, 0, UNPRICED)
    ann.tell(CHECKOUT_STEP, 1, step=2)
    assert orders(ann) == (1, None, 3)
    assert "avg_order_value" not in (ann.window() or {})


def test_an_order_is_worth_what_it_holds_in_the_currency_of_the_latest_add() -> None:
    ann = by_steps()
    ann.tell(ADD_TO_CART, 0, HAT)
    ann.tell(ADD_TO_CART, 1, PEN)
    ann.tell(CHECKOUT_STEP, 2, step=2)
    assert orders(ann) == (1, Money(300, "USD"), 2)
    assert (ann.window() or {})["purchase_currency"] == "USD"


def test_orders_of_both_rules_are_counted_together() -> None:
    ann = by_steps()
    ann.tell(TRANSACTION, 0, revenue=Money(1_000, "EUR"), total_quantity=4)
    ann.tell(ADD_TO_CART, 1, HAT)
    ann.tell(CHECKOUT_STEP, 2, step=2)
    for where in ("5min", "session"):
        assert orders(ann, where) == (2, Money(3_000, "EUR"), 5)
    assert (ann.window() or {})["avg_order_value"] == MeanMoney(3_000, 2, "EUR")


def test_a_transaction_buys_what_is_in_the_cart_so_a_later_step_is_no_order() -> None:
    ann = by_steps()
    ann.tell(ADD_TO_CART, 0, HAT)
    ann.tell(TRANSACTION, 1, revenue=Money(2_000, "EUR"), total_quantity=1)
    ann.tell(CHECKOUT_STEP, 2, step=2)
    for where in ("5min", "session"):
        assert orders(ann, where) == (1, Money(2_000, "EUR"), 1)


def test_an_order_counts_where_its_step_does_though_the_adds_are_older() -> None:
    ann = by_steps()
    ann.tell(ADD_TO_CART, 0, HAT)
    ann.tell(CHECKOUT_STEP, MINUTE, step=2)
    ann.tell(ADD_TO_CART, 2 * MINUTE, PEN)
    ann.tell(CHECKOUT_STEP, HOUR, step=2)
    assert orders(ann, "5min") == (1, Money(300, "USD"), 1)
    ann.wait(HOUR + MINUTE)
    assert orders(ann, "1h") == (2, Money(300, "USD"), 2)
    ann.wait(HOUR + 2 * MINUTE)
    assert orders(ann, "1h") == (1, Money(300, "USD"), 1)


def test_an_add_that_comes_late_makes_the_step_an_order_in_every_window() -> None:
    ann = by_steps()
    ann.tell(CHECKOUT_STEP, 0, step=2)
    ann.apply(Event("ann", "late", T - 10 * MINUTE, ADD_TO_CART, "s", products=(HAT,)), T + 1)
    assert [orders(ann, label)[0] for label in ("5min", "1h", "24h")] == [1, 1, 1]


def test_an_order_whose_add_has_left_the_longest_window_is_none_in_any_window() -> None:
    ann = by_steps()
    ann.tell(ADD_TO_CART, 0, HAT)
    ann.tell(CHECKOUT_STEP, 24 * HOUR + 14 * MINUTE, step=2)
    assert [orders(ann, label)[0] for label in ("5min", "1h", "24h")] == [1, 1, 1]
    ann.wait(24 * HOUR + 15 * MINUTE)
    assert [orders(ann, label)[0] for label in ("5min", "1h", "24h")] == [0, 0, 0]


def test_without_session_ids_a_cart_does_not_outlive_the_gap() -> None:
    ann = by_steps()
    ann.tell(ADD_TO_CART, 0, HAT, session_id=None)
    ann.tell(CHECKOUT_STEP, 2 * HOUR, step=2, session_id=None)
    assert orders(ann, "session")[0] == 0
    assert orders(ann, "24h")[0] == 0
