"""Product: `product:<id>:stats`."""

from events.sides.row import PRODUCTS
from features.definition import Derived
from features.entities.aggregates import Count, Last, Shoppers, Trend
from features.entities.definition import EntityFeature, EntityView, Leaders
from features.entities.interaction import ADD, CLICK, LIKED, PURCHASE, VIEW
from features.entities.settings import EntitySettings
from features.entities.sides import Side
from features.settings import ONE_DAY, ONE_HOUR
from features.views.ratio import ratio


def click_through_rate(clicks: int, total_views: int) -> float | None:
    """Clicks per view."""
    return ratio(clicks, total_views)


def add_to_cart_rate(carts: int, total_views: int) -> float | None:
    """Adds per view."""
    return ratio(carts, total_views)


def purchase_rate(total_purchases: int, total_views: int) -> float | None:
    """Purchases per view."""
    return ratio(total_purchases, total_views)


def view(settings: EntitySettings) -> EntityView:
    """The view."""

    def popularity(total_views: int, clicks: int, carts: int, total_purchases: int) -> int:
        return settings.weights.of(total_views, clicks, carts, total_purchases)

    catalogue = Side(PRODUCTS)
    hour, day = Trend(ONE_HOUR, settings.weights), Trend(ONE_DAY, settings.weights)
    return EntityView(
        name="product",
        key=("product",),
        of="product",
        row=("product", "stats"),
        expiry=settings.expiry,
        kinds=frozenset({VIEW, CLICK, ADD, PURCHASE, LIKED}),
        features=(
            EntityFeature("total_views", Count(VIEW), "Product views by anybody.", unit="events"),
            EntityFeature("clicks", Count(CLICK), "List clicks.", unit="events"),
            EntityFeature("carts", Count(ADD), "Adds to a cart, whatever the quantity.", unit="events"),
            EntityFeature("total_purchases", Count(PURCHASE), "Orders with it, and lines of orders that are events of their own.", unit="events"),
            EntityFeature("unique_users", Shoppers(), "Different shoppers among all of these; exact up to 1,000, then by HyperLogLog with a standard error of 1.6 %.", unit="shoppers"),
            EntityFeature("last_interaction", Last(), "Event time of the latest of these.", type="ms", unit="epoch ms"),
            Derived("click_through_rate", click_through_rate, "Clicks per view; absent without views.", "float", "clicks per view"),
            Derived("add_to_cart_rate", add_to_cart_rate, "Adds per view; absent without views.", "float", "adds per view"),
            Derived("purchase_rate", purchase_rate, "Purchases per view; absent without views.", "float", "purchases per view"),
            Derived("popularity", popularity, "Weighted views, clicks, adds and purchases.", unit="weight"),
            EntityFeature("trending_1h", hour, "The same of the last hour, in panes of 1 min; 0 without any.", unit="weight"),
            EntityFeature("trending_24h", day, "The same of the last 24 hours, in panes of 15 min; 0 without any.", unit="weight"),
            EntityFeature("product_name", catalogue, "Its name in the side input `products`; absent without a row there, or a name in it.", "name", "str"),
            EntityFeature("category", catalogue, "Its category there, levels joined by `/`; absent likewise.", "category", "str", "category"),
            EntityFeature("price", catalogue, "What one costs there, in `price_currency`; absent likewise.", "price", "money", "price_currency"),
            EntityFeature("price_currency", catalogue, "Currency of `price`; absent with it.", "currency", "str", "ISO 4217"),
        ),
        leaders=(
            Leaders("trending_1h", ("products", "trending", "1h"), settings.ranking_most, ONE_HOUR.size + ONE_HOUR.pane, "Products by `trending_1h`, those above 0; ties at the bound: the id that comes first."),
        ),
    )  # fmt: skip
