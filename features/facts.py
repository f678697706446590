"""Facts: what one event says to each view, flattened to the fields that its aggregates read.

Times are event time in epoch milliseconds, amounts `Money` in minor units. Text that will lie in state is cut
to `TEXT_BYTES` bytes of UTF-8, event ids to `ID_BYTES`; what is only compared or counted becomes a digest.
"""

from collections.abc import Container
from typing import Any, Self, TypeVar

import msgspec

from events.event import (
    ADD_TO_CART,
    CHECKOUT_STEP,
    PAGE_PING,
    PAGE_VIEW,
    REFUND,
    REMOVE_FROM_CART,
    SCREEN_VIEW,
    TRANSACTION,
    TRANSACTION_ITEM,
    Event,
    Money,
    Product,
)
from features.digest import digest
from features.settings import Definitions

TEXT_BYTES = 255
ID_BYTES = 36
"""So much of an event id says which of two events at the same millisecond is the later: all of a UUID."""
SHORT = 16

_Told = TypeVar("_Told", bound=msgspec.Struct)
HEARTBEAT_MS = 10_000
MOST_MINOR = 10**14
"""Greatest value (minor units) that a price times a quantity comes to: sums of it still fit into 64 bits."""


def cut(text: str | None) -> str | None:
    """`text` as it is kept in state."""
    if text is None or (len(text) <= TEXT_BYTES and text.isascii()):
        return text
    return _cut(text, TEXT_BYTES)


def cut_id(event_id: str) -> str:
    """An event id as it is kept in state."""
    return event_id if len(event_id) <= ID_BYTES and event_id.isascii() else _cut(event_id, ID_BYTES)


def _cut(text: str, most: int) -> str:
    if text.isascii():
        return text if len(text) <= most else text[:most]
    return text.encode()[:most].decode(errors="ignore")


def key_of(text: str | None) -> bytes | None:
    """What is kept of a text that is compared only."""
    return None if text is None else digest(text)


def short(text: str | None) -> str | bytes | None:
    """What is kept of a text that is compared only and mostly short."""
    return text if text is None or len(text) <= SHORT else digest(text)


class ProductFact(msgspec.Struct, frozen=True, gc=False):
    """What the product view reads."""

    at: int = 0
    event_id: str = ""
    keys: tuple[bytes, ...] = ()
    """Digests of the product ids."""
    first_id: str | None = None
    prices: tuple[Money, ...] = ()
    currency: str | None = None
    currencies: tuple[str, ...] = ()
    recommended: bool = False

    @classmethod
    def of(cls, event: Event, order: bool, definitions: Definitions) -> "ProductFact":
        """Of product views, list clicks and promotions."""
        ids = [p.id for p in event.products if p.id]
        prices = tuple([p.price for p in event.products if p.price])
        name = (event.list_name or "").lower()
        return cls(
            at=event.at,
            event_id=cut_id(event.event_id),
            keys=tuple([digest(each) for each in ids]),
            first_id=cut(ids[0]) if ids else None,
            prices=prices,
            currency=prices[0].currency if prices else None,
            currencies=_currencies(prices),
            recommended=any(word in name for word in definitions.recommendation_words),
        )

    def limited(self, currencies: Container[str]) -> Self:
        """The fact without amounts in other currencies."""
        return _limited(self, currencies, "prices")


class CategoryFact(msgspec.Struct, frozen=True, gc=False):
    """What the category view reads."""

    at: int = 0
    categories: tuple[tuple[str, int], ...] = ()
    entities: int = 0

    @classmethod
    def of(cls, event: Event, order: bool, definitions: Definitions) -> "CategoryFact":
        """Of product and list views."""
        pairs = tuple([(_cut(p.category, TEXT_BYTES), 1) for p in event.products if p.category])
        return cls(at=event.at, categories=pairs, entities=len(pairs))


class CartFact(msgspec.Struct, frozen=True, gc=False):
    """What the cart view reads."""

    at: int = 0
    event_id: str = ""
    change: int = 0
    """1 for an add, -1 for a remove, 0 for a transaction."""
    values: tuple[Money, ...] = ()
    """Price × quantity of each priced product."""
    total: Money | None = None
    currency: str | None = None
    currencies: tuple[str, ...] = ()

    @classmethod
    def of(cls, event: Event, order: bool, definitions: Definitions) -> "CartFact":
        """Of adds, removes and transactions."""
        if event.kind == TRANSACTION:
            return cls(at=event.at, event_id=cut_id(event.event_id))
        values = _values(event.products)
        told = (event.cart_total, *values) if event.cart_total else values
        return cls(
            at=event.at,
            event_id=cut_id(event.event_id),
            change=_change(event.kind),
            values=values,
            total=event.cart_total,
            currency=told[0].currency if told else None,
            currencies=_currencies(told),
        )

    def limited(self, currencies: Container[str]) -> Self:
        """The fact without amounts in other currencies."""
        return _limited(self, currencies, "total", "values")


