"""The purchase branch: orders, refunds and the checkout funnel."""

from typing import Any

from events.event import (
    ADD_TO_CART,
    CHECKOUT_STEP,
    REFUND,
    REMOVE_FROM_CART,
    TRANSACTION,
    TRANSACTION_ITEM,
    Money,
)
from features.aggregates import Bag, Count, Funnel, Greatest, LatestEntry, MoneySum, Recent, StepOrders, Total
from features.aggregates.base import MOST_CURRENCIES
from features.aggregates.funnel import Begun
from features.definition import Derived, Feature, FeatureView
from features.facts import PurchaseFact
from features.row import MeanMoney
from features.settings import Definitions
from features.views.ratio import ratio

BOUGHT = (TRANSACTION,)
ITEMIZED = (TRANSACTION, TRANSACTION_ITEM)
REFUNDED = (REFUND,)
STEPPED = (CHECKOUT_STEP,)
CHANGED = (ADD_TO_CART, REMOVE_FROM_CART)
REVENUE = MoneySum("revenue")


def both(_transactions: int, _step_orders: int) -> int:
    """Orders of either rule."""
    return _transactions + _step_orders


def both_items(_transacted_items: int, _step_items: int) -> int:
    """Items of either rule's orders."""
    return _transacted_items + _step_items


def both_values(_revenue: MeanMoney | None, _step_value: Money | None) -> Money | None:
    """Value of either rule's orders; both are in the view's currency."""
    if _revenue is None:
        return _step_value
    return Money(_revenue.minor + (_step_value.minor if _step_value else 0), _revenue.currency)


def average(order_value: Money | None, _revenue: MeanMoney | None, _step_valued: int) -> MeanMoney | None:
    """Value per order that has one."""
    if order_value is None:
        return None
    count = (_revenue.count if _revenue else 0) + _step_valued
    return MeanMoney(order_value.minor, count, order_value.currency)


def chosen(_money_told: list[Any] | None, _step_told: list[Any] | None) -> str | None:
    """The currency of whichever is the later: transactions and refunds, or orders of the checkout-step rule."""
    latest = max(_money_told or [], _step_told or [])
    return str(latest[2]) if latest else None


def mixed(_money_currencies: list[str] | None, _step_currencies: list[str] | None) -> bool | None:
    """True if there are several of either rule, else None."""
    return True if len({*(_money_currencies or ()), *(_step_currencies or ())}) > 1 else None


def completion(_begun: list[Begun], _step_sessions: list[tuple[Any, int]]) -> float | None:
    """Of the sessions that began a checkout, the share with an order of either rule."""
    ordered = {session for session, _ in _step_sessions}
    moments = [at for session, at in _step_sessions if session is None]
    bought = sum(
        1
        for key, paid in _begun
        if paid
        or (any(key[0] <= at <= key[1] for at in moments) if isinstance(key, tuple) else key in ordered)
    )
    return ratio(bought, len(_begun))


def view(definitions: Definitions) -> FeatureView:
    """The view; with a checkout-order step it also reads the adds and removes."""
    rule = StepOrders(definitions.checkout_order_step, definitions.session_gap_ms)
    kinds = {TRANSACTION, TRANSACTION_ITEM, REFUND, CHECKOUT_STEP}
    read: tuple[str, ...] = STEPPED
    if definitions.checkout_order_step:
        kinds.update(CHANGED)
        read = (*STEPPED, *CHANGED, *BOUGHT)
    funnel = Funnel(definitions.session_gap_ms)
    return FeatureView(
        name="purchase",
        branch="purchase",
        fact=PurchaseFact.of,
        kinds=frozenset(kinds),
        sessionless=True,
        currency=("purchase_currency",),
        mixed="_money_currencies",
        features=(
            Feature("_money_told", LatestEntry("currency"), "The latest transaction or refund with an amount.", type="list"),
            Feature("_step_told", rule, "The latest order of the checkout-step rule with a value.", read, "told", "list"),
            Derived("purchase_currency", chosen, "Currency of the latest order or refund with an amount.", "str", "ISO 4217"),
            Feature("_money_currencies", Recent("currencies", most=MOST_CURRENCIES), "Currencies of transactions and refunds.", read="listed", type="list"),
            Feature("_step_currencies", rule, "Currencies of the checkout-step rule's orders.", read, "currencies", "list"),
            Derived("purchase_currency_mixed", mixed, "1 if amounts in several currencies are inside.", "bool"),
            Feature("_transactions", Count("order"), "Transactions with an id not seen before.", BOUGHT),
            Feature("_step_orders", rule, "Orders of the checkout-step rule.", read),
            Feature("_revenue", REVENUE, "Revenue of the transactions.", BOUGHT, "mean", "money"),
            Feature("_step_value", rule, "Worth of the checkout-step rule's orders.", read, "value", "money"),
            Feature("_step_valued", rule, "How many of those have a worth.", read, "valued"),
            Feature("_transacted_items", Total("items"), "Items of the transactions.", ITEMIZED, formerly=BOUGHT),
            Feature("_step_items", rule, "Items of the checkout-step rule's orders.", read, "items"),
            Derived("orders_count", both, "Orders: transactions with different ids (and the checkout-step rule's, where it is on).", unit="orders"),
            Derived("order_value", both_values, "Revenue of the orders; refunds are not netted.", "money", "purchase_currency"),
            Derived("avg_order_value", average, "Order value per order that has one.", "money", "purchase_currency"),
            Derived("items_purchased", both_items, "Items bought: total_quantity, else the products' quantities, be they told with the order or line by line.", unit="items"),
            Feature("top_purchased_category", Bag("categories"), "Category of most items; ties: most recent, then alphabetical.", ITEMIZED, "top", "str", "category", BOUGHT),
            Feature("refund_count", Count(), "Refunds.", REFUNDED, unit="events"),
            Feature("refund_value", MoneySum("refunds"), "Amounts refunded.", REFUNDED, type="money", unit="purchase_currency"),
            Feature("checkout_started_count", funnel, "Sessions with a first checkout step.", unit="sessions"),
            Feature("checkout_furthest_step", Greatest("step"), "Greatest checkout step.", STEPPED, unit="step"),
            Feature("_begun", funnel, "Those sessions, and whether they bought.", read="begun", type="list"),
            Feature("_step_sessions", rule, "Sessions of the checkout-step rule's orders.", read, "sessions", "list"),
            Derived("checkout_completion_rate", completion, "Of the sessions that began a checkout, the share with an order.", "float", "0..1"),
        ),
    )  # fmt: skip
