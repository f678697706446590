"""The session branch: one value a session."""

from events.event import (
    ADD_TO_CART,
    CHECKOUT_STEP,
    LIST_VIEW,
    PAGE_VIEW,
    PRODUCT_VIEW,
    REFUND,
    REMOVE_FROM_CART,
    SCREEN_VIEW,
    TRANSACTION,
    TRANSACTION_ERROR,
    Money,
)
from features.aggregates import (
    Count,
    Distinct,
    Engagement,
    FirstTouch,
    Greatest,
    LastPage,
    Latest,
    LatestEntry,
    MoneySum,
    Own,
    Recent,
    StepOrders,
    Total,
)
from features.aggregates.base import MOST_CURRENCIES
from features.aggregates.engagement import HEARTBEAT_S
from features.definition import Derived, Feature, FeatureView
from features.facts import LiveShopperFact, SessionFact
from features.settings import Definitions
from features.views.purchase import ITEMIZED, both, both_items, chosen, mixed
from features.views.ratio import ratio

COMMERCE = (ADD_TO_CART, REMOVE_FROM_CART, CHECKOUT_STEP, TRANSACTION, REFUND, TRANSACTION_ERROR)
FIRST = FirstTouch()
PAGES = Engagement()
TWO = 2
LIVE_SHOPPER = (
    Feature("device_types", Recent("devices"), "Device types used, sorted.", read="listed", type="list", unit="device type"),
    Feature("latest_platform", Latest("platform"), "Platform of the latest event that tells one.", type="str", unit="Snowplow platform"),
)  # fmt: skip
"""Where the layout `live-shopper` is on: nobody else reads them, and every feature costs."""
WHOLE_SESSION = 2**62
"""A pause that nothing exceeds: what lies in one session belongs together."""


def pages(_identified_pages: int, _unidentified_pages: int, _screens: int) -> int:
    """Pages and screens."""
    return _identified_pages + _unidentified_pages + _screens


def worth(_revenue: Money | None, _step_value: Money | None) -> Money | None:
    """Value of either rule's orders."""
    if _revenue is None or _step_value is None:
        return _revenue or _step_value
    return Money(_revenue.minor + _step_value.minor, _revenue.currency)


def adds_per_view(cart_add_count: int, product_view_count: int) -> float | None:
    """Adds per product view."""
    return ratio(cart_add_count, product_view_count)


def bounced(page_count: int, product_view_count: int, _commerce_count: int) -> bool:
    """Neither a second page, nor a second product, nor a cart."""
    return page_count < TWO and product_view_count < TWO and not _commerce_count


def engagement(engaged_time: int | None, _pages: int | None, orders_count: int) -> bool | None:
    """Snowplow's rule: two pages, two heartbeats or a conversion."""
    if engaged_time is None or _pages is None:
        return None
    return _pages >= TWO or engaged_time / HEARTBEAT_S >= TWO or orders_count > 0


def conversion(orders_count: int) -> bool:
    """Any order."""
    return orders_count > 0


def abandonment(
    orders_count: int, carts_created: int, cart_add_count: int, cart_remove_count: int
) -> bool | None:
    """Fewer orders than carts; None without cart or order."""
    if not (cart_add_count or cart_remove_count or orders_count):
        return None
    return orders_count < carts_created


