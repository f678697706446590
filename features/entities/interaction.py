"""What one applied event says of shoppers, products, categories and sellers, cut into facts. Pure."""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from events.event import (
    ADD_TO_CART,
    LIKE,
    LIST_CLICK,
    PAGE_PING,
    PRODUCT_VIEW,
    TRANSACTION,
    TRANSACTION_ITEM,
    Event,
    Money,
)
from features.digest import digest
from features.facts import HEARTBEAT_MS, cut

Of = Literal["event", "product", "category", "seller", "page"]
"""What of an event makes a fact: it as a whole, each different product of it, each category, its seller; or
the page on which products are viewed, and that a ping says is looked at."""

VIEW: Final = "view"
CLICK: Final = "click"
ADD: Final = "add_to_cart"
PURCHASE: Final = "purchase"
LIKED: Final = "like"
ANY_OTHER: Final = "other"
PING: Final = "ping"
"""No interaction either."""
LINE: Final = "line"
"""A line of an order that is an event of its own: no interaction, but a purchase of its product."""

_KINDS: Final = {
    PRODUCT_VIEW: VIEW,
    LIST_CLICK: CLICK,
    ADD_TO_CART: ADD,
    TRANSACTION: PURCHASE,
    TRANSACTION_ITEM: LINE,
    LIKE: LIKED,
}


class Fact(msgspec.Struct, frozen=True, gc=False):
    """What an entity view reads."""

    kind: str
    at: int
    """Event time, epoch milliseconds."""
    shopper: str
    product: str = ""
    category: str = ""
    seller: str = ""
    prices: tuple[Money, ...] = ()
    """Unit prices of what was bought, one a line of the order."""
    page: str = ""
    """Digest of a page view's id, as hexadecimal digits."""
    products: tuple[str, ...] = ()
    """Those viewed on the page."""
    beat: int | None = None
    """Heartbeat number of a ping: the device's clock // 10 s."""


def kind_of(event: Event, order: bool) -> str | None:
    """The kind of interaction that an event is; None: of none.

    `order` says of a transaction, or a line of one, whether it is new: a repeated one is no second purchase.
    """
    kind = _KINDS.get(event.kind)
    if kind is None:
        return ANY_OTHER if event.seller_id else None
    return None if kind in (PURCHASE, LINE) and not order else kind


def page_fact(event: Event) -> Fact | None:
    """What an event says of a page: that products are viewed on it, or that it is looked at."""
    if event.page_id is None:
        return None
    page = digest(event.page_id).hex()
    if event.kind == PRODUCT_VIEW:
        products = tuple([name for each in event.products if (name := cut(each.id))])
        return Fact(VIEW, event.at, event.shopper, page=page, products=products) if products else None
    if event.kind == PAGE_PING and event.created_at is not None:
        return Fact(PING, event.at, event.shopper, page=page, beat=event.created_at // HEARTBEAT_MS)
    return None


def facts(event: Event, kind: str, of: Of) -> Iterator[Fact]:
    """The facts of one event, each key once."""
    shopper, at = event.shopper, event.at
    seller = cut(event.seller_id) or ""
    if of == "event":
        bought = kind in (PURCHASE, LINE)
        prices = tuple([product.price for product in event.products if product.price]) if bought else ()
        yield Fact(kind, at, shopper, seller=seller, prices=prices)
    elif of == "seller":
        if seller:
            yield Fact(kind, at, shopper, seller=seller)
    else:
        part = PURCHASE if kind == LINE else kind
        if of == "product":
            for product in dict.fromkeys([cut(product.id) for product in event.products]):
                if product:
                    yield Fact(part, at, shopper, product=product, seller=seller)
        else:
            for category in dict.fromkeys([cut(product.category) for product in event.products]):
                if category:
                    yield Fact(part, at, shopper, category=category, seller=seller)
