"""What a reader gets: a shopper's rows by window. Nothing of a row is decoded before it is asked for."""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from shopper_reader.errors import ValueFormatError
from shopper_reader.plans import Reply, WindowPlan
from shopper_reader.progress import Progress
from shopper_reader.values import Value
from shopper_reader.verdicts import Health, Stamps, Verdict, judge, reason, stamps_of, user_of


class Moment(NamedTuple):
    """What all rows of one answer share."""

    now: int
    """Redis' clock, epoch ms."""
    progress: Progress
    defaults: Mapping[str, Value]


class Row(Mapping[str, Value]):
    """The features of one shopper in one window, by name; those without a value are not in it.

    Features with a default always are. A `get` of what is absent gives None, as with any mapping.
    """

    __slots__ = ("_fields", "_followed", "_key", "_moment", "_now", "_plan", "_reply", "_shopper", "_stamps")

    def __init__(
        self, shopper: str, key: bytes, plan: WindowPlan, reply: Reply, moment: Moment, followed: bool = False
    ) -> None:
        """Keep what Redis answered.

        Args:
            shopper: whose row it is; empty where the row says so itself.
            key: where it was.
            plan: how it is taken apart.
            reply: what Redis answered.
            moment: when.
            followed: whether another row pointed to it.
        """
        self._shopper = shopper
        self._followed = followed
        self._key = key
        self._plan = plan
        self._reply = reply
        self._moment = moment
        self._fields: Mapping[bytes, bytes] | None = None
        self._stamps: Stamps | None = None
        self._now = 0

    @property
    def shopper(self) -> str:
        """The id under which it was found; of a session asked for by its id, who holds it, else empty."""
        return self._shopper or self._read().get(b"_owner", b"").decode(errors="replace")

    @property
    def same_as(self) -> str:
        """The user whose row this is, where the one that was asked for pointed to it; else empty."""
        return self._shopper if self._followed else ""

    @property
    def points_to(self) -> str:
        """The user whose row is to be read instead of this one; the reader does so, once."""
        if not self._shopper or not self._plan.may_point(self._reply):
            return ""
        return user_of(self._plan.fields(self._reply), self._clock)

    @property
    def plan(self) -> WindowPlan:
        """How it was asked for."""
        return self._plan

    @property
    def window(self) -> str:
        """The window's label, or `session`."""
        return self._plan.label

    @property
    def verdict(self) -> Verdict:
        """Whether the values hold."""
        fields = self._read()
        reach = self._plan.reach(fields, self.now)
        return judge(self._stamps, self.now, reach, self.pipeline)

    @property
    def why(self) -> str:
        """The verdict's reason in words."""
        verdict = self.verdict
        return reason(self._stamps, self.now, self.pipeline, verdict)

    @property
    def pipeline(self) -> Health:
        """What the pipeline says of the part of it that computes this row."""
        return self._moment.progress.health(self.shopper)

    @property
    def now(self) -> int:
        """The clock by which this row was judged, epoch ms: Redis', or the job's where that is ahead."""
        self._read()
        return self._now

    @property
    def at(self) -> int | None:
        """As of when the values were computed, epoch ms; None: there is no row."""
        return self._stamps.at if self._read() and self._stamps else None

    @property
    def next(self) -> int | None:
        """When they next change if no event comes, epoch ms."""
        return self._stamps.next if self._read() and self._stamps else None

    @property
    def until(self) -> int | None:
        """When the row expires, epoch ms."""
        return self._stamps.until if self._read() and self._stamps else None

    @property
    def age_ms(self) -> int | None:
        """How long ago the values were computed; they may hold all the same, see `verdict`."""
        return None if self.at is None else self.now - self.at

    @property
    def capped(self) -> bool:
        """Whether a cap kept something out of the values."""
        return self._read().get(b"_capped") == b"1"

    @property
    def names(self) -> tuple[str, ...]:
        """What was asked for, whether or not it has a value, and what the catalogue does not know."""
        return tuple(self._names())

    @property
    def version(self) -> str:
        """Another text whenever what was read of the row is another; empty: there is no row.

        Features of the time of reading have no part in it.
        """
        fields = self._read()
        if not fields:
            return ""
        digest = blake2b(digest_size=12)
        for name in sorted(fields):
            value = fields[name]
            digest.update(b"%d %d %s%s" % (len(name), len(value), name, value))
        return digest.hexdigest()

    @property
    def texts(self) -> dict[str, str]:
        """Every field that was read, as Redis holds it, the pipeline's own (`_at` and so on) among them."""
        return {name.decode(): text.decode("utf-8", "replace") for name, text in self._read().items()}

    def __getitem__(self, name: str) -> Value:
        value = self._value(name)
        if value is None:
            raise KeyError(name)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """The value, or `default` where there is none; as any mapping's, without an exception on the way."""
        value = self._value(name)
        return default if value is None else value

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._names() if self._value(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Row({self.window!r}, {self.verdict}, {dict(self)})"

    @property
    def _clock(self) -> int:
        return max(self._moment.now, self._moment.progress.clock)

    def _names(self) -> dict[str, None]:
        known = dict.fromkeys(self._plan.names)
        if self._plan.everything:
            # What a newer job writes and this catalogue does not know yet.
            known |= dict.fromkeys(name.decode() for name in self._read() if not name.startswith(b"_"))
        return known

    def _value(self, name: str) -> Value | None:
        fields, spec = self._read(), self._plan.specs.get(name)
        if spec is None:
            raw = None if name.startswith("_") else fields.get(name.encode("utf-8", "replace"))
            return None if raw is None else raw.decode("utf-8", "replace")
        try:
            value = spec.read(fields, self.now)
        except (ValueError, TypeError, ArithmeticError):
            held = {field.decode(): fields.get(field) for field in spec.fields}
            msg = f"{self._key.decode()}: {name} is no {spec.feature.type}: {held}; who wrote that?"
            raise ValueFormatError(msg) from None
        return self._moment.defaults.get(name) if value is None else value

    def _read(self) -> Mapping[bytes, bytes]:
        """The row's fields; none where there is no row that holds any more."""
        fields = self._fields
        if fields is None:
            fields = self._plan.fields(self._reply)
            self._stamps = stamps = stamps_of(fields)
            self._now = clock = self._clock
            if stamps is None or stamps.until <= max(clock, stamps.at):
                fields, self._stamps = {}, None
            else:
                self._now = max(clock, stamps.at)
            self._fields = fields
        return fields


class Shopper(Mapping[str, Row]):
    """The rows of one shopper by window, all that were asked for, in that order."""

    __slots__ = ("_rows", "id")

    def __init__(self, shopper: str, rows: Mapping[str, Row]) -> None:
        """Keep the rows; `shopper` is the id that was asked for."""
        self.id = shopper
        self._rows = rows

    @property
    def same_as(self) -> str:
        """The user under whom rows were found, where the id is that of a device of theirs; else empty."""
        return next((row.same_as for row in self._rows.values() if row.same_as), "")

    def __getitem__(self, window: str) -> Row:
        return self._rows[window]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"Shopper({self.id!r}, {list(self._rows.values())})"
