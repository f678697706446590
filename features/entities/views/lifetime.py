"""A shopper as long as anything is known: `user:<id>:lifetime`."""

from events.money import DIGITS
from features.definition import Derived
from features.entities.aggregates import Count, Days, First, Last, Prices
from features.entities.definition import EntityFeature, EntityView
from features.entities.interaction import ADD, ANY_OTHER, CLICK, LIKED, PURCHASE, VIEW
from features.entities.settings import EntitySettings
from features.row import MeanMoney
from features.views.ratio import ratio

BROWSES_FROM = 100
"""Interactions from which a shopper without a purchase is a browser."""
REGULAR_FROM, POWER_FROM = 2, 5
"""Purchases."""


def view_to_click_rate(clicks: int, views: int) -> float | None:
    """Clicks per view."""
    return ratio(clicks, views)


def click_to_cart_rate(add_to_cart: int, clicks: int) -> float | None:
    """Adds per click."""
    return ratio(add_to_cart, clicks)


def cart_to_purchase_rate(purchases: int, add_to_cart: int) -> float | None:
    """Purchases per add."""
    return ratio(purchases, add_to_cart)


def user_segment(total_interactions: int, purchases: int) -> str:
    """How the shopper shops."""
    if purchases >= POWER_FROM:
        return "power_buyer"
    if purchases >= REGULAR_FROM:
        return "regular_buyer"
    if purchases:
        return "one_time_buyer"
    return "browser" if total_interactions >= BROWSES_FROM else "casual"


def view(settings: EntitySettings) -> EntityView:
    """The view."""
    unit = 10 ** DIGITS[settings.currency]
    budget, mid, high = (bound * unit for bound in settings.price_bounds)

    def price_preference(avg_purchase_price: MeanMoney | None) -> str | None:
        if avg_purchase_price is None:
            return None
        total, number, _ = avg_purchase_price
        if total < budget * number:
            return "budget"
        if total < mid * number:
            return "mid"
        return "high" if total < high * number else "luxury"

    prices, low, middle, top = Prices(settings.currency), *settings.price_bounds
    bounds = f"below {low} {settings.currency} budget, below {middle} mid, below {top} high, else luxury"
    return EntityView(
        name="lifetime",
        key=("shopper",),
        of="event",
        row=("user", "lifetime"),
        expiry=settings.expiry,
        features=(
            EntityFeature("total_interactions", Count(VIEW, CLICK, ADD, PURCHASE, LIKED, ANY_OTHER), "Product views, list clicks, adds, orders, likes, and other events that name a seller.", unit="events"),
            EntityFeature("views", Count(VIEW), "Product views.", unit="events"),
            EntityFeature("clicks", Count(CLICK), "List clicks.", unit="events"),
            EntityFeature("add_to_cart", Count(ADD), "Adds to the cart.", unit="events"),
            EntityFeature("purchases", Count(PURCHASE), "Orders.", unit="events"),
            EntityFeature("first_interaction", First(), "Event time of the earliest interaction.", type="ms", unit="epoch ms"),
            EntityFeature("last_interaction", Last(), "Event time of the latest interaction.", type="ms", unit="epoch ms"),
            EntityFeature("days_active", Days(), "Different days of UTC with an interaction.", unit="days"),
            Derived("view_to_click_rate", view_to_click_rate, "Clicks per view; absent without views.", "float", "clicks per view"),
            Derived("click_to_cart_rate", click_to_cart_rate, "Adds per click; absent without clicks.", "float", "adds per click"),
            Derived("cart_to_purchase_rate", cart_to_purchase_rate, "Orders per add; absent without adds.", "float", "orders per add"),
            EntityFeature("avg_purchase_price", prices, "Mean unit price of what was bought, a line of an order each; absent without any.", "result", "money", settings.currency),
            EntityFeature("min_purchase_price", prices, "Least of these prices.", "least", "money", settings.currency),
            EntityFeature("max_purchase_price", prices, "Greatest of these prices.", "greatest", "money", settings.currency),
            Derived("price_preference", price_preference, f"By the mean of these prices: {bounds}; absent without any.", "str"),
            Derived("user_segment", user_segment, "Without an order browser from 100 interactions on, else casual; 1 order one_time_buyer, 2 to 4 regular_buyer, from 5 on power_buyer.", "str"),
        ),
    )  # fmt: skip
