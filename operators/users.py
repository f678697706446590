"""Events of users, and of devices where those are no operator's own, on their states. Knows no Flink."""

import msgspec

from features.forgetting import forgotten_rows
from features.identity import OFF, Move
from features.pointing import pointing_rows
from features.restating import restated_rows
from operators.applying import Applier, stretches
from operators.batch import Batch, Record
from operators.floors import Floors, remember
from operators.outcome import Outcome


class Users(Applier):
    """Applies events to users' states, and takes in what devices hand over."""

    def apply(
        self, work: Batch, as_of: int, floors: Floors | None = None, outcome: Outcome | None = None
    ) -> Outcome:
        """Apply a batch's records in their order, shopper by shopper, and forget who is to be forgotten.

        What devices hand over comes first. `floors` are those of the bucket; they are kept up to date.
        """
        outcome, records = outcome or Outcome(), work.records
        self._floors = {} if floors is None else floors
        shoppers: dict[str, list[Record]] = {}
        moves: dict[str, list[Move]] = {}
        for move in work.moves:
            moves.setdefault(move.user, []).append(move)
        for begin, end, forget in stretches([*work.forgets, *work.unlinks], len(records)):
            for record in records[begin:end]:
                shoppers.setdefault(record.event.shopper, []).append(record)
            if forget is not None:
                self._forget(forget.shopper, shoppers.pop(forget.shopper, []), as_of, outcome)
                self._tell_forgotten(forget.shopper, outcome)
                for move in moves.pop(forget.shopper, ()):
                    state = self._logic.load(move.data)
                    state.seen = move.seen
                    outcome.give(forgotten_rows(self._logic, state, move.device, as_of))
        for shopper, given in moves.items():
            self._receive(shopper, given, shoppers.pop(shopper, []), as_of, outcome)
        for shopper, own in shoppers.items():
            self._events(shopper, own, self._data(shopper, outcome), as_of, outcome)
        for shopper, began in work.restated.items():
            self._restate(shopper, began, as_of, outcome)
        outcome.gone += [shopper for shopper in outcome.forgotten if shopper not in outcome.data]
        return outcome

    def _receive(
        self, shopper: str, moves: list[Move], records: list[Record], as_of: int, outcome: Outcome
    ) -> None:
        """Let what devices held grow into the user's state, then apply events; then their rows point here."""
        data = self._data(shopper, outcome)
        for move in moves:
            try:
                state = self._state(data)
                self._logic.merge(state, move.data, as_of)
                self._go_on(shopper, state, data)
                data = self._logic.dump(state)
            except Exception as error:  # noqa: BLE001  it costs the device's history and not the job
                self._tell(error)
                outcome.lost += 1
        outcome.moved += len(moves)
        self._events(shopper, records, data, as_of, outcome)
        for move in moves:
            outcome.give(pointing_rows(self._logic, move, as_of))

    def _restate(self, shopper: str, began: int, as_of: int, outcome: Outcome) -> None:
        """Write all rows of a shopper for whom a run that crashed may have counted what others did."""
        if shopper in outcome.forgotten or shopper in outcome.gone:
            return
        data = outcome.data.get(shopper) or self._read(shopper)
        try:
            state = self._state(data)
            self._go_on(shopper, state, data)
            self._logic.advance(state, as_of)
            rows = restated_rows(self._logic, state, shopper, began)
        except Exception as error:  # noqa: BLE001  the rows stay as they are until the next event
            self._tell(error)
            outcome.lost += 1
            return
        outcome.restated += 1
        outcome.give(rows)
        if data is None:  # the shopper's first record is still to come, perhaps by another way
            remember(self._floors, shopper, state.seen, as_of, as_of + self._rows_live_ms)
        else:
            self._keep(shopper, state, as_of, outcome)

    def _forget(self, shopper: str, records: list[Record], as_of: int, outcome: Outcome) -> None:
        """Delete what is known after `records`; they are applied for their verdicts alone."""
        data, before = self._data(shopper, outcome), Outcome()
        if data is None and not records and self._logic.definitions.identity != OFF:
            # Its rows may be a device's, which another operator has deleted, and may have made anew.
            outcome.forgotten.add(shopper)
            return
        self._events(shopper, records, data, as_of, before)
        outcome.judge_like(before)
        data = before.data.get(shopper, data)
        try:
            state = self._state(data)
        except msgspec.DecodeError:
            data, state = None, self._state(None)
        self._go_on(shopper, state, data)
        self._erased(shopper, state, as_of, outcome)