def view(definitions: Definitions) -> FeatureView:
    """The view, by the tracker's sessions or, where it made none, by gap."""
    rule = StepOrders(definitions.checkout_order_step, gap_ms=WHOLE_SESSION)
    stepped = (CHECKOUT_STEP, ADD_TO_CART, REMOVE_FROM_CART, TRANSACTION)
    return FeatureView(
        name="session",
        branch="session",
        scope="session",
        fact=LiveShopperFact.of if definitions.live_shopper else SessionFact.of,
        currency=("session_currency",),
        mixed="_money_currencies",
        features=(
            Feature("session_id", Own("id"), "The tracker's session id; `<shopper>~<start>` where it made none.", type="str", unit="session id"),
            Feature("session_start", Own("start"), "Event time of the first event.", type="ms", unit="epoch ms"),
            Feature("session_duration", Own("duration"), "Event time of the last event less that of the first.", type="ms", unit="ms"),
            Feature("session_open", Own("open"), "1 until 30 minutes (setting session_gap_min) after the last event.", type="bool"),
            Feature("event_count", Own("events"), "Applied events.", unit="events"),
            Feature("_identified_pages", Distinct("page_keys"), "Different web_page ids of page views.", (PAGE_VIEW,)),
            Feature("_unidentified_pages", Count("unidentified"), "Page views without a web_page id.", (PAGE_VIEW,)),
            Feature("_screens", Count(), "Screen views.", (SCREEN_VIEW,)),
            Derived("page_count", pages, "Different web_page ids of page views (page views where there is none) and screen views.", unit="pages"),
            Feature("product_view_count", Count(), "Product views.", (PRODUCT_VIEW,), unit="events"),
            Feature("list_view_count", Count(), "List views.", (LIST_VIEW,), unit="events"),
            Feature("cart_add_count", Count(), "Times something was put into the cart.", (ADD_TO_CART,), unit="events"),
            Feature("cart_remove_count", Count(), "Times something was taken out.", (REMOVE_FROM_CART,), unit="events"),
            Feature("_money_told", LatestEntry("currency"), "The latest order with revenue.", (TRANSACTION,), type="list"),
            Feature("_step_told", rule, "The latest order of the checkout-step rule with a value.", stepped, "told", "list"),
            Derived("session_currency", chosen, "Currency of the latest order with a value.", "str", "ISO 4217"),
            Feature("_money_currencies", Recent("currencies", most=MOST_CURRENCIES), "Currencies of orders with revenue.", (TRANSACTION,), "listed", "list"),
            Feature("_step_currencies", rule, "Currencies of the checkout-step rule's orders.", stepped, "currencies", "list"),
            Derived("session_currency_mixed", mixed, "1 if orders in several currencies are inside.", "bool"),
            Feature("_transactions", Count("order"), "Transactions with an id not seen before.", (TRANSACTION,)),
            Feature("_step_orders", rule, "Orders of the checkout-step rule.", stepped),
            Feature("_revenue", MoneySum("revenue"), "Revenue of the transactions.", (TRANSACTION,), type="money"),
            Feature("_step_value", rule, "Worth of the checkout-step rule's orders.", stepped, "value", "money"),
            Feature("_transacted_items", Total("items"), "Items of the transactions.", ITEMIZED, formerly=(TRANSACTION,)),
            Feature("_step_items", rule, "Items of the checkout-step rule's orders.", stepped, "items"),
            Derived("orders_count", both, "Orders: transactions with different ids (and the checkout-step rule's, where it is on).", unit="orders"),
            Derived("order_value", worth, "Revenue of the orders.", "money", "session_currency"),
            Derived("items_purchased", both_items, "Items bought.", unit="items"),
            Derived("cart_ratio", adds_per_view, "Adds per product view; absent without views.", "float", "adds per view"),
            Feature("search_count", Count("search"), "Site searches, and page views whose path or query is a search (settings search_path, search_parameters).", unit="events"),
            Feature("_commerce_count", Count(), "Cart, checkout and purchase events.", COMMERCE),
            Derived("bounce", bounced, "1 with fewer than two pages, fewer than two product views, and no cart, checkout or purchase event.", "bool"),
            Feature("engaged_time", PAGES, "Snowplow's heartbeat formula: 10 s a ping after a page's first, 5 s a page with pings; absent without web_page ids.", type="s", unit="s"),
            Feature("_pages", PAGES, "Pages viewed or pinged.", read="pages"),
            Derived("engaged", engagement, "1 with two pages, two heartbeats of engaged time or an order; absent without web_page ids.", "bool"),
            Feature("marketing_campaign", FIRST, "Campaign of the first page.", read="campaign", type="str"),
            Feature("marketing_source", FIRST, "Marketing source of the first page.", read="source", type="str"),
            Feature("marketing_medium", FIRST, "Marketing medium of the first page.", read="medium", type="str"),
            Feature("referrer", FIRST, "Referring URL of the first page, without query and fragment.", read="referrer", type="str", unit="URL"),
            Feature("landing_page", FIRST, "URL of the first page, without query and fragment.", type="str", unit="URL"),
            Feature("device_type", FIRST, "Device type at the first page.", read="device", type="str", unit="device type"),
            Feature("exit_page", LastPage(), "URL of the last page, without query and fragment.", type="str", unit="URL"),
            Feature("checkout_step", Greatest("step"), "Greatest checkout step; a transaction does not raise it.", (CHECKOUT_STEP,), unit="step"),
            Derived("converted", conversion, "1 with an order.", "bool"),
            Feature("carts_created", Count("cart_created"), "Adds after which the cart holds just what they put in (sum of unit prices = cart total).", (ADD_TO_CART,), unit="events"),
            Derived("cart_abandoned", abandonment, "1 with fewer orders than carts created; absent without cart or order.", "bool"),
            *(LIVE_SHOPPER if definitions.live_shopper else ()),
        ),
    )  # fmt: skip
