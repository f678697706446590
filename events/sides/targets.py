"""The fields of a side input's row that a declaration can fill, by table."""

from typing import Final

from events.sides.row import PRODUCTS, PROFILES, SELLERS
from events.sources.targets import Sort

KEY: Final = "key"
CURRENCY: Final = "currency"
_WITH_CATEGORIES: Final = {KEY: Sort.ID, "categories": Sort.TEXTS}

ROW: Final[dict[str, dict[str, Sort]]] = {
    PRODUCTS: {
        KEY: Sort.ID,
        "name": Sort.TEXT,
        "category": Sort.TEXT,
        "price": Sort.MONEY,
        CURRENCY: Sort.CURRENCY,
    },
    SELLERS: _WITH_CATEGORIES,
    PROFILES: _WITH_CATEGORIES,
}
KEY_SAYS: Final = ("path", "type", "required")
"""What can be said of `key`: the record's own key, which tombstones have, knows no words of yours."""
