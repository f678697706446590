"""The decoder: a record's bytes to an event, or to why there is none."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

import orjson

from events import live_shopper, sdk_json, tsv
from events.assemble import Policy, verdict_of
from events.control import is_control, read_control
from events.hashing import stored_id
from events.masking import sized
from events.page import SearchRule
from events.record import Record
from events.verdict import Dead, Reason, Verdict

WireFormat = Literal["auto", "tsv", "sdk_json", "live_shopper"]
WIRE_FORMATS: Final[tuple[str, ...]] = get_args(WireFormat)


@dataclass(frozen=True, slots=True)
class Decoder:
    """Decodes the records of one topic.

    With `auto` each record tells its format: `{` begins JSON (Live Shopper where it has `payload` or
    `enrich`), anything else is TSV. Control records (`events.control`) are told before all formats. An empty
    `app_ids` leaves nothing out.
    """

    wire_format: WireFormat = "auto"
    app_ids: frozenset[str] = frozenset()
    exclude_robots: bool = False
    search: SearchRule = field(default_factory=SearchRule)
    id_key: bytes = field(default=b"", repr=False)
    """Where given, ids of people become hashes by this key (`events.hashing`): no event holds another."""
    _policy: Policy = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.wire_format not in WIRE_FORMATS:
            msg = f"wire format is {self.wire_format!r}; expected one of {', '.join(WIRE_FORMATS)}"
            raise ValueError(msg)
        policy = Policy(frozenset(self.app_ids), self.exclude_robots, self.search, self.id_key)
        object.__setattr__(self, "_policy", policy)

    def decode(self, raw: bytes) -> Verdict:
        """The event, or why there is none; never raises.

        All reasons come at once, save that a record without a sound frame (131 fields, a JSON object) has
        only that one. `app_id` and `no_shopper_id` are told before any other fault is looked for.
        """
        try:
            if is_control(raw):
                return read_control(raw, self.id_key)
            record = self._read(raw)
            return record if isinstance(record, Dead) else verdict_of(record, self._policy)
        except Exception as error:  # noqa: BLE001 - no record may stop the job, whatever is in it
            reason = Reason("record", type(error).__name__[:40], "a record that the decoder can read")
            return Dead(self.wire_format, (reason,))

    def id_of(self, raw: str) -> str:
        """The id that the shopper has from here on."""
        return stored_id(raw, self.id_key)

    def _read(self, raw: bytes) -> Record | Dead:
        if self.wire_format == "tsv":
            return tsv.read(raw)
        if self.wire_format == "auto" and raw[:1] != b"{" and raw.lstrip(b" \r\n")[:1] != b"{":
            return tsv.read(raw)
        fields = _json_object(raw, "json" if self.wire_format == "auto" else self.wire_format)
        if isinstance(fields, Dead):
            return fields
        if self.wire_format == "live_shopper" or (
            self.wire_format == "auto" and ("payload" in fields or "enrich" in fields)
        ):
            return live_shopper.record_of(fields)
        return sdk_json.record_of(fields)


def _json_object(raw: bytes, wire_format: str) -> dict[str, Any] | Dead:
    try:
        fields = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return Dead(wire_format, (Reason("record", f"{len(raw)} bytes", "valid JSON in UTF-8"),))
    if isinstance(fields, dict):
        return fields
    return Dead(wire_format, (Reason("record", sized(fields), "a JSON object"),))
