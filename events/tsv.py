"""Enriched TSV: what Snowplow Enrich writes, 131 fields separated by tabs.

Enrich turns tabs inside values into spaces and removes control characters, so a plain split is right.
"""

from operator import itemgetter
from typing import Any, Final

import orjson

from events.entities import name_of_schema, settle_foreign
from events.event import IDENTITY_MERGE, SCREEN_VIEW
from events.fields import FIELDS, INDEX, PIECES
from events.first_trackers import CART_CHANGES, ORDERS, VENDOR, cart_entities, order_entities, wires
from events.masking import sized
from events.record import ECOMMERCE_EVENT, Entities, Record, Wire, action_kind, kind_of
from events.verdict import Dead, Reason

_COUNT: Final = len(FIELDS)
_SELF_DESCRIBING: Final = itemgetter(
    *(INDEX[name] for name in ("event_name", "event", "unstruct_event", "contexts", "derived_contexts"))
)
_PIECES: Final = itemgetter(*(INDEX[name] for name in PIECES))
_EVENT_VENDOR: Final = INDEX["event_vendor"]
_DEVICE_ENTITIES: Final = ("yauaa_context", "ua_parser_context", "spiders_and_robots", "bot_detection")


def words(field: str) -> str:
    """The enriched event's own words are the common ones."""
    return field


WIRE: Final = Wire("tsv", words)
_OF_FIRST_TRACKERS: Final = wires(WIRE)


def read(raw: bytes) -> Record | Dead:
    """Find the pieces of a record.

    A line end after it falls into the last field, `true_tstamp`, which nothing reads: Enrich has put it into
    `derived_tstamp`.
    """
    try:
        line = raw.decode()
    except UnicodeDecodeError as error:
        return _dead(f"byte {error.start} of {len(raw)}", "UTF-8")
    fields = line.split("\t", _COUNT)
    if len(fields) != _COUNT:
        return _dead(f"{line.count(chr(9)) + 1} fields", f"{_COUNT} fields separated by tabs")
    event_name, event, unstruct, contexts, derived = _SELF_DESCRIBING(fields)
    faults: list[Reason] = []
    entities = _entities(contexts, "contexts", faults) if contexts else {}
    if derived and any(name in derived for name in _DEVICE_ENTITIES):
        # What Enrich derived stands above what the tracker sent, as in the SDKs.
        entities.update(_entities(derived, "derived_contexts", faults))
    if event_name == ECOMMERCE_EVENT:
        action = _self_described(unstruct, faults)
        return Record(
            WIRE, action_kind(action.get("type")), action.get("name"), entities, faults, *_PIECES(fields)
        )
    if event in ORDERS:
        kind = ORDERS[event]
        entities |= order_entities(kind, lambda name: fields[INDEX[name]])
        return Record(_OF_FIRST_TRACKERS[kind], kind, None, entities, faults, *_PIECES(fields))
    if event_name in CART_CHANGES and fields[_EVENT_VENDOR] == VENDOR:
        entities |= cart_entities(_self_described(unstruct, faults))
        return Record(_OF_FIRST_TRACKERS[event_name], event_name, None, entities, faults, *_PIECES(fields))
    kind = kind_of(event_name, event)
    name: object = None
    if kind in (SCREEN_VIEW, IDENTITY_MERGE):
        data = _self_described(unstruct, faults)
        name = data.get("name") if kind == SCREEN_VIEW else data
    return Record(WIRE, kind, name, entities, faults, *_PIECES(fields))


def _entities(field: str, name: str, faults: list[Reason]) -> Entities:
    entities: Entities = {}
    try:
        for entity in orjson.loads(field)["data"]:
            kept = name_of_schema(entity["schema"])
            if kept in entities:
                entities[kept].append(entity["data"])
            elif kept is not None:
                entities[kept] = [entity["data"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        faults.append(Reason(name, sized(field), "a self-describing JSON list of entities"))
    settle_foreign(entities)
    return entities


def _self_described(field: str, faults: list[Reason]) -> dict[str, Any]:
    """Data of the self-describing event; none where the field is empty."""
    if not field:
        return {}
    try:
        data = orjson.loads(field)["data"]["data"]
    except (ValueError, KeyError, TypeError):
        data = field
    if isinstance(data, dict):
        return data
    if data is not None:
        faults.append(Reason("unstruct_event", sized(data), "a self-describing JSON object"))
    return {}


def _dead(value: str, expected: str) -> Dead:
    return Dead(WIRE.name, (Reason("record", value, expected),))
