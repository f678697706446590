"""Shopper × category: `user:<id>:category:<category>`."""

from features.definition import Derived
from features.entities.aggregates import Count, Last
from features.entities.definition import EntityFeature, EntityView
from features.entities.interaction import ADD, CLICK, LIKED, PURCHASE, VIEW
from features.entities.settings import EntitySettings


def view(settings: EntitySettings) -> EntityView:
    """The view."""

    def score(views: int, clicks: int, add_to_cart: int, purchases: int) -> int:
        return settings.weights.of(views, clicks, add_to_cart, purchases)

    return EntityView(
        name="category",
        key=("shopper", "category"),
        of="category",
        row=("user", "category"),
        expiry=settings.pair_expiry,
        kinds=frozenset({VIEW, CLICK, ADD, PURCHASE, LIKED}),
        features=(
            EntityFeature("views", Count(VIEW), "Product views with a product of the category, as sent.", unit="events"),
            EntityFeature("clicks", Count(CLICK), "List clicks on one.", unit="events"),
            EntityFeature("add_to_cart", Count(ADD), "Adds of one to the cart.", unit="events"),
            EntityFeature("purchases", Count(PURCHASE), "Orders with one, and lines of orders that are events of their own.", unit="events"),
            EntityFeature("last_interaction", Last(), "Event time of the latest of these.", type="ms", unit="epoch ms"),
            Derived("score", score, "Weighted views, clicks, adds and purchases.", unit="weight"),
        ),
    )  # fmt: skip
