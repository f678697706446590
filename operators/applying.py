"""A batch's events on the states of their shoppers, each record guarded. Knows no Flink."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec

from events.verdict import Dead, Reason
from features.logic import FUTURE_MS, ShopperLogic
from features.row import FeatureRow
from features.state import ShopperState
from operators.batch import Record
from sinks.dead_letters import bug_of

log = logging.getLogger(__name__)

Read = Callable[[str], bytes | None]
"""Reads a shopper's bytes from Flink's state."""


class Spoiled(NamedTuple):
    """A record that decoded and yet is dead."""

    kind: Literal["future", "bug"]
    record: Record
    dead: Dead
    error: Exception | None = None


@dataclass
class Outcome:
    """What a batch or a wake-up came to."""

    rows: list[FeatureRow] = field(default_factory=list)
    data: dict[str, bytes] = field(default_factory=dict)
    """The new bytes of every shopper that was touched."""
    next: dict[str, int] = field(default_factory=dict)
    """When to look at the shopper again, epoch ms."""
    gone: list[str] = field(default_factory=list)
    """Shoppers of whom nothing is left to keep."""
    verdicts: dict[str, int] = field(default_factory=dict)
    spoiled: list[Spoiled] = field(default_factory=list)
    event_time: int = 0
    """Greatest event time applied, epoch ms."""
    bugs: int = 0
    """Wake-ups that ended in an exception."""

    def judge(self, verdict: str, record: Record) -> None:
        """Note the logic's verdict."""
        if verdict == "future":
            expected = f"at most {FUTURE_MS // 1000} s ahead of the clock"
            dead = Dead("", (Reason("event_time", f"{record.event.at} ms", expected),))
            self.spoiled.append(Spoiled("future", record, dead))
            return
        self.verdicts[verdict] = self.verdicts.get(verdict, 0) + 1
        if verdict == "applied":
            self.event_time = max(self.event_time, record.event.at)


class Applier:
    """Applies events, and the passing of time, to shoppers' states."""

    def __init__(self, logic: ShopperLogic, read: Read, postpone_ms: int = 60_000) -> None:
        """Keep the logic; `postpone_ms` is how long a shopper whose wake-up fails is left alone."""
        self._logic = logic
        self._read = read
        self._postpone_ms = postpone_ms
        self._known: set[str] = set()

    def apply(self, records: Iterable[Record], as_of: int) -> Outcome:
        """Apply a batch's records in their order, shopper by shopper."""
        outcome = Outcome()
        shoppers: dict[str, list[Record]] = {}
        for record in records:
            shoppers.setdefault(record.event.shopper, []).append(record)
        for shopper, own in shoppers.items():
            try:
                self._together(shopper, own, as_of, outcome)
            except Exception:  # noqa: BLE001  whatever it is, it costs one record and not the job
                self._one_by_one(shopper, own, as_of, outcome)
        return outcome

    @property
    def catalogue(self) -> int:
        """Fingerprint of the features that the rows hold."""
        return self._logic.catalogue

    def advance(self, shoppers: Iterable[str], as_of: int, whole: bool = False) -> Outcome:
        """Let time pass for shoppers whose moment has come; with `whole`, give every row of any shopper."""
        outcome = Outcome()
        for shopper in shoppers:
            try:
                self._pass_time(shopper, as_of, outcome, whole)
            except Exception as error:  # noqa: BLE001  as above
                self._tell(error)
                outcome.bugs += 1
                outcome.next[shopper] = as_of + self._postpone_ms
        return outcome

    def whole(self, shoppers: Iterable[str], outcome: Outcome) -> list[FeatureRow]:
        """Every row of shoppers that are part of `outcome`, whose new bytes take note of it."""
        rows = []
        for shopper in shoppers:
            data = outcome.data.get(shopper)
            if data is not None:
                state = self._logic.load(data)
                rows += self._logic.all_rows(state, shopper)
                outcome.data[shopper] = self._logic.dump(state)
        return rows

    def _together(self, shopper: str, records: list[Record], as_of: int, outcome: Outcome) -> None:
        logic = self._logic
        data = self._read(shopper)
        state = logic.zero() if data is None else logic.load(data)
        verdicts = [logic.apply(state, record.event, as_of) for record in records]
        rows = logic.rows(state, shopper)
        self._keep(shopper, state, as_of, outcome)
        outcome.rows += rows
        for verdict, record in zip(verdicts, records, strict=True):
            outcome.judge(verdict, record)

    def _one_by_one(self, shopper: str, records: list[Record], as_of: int, outcome: Outcome) -> None:
        """The same with bytes after every record, so that the one that fails can be left out."""
        logic = self._logic
        before = data = self._read(shopper)
        for record in records:
            try:
                state = logic.zero() if data is None else logic.load(data)
                verdict = logic.apply(state, record.event, as_of)
                rows, data = logic.rows(state, shopper), logic.dump(state)
            except Exception as error:  # noqa: BLE001  as above
                self._tell(error)
                outcome.spoiled.append(Spoiled("bug", record, Dead("", ()), error))
                data = self._count_seen(data)
                continue
            outcome.rows += rows
            outcome.judge(verdict, record)
        if data is not None and data is not before:
            outcome.data[shopper] = data
            outcome.next[shopper] = logic.next_of(data)

    def _pass_time(self, shopper: str, as_of: int, outcome: Outcome, whole: bool) -> None:
        logic = self._logic
        data = self._read(shopper)
        if data is None:
            return
        moment = logic.next_of(data)
        if moment > as_of and not whole:  # an event put the moment off
            outcome.next[shopper] = moment
            return
        state = logic.load(data)
        logic.advance(state, as_of)
        rows = logic.all_rows(state, shopper) if whole else logic.rows(state, shopper)
        self._keep(shopper, state, as_of, outcome)
        outcome.rows += rows

    def _keep(self, shopper: str, state: ShopperState, as_of: int, outcome: Outcome) -> None:
        """Hand the state over to be written, unless nothing is left of it (or late events never made any)."""
        if state.gone(as_of):
            outcome.gone.append(shopper)
            return
        outcome.data[shopper] = self._logic.dump(state)
        outcome.next[shopper] = state.next

    def _count_seen(self, data: bytes | None) -> bytes | None:
        """The fence counts every record that was routed to the shopper, whatever became of it."""
        try:
            state = self._logic.zero() if data is None else self._logic.load(data)
        except msgspec.DecodeError:
            return data
        state.seen += 1
        return self._logic.dump(state)

    def _tell(self, error: Exception) -> None:
        """Log an exception, once for each place."""
        bug = bug_of(error)
        if bug.place not in self._known:
            self._known.add(bug.place)
            log.error(
                "%s at %s: a defect; the job goes on without the record",
                bug.exception,
                bug.place,
                exc_info=error,
            )
