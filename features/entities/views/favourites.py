"""A shopper's categories side by side: `user:<id>:favourites`, and the sorted set `user:<id>:categories`."""

from features.entities.aggregates import Tally
from features.entities.definition import RANKING, EntityFeature, EntityView
from features.entities.interaction import ADD, CLICK, LIKED, PURCHASE, VIEW
from features.entities.settings import EntitySettings


def view(settings: EntitySettings) -> EntityView:
    """The view."""
    weights = settings.weights
    weighed = weights.view, weights.click, weights.add_to_cart, weights.purchase
    categories = Tally("category", (VIEW, CLICK, ADD, PURCHASE), weighed, ranked_most=settings.ranking_most)
    return EntityView(
        name="favourites",
        key=("shopper",),
        of="category",
        row=("user", "favourites"),
        expiry=settings.pair_expiry,
        kinds=frozenset({VIEW, CLICK, ADD, PURCHASE, LIKED}),
        tells="favourite_categories",
        features=(
            EntityFeature("favourite_categories", categories, "The three categories with the greatest weighted score; ties: most recent, then alphabetical.", "top", "list", "category"),
            EntityFeature("category_diversity", categories, "Different categories; at most 1,000 are kept.", unit="categories"),
            EntityFeature("categories", categories, "Categories by weighted score.", "ranking", RANKING, "weight"),
        ),
    )  # fmt: skip
