"""The category branch: what kinds of product are looked at."""

from events.event import LIST_VIEW, PRODUCT_VIEW
from features.aggregates import Bag, Count, Total
from features.definition import Feature, FeatureView
from features.facts import CategoryFact
from features.settings import Definitions

CATEGORIES = Bag("categories")


def view(definitions: Definitions) -> FeatureView:
    """The view; a category is the product entity's, levels joined by `/`."""
    return FeatureView(
        name="category",
        branch="category",
        fact=CategoryFact.of,
        kinds=frozenset({PRODUCT_VIEW, LIST_VIEW}),
        features=(
            Feature("category_view_count", Total("entities"), "Product entities with a category in product and list views.", unit="products"),
            Feature("list_view_count", Count(), "List views, with products or without.", (LIST_VIEW,), unit="events"),
            Feature("unique_categories", CATEGORIES, "Different categories among those entities.", unit="categories"),
            Feature("top_category", CATEGORIES, "The category of most of them; ties: most recent, then alphabetical.", read="top", type="str", unit="category"),
            Feature("top_category_share", CATEGORIES, "Its part of them.", read="top_share", type="float", unit="0..1"),
        ),
    )  # fmt: skip
