"""Feature rows for the tests of the sinks."""

import time
from typing import Any

from features.row import FeatureRow
from sinks.codec import decode

LIFE = 1_700_000_000_000
NOW = int(time.time() * 1000)
"""Redis expires by its own clock, so rows that are to be read lie around now."""
HOUR = 3_600_000
KEY = "user:ada:features:5min"
"""Where `row()` is written."""


def row(values: dict[str, Any] | None = None, **changes: Any) -> FeatureRow:
    """A row of shopper `ada` over five minutes, with what the test wants changed."""
    fields: dict[str, Any] = {
        "entity": "user",
        "entity_id": "ada",
        "window": "5min",
        "values": {"cart_add_count": 1} if values is None else values,
        "at": NOW,
        "next": NOW + 10_000,
        "until": NOW + HOUR,
        "seen": 1,
    }
    return FeatureRow(**(fields | changes))


def session(values: dict[str, Any] | None = None, **changes: Any) -> FeatureRow:
    """A row of session `s1`, held by shopper `ada`."""
    fields = {
        "entity": "session",
        "entity_id": "s1",
        "window": "session",
        "owner": "ada",
        "start": NOW - HOUR,
    }
    return row(values, **(fields | changes))


def features(client: Any, key: str = KEY) -> dict[str, str]:
    """The features that a hash holds; none where there is no row."""
    stored = decode(client.hgetall(key))
    return {} if stored is None else stored.features
