"""A shopper's rows as they stand in Redis, and whether they still hold."""

from collections.abc import Sequence
from typing import Final, Literal

from serving.redis_reader import RedisReader
from sinks.codec import Stored, decode
from sinks.keys import encode_id, key_name

STALE_AFTER_MS: Final = 2000
"""How long after `_next` values may still be on their way."""


def read_shopper(
    reader: RedisReader, shopper: str, labels: Sequence[str], prefix: str, now_ms: int
) -> dict[str, dict[str, str]]:
    """The shopper's hashes that exist at `now_ms`, by window label or `session`, in one round trip.

    Raises:
        RedisUnreachableError: if Redis does not answer.
    """
    encoded = encode_id(shopper)
    keys = [key_name("user", encoded, label, prefix, reader.cluster) for label in labels]
    found = dict(zip(labels, reader.hashes(keys), strict=True))
    stored = {label: decode(fields) for label, fields in found.items()}
    return {label: found[label] for label, row in stored.items() if row is not None and row.until > now_ms}


def verdict(row: Stored, now_ms: int) -> Literal["FRESH", "STALE"]:
    """Whether the values still hold: they do until two seconds after they were to change."""
    return "STALE" if now_ms > row.next + STALE_AFTER_MS else "FRESH"
