"""The recorded events, and records written by hand from them."""

import csv
import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from snowplow_analytics_sdk import event_transformer

from events.decoder import Decoder
from events.event import Event
from events.fields import FIELDS
from events.verdict import Dead, Verdict

DATA: Final = Path(__file__).parents[1] / "data"
ECOMMERCE: Final = "iglu:com.snowplowanalytics.snowplow.ecommerce/{}/jsonschema/1-0-0"
SNOWPLOW: Final = "iglu:com.snowplowanalytics.snowplow/{}/jsonschema/1-0-0"

FILES: Final = {
    "tsv": "events.enriched.tsv",
    "sdk_json": "events.sdk.jsonl",
    "live_shopper": "events.live_shopper_topic.jsonl",
}

EVENT: Final[dict[str, str | None]] = {
    "app_id": "shop",
    "platform": "web",
    "collector_tstamp": "2024-05-01 10:00:01.250",
    "dvce_created_tstamp": "2024-05-01 10:00:00.125",
    "event": "unstruct",
    "event_id": "e1",
    "domain_userid": "device-1",
    "domain_sessionid": "session-1",
    "page_url": "https://shop.example/shoes?size=9#top",
    "derived_tstamp": "2024-05-01 10:00:01.000",
    "event_name": "snowplow_ecommerce_action",
}
"""The fields of a plain e-commerce event; `tsv_line` and `sdk_object` change them."""

Entity = tuple[str, Any]


@cache
def recorded(wire_format: str) -> tuple[bytes, ...]:
    """The 833 events in a wire format, in the same order in each."""
    path = DATA / "snowplow-ecommerce" / f"{FILES[wire_format]}.gz"
    return tuple(line for line in gzip.decompress(path.read_bytes()).split(b"\n") if line)


def expected(table: str) -> list[dict[str, str]]:
    """A table that Snowplow's dbt package computes from the 833 events."""
    with (DATA / "snowplow-ecommerce" / "expected" / f"{table}.csv").open(newline="") as rows:
        return list(csv.DictReader(rows))


def tsv_line(*entities: Entity, action: Any = None, derived: tuple[Entity, ...] = (), **fields: Any) -> bytes:
    """An enriched line: entities are (schema, data), `action` is the self-describing event's data."""
    values = EVENT | fields
    if entities and "contexts" not in fields:
        values["contexts"] = _described("contexts", [{"schema": s, "data": d} for s, d in entities])
    if derived and "derived_contexts" not in fields:
        values["derived_contexts"] = _described("contexts", [{"schema": s, "data": d} for s, d in derived])
    if action is not None:
        name = values["event_name"] or ""
        values["unstruct_event"] = _described(
            "unstruct_event", {"schema": ECOMMERCE.format(name), "data": action}
        )
    return "\t".join(values.get(name) or "" for name in FIELDS).encode()


def _described(name: str, data: object) -> str:
    return json.dumps({"schema": SNOWPLOW.format(name), "data": data}, ensure_ascii=False)


def sdk_object(line: bytes) -> dict[str, Any]:
    """What Snowplow's own Python SDK makes of an enriched line."""
    return dict(event_transformer.transform(line.decode()))


def event_of(*entities: Entity, **fields: Any) -> Event:
    """The event of a line written by hand; its SDK JSON must give the same one."""
    line = tsv_line(*entities, **fields)
    event = Decoder().decode(line)
    assert isinstance(event, Event), event
    assert Decoder().decode(json.dumps(sdk_object(line)).encode()) == event
    return event


def product(**data: Any) -> Entity:
    """A product entity."""
    return ECOMMERCE.format("product"), data


def decoded(wire_format: str) -> list[Verdict]:
    """The verdicts on the 833 events."""
    return [Decoder().decode(raw) for raw in recorded(wire_format)]


def usable(wire_format: str = "tsv") -> list[Event]:
    """The 832 events that are used."""
    return [event for event in decoded(wire_format) if isinstance(event, Event)]


def told(verdict: Verdict) -> list[tuple[str, str]]:
    """Field and value of the reasons of a dead record."""
    assert isinstance(verdict, Dead), verdict
    return [(reason.field, reason.value) for reason in verdict.reasons]


def decode(*entities: Any, **fields: Any) -> Verdict:
    """The verdict on a line written by hand."""
    return Decoder().decode(tsv_line(*entities, **fields))
