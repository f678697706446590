"""Shopper × product: `user:<id>:item:<id>`."""

from datetime import timedelta

from features.definition import Derived
from features.entities.aggregates import Count, Last, Seconds
from features.entities.definition import EntityFeature, EntityView
from features.entities.interaction import ADD, CLICK, LIKED, PURCHASE, VIEW
from features.entities.settings import EntitySettings
from features.views.ratio import ratio


def view(settings: EntitySettings) -> EntityView:
    """The view."""

    def score(views: int, clicks: int, add_to_cart: int, purchases: int) -> int:
        return settings.weights.of(views, clicks, add_to_cart, purchases)

    def avg_time_seconds(_seconds: int | None, views: int) -> float | None:
        return None if _seconds is None else ratio(_seconds, views)

    return EntityView(
        name="item",
        key=("shopper", "product"),
        of="product",
        row=("user", "item"),
        expiry=settings.pair_expiry,
        every=timedelta(0),
        kinds=frozenset({VIEW, CLICK, ADD, PURCHASE, LIKED}),
        features=(
            EntityFeature("views", Count(VIEW), "Product views of the product by the shopper.", unit="events"),
            EntityFeature("clicks", Count(CLICK), "List clicks on it.", unit="events"),
            EntityFeature("add_to_cart", Count(ADD), "Adds of it to the cart, whatever the quantity.", unit="events"),
            EntityFeature("purchases", Count(PURCHASE), "Orders with it, and lines of orders that are events of their own.", unit="events"),
            EntityFeature("likes", Count(LIKED), "Likes of it.", unit="events"),
            EntityFeature("last_interaction", Last(), "Event time of the latest of these.", type="ms", unit="epoch ms"),
            EntityFeature("_seconds", Seconds(), "Time on pages with a view of the product.", type="s", unit="s"),
            Derived("avg_time_seconds", avg_time_seconds, "Seconds that its pages were looked at, a view: different heartbeats of 10 s of pages (`web_page.id`) on which it was viewed; absent without a ping, or without the view `time`.", "float", "s per view"),
            Derived("score", score, "Weighted views, clicks, adds and purchases; with recency it is score × exp(−days/30), days since last_interaction, when it is read.", unit="weight"),
        ),
    )  # fmt: skip