class PurchaseFact(msgspec.Struct, frozen=True, gc=False):
    """What the purchase view reads."""

    at: int = 0
    event_id: str = ""
    session: bytes | None = None
    """Digest of the session id."""
    order: bool = False
    revenue: tuple[Money, ...] = ()
    items: int = 0
    categories: tuple[tuple[str, int], ...] = ()
    refunds: tuple[Money, ...] = ()
    currency: str | None = None
    currencies: tuple[str, ...] = ()
    step: int | None = None
    transacted: bool = False
    """A transaction, be it a new order or a repeated one."""
    change: int = 0
    moved: tuple[Money, ...] = ()
    quantity: int = 0

    @classmethod
    def of(cls, event: Event, order: bool, definitions: Definitions) -> "PurchaseFact":
        """Of orders, their lines, refunds and checkout steps; of any event without a session id, its time."""
        whole = order and event.kind == TRANSACTION
        revenue = (event.revenue,) if whole and event.revenue else ()
        refunds = (event.refund,) if event.kind == REFUND and event.refund else ()
        money = revenue or refunds
        change = _change(event.kind) if definitions.checkout_order_step else 0
        return cls(
            at=event.at,
            event_id=cut_id(event.event_id),
            session=key_of(event.session_id),
            order=whole,
            revenue=revenue,
            items=_items(event) if order else 0,
            categories=_bought(event.products) if order else (),
            refunds=refunds,
            currency=money[0].currency if money else None,
            currencies=_currencies(money),
            step=event.step if event.kind == CHECKOUT_STEP else None,
            transacted=event.kind == TRANSACTION,
            change=change,
            moved=_values(event.products) if change else (),
            quantity=sum([p.quantity for p in event.products]) if change else 0,
        )

    def limited(self, currencies: Container[str]) -> Self:
        """The fact without amounts in other currencies."""
        return _limited(self, currencies, "revenue", "refunds")


class ContextFact(msgspec.Struct, frozen=True, gc=False):
    """What the context view reads, of every event but untyped actions."""

    at: int = 0
    event_id: str = ""
    places: tuple[str, ...] = ()
    location: str | bytes | None = None
    """For comparison only."""
    devices: tuple[str, ...] = ()
    device: str | None = None
    platform: str | None = None

    @classmethod
    def of(cls, event: Event, order: bool, definitions: Definitions) -> "ContextFact":
        """Of any event."""
        location = cut(event.location)
        return cls(
            event.at,
            cut_id(event.event_id),
            (location,) if location else (),
            short(event.location),
            (event.device,) if event.device else (),
            event.device,
            cut(event.platform),
        )


class SessionFact(msgspec.Struct, frozen=True, gc=False):
    """What the session view reads, of every event but untyped actions."""

    at: int = 0
    event_id: str = ""
    order: bool = False
    revenue: tuple[Money, ...] = ()
    items: int = 0
    currency: str | None = None
    currencies: tuple[str, ...] = ()
    step: int | None = None
    search: bool = False
    page_event: bool = False
    """A page view, ping or screen view with a page."""
    viewed: bool = False
    """A page view or ping."""
    page_key: bytes | None = None
    """Digest of `web_page.id`."""
    page_keys: tuple[bytes, ...] = ()
    unidentified: bool = False
    """Without a `web_page.id`."""
    beat: int | None = None
    """Heartbeat number of a ping: the device's clock // 10 s."""
    page: str | None = None
    referrer: str | None = None
    campaign: str | None = None
    source: str | None = None
    medium: str | None = None
    device: str | None = None
    cart_created: bool = False
    session: None = None
    """All facts are of one session."""
    transacted: bool = False
    change: int = 0
    """1 for an add, -1 for a remove, where the checkout-step rule needs them."""
    moved: tuple[Money, ...] = ()
    quantity: int = 0

    @classmethod
    def of(cls, event: Event, order: bool, definitions: Definitions) -> "SessionFact":
        """Of any event."""
        kind = event.kind
        page_key = key_of(event.page_id)
        if kind in COMMERCE_KINDS:
            return cls._of_commerce(event, order, definitions, page_key)
        pinged = kind == PAGE_PING and page_key is not None and event.created_at is not None
        return cls(
            at=event.at,
            event_id=cut_id(event.event_id),
            search=event.search,
            page_event=kind in PAGE_KINDS and (event.page is not None or page_key is not None),
            viewed=kind in VIEW_KINDS,
            page_key=page_key,
            page_keys=(page_key,) if page_key else (),
            unidentified=page_key is None,
            beat=event.created_at // HEARTBEAT_MS if pinged and event.created_at is not None else None,
            page=cut(event.page),
            referrer=cut(event.referrer),
            campaign=cut(event.campaign),
            source=cut(event.source),
            medium=cut(event.medium),
            device=event.device,
        )

    @classmethod
    def _of_commerce(
        cls, event: Event, order: bool, definitions: Definitions, page_key: bytes | None
    ) -> "SessionFact":
        kind = event.kind
        whole = order and kind == TRANSACTION
        revenue = (event.revenue,) if whole and event.revenue else ()
        change = _change(kind) if definitions.checkout_order_step else 0
        return cls(
            at=event.at,
            event_id=cut_id(event.event_id),
            order=whole,
            revenue=revenue,
            items=_items(event) if order else 0,
            currency=revenue[0].currency if revenue else None,
            currencies=_currencies(revenue),
            step=event.step if kind == CHECKOUT_STEP else None,
            search=event.search,
            page_key=page_key,
            page=cut(event.page),
            referrer=cut(event.referrer),
            campaign=cut(event.campaign),
            source=cut(event.source),
            medium=cut(event.medium),
            device=event.device,
            cart_created=kind == ADD_TO_CART and _creates_cart(event),
            transacted=kind == TRANSACTION,
            change=change,
            moved=_values(event.products) if change else (),
            quantity=sum([p.quantity for p in event.products]) if change else 0,
        )

    def limited(self, currencies: Container[str]) -> Self:
        """The fact without amounts in other currencies."""
        return _limited(self, currencies, "revenue")


