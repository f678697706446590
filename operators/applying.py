"""A batch's events on the states of their shoppers, each record guarded. Knows no Flink."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import msgspec

from events.event import Event
from events.verdict import Dead
from features.entities.logic import Score
from features.forgetting import forgotten_rows
from features.logic import ShopperLogic
from features.row import FeatureRow
from features.state import ShopperState
from operators.batch import Batch, Forgetting, Record
from operators.defects import tell
from operators.floors import Floors, floor, remember
from operators.outcome import Outcome, Spoiled

Read = Callable[[str], bytes | None]
"""Reads a shopper's bytes from Flink's state."""
Items = Callable[[], Iterable[tuple[str, bytes]]]
"""Every entry of the bucket at hand."""


class Applying(Protocol):
    """What a shard asks of whoever applies its batches."""

    @property
    def catalogue(self) -> int:  # noqa: D102
        ...

    def apply(  # noqa: D102
        self, work: Batch, as_of: int, floors: Floors | None = None, outcome: Outcome | None = None
    ) -> Outcome: ...

    def advance(  # noqa: D102
        self, shoppers: Iterable[str], as_of: int, whole: bool = False, outcome: Outcome | None = None
    ) -> Outcome: ...

    def whole(self, shoppers: Iterable[str], outcome: Outcome) -> list[FeatureRow]:  # noqa: D102
        ...

    def again(self, shoppers: Iterable[str], outcome: Outcome, at: int) -> None:  # noqa: D102
        ...

    def met(self, entry: str) -> None:  # noqa: D102
        ...

    def scores(self, entry: str, data: bytes) -> Iterable[Score]:  # noqa: D102
        ...


class Applier(ABC):
    """Applies events, and the passing of time, to shoppers' states; which of them are whose says `apply`."""

    def __init__(
        self, logic: ShopperLogic, read: Read, postpone_ms: int = 60_000, *, tells: bool = False
    ) -> None:
        """Keep the logic.

        `postpone_ms` is how long a shopper whose wake-up fails is left alone; `tells` whether entities are to
        be told which events were applied.
        """
        self._tells = tells
        self._logic = logic
        self._read = read
        self._postpone_ms = postpone_ms
        self._known: set[str] = set()
        self._floors: Floors = {}
        definitions = logic.definitions
        self._rows_live_ms = max(definitions.reach_ms, definitions.session_retention_ms)
        """No row outlives its last event by more."""

    @abstractmethod
    def apply(
        self, work: Batch, as_of: int, floors: Floors | None = None, outcome: Outcome | None = None
    ) -> Outcome:
        """Apply a batch, and fill `outcome`. `floors` are those of the bucket; they are kept up to date."""

    @property
    def catalogue(self) -> int:
        """Fingerprint of the features that the rows hold."""
        return self._logic.catalogue

    def advance(
        self, shoppers: Iterable[str], as_of: int, whole: bool = False, outcome: Outcome | None = None
    ) -> Outcome:
        """Let time pass for shoppers whose moment has come; with `whole`, give every row of any shopper.

        What it comes to is added to `outcome`, of which they are no part yet.
        """
        outcome = outcome or Outcome()
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

    def again(self, shoppers: Iterable[str], outcome: Outcome, at: int) -> None:
        """Have every row of shoppers that are part of `outcome` given again, not later than `at` (epoch ms).

        It is noted in their bytes, so that a crash does not forget it.
        """
        for shopper in shoppers:
            data = outcome.data.get(shopper)
            if data is not None:
                state = self._logic.load(data)
                self._logic.again(state, at)
                outcome.data[shopper], outcome.next[shopper] = self._logic.dump(state), state.next

    def met(self, entry: str) -> None:
        """Nothing: shoppers read no side inputs."""
        return

    def scores(self, entry: str, data: bytes) -> Iterable[Score]:
        """None: shoppers are in no sorted set over all."""
        return ()

    def _judged(self, state: ShopperState, event: Event, as_of: int) -> tuple[str, bool | None]:
        """Apply an event; the verdict, and for entities whether it is an order."""
        order = self._logic.orders(state, event, as_of) if self._tells else None
        return self._logic.apply(state, event, as_of), order

    def _tell_forgotten(self, shopper: str, outcome: Outcome) -> None:
        if self._tells:
            outcome.interactions.append(shopper)

    def _events(
        self, shopper: str, records: list[Record], data: bytes | None, as_of: int, outcome: Outcome
    ) -> None:
        try:
            self._together(shopper, records, data, as_of, outcome)
        except Exception:  # noqa: BLE001  whatever it is, it costs one record and not the job
            self._one_by_one(shopper, records, data, as_of, outcome)

    def _erased(self, shopper: str, state: ShopperState, as_of: int, outcome: Outcome) -> None:
        outcome.give(forgotten_rows(self._logic, state, shopper, as_of))
        outcome.forgotten.add(shopper)
        remember(self._floors, shopper, state.seen, as_of, as_of + self._rows_live_ms)

    def _data(self, shopper: str, outcome: Outcome) -> bytes | None:
        return None if shopper in outcome.forgotten else self._read(shopper)

    def _state(self, data: bytes | None) -> ShopperState:
        return self._logic.zero() if data is None else self._logic.load(data)

    def _go_on(self, shopper: str, state: ShopperState, data: bytes | None) -> None:
        """Let the fence of a shopper who begins anew go on where it was when the shopper was forgotten."""
        if data is None and self._floors:
            state.seen += floor(self._floors, shopper)

    def _together(
        self, shopper: str, records: list[Record], data: bytes | None, as_of: int, outcome: Outcome
    ) -> None:
        logic = self._logic
        state = self._state(data)
        told: list[tuple[str, bool | None]] = []
        verdicts: list[str] = []
        if self._tells:
            told = [self._judged(state, record.event, as_of) for record in records]
        else:
            verdicts = [logic.apply(state, record.event, as_of) for record in records]
        self._go_on(shopper, state, data)
        rows = logic.rows(state, shopper)
        self._keep(shopper, state, as_of, outcome)
        outcome.give(rows)
        for (verdict, order), record in zip(told, records, strict=False):
            outcome.judge(verdict, record, order)
        for verdict, record in zip(verdicts, records, strict=False):
            outcome.judge(verdict, record)

    def _one_by_one(
        self, shopper: str, records: list[Record], data: bytes | None, as_of: int, outcome: Outcome
    ) -> None:
        """The same with bytes after every record, so that the one that fails can be left out."""
        logic = self._logic
        before = data
        for record in records:
            try:
                state = self._state(data)
                verdict, order = self._judged(state, record.event, as_of)
                self._go_on(shopper, state, data)
                rows, data = logic.rows(state, shopper), logic.dump(state)
            except Exception as error:  # noqa: BLE001  as above
                self._tell(error)
                outcome.spoiled.append(Spoiled("bug", record, Dead("", ()), error))
                data = self._count_seen(shopper, data)
                continue
            outcome.give(rows)
            outcome.judge(verdict, record, order)
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
        rows += self._more_rows(state, shopper, as_of, whole=whole)
        self._keep(shopper, state, as_of, outcome)
        outcome.give(rows)

    def _more_rows(self, state: ShopperState, shopper: str, as_of: int, *, whole: bool) -> list[FeatureRow]:
        """Rows beside the logic's."""
        return []

    def _keep(self, shopper: str, state: ShopperState, as_of: int, outcome: Outcome) -> None:
        """Hand the state over to be written, unless nothing is left of it (or late events never made any)."""
        if state.gone(as_of):
            outcome.gone.append(shopper)
            return
        outcome.data[shopper] = self._logic.dump(state)
        outcome.next[shopper] = state.next

    def _count_seen(self, shopper: str, data: bytes | None) -> bytes | None:
        """The fence counts every record that was routed to the shopper, whatever became of it."""
        try:
            state = self._state(data)
        except msgspec.DecodeError:
            return data
        state.seen += 1
        self._go_on(shopper, state, data)
        return self._logic.dump(state)

    def _tell(self, error: Exception) -> None:
        tell(error, "the record", self._known)


def stretches(forgets: Sequence[Forgetting], records: int) -> Iterator[tuple[int, int, Forgetting | None]]:
    """Cut a batch at its control records: begin, end and who is forgotten then; nobody at the end."""
    begin = 0
    for forget in sorted(forgets, key=lambda forget: forget.before):
        yield begin, forget.before, forget
        begin = forget.before
    yield begin, records, None
