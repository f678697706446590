"""What batches add, and the passing of time, on the states of entities. Knows no Flink."""

from collections.abc import Iterable
from typing import Any, Protocol

from features.entities.logic import Score
from features.entities.sides import Pull, table_of
from features.entities.state import Combined, EntityState
from features.row import FeatureRow
from features.state import next_of
from operators.applying import Items, Read
from operators.batch import Batch
from operators.defects import tell
from operators.floors import Floors
from operators.outcome import Outcome
from operators.sides import Sides
from operators.store import LEDGER


class Logic(Protocol):
    """Of entities, or of sorted sets over all."""

    catalogue: int

    @property
    def looked_up(self) -> frozenset[str]: ...  # noqa: D102
    def reads(self, entry: str) -> list[tuple[str, str]]: ...  # noqa: D102
    def load(self, data: bytes, /) -> EntityState: ...  # noqa: D102
    def dump(self, state: Any, /) -> bytes: ...  # noqa: D102
    def knows(self, entry: str) -> bool: ...  # noqa: D102
    def leads(self, entry: str) -> bool: ...  # noqa: D102
    def add(self, state: EntityState, more: Combined, as_of: int) -> None: ...  # noqa: D102
    def advance(self, state: EntityState, entry: str, as_of: int) -> None: ...  # noqa: D102
    def gone(self, state: EntityState, entry: str) -> bool: ...  # noqa: D102
    def remains(self, state: EntityState, entry: str) -> bool: ...  # noqa: D102
    def until(self, state: EntityState, entry: str) -> int: ...  # noqa: D102
    def rows(  # noqa: D102
        self, state: EntityState, entry: str, *, whole: bool = False, pull: Pull | None = None
    ) -> list[FeatureRow]: ...
    def scores(self, state: EntityState, entry: str) -> Iterable[Score]: ...  # noqa: D102
    def says(  # noqa: D102
        self, state: EntityState, entry: str, *, gone: bool = False
    ) -> list[Combined]: ...
    def owed(self, state: EntityState, entry: str) -> list[Combined]: ...  # noqa: D102
    def belongs(self, entry: str, shopper: str) -> bool: ...  # noqa: D102
    def forgotten(self, state: EntityState, entry: str, as_of: int) -> list[FeatureRow]: ...  # noqa: D102


