"""Shopper × seller: `user:<id>:seller:<id>`."""

from features.definition import Derived
from features.entities.aggregates import Count, First, Last
from features.entities.definition import EntityFeature, EntityView
from features.entities.interaction import ADD, ANY_OTHER, CLICK, LIKED, PURCHASE, VIEW
from features.entities.settings import EntitySettings

KINDS = frozenset({VIEW, LIKED, PURCHASE, CLICK, ADD, ANY_OTHER})
"""Of an event that names a seller."""


def view(settings: EntitySettings) -> EntityView:
    """The view."""
    weights = settings.seller_weights

    def score(like_count: int, view_count: int, purchase_count: int, other_count: int) -> int:
        return (
            weights.like * like_count
            + weights.view * view_count
            + weights.purchase * purchase_count
            + weights.other * other_count
        )

    return EntityView(
        name="seller",
        key=("shopper", "seller"),
        of="seller",
        row=("user", "seller"),
        expiry=settings.pair_expiry,
        kinds=KINDS,
        features=(
            EntityFeature("number_of_interactions", Count(), "Events of the shopper that name the seller.", unit="events"),
            EntityFeature("like_count", Count(LIKED), "Likes among them.", unit="events"),
            EntityFeature("view_count", Count(VIEW), "Product views among them.", unit="events"),
            EntityFeature("purchase_count", Count(PURCHASE), "Orders among them.", unit="events"),
            EntityFeature("other_count", Count(CLICK, ADD, ANY_OTHER), "All others among them.", unit="events"),
            EntityFeature("first_interaction", First(), "Event time of the earliest of them.", type="ms", unit="epoch ms"),
            EntityFeature("last_interaction", Last(), "Event time of the latest of them.", type="ms", unit="epoch ms"),
            Derived("score", score, "Weighted likes, views, purchases and others.", unit="weight"),
        ),
    )  # fmt: skip
