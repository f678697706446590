"""A shopper's sellers side by side: `user:<id>:favourite_sellers`, and the sorted set `user:<id>:sellers`."""

from features.entities.aggregates import Tally
from features.entities.definition import RANKING, EntityFeature, EntityView
from features.entities.interaction import ADD, ANY_OTHER, CLICK, LIKED, PURCHASE, VIEW
from features.entities.settings import EntitySettings
from features.entities.views.seller import KINDS


def view(settings: EntitySettings) -> EntityView:
    """The view."""
    weights = settings.seller_weights
    weighed = weights.like, weights.view, weights.purchase, weights.other, weights.other, weights.other
    kinds = LIKED, VIEW, PURCHASE, CLICK, ADD, ANY_OTHER
    sellers = Tally("seller", kinds, weighed, ranked_most=settings.ranking_most)
    return EntityView(
        name="sellers",
        key=("shopper",),
        of="seller",
        row=("user", "favourite_sellers"),
        expiry=settings.pair_expiry,
        kinds=KINDS,
        features=(
            EntityFeature("favourite_sellers", sellers, "The three sellers with the greatest score; ties: most recent, then alphabetical.", "top", "list", "seller id"),
            EntityFeature("seller_diversity", sellers, "Different sellers; at most 1,000 are kept.", unit="sellers"),
            EntityFeature("sellers", sellers, "Sellers by score.", "ranking", RANKING, "weight"),
        ),
    )  # fmt: skip
