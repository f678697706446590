"""A feature row as a Redis hash, and back. Pure: nothing here talks to Redis.

Fields that begin with `_` are ours: `_at`, `_next`, `_until` (epoch milliseconds), `_seen`, `_v` (the fence),
`_capped`, `_gone` (a tombstone), `_owner`, `_start` and `_moved` (of `session:` rows), `_same_as` (the hash
points to the user whose device this is, and holds no features). All others are features.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from features.row import FeatureRow
from sinks.keys import KeyParts, decode_id, encode_id, key_of, parts_of
from sinks.text import PARSERS, TEXT, clean, money_of, text_of

__all__ = [
    "PARSERS",
    "Fence",
    "KeyParts",
    "Stored",
    "decode",
    "decode_id",
    "encode_id",
    "fence",
    "fence_of",
    "fields_of",
    "key_of",
    "meta_of",
    "money_of",
    "parts_of",
    "pointed_to",
    "text_of",
]

FENCE_LENGTH: Final = 42


class Fence(NamedTuple):
    """The parts of `_v`, the greatest first: a write that is less than what is stored is refused."""

    life: int
    """When the run that started without state was submitted, epoch milliseconds."""
    seen: int
    """Records routed to the shopper."""
    as_of: int
    """Epoch milliseconds."""


class Stored(NamedTuple):
    """A hash as it was read."""

    features: dict[str, str]
    at: int
    next: int
    until: int
    seen: int
    life: int
    capped: bool


@lru_cache(4_096)  # all rows of a shopper have the same, and most their base, too
def fence(life: int, seen: int, as_of: int) -> str:
    """`(life, seen, as_of)` as one string that compares bytewise as the numbers do.

    >>> fence(1_700_000_000_000, 42, 1_700_000_000_500)
    '01700000000000.000000000042.01700000000500'
    """
    text = f"{life:014d}.{seen:012d}.{as_of:014d}"
    if len(text) != FENCE_LENGTH or "-" in text:
        msg = (
            f"fence of life={life}, seen={seen}, as_of={as_of}: expected 0 or more, at most 14, 12 and 14 "
            "digits; are the times epoch milliseconds?"
        )
        raise ValueError(msg)
    return text


def fence_of(text: str) -> Fence:
    """The parts that `fence` put into `text`."""
    life, seen, as_of = text.split(".")
    return Fence(int(life), int(seen), int(as_of))


def fields_of(row: FeatureRow) -> dict[str, str]:
    """The features of `row` as text; none where the row is to be deleted."""
    if row.values is None:
        return {}
    return {name: TEXT[type(value)](value) for name, value in row.values.items()}


def meta_of(row: FeatureRow, life: int) -> dict[str, str]:
    """Our own fields of `row`'s hash. `_v` comes first: Redis walks small hashes from their beginning."""
    meta = {
        "_v": fence(life, row.seen, row.at),
        "_at": str(row.at),
        "_next": str(row.next),
        "_until": str(row.until),
        "_seen": str(row.seen),
    }
    if row.entity == "session":
        meta["_owner"] = clean(row.owner)
        meta["_start"] = str(row.start)
        if row.moved:
            meta["_moved"] = "1"
    if row.same_as:
        # As it is, like `_owner`: only ids in keys are percent-encoded.
        meta["_same_as"] = clean(row.same_as)
    if row.capped:
        meta["_capped"] = "1"
    if row.values is None:
        meta["_gone"] = "1"
    return meta


def decode(fields: Mapping[str, str]) -> Stored | None:
    """What a hash says, or None when there is none, a tombstone, one that points, or somebody else's.

    Of one that points `pointed_to` tells where. Who reads compares `until` with the clock: if the server's
    clock is behind, a hash outlives its row.
    """
    if "_v" not in fields or "_gone" in fields or "_same_as" in fields:
        return None
    try:
        return Stored(
            features={name: text for name, text in fields.items() if not name.startswith("_")},
            at=int(fields["_at"]),
            next=int(fields["_next"]),
            until=int(fields["_until"]),
            seen=int(fields["_seen"]),
            life=fence_of(fields["_v"]).life,
            capped=fields.get("_capped") == "1",
        )
    except (KeyError, ValueError):
        return None


def pointed_to(fields: Mapping[str, str]) -> str:
    """The user whose row is to be read instead of this hash; empty where it does not point.

    >>> pointed_to({"_v": "…", "_same_as": "ann"}), pointed_to({"_v": "…", "cart_add_count": "1"})
    ('ann', '')
    """
    return fields.get("_same_as", "") if "_v" in fields else ""