class Entities:
    """Stands in a shard where `Applier` stands for shoppers: its entries are entities."""

    def __init__(
        self, logic: Logic, read: Read, items: Items, postpone_ms: int = 60_000, *, buckets: int = 1
    ) -> None:
        """Keep the logic.

        `items` are asked for when a shopper is to be forgotten; `postpone_ms` is how long an entity whose
        wake-up fails is left alone; `buckets` how many there are.
        """
        self._logic = logic
        self._read = read
        self._items = items
        self._postpone_ms = postpone_ms
        self._known: set[str] = set()
        self._sides = Sides(logic, buckets)

    @property
    def catalogue(self) -> int:
        """Fingerprint of the features that the rows hold."""
        return self._logic.catalogue

    def apply(
        self, work: Batch, as_of: int, floors: Floors | None = None, outcome: Outcome | None = None
    ) -> Outcome:
        """Forget, and add what comes after, stage by stage."""
        outcome, states = outcome or Outcome(), dict[str, EntityState]()
        pending: dict[str, int] = {}
        for stage in work.stages:
            for shopper in stage.forgotten:
                self._forget(shopper, states, as_of, outcome)
            for more in stage.added:
                if self._logic.knows(more.entry):
                    pending[more.entry] = pending.get(more.entry, 0) + (more.seen or 1)
                    self._add(more, states, pending, as_of, outcome)
            self._give(stage.added, states, pending, as_of, outcome)
        for entry in list(states):
            state = states.get(entry)
            if state is None:
                continue
            try:
                self._keep(entry, state, as_of, outcome, states)
            except Exception as error:  # noqa: BLE001  it costs what the batch adds to one entity
                self._tell(error)
                outcome.facts_lost += pending[entry]
                self._leave_out(entry, states)
        outcome.gone += [entry for entry in outcome.forgotten if entry not in outcome.data]
        for entry in outcome.gone:
            self._sides.gone(entry)
        return outcome

    def advance(
        self, shoppers: Iterable[str], as_of: int, whole: bool = False, outcome: Outcome | None = None
    ) -> Outcome:
        """Let time pass for entities whose moment has come; with `whole`, give every row of any."""
        outcome = outcome or Outcome()
        for entry in shoppers:
            data = outcome.data.get(entry) or self._read(entry)  # one before it may have told it something
            if data is None:
                continue
            moment, runs = next_of(data), self._logic.knows(entry)
            asked = whole and runs and table_of(entry) is None
            if moment > as_of and not asked and entry not in self._sides.owed:
                outcome.next[entry] = moment  # what came later put it off
                continue
            try:
                state = self._logic.load(data)
                if not runs:
                    self._leave(entry, state, as_of, outcome)
                elif table_of(entry) is not None:
                    outcome.next |= dict.fromkeys(self._sides.look(entry, state, as_of), state.at)
                    self._keep_row(entry, state, outcome)
                else:
                    state.changed |= entry in self._sides.owed
                    self._logic.advance(state, entry, as_of)
                    if whole:  # what it tells may never have been asked for before
                        self._tell_readers(self._logic.says(state, entry), as_of, outcome, {})
                    self._keep(entry, state, as_of, outcome, {}, whole=whole)
            except Exception as error:  # noqa: BLE001  as above
                self._tell(error)
                outcome.bugs += 1
                outcome.next[entry] = as_of + self._postpone_ms
        for entry in outcome.gone:
            self._sides.gone(entry)
        return outcome

    def whole(self, shoppers: Iterable[str], outcome: Outcome) -> list[FeatureRow]:
        """Nothing: all rows of entities are whole."""
        return []

    def again(self, shoppers: Iterable[str], outcome: Outcome, at: int) -> None:
        """Have rows of entities that are part of `outcome` given again, not later than `at` (epoch ms)."""
        for entry in shoppers:
            data = outcome.data.get(entry)
            if data is not None:
                state = self._logic.load(data)
                state.changed, state.next = True, min(state.next, at)
                outcome.data[entry], outcome.next[entry] = self._logic.dump(state), state.next

    def met(self, entry: str) -> None:
        """Take note of an entity that a restored bucket holds."""
        self._sides.met(entry)

    def scores(self, entry: str, data: bytes) -> Iterable[Score]:
        """How an entity of the state stands in sorted sets over all."""
        return self._logic.scores(self._logic.load(data), entry) if self._logic.leads(entry) else ()

    def _add(
        self,
        more: Combined,
        states: dict[str, EntityState],
        pending: dict[str, int],
        as_of: int,
        outcome: Outcome,
    ) -> None:
        entry = more.entry
        try:
            state = states.get(entry) or self._state(entry, outcome)
            if table_of(entry) is None:
                self._logic.add(state, more, as_of)
            elif not self._sides.put(state, more, as_of):
                return
            states[entry] = state
        except Exception as error:  # noqa: BLE001  as above
            self._tell(error)
            outcome.facts_lost += pending.pop(entry)
            self._leave_out(entry, states)

    def _leave_out(self, entry: str, states: dict[str, EntityState]) -> None:
        """Let an entity be what it was before the batch, and so what it tells."""
        states.pop(entry, None)
        for more in self._logic.says(EntityState(), entry, gone=True):
            states.pop(more.entry, None)

    def _give(
        self,
        added: Iterable[Combined],
        states: dict[str, EntityState],
        pending: dict[str, int],
        as_of: int,
        outcome: Outcome,
    ) -> None:
        """Let entities that have something for others of the bucket give it."""
        for each in added:
            state = states.get(each.entry)
            if state is None:
                continue
            try:
                owed = self._logic.owed(state, each.entry) + self._logic.says(state, each.entry)
            except Exception as error:  # noqa: BLE001  as above
                self._tell(error)
                outcome.facts_lost += each.seen
                continue
            for more in owed:
                pending.setdefault(more.entry, 0)
                self._add(more, states, pending, as_of, outcome)

    def _state(self, entry: str, outcome: Outcome) -> EntityState:
        data = outcome.data.get(entry)
        if data is None and entry not in outcome.forgotten:
            data = self._read(entry)
        return EntityState() if data is None else self._logic.load(data)

    def _taken(self, entry: str, states: dict[str, EntityState], outcome: Outcome) -> EntityState:
        return states.pop(entry) if entry in states else self._state(entry, outcome)

    def _keep(
        self,
        entry: str,
        state: EntityState,
        as_of: int,
        outcome: Outcome,
        states: dict[str, EntityState],
        *,
        whole: bool = False,
    ) -> None:
        """Hand a state over to be written, with its rows; `states` are those of the batch."""
        if table_of(entry) is not None:
            self._keep_row(entry, state, outcome)
            return
        scores = list(self._logic.scores(state, entry))
        if self._logic.gone(state, entry):
            self._let_go(entry, state, as_of, outcome, states)
            outcome.scores += [score._replace(score=0) for score in scores]
            return

        def pull(table: str, key: str) -> Any:
            row = self._sides.at(entry, table, key)
            held = states.get(row) or self._state(row, outcome)
            return next(iter(held.accs.values()), None)

        rows = self._logic.rows(state, entry, whole=whole, pull=pull)
        outcome.data[entry] = self._logic.dump(state)
        outcome.next[entry] = state.next
        outcome.give(rows)
        outcome.scores += scores
        self._sides.met(entry)
        self._sides.owed.discard(entry)

    def _tell_readers(
        self, said: Iterable[Combined], as_of: int, outcome: Outcome, states: dict[str, EntityState]
    ) -> None:
        """Hand over what an entity that was not added to tells those who look it up."""
        for more in said:
            state = states.get(more.entry) or self._state(more.entry, outcome)
            if self._sides.put(state, more, as_of, looked_at=True):
                self._keep_row(more.entry, state, outcome)

    def _let_go(
        self, entry: str, state: EntityState, as_of: int, outcome: Outcome, states: dict[str, EntityState]
    ) -> None:
        """Delete an entity, but for the row of a side input that it may hold."""
        self._tell_readers(self._logic.says(state, entry, gone=True), as_of, outcome, states)
        if state.last:
            # A row from before the expiry was shortened lives longer, and would refuse what begins anew.
            outcome.give(self._logic.forgotten(state, entry, as_of))
        if self._logic.remains(state, entry):
            outcome.data[entry], outcome.next[entry] = self._logic.dump(state), state.next
        else:
            outcome.gone.append(entry)

    def _keep_row(self, entry: str, state: EntityState, outcome: Outcome) -> None:
        """The same of a row that entities look up: after its tombstone it is kept until they know."""
        if state.accs or state.changed:
            outcome.data[entry], outcome.next[entry] = self._logic.dump(state), state.next
        else:
            outcome.gone.append(entry)

    def _leave(self, entry: str, state: EntityState, as_of: int, outcome: Outcome) -> None:
        """Let an entity whose view does not run go no sooner than its row.

        Where the view runs again, one that began anew would be refused by the row of the one before.
        """
        until = self._logic.until(state, entry)
        if until > as_of:
            outcome.next[entry] = until
        else:
            self._tell_readers(self._logic.says(state, entry, gone=True), as_of, outcome, {})
            outcome.gone.append(entry)

    def _forget(self, shopper: str, states: dict[str, EntityState], as_of: int, outcome: Outcome) -> None:
        """Delete every entity of the shopper, as far as it is known here."""
        entries = {entry for entry, _ in self._items() if entry != LEDGER} | states.keys()
        for entry in entries:
            over = entry in outcome.forgotten and entry not in states
            if over or not self._logic.belongs(entry, shopper):
                continue
            # Its keys do not depend on its state: where that cannot be read they are deleted all the same.
            for known in (True, False):
                try:
                    state = self._taken(entry, states, outcome) if known else EntityState()
                    outcome.give(self._logic.forgotten(state, entry, as_of))
                    break
                except Exception as error:  # noqa: BLE001  as above
                    self._tell(error)
                    outcome.facts_lost += 1
            outcome.forgotten.add(entry)

    def _tell(self, error: Exception) -> None:
        tell(error, "what a batch adds to the entity", self._known)
