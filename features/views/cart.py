"""The cart branch: what goes in, what goes out, what is in."""

from events.event import ADD_TO_CART, REMOVE_FROM_CART, TRANSACTION
from features.aggregates import CartValue, Count, Latest, MoneySum, Recent
from features.aggregates.base import MOST_CURRENCIES
from features.definition import Derived, Feature, FeatureView
from features.facts import CartFact
from features.settings import Definitions

ADDED = (ADD_TO_CART,)
REMOVED = (REMOVE_FROM_CART,)
CHANGED = (ADD_TO_CART, REMOVE_FROM_CART)


def updates(cart_add_count: int, cart_remove_count: int) -> int:
    """Adds and removes."""
    return cart_add_count + cart_remove_count


def view(definitions: Definitions) -> FeatureView:
    """The view; a transaction empties the cart."""
    return FeatureView(
        name="cart",
        branch="cart",
        fact=CartFact.of,
        kinds=frozenset({ADD_TO_CART, REMOVE_FROM_CART, TRANSACTION}),
        currency=("cart_currency",),
        mixed="cart_currency_mixed",
        features=(
            Feature("cart_currency", Latest("currency"), "Currency of the latest cart event with money.", CHANGED, type="str", unit="ISO 4217"),
            Feature("cart_currency_mixed", Recent("currencies", most=MOST_CURRENCIES), "1 if amounts in several currencies are inside.", CHANGED, "mixed", "bool"),
            Feature("cart_add_count", Count(), "Times something was put into the cart.", ADDED, unit="events"),
            Feature("cart_remove_count", Count(), "Times something was taken out.", REMOVED, unit="events"),
            Derived("cart_update_count", updates, "Adds and removes together.", unit="events"),
            Feature("cart_added_value", MoneySum("values"), "Price times quantity of what was put in.", ADDED, type="money", unit="cart_currency"),
            Feature("cart_removed_value", MoneySum("values"), "Price times quantity of what was taken out.", REMOVED, type="money", unit="cart_currency"),
            Feature("last_cart_change", Latest("at"), "Event time of the latest add or remove.", CHANGED, type="ms", unit="epoch ms"),
            Feature("cart_value", CartValue(), "Value of the cart after its last change; a later transaction makes it 0.", type="money", unit="cart_currency"),
        ),
    )  # fmt: skip