class LiveShopperFact(SessionFact, frozen=True, gc=False):
    """What the session view reads where it also tells what only the layout `live-shopper` shows."""

    devices: tuple[str, ...] = ()
    platform: str | None = None

    @classmethod
    def of(cls, event: Event, order: bool, definitions: Definitions) -> "LiveShopperFact":
        """Of any event."""
        fact = super().of(event, order, definitions)
        devices = (event.device,) if event.device else ()
        return cls(**msgspec.structs.asdict(fact) | {"devices": devices, "platform": cut(event.platform)})


COMMERCE_KINDS = frozenset({ADD_TO_CART, REMOVE_FROM_CART, CHECKOUT_STEP, TRANSACTION, TRANSACTION_ITEM})
"""Kinds whose entities the session view reads."""
PAGE_KINDS = frozenset({PAGE_VIEW, PAGE_PING, SCREEN_VIEW})
VIEW_KINDS = frozenset({PAGE_VIEW, PAGE_PING})


def _limited(fact: _Told, currencies: Container[str], *fields: str) -> _Told:
    changed: dict[str, Any] = {}
    left: list[Money] = []
    for name in fields:
        held = getattr(fact, name)
        amounts = held if isinstance(held, tuple) else (held,) if held else ()
        kept = tuple([money for money in amounts if money.currency in currencies])
        changed[name] = kept if isinstance(held, tuple) else kept[0] if kept else None
        left += kept
    changed["currencies"] = _currencies(tuple(left))
    changed["currency"] = left[0].currency if left else None
    return msgspec.structs.replace(fact, **changed)


def _change(kind: str) -> int:
    return 1 if kind == ADD_TO_CART else -1 if kind == REMOVE_FROM_CART else 0


def _currencies(amounts: tuple[Money, ...]) -> tuple[str, ...]:
    if len(amounts) == 1:
        return (amounts[0].currency,)
    return tuple(dict.fromkeys([money.currency for money in amounts]))


def _values(products: tuple[Product, ...]) -> tuple[Money, ...]:
    return tuple([_worth(p.price, p.quantity) for p in products if p.price])


def _worth(price: Money, quantity: int) -> Money:
    if quantity == 1:
        return price
    return Money(min(price.minor * quantity, MOST_MINOR), price.currency)


def _items(event: Event) -> int:
    if event.total_quantity is not None:
        return event.total_quantity
    return sum([p.quantity for p in event.products])


def _bought(products: tuple[Product, ...]) -> tuple[tuple[str, int], ...]:
    return tuple([(_cut(p.category, TEXT_BYTES), p.quantity) for p in products if p.category])


def _creates_cart(event: Event) -> bool:
    """Whether the cart holds just what this add put in. Source: dbt-snowplow-ecommerce, `cart_created`."""
    prices = [p.price for p in event.products if p.price]
    total = event.cart_total
    if total is None or not prices or any(price.currency != total.currency for price in prices):
        return False
    return sum(price.minor for price in prices) == total.minor
