"""What an event does not say of its products and the catalogue does. Pure."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from events.event import (
    ADD_TO_CART,
    LIKE,
    LIST_CLICK,
    LIST_VIEW,
    PRODUCT_VIEW,
    REMOVE_FROM_CART,
    TRANSACTION,
    TRANSACTION_ITEM,
    Event,
    Money,
    Product,
)
from events.values import LONGEST_ID

PRICED: Final = frozenset({PRODUCT_VIEW, ADD_TO_CART, REMOVE_FROM_CART, TRANSACTION, TRANSACTION_ITEM})
"""Kinds of event of which features read prices."""
SORTED: Final = PRICED - {REMOVE_FROM_CART} | {LIST_VIEW, LIST_CLICK, LIKE}
"""Kinds of which they read categories."""


class Goods(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the catalogue says of a product, as far as events could say it. New fields go to the end."""

    category: str | None = None
    price: Money | None = None


def wanting(event: Event) -> tuple[str, ...]:
    """Ids of the products of which `event` lacks what features read, each once.

    >>> products = Product("hat"), Product("cap", "hats", Money(9, "EUR"))
    >>> view = Event("ann", "e-1", 0, PRODUCT_VIEW, products=products)
    >>> wanting(view), wanting(replace(view, kind="refund"))
    (('hat',), ())
    """
    if not event.products:
        return ()
    sorts, prices = event.kind in SORTED, event.kind in PRICED
    if not sorts and not prices:
        return ()
    wanted = [
        product.id
        for product in event.products
        if ((sorts and product.category is None) or (prices and product.price is None))
        and product.id is not None
        and len(product.id) <= LONGEST_ID
    ]
    return tuple(dict.fromkeys(wanted))


def completed(event: Event, known: Mapping[str, Goods]) -> Event:
    """The event with what the catalogue knows of its products; what it says itself stays.

    >>> view = Event("ann", "e-1", 0, PRODUCT_VIEW, products=(Product("hat"), Product("cap", "caps")))
    >>> known = {"hat": Goods("hats", Money(999, "EUR")), "cap": Goods("hats")}
    >>> for product in completed(view, known).products:
    ...     print(product.id, product.category, product.price)
    hat hats Money(minor=999, currency='EUR')
    cap caps None
    """
    return replace(event, products=tuple([_completed(product, known) for product in event.products]))


def _completed(product: Product, known: Mapping[str, Goods]) -> Product:
    goods = known.get(product.id) if product.id is not None else None
    if goods is None:
        return product
    category = goods.category if product.category is None else product.category
    price = goods.price if product.price is None else product.price
    return Product(product.id, category, price, product.quantity)
