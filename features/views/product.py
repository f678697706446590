"""The product branch: product views, promotions and list clicks."""

from events.event import LIST_CLICK, PRODUCT_VIEW, PROMO_CLICK, PROMO_VIEW
from features.aggregates import Count, Distinct, Latest, MoneySpread, Recent
from features.aggregates.base import MOST_CURRENCIES
from features.definition import Derived, Feature, FeatureView
from features.facts import ProductFact
from features.settings import Definitions
from features.views.ratio import ratio

SEEN = (PRODUCT_VIEW,)
PRICES = MoneySpread("prices")


def returns(product_view_count: int, unique_products_viewed: int) -> int:
    """Views beyond the first of each product."""
    return product_view_count - unique_products_viewed


def click_rate(promo_click_count: int, promo_view_count: int) -> float | None:
    """Clicks per view."""
    return ratio(promo_click_count, promo_view_count)


def view(definitions: Definitions) -> FeatureView:
    """The view; nothing in it depends on the settings but its facts."""
    return FeatureView(
        name="product",
        branch="product",
        fact=ProductFact.of,
        kinds=frozenset({PRODUCT_VIEW, PROMO_VIEW, PROMO_CLICK, LIST_CLICK}),
        currency=("product_currency",),
        mixed="product_currency_mixed",
        features=(
            Feature("product_currency", Latest("currency"), "Currency of the latest priced product view.", SEEN, type="str", unit="ISO 4217"),
            Feature("product_currency_mixed", Recent("currencies", most=MOST_CURRENCIES), "1 if prices in several currencies are inside.", SEEN, "mixed", "bool"),
            Feature("product_view_count", Count(), "Product views.", SEEN, unit="events"),
            Feature("unique_products_viewed", Distinct("keys"), "Different products among them.", SEEN, unit="products"),
            Derived("return_view_count", returns, "Product views less unique products: views of a product seen before.", unit="events"),
            Feature("avg_viewed_price", PRICES, "Mean unit price over the product views.", SEEN, "mean", "money", "product_currency"),
            Feature("min_viewed_price", PRICES, "Least unit price viewed.", SEEN, "least", "money", "product_currency"),
            Feature("max_viewed_price", PRICES, "Greatest unit price viewed.", SEEN, "greatest", "money", "product_currency"),
            Feature("price_range_viewed", PRICES, "Greatest less least unit price viewed.", SEEN, "span", "money", "product_currency"),
            Feature("last_product_viewed", Latest("first_id"), "Product id of the latest product view.", SEEN, type="str", unit="product id"),
            Feature("promo_view_count", Count(), "Promotions shown.", (PROMO_VIEW,), unit="events"),
            Feature("promo_click_count", Count(), "Promotions clicked.", (PROMO_CLICK,), unit="events"),
            Derived("promo_click_rate", click_rate, "Promotion clicks per promotion view; absent without views.", "float", "clicks per view"),
            Feature("list_click_count", Count(), "Clicks on a product in a list.", (LIST_CLICK,), unit="events"),
            Feature("recommendation_click_count", Count("recommended"), "Those in a list of recommendations (setting recommendation_words).", (LIST_CLICK,), unit="events"),
        ),
    )  # fmt: skip
