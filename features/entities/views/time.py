"""Time on a product's page: an ingredient of `item`, kept by shopper and page."""

from datetime import timedelta

from features.entities.aggregates import Beats, Shown
from features.entities.definition import EntityFeature, EntityView
from features.entities.settings import EntitySettings


def view(settings: EntitySettings) -> EntityView:
    """The view."""
    return EntityView(
        name="time",
        key=("shopper", "page"),
        of="page",
        row=(),
        expiry=timedelta(days=1),
        features=(
            EntityFeature("_seconds", Beats(), "Different heartbeats of 10 s at which the page was looked at, in at most 200 stretches of 10 min 30 s.", type="s", unit="s"),
            EntityFeature("_products", Shown(), "Products viewed on the page.", unit="products"),
        ),
        gives="item",
    )  # fmt: skip
