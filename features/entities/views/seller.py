"""Shopper × seller: `user:<id>:seller:<id>`."""

from events.sides.row import PROFILES, SELLERS
from features.definition import Derived
from features.entities.aggregates import Count, First, Last
from features.entities.definition import EntityFeature, EntityView
from features.entities.interaction import ADD, ANY_OTHER, CLICK, LIKED, PURCHASE, VIEW
from features.entities.settings import EntitySettings
from features.entities.sides import FAVOURITES, Side

KINDS = frozenset({VIEW, LIKED, PURCHASE, CLICK, ADD, ANY_OTHER})
"""Of an event that names a seller."""


def favorites_match(
    _profile: list[str] | None, _favourites: list[str] | None, _sold: list[str] | None
) -> bool | None:
    """Whether the seller has one of the categories that a shopper names, or else has most to do with."""
    favourites = _profile or _favourites
    if favourites is None or _sold is None:
        return None
    return not set(favourites).isdisjoint(_sold)


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
            EntityFeature("_profile", Side(PROFILES), "The shopper's favourite categories in the side input `profiles`.", "categories", "list", "category"),
            EntityFeature("_favourites", Side(FAVOURITES, beside=SELLERS), "Those of the view `favourites`, where it runs.", "categories", "list", "category"),
            EntityFeature("_sold", Side(SELLERS), "The seller's in the side input `sellers`.", "categories", "list", "category"),
            Derived("favorites_match", favorites_match, "Whether one of the shopper's favourite categories is among the seller's (side input `sellers`), compared as sent. The favourites are those of the side input `profiles`; where that names none, `favourite_categories` of the view `favourites`. Absent without a row of the seller, or without favourites.", "bool"),
        ),
    )  # fmt: skip
