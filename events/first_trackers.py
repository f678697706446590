"""Commerce as Snowplow's first trackers say it: orders in `tr_*` and `ti_*`, cart changes in own bodies.

What they say is put where today's entities are, so that it means the same: `tr_total` is a revenue, `ti_sku`
the id of a product. An order comes as one event, and each of its lines as another.
"""

from collections.abc import Callable
from typing import Any, Final

from events import event as kinds
from events.record import Entities, Wire

VENDOR: Final = "com.snowplowanalytics.snowplow"
ORDERS: Final = {"transaction": kinds.TRANSACTION, "transaction_item": kinds.TRANSACTION_ITEM}
"""Kind by the field `event`, which no self-describing event can fill."""
CART_CHANGES: Final = {name: name for name in (kinds.ADD_TO_CART, kinds.REMOVE_FROM_CART)}
"""Kind by `event_name`, where the vendor is Snowplow."""

_ORDER: Final = {"transaction_id": "tr_orderid", "revenue": "tr_total", "currency": "tr_currency"}
_LINE: Final = {
    "id": "ti_sku",
    "category": "ti_category",
    "price": "ti_price",
    "currency": "ti_currency",
    "quantity": "ti_quantity",
}
_BODY: Final = {
    "id": "sku",
    "category": "category",
    "price": "unitPrice",
    "currency": "currency",
    "quantity": "quantity",
}
_PRODUCT: Final = "contexts.product[0]"
_TRANSACTION: Final = "contexts.transaction[0]"
_WORDS: Final = {
    kinds.TRANSACTION: {f"{_TRANSACTION}.{name}": field for name, field in _ORDER.items()},
    kinds.TRANSACTION_ITEM: {f"{_PRODUCT}.{name}": field for name, field in _LINE.items()}
    | {f"{_TRANSACTION}.transaction_id": "ti_orderid"},
}
_BODY_WORDS: Final = {f"{_PRODUCT}.{name}": f"unstruct_event.{field}" for name, field in _BODY.items()}


def order_entities(kind: str, get: Callable[[str], object]) -> Entities:
    """The entities that an order, or a line of one, would have; `get` gives an atomic field."""
    if kind == kinds.TRANSACTION:
        return {"transaction": [{name: get(field) for name, field in _ORDER.items()}]}
    return {
        "product": [{name: get(field) for name, field in _LINE.items()}],
        "transaction": [{"transaction_id": get("ti_orderid")}],
    }


def cart_entities(body: dict[str, Any]) -> Entities:
    """The entities that a cart change would have."""
    return {"product": [{name: body.get(field) for name, field in _BODY.items()}]}


def wires(wire: Wire) -> dict[str, Wire]:
    """By kind, how a wire format words the fields of such events."""
    return {
        kind: _wire(wire, words)
        for kind, words in (_WORDS | dict.fromkeys(CART_CHANGES, _BODY_WORDS)).items()
    }


def _wire(wire: Wire, own: dict[str, str]) -> Wire:
    def words(field: str) -> str:
        return wire.words(own.get(field, field))

    return Wire(wire.name, words)
