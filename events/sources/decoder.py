"""The decoder of a declared source: a record's bytes to an event, or to why there is none."""

from dataclasses import dataclass, field

from events.assemble import Policy, judged
from events.control import is_control, read_control
from events.page import SearchRule
from events.sources.declaration import Source
from events.sources.formats import FORMATS
from events.sources.reader import Position, RecordReader
from events.verdict import Dead, Filtered, Reason, Verdict


@dataclass(frozen=True, slots=True)
class SourceDecoder:
    """Decodes the records of one declared source; what the shop leaves out is the same for all sources."""

    source: Source
    app_ids: frozenset[str] = frozenset()
    exclude_robots: bool = False
    search: SearchRule = field(default_factory=SearchRule)
    id_key: bytes = field(default=b"", repr=False)
    _policy: Policy = field(init=False, repr=False, compare=False)
    _reader: RecordReader = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        policy = Policy(frozenset(self.app_ids), self.exclude_robots, self.search, self.id_key)
        object.__setattr__(self, "_policy", policy)
        object.__setattr__(self, "_reader", RecordReader(self.source))

    def decode(self, raw: bytes, position: Position) -> Verdict:
        """The event, or why there is none; never raises.

        All reasons come at once, in the source's own words, save that a record without a sound frame has only
        that one. What is left out is told before any fault is looked for.
        """
        try:
            if is_control(raw):
                return read_control(raw, self.id_key)
            fields = FORMATS[self.source.format](raw)
            if isinstance(fields, Reason):
                return Dead(self.source.name, (fields,))
            if (filtered := self._reader.left_out(fields)) is not None:
                return Filtered(filtered)
            verdict = judged(self._reader.record_of(fields, position), self._policy)
        except Exception as error:  # noqa: BLE001 - no record may stop the job, whatever is in it
            reason = Reason("record", type(error).__name__[:40], "a record that the decoder can read")
            return Dead(self.source.name, (reason,))
        if not isinstance(verdict, Dead):
            return verdict
        # What several products share is one reason.
        return Dead(verdict.wire_format, tuple(dict.fromkeys(verdict.reasons)))
