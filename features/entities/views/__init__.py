"""The entity views: a file each. The shop says which of them run."""

from collections.abc import Callable
from typing import Final

from features.entities.definition import EntityView
from features.entities.settings import EntitySettings
from features.entities.views import category, favourites, item, lifetime, product, seller, sellers, time

VIEWS: Final[dict[str, Callable[[EntitySettings], EntityView]]] = {
    "item": item.view,
    "product": product.view,
    "category": category.view,
    "favourites": favourites.view,
    "seller": seller.view,
    "sellers": sellers.view,
    "lifetime": lifetime.view,
    "time": time.view,
}
"""What makes each view of the settings, by its name."""


def entity_views(settings: EntitySettings) -> tuple[EntityView, ...]:
    """The views that run, in the order of the catalogue.

    Raises:
        ValueError: if there is no view of such a name.
    """
    unknown = set(settings.views) - VIEWS.keys()
    if unknown:
        msg = f"entities are {', '.join(settings.views)}; there is no {', '.join(sorted(unknown))}, only {', '.join(VIEWS)}"
        raise ValueError(msg)
    return tuple(make(settings) for name, make in VIEWS.items() if name in settings.views)
