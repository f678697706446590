"""Control records: what the job itself is told, through the topic of the events.

A control record is a JSON object whose first and only key no wire format has. What trackers send cannot make
one: in enriched TSV every value stands between tabs, of which a control record has none, and JSON events name
their own fields first.
"""

from typing import Any, Final

import msgspec
import orjson

from events.hashing import stored_id
from events.masking import sized
from events.values import key
from events.verdict import Dead, Forget, Reason

KEY: Final = "shopper_features_control"
PREFIX: Final = f'{{"{KEY}":'.encode()
"""What a control record begins with, without a space."""
WIRE_FORMAT: Final = "control"
FORGET: Final = "forget"

_whole: Final = msgspec.json.Decoder(dict[str, Any]).decode


def is_control(raw: bytes) -> bool:
    """Whether the record is for the job itself.

    >>> is_control(forget_record("ann")), is_control(b'{"event_id":"1"}')
    (True, False)
    """
    return raw.startswith(PREFIX) and b"\t" not in raw


def read_control(raw: bytes, id_key: bytes = b"") -> Forget | Dead:
    """What a control record says, or every reason why it says nothing.

    With an `id_key` (`events.hashing`) the shopper is named by the id by which it is kept.

    >>> read_control(forget_record("ann"))
    Forget(shopper='ann', stored=False)
    """
    try:
        fields = _whole(raw)
    except msgspec.MsgspecError:
        return _dead(Reason("record", f"{len(raw)} bytes", "valid JSON in UTF-8"))
    told = fields[KEY]
    if len(fields) > 1 or not isinstance(told, dict):
        found = f"{len(fields)} keys" if len(fields) > 1 else sized(told)
        return _dead(Reason(KEY, found, "one object, and nothing beside it"))
    reasons: list[Reason] = []
    if told.get("action") != FORGET:
        reasons.append(Reason(f"{KEY}.action", sized(told.get("action")), FORGET))
    since = len(reasons)
    shopper = key(told.get("shopper"), f"{KEY}.shopper", reasons)
    if shopper is None and len(reasons) == since:
        reasons.append(Reason(f"{KEY}.shopper", "absent", "the id of a shopper"))
    stored = told.get("stored", False)
    if not isinstance(stored, bool):
        reasons.append(Reason(f"{KEY}.stored", sized(stored), "true or false"))
    if shopper is None or reasons:
        return _dead(*reasons)
    return Forget(shopper if stored else stored_id(shopper, id_key), stored)


def forget_record(shopper: str, *, stored: bool = False) -> bytes:
    """The record that tells the job to forget a shopper.

    `stored` says that it is the id by which the shopper is kept: with hashed ids, the hash.
    """
    told = {"action": FORGET, "shopper": shopper}
    return orjson.dumps({KEY: told | {"stored": True} if stored else told})


def _dead(*reasons: Reason) -> Dead:
    return Dead(WIRE_FORMAT, reasons)
