"""The formats in which records of declared sources come: bytes to one object of keys and values.

A format is a function. One that needs schemas (Avro or Protobuf behind a schema registry) is made of them:
they are fetched where the job is wired, because nothing here asks a server.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from events.masking import sized
from events.verdict import Reason

Parse = Callable[[bytes], "dict[str, Any] | Reason"]
"""Gives the record as an object, or why it is none; it never raises for bytes that are merely wrong."""


def json_object(raw: bytes) -> dict[str, Any] | Reason:
    """Read a JSON object in UTF-8."""
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return Reason("record", f"{len(raw)} bytes", "valid JSON in UTF-8")
    return record if isinstance(record, dict) else Reason("record", sized(record), "a JSON object")


FORMATS: Final[Mapping[str, Parse]] = {"json": json_object}
"""By the name that a declaration's `format` says."""
