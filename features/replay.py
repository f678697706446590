"""The same logic over recorded events, without Flink: replay, backfill, tests, examples."""

from collections import Counter
from collections.abc import Iterable

from events.event import Event
from features.logic import ShopperLogic
from features.row import FeatureRow
from features.state import ShopperState


class Replay:
    """Recorded events through the logic; the clock is the greatest event time read so far.

    >>> replay = Replay(ShopperLogic())
    >>> replay.feed([Event(shopper="ann", event_id="1", at=1_000, kind="product_view", session_id="s")])
    >>> [(row.entity, row.window) for row in replay.rows()]
    [('user', '5min'), ('user', '1h'), ('user', '24h'), ('session', 'session'), ('user', 'session')]

    Args:
        logic: the logic of all views.
        as_of: leaves out events whose event time (epoch ms) is after it, and is when the rows are read; None:
            nothing is left out, and the rows are read at the latest event time.
    """

    def __init__(self, logic: ShopperLogic, as_of: int | None = None) -> None:
        """Begin with no shopper."""
        self.verdicts: Counter[str] = Counter()
        """How many events came to each verdict, `left out` included."""
        self._logic = logic
        self._as_of = as_of
        self._clock = -(2**62)
        self._states: dict[str, ShopperState] = {}

    def feed(self, events: Iterable[Event]) -> None:
        """Apply the events in the order of their arrival."""
        states, apply, zero = self._states, self._logic.apply, self._logic.zero
        limit = 2**62 if self._as_of is None else self._as_of
        counts = dict.fromkeys(("applied", "duplicate", "late", "future", "left out"), 0)
        for event in events:
            if event.at > limit:
                counts["left out"] += 1
                continue
            self._clock = max(self._clock, event.at)
            state = states.get(event.shopper)
            if state is None:
                state = states[event.shopper] = zero()
            counts[apply(state, event, self._clock)] += 1
        self.verdicts.update(counts)

    def forget(self, shopper: str) -> None:
        """Carry out a control record: nothing is left of the shopper."""
        self._states.pop(shopper, None)
        self.verdicts["applied"] += 1

    def rows(self) -> list[FeatureRow]:
        """Every row that exists at the end, shopper by shopper."""
        at = self._clock if self._as_of is None else self._as_of
        rows: list[FeatureRow] = []
        owned: dict[str, int] = {}
        for shopper, state in self._states.items():
            self._logic.advance(state, at)
            for row in self._logic.all_rows(state, shopper):
                if row.values is None or row.until <= at:
                    continue
                if row.entity == "session":
                    held = owned.get(row.entity_id)
                    if held is not None:
                        rows[held] = min(rows[held], row, key=_part)
                        continue
                    owned[row.entity_id] = len(rows)
                rows.append(row)
        return rows


def _part(row: FeatureRow) -> tuple[int, str]:
    return row.start, row.owner
