"""The synthetic shop's records as Snowplow's Analytics SDK writes them: one flat JSON object."""

import re
from collections.abc import Iterator
from typing import Any, Final

import orjson

from events.fields import FIELDS

_NUMBERS: Final = frozenset(
    [
        "domain_sessionidx",
        "geo_latitude",
        "geo_longitude",
        "page_urlport",
        "pp_xoffset_min",
        "pp_xoffset_max",
        "pp_yoffset_min",
        "pp_yoffset_max",
        "br_viewwidth",
        "br_viewheight",
        "dvce_screenwidth",
        "dvce_screenheight",
        "doc_width",
        "doc_height",
    ]
)
"""The numeric fields that the shop fills in."""
_HUMP: Final = re.compile(r"([^A-Z_])([A-Z])")


def sdk_json(record: bytes) -> bytes:
    """Return the record as JSON; what is broken beyond that stays as it is, and cannot be used either way."""
    try:
        fields = record.decode().split("\t")
        return orjson.dumps(dict(_pairs(dict(zip(FIELDS, fields, strict=True)))))
    except ValueError:
        return record


def _pairs(fields: dict[str, str]) -> Iterator[tuple[str, Any]]:
    entities: dict[str, list[Any]] = {}
    for name, text in fields.items():
        if not text:
            continue
        if name in ("contexts", "derived_contexts"):
            for entity in orjson.loads(text)["data"]:
                entities.setdefault(_key("contexts", entity["schema"]), []).append(entity["data"])
        elif name == "unstruct_event":
            event = orjson.loads(text)["data"]
            yield _key(name, event["schema"]), event["data"]
        elif name.endswith("_tstamp"):
            yield name, text.replace(" ", "T") + "Z"
        elif name == "br_cookies":
            yield name, text == "1"
        else:
            yield name, orjson.loads(text) if name in _NUMBERS else text
    yield from entities.items()


def _key(prefix: str, schema: str) -> str:
    """Name an entity's key: vendor, name in snake case and model of its schema."""
    vendor, name, _, version = schema.removeprefix("iglu:").split("/")
    snake = _HUMP.sub(r"\1_\2", name).lower()
    return f"{prefix}_{vendor.replace('.', '_').lower()}_{snake}_{version.partition('-')[0]}"
