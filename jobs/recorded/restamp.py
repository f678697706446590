"""Move recorded events to another time, so that yesterday's recording fills today's windows.

Works on the raw records of the three wire formats and changes nothing but their timestamps. Pure: the clock
is an argument.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

LONGEST_GAP_MS: Final = 31 * 60_000
"""One minute more than a session's gap: what was a session of its own stays one."""

_TSV_FIELDS: Final = 131
_TSV_COLLECTOR: Final = 3
_TSV_DERIVED: Final = 124
_TSV_STAMPS: Final = (2, _TSV_COLLECTOR, 4, 119, _TSV_DERIVED, 130)
"""etl, collector, dvce_created, dvce_sent, derived and true_tstamp."""

_SDK_STAMPS: Final = tuple(
    (name,)
    for name in (
        "collector_tstamp",
        "derived_tstamp",
        "dvce_created_tstamp",
        "dvce_sent_tstamp",
        "etl_tstamp",
        "true_tstamp",
    )
)
_LIVE_SHOPPER_STAMPS: Final = (
    ("timestamp",),
    ("metadata", "collector_tstamp"),
    ("metadata", "etl_tstamp"),
    ("enrich", "client", "device", "created_tstamp"),
    ("enrich", "client", "device", "sent_tstamp"),
)
_JSON_VALUE: Final = re.compile(rb'\s*:\s*"([^"\\]*)"')
_LATEST_DEVICE_LEAD_MS: Final = 60_000
_MS: Final = timedelta(milliseconds=1)
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a stamp keeps its own zone text; only differences matter here
_STAMP: Final = re.compile(r"(\d{4}-\d\d-\d\d)([T ])(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d|)")


class Moved(NamedTuple):
    """A record after the move, and its event time (epoch ms); None where the record has none to read."""

    at: int | None
    raw: bytes


def restamp(records: Sequence[bytes], now_ms: int, longest_gap_ms: int = LONGEST_GAP_MS) -> list[Moved]:
    """Move `records` so that the last event, by event time, happens at `now_ms`.

    A pause longer than `longest_gap_ms` shrinks to it; shorter distances stay to the millisecond. All stamps
    of an event move by the same distance. The order of the records stays, and so does a record whose event
    time cannot be read.
    """
    times = [event_time(record) for record in records]
    deltas = _deltas([at for at in times if at is not None], now_ms, longest_gap_ms)
    return [
        Moved(None, record) if at is None else Moved(at + deltas[at], shifted(record, deltas[at]))
        for at, record in zip(times, records, strict=True)
    ]


def event_time(record: bytes) -> int | None:
    """Event time of a raw record in epoch milliseconds, None where it cannot be read.

    The derived time (the collector's where that is missing), never more than a minute after the collector's.
    """
    fields = _tsv(record)
    if fields is not None:
        return _event_time(fields[_TSV_DERIVED], fields[_TSV_COLLECTOR])
    document = _document(record)
    if document is None:
        return None
    if _is_live_shopper(document):
        return _event_time(document["timestamp"], document["metadata"].get("collector_tstamp"))
    return _event_time(document.get("derived_tstamp"), document.get("collector_tstamp"))


def shifted(record: bytes, delta_ms: int) -> bytes:
    """Return the record with its stamps `delta_ms` later; a stamp that cannot be read stays as it is."""
    fields = _tsv(record)
    if fields is not None:
        for index in _TSV_STAMPS:
            fields[index] = _moved(fields[index], delta_ms)
        return "\t".join(fields).encode("latin-1")
    document = _document(record)
    if document is None:
        return record
    paths = _LIVE_SHOPPER_STAMPS if _is_live_shopper(document) else _SDK_STAMPS
    return _shift_json(record, document, paths, delta_ms)


def _deltas(times: Iterable[int], now_ms: int, longest_gap_ms: int) -> dict[int, int]:
    """How far each event time moves."""
    deltas: dict[int, int] = {}
    later: int | None = None
    delta = 0
    for at in sorted(set(times), reverse=True):
        delta = now_ms - at if later is None else delta + max(0, later - at - longest_gap_ms)
        deltas[at] = delta
        later = at
    return deltas


def _tsv(record: bytes) -> list[str] | None:
    """Split into fields, one character a byte, so that any bytes come back unharmed."""
    if record.count(b"\t") != _TSV_FIELDS - 1:
        return None
    return record.decode("latin-1").split("\t")


def _document(record: bytes) -> dict[str, Any] | None:
    if record[:1] != b"{":
        return None
    try:
        document = orjson.loads(record)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def _is_live_shopper(document: dict[str, Any]) -> bool:
    return "timestamp" in document and isinstance(document.get("metadata"), dict)


def _event_time(derived: object, collector: object) -> int | None:
    collected = _epoch_ms(collector)
    at = _epoch_ms(derived) if derived else collected
    if at is None or collected is None:
        return at
    return collected if at > collected + _LATEST_DEVICE_LEAD_MS else at


def _epoch_ms(text: object) -> int | None:
    match = _STAMP.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    date, _, clock, fraction, _ = match.groups()
    second = _epoch_second(date + " " + clock)
    return None if second is None else second * 1000 + int(((fraction or "") + "000")[:3])


@lru_cache(maxsize=4096)
def _epoch_second(text: str) -> int | None:
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // timedelta(seconds=1)
    except ValueError:
        return None


def _moved(text: str, delta_ms: int) -> str:
    """Return the stamp `delta_ms` later; its separator, zone and digits beyond milliseconds stay."""
    at = _epoch_ms(text)
    match = _STAMP.fullmatch(text)
    if at is None or match is None:
        return text
    try:
        moved = (_EPOCH + (at + delta_ms) * _MS).isoformat(match[2], "milliseconds")
    except OverflowError:
        return text
    return moved + (match[4] or "")[3:] + match[5]


def _shift_json(
    record: bytes, document: dict[str, Any], paths: Iterable[tuple[str, ...]], delta_ms: int
) -> bytes:
    """Replace the stamps in the text: numbers, spaces and the order of keys stay as they were sent."""
    changes = list(_changes(document, paths, delta_ms))
    places = [_place(record, key, holder[key]) for holder, key, _ in changes]
    if None in places:
        for holder, key, new in changes:
            holder[key] = new
        return orjson.dumps(document)
    moved = record
    spans = ((place, new) for place, (_, _, new) in zip(places, changes, strict=True) if place)
    for (start, end), new in sorted(spans, reverse=True):
        moved = moved[:start] + new.encode() + moved[end:]
    return moved


def _place(record: bytes, key: str, old: str) -> tuple[int, int] | None:
    """Find the value of `key`; None where the key stands elsewhere too, or its value is spelt with escapes.

    Then only a rewrite of the document is sure to hit the right one.
    """
    token = b'"%b"' % key.encode()
    if record.count(token) != 1:
        return None
    match = _JSON_VALUE.match(record, record.index(token) + len(token))
    return match.span(1) if match and match[1] == old.encode() else None


def _changes(
    document: dict[str, Any], paths: Iterable[tuple[str, ...]], delta_ms: int
) -> Iterable[tuple[dict[str, Any], str, str]]:
    for *way, key in paths:
        holder: Any = document
        for step in way:
            holder = holder.get(step) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and isinstance(holder.get(key), str):
            yield holder, key, _moved(holder[key], delta_ms)
