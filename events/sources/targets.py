"""The fields of an event that a declaration can fill, and what may be said of each."""

from enum import Enum
from typing import Final

from events.event import DEVICES, KINDS


class Sort(Enum):
    """What a field holds."""

    ID = "an id"
    TEXT = "a text"
    TEXTS = "a list of texts"
    TIME = "a time"
    MONEY = "an amount"
    WHOLE = "a whole number"
    STEP = "a checkout step"
    KIND = "a kind of event"
    DEVICE = "a kind of device"
    CURRENCY = "a currency"


EVENT: Final = {
    "event_id": Sort.ID,
    "at": Sort.TIME,
    "kind": Sort.KIND,
    "user_id": Sort.ID,
    "device_id": Sort.ID,
    "session_id": Sort.ID,
    "received_at": Sort.TIME,
    "created_at": Sort.TIME,
    "app_id": Sort.TEXT,
    "page_id": Sort.TEXT,
    "page": Sort.TEXT,
    "screen": Sort.TEXT,
    "referrer": Sort.TEXT,
    "campaign": Sort.TEXT,
    "source": Sort.TEXT,
    "medium": Sort.TEXT,
    "platform": Sort.TEXT,
    "useragent": Sort.TEXT,
    "device": Sort.DEVICE,
    "country": Sort.TEXT,
    "region": Sort.TEXT,
    "list_name": Sort.TEXT,
    "currency": Sort.CURRENCY,
    "cart_total": Sort.MONEY,
    "step": Sort.STEP,
    "transaction_id": Sort.ID,
    "revenue": Sort.MONEY,
    "total_quantity": Sort.WHOLE,
    "refund": Sort.MONEY,
    "seller_id": Sort.ID,
    "interaction": Sort.TEXT,
}
"""`received_at` is when a collector took the event; a later event time is a wrong clock's."""

PRODUCT: Final = {
    "id": Sort.TEXT,
    "category": Sort.TEXT,
    "price": Sort.MONEY,
    "currency": Sort.CURRENCY,
    "quantity": Sort.WHOLE,
}
"""Fields of one product; where it has no currency of its own, the event's is taken."""

NEEDED: Final = ("event_id", "at", "kind")
"""Every event has them, so a record without one is dead."""

CLOSED: Final[dict[Sort, tuple[str, ...]]] = {Sort.KIND: tuple(sorted(KINDS)), Sort.DEVICE: DEVICES}
"""Sorts whose values are a few words of ours."""
TYPES: Final = ("text", "integer", "number", "boolean")
TIME_UNITS: Final = ("seconds", "milliseconds", "microseconds", "nanoseconds", "iso", "auto")
MONEY_UNITS: Final = ("major", "minor")
POSITION: Final = "position"
KAFKA_TIMESTAMP: Final = "kafka_timestamp"
