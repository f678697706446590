"""Shopper × seller: `user:<id>:seller:<id>`."""

from events.sides.row import PROFILES, SELLERS
from features.definition import Derived
from features.entities.aggregates import Count, First, Last
from features.entities.definition import EntityFeature, EntityView
from features.entities.interaction import ADD, ANY_OTHER, CLICK, LIKED, PURCHASE, VIEW
from features.entities.settings import EntitySettings
from features.entities.sides import Side

KINDS = frozenset({VIEW, LIKED, PURCHASE, CLICK, ADD, ANY_OTHER})
"""Of an event that names a seller."""


def favorites_match(_favourites: list[str] | None, _sold: list[str] | None) -> int | None:
    """How many categories a user's favourites and a seller's have in common."""
    if _favourites is None or _sold is None:
        return None
    return len(set(_favourites).intersection(_sold))


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
            EntityFeature("_favourites", Side(PROFILES), "The shopper's favourite categories in the side input `profiles`.", "categories", "list", "category"),
            EntityFeature("_sold", Side(SELLERS), "The seller's in the side input `sellers`.", "categories", "list", "category"),
            Derived("favorites_match", favorites_match, "How many of the seller's categories (side input `sellers`) are among the shopper's favourites (`profiles`), each once, as sent; absent unless both have a row.", unit="categories"),
        ),
    )  # fmt: skip
