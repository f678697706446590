"""What became of a batch's events, or of a wake-up."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from events.event import Event
from events.verdict import Dead, Reason
from features.entities.logic import Score
from features.identity import Move
from features.row import FeatureRow
from features.state import FUTURE_MS
from operators.batch import Forgetting, Record
from operators.places import SNOWPLOWS
from sinks.calls import CALL_ROWS

AHEAD: Final = 32
"""Rows that are worth a call of their own, while the next are made.

Once Redis has something to do it gets full calls, which cost it less a row."""


class Spoiled(NamedTuple):
    """A record that decoded and yet is dead."""

    kind: Literal["future", "bug"]
    record: Record
    dead: Dead
    error: Exception | None = None


class Interaction(NamedTuple):
    """An event that was applied."""

    event: Event
    order: bool
    """Of a transaction or a line of one, whether it is new."""


@dataclass
class Outcome:
    """What a batch or a wake-up came to."""

    rows: list[FeatureRow] = field(default_factory=list)
    data: dict[str, bytes] = field(default_factory=dict)
    """The new bytes of every shopper that was touched."""
    next: dict[str, int] = field(default_factory=dict)
    """When to look at the shopper again, epoch ms."""
    forgotten: set[str] = field(default_factory=set)
    """Shoppers whom a control record named; their states begin anew in `data`, or are `gone`."""
    gone: list[str] = field(default_factory=list)
    """Shoppers of whom nothing is left to keep."""
    verdicts: dict[str, int] = field(default_factory=dict)
    kinds: dict[tuple[str, bool], int] = field(default_factory=dict)
    """Events applied, by kind and whether they have no session id: all that their branches follow from."""
    spoiled: list[Spoiled] = field(default_factory=list)
    event_time: int = 0
    """Greatest event time applied, epoch ms."""
    bugs: int = 0
    """Wake-ups that ended in an exception."""
    moved: int = 0
    """States that came from devices."""
    lost: int = 0
    """Those that could not be merged, and logins that could not be noted."""
    moves: list[Move] = field(default_factory=list)
    """What devices hand over to users."""
    forwards: list[Record] = field(default_factory=list)
    """Events of devices that count for users."""
    unlinks: list[Forgetting] = field(default_factory=list)
    """Control records that concern users to whom devices here were linked, placed among `forwards`."""
    shared: set[str] = field(default_factory=set)
    """Users of devices that several share, as far as these were met."""
    restated: int = 0
    """Users whose rows stand above all of the run before, whatever that had counted."""

    interactions: list["Interaction | str"] = field(default_factory=list)
    """Events applied, and shoppers forgotten between them, where entities are to be told."""
    facts_lost: int = 0
    """Facts that a defect kept from entities."""
    scores: list[Score] = field(default_factory=list)
    """How entities stand now in sorted sets over all."""

    sources: dict[tuple[int, str], int] = field(default_factory=dict)
    """Verdicts on records of declared sources, by a partition of theirs."""

    send: Callable[["Outcome"], None] | None = None
    """Sends what `rows` has beyond `ahead`, without waiting for an answer."""
    ahead: int = 0
    """How many of the rows were sent already."""

    def judge(self, verdict: str, record: Record, order: bool | None = None) -> None:
        """Note the logic's verdict; `order` is None where entities are not to be told."""
        if verdict == "future":
            expected = f"at most {FUTURE_MS // 1000} s ahead of the clock"
            dead = Dead("", (Reason("event_time", f"{record.event.at} ms", expected),))
            self.spoiled.append(Spoiled("future", record, dead))
            return
        self.verdicts[verdict] = self.verdicts.get(verdict, 0) + 1
        if record.partition > SNOWPLOWS:
            place = record.partition, verdict
            self.sources[place] = self.sources.get(place, 0) + 1
        if verdict == "applied":
            event = record.event
            self.event_time = max(self.event_time, event.at)
            kind = event.kind, event.session_id is None
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
            if order is not None:
                self.interactions.append(Interaction(event, order))

    def give(self, rows: list[FeatureRow]) -> None:
        """Add rows; when there are enough of them, they go ahead."""
        self.rows += rows
        if self.send is not None and len(self.rows) >= self.ahead + (CALL_ROWS if self.ahead else AHEAD):
            self.send(self)

    def judge_like(self, other: "Outcome") -> None:
        """Take over what was judged, without what came of it."""
        for verdict, number in other.verdicts.items():
            self.verdicts[verdict] = self.verdicts.get(verdict, 0) + number
        for kind, number in other.kinds.items():
            self.kinds[kind] = self.kinds.get(kind, 0) + number
        for place, number in other.sources.items():
            self.sources[place] = self.sources.get(place, 0) + number
        self.spoiled += other.spoiled
        self.interactions += other.interactions
        self.event_time = max(self.event_time, other.event_time)
