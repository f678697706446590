"""A row of a side input: what a shop knows of a product, a seller or a user, whatever record told it."""

from typing import Final

import msgspec

from events.event import Money

PRODUCTS: Final = "products"
"""The catalogue, by product id."""
SELLERS: Final = "sellers"
"""By seller id."""
PROFILES: Final = "profiles"
"""By user id."""
TABLES: Final = (PRODUCTS, SELLERS, PROFILES)


class SideRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The latest word on one key of one table; what was said before is gone. New fields go to the end."""

    table: str
    """One of `TABLES`."""
    key: str
    """A product's, seller's or user's id, as events have it; never empty."""
    gone: bool = False
    """A tombstone: there is no such row any more."""
    name: str | None = None
    """Of a product."""
    category: str | None = None
    """Of a product, levels joined by `/`."""
    price: Money | None = None
    """Of a product: what one of it costs."""
    categories: tuple[str, ...] = ()
    """Of a seller: what it sells; of a user: the favourite ones."""
