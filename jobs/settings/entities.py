"""What a shop sets about entities beyond the shopper, each setting by itself."""

from features.entities.settings import EntitySettings, SellerWeights, Weights
from features.entities.views import VIEWS, entity_views


def check_views(names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a view that there is not, or that is named twice."""
    entity_views(EntitySettings(names))
    return names


def check_weights(weights: tuple[int, ...]) -> tuple[int, ...]:
    """Refuse weights that cannot work."""
    EntitySettings(weights=Weights(*weights))
    return weights


def check_seller_weights(weights: tuple[int, ...]) -> tuple[int, ...]:
    """Refuse weights of sellers that cannot work."""
    EntitySettings(seller_weights=SellerWeights(*weights))
    return weights


def check_currency(currency: str) -> str:
    """Refuse what is no currency."""
    return EntitySettings(currency=currency).currency


def check_bounds(bounds: tuple[int, int, int]) -> tuple[int, int, int]:
    """Refuse bounds that do not rise."""
    return EntitySettings(price_bounds=bounds).price_bounds


NAMES = ", ".join(VIEWS)
