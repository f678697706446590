"""Analytics-SDK JSON: what Snowbridge, Micro and the Python, Go and Scala SDKs make of an enriched event.

One flat object. An entity's key holds a list of data objects; the SDKs differ in fraction digits, in whether
nulls are there, and in `_schema_version` inside the entities, none of which matters here.
"""

import re
from typing import Any, Final

from events.entities import name_of_key, settle_foreign
from events.event import IDENTITY_MERGE, SCREEN_VIEW
from events.fields import FIELDS, PIECES
from events.first_trackers import CART_CHANGES, ORDERS, VENDOR, cart_entities, order_entities, wires
from events.masking import sized
from events.record import ECOMMERCE_EVENT, Entities, Record, Wire, action_kind, kind_of
from events.verdict import Reason

_ATOMIC: Final = frozenset(FIELDS)
_ENTITY: Final = re.compile(r"contexts\.(\w+)")


def words(field: str) -> str:
    """`contexts.product[1].price` is `contexts_*_product_*[1].price` here."""
    return _ENTITY.sub(r"contexts_*_\1_*", field).replace("unstruct_event", "unstruct_event_*")


WIRE: Final = Wire("sdk_json", words)
_OF_FIRST_TRACKERS: Final = wires(WIRE)


def record_of(fields: dict[str, Any]) -> Record:
    """Find the pieces of a record."""
    faults: list[Reason] = []
    entities, unstruct = _self_describing(fields)
    event_name = fields.get("event_name")
    name: object = None
    wire = WIRE
    if event_name == ECOMMERCE_EVENT:
        action = _object(unstruct, faults)
        kind, name = action_kind(action.get("type")), action.get("name")
    elif old := _of_first_trackers(fields):
        kind, wire = old, _OF_FIRST_TRACKERS[old]
        of_cart = kind in CART_CHANGES
        entities |= cart_entities(_object(unstruct, faults)) if of_cart else order_entities(kind, fields.get)
    else:
        kind = kind_of(event_name, fields.get("event"))
        if kind in (SCREEN_VIEW, IDENTITY_MERGE):
            data = _object(unstruct, faults)
            name = data.get("name") if kind == SCREEN_VIEW else data
    return Record(wire, kind, name, entities, faults, *map(fields.get, PIECES))


def _of_first_trackers(fields: dict[str, Any]) -> str:
    """Kind of an order or a cart change that one of Snowplow's first trackers sent; empty for all else."""
    event, name = fields.get("event"), fields.get("event_name")
    if type(event) is str and event in ORDERS:
        return ORDERS[event]
    if type(name) is str and name in CART_CHANGES and fields.get("event_vendor") == VENDOR:
        return name
    return ""


def _self_describing(fields: dict[str, Any]) -> tuple[Entities, object]:
    entities: Entities = {}
    unstruct: object = None
    for key in [key for key in fields if key not in _ATOMIC]:
        name = name_of_key(key)
        data = fields[key]
        if name is not None and data is not None:
            # The SDKs write a list even for one; a bare object is taken as a list of one.
            found = data if type(data) is list else [data]
            if name in entities:
                entities[name].extend(found)
            else:
                entities[name] = found
        elif key.startswith("unstruct_event_"):
            unstruct = data
    settle_foreign(entities)
    return entities, unstruct


def _object(data: object, faults: list[Reason]) -> dict[str, Any]:
    if isinstance(data, dict):
        return data
    if data is not None:
        faults.append(Reason("unstruct_event", sized(data), "an object"))
    return {}
