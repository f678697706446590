"""The same logic over recorded events, without Flink: replay, backfill, tests, examples."""

from collections import Counter
from collections.abc import Iterable
from itertools import chain

from events.event import Event
from features.identity import MERGE, OFF, Move
from features.logic import ShopperLogic
from features.pointing import pointing_rows
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
        """Users; with identity off, every shopper."""
        self._devices: dict[str, ShopperState] = {}

    def feed(self, events: Iterable[Event]) -> None:
        """Apply the events in the order of their arrival."""
        apply = self._logic.apply
        limit = 2**62 if self._as_of is None else self._as_of
        counts = dict.fromkeys(("applied", "duplicate", "late", "future", "left out"), 0)
        for event in events:
            if event.at > limit:
                counts["left out"] += 1
                continue
            self._clock = max(self._clock, event.at)
            counts[apply(self._receiver(event), event, self._clock)] += 1
        self.verdicts.update(counts)

    def login(self, device: str, user: str, at: int) -> None:
        """Learn that a user was logged in on a device at the event time `at` (epoch ms)."""
        state = self._state(self._devices, device)
        self._logic.learn(state, user, at, self._clock)
        data = self._logic.hand_over(state)
        if data:
            self._logic.merge(self._state(self._states, user), data, self._clock)

    def forget(self, shopper: str) -> None:
        """Carry out a control record: nothing is left of the shopper.

        Devices on which a user was logged in are then themselves again.
        """
        self._states.pop(shopper, None)
        self._devices.pop(shopper, None)
        for device in self._devices.values():
            self._logic.unlearn(device, shopper)
        self.verdicts["applied"] += 1

    def rows(self, pointers: bool = False) -> list[FeatureRow]:
        """Every row that exists at the end, shopper by shopper.

        Args:
            pointers: whether also the rows that point from a device to the user who was last logged in there.
        """
        at = self._clock if self._as_of is None else self._as_of
        rows = self._own_rows(at)
        if pointers and self._logic.definitions.identity == MERGE:
            for device, state in self._devices.items():
                if state.logins:
                    rows += pointing_rows(self._logic, Move(device, state.logins[-1][2], state.seen), at)
        return rows

    def _receiver(self, event: Event) -> ShopperState:
        """The state for which the event counts; logins are learned before that."""
        if self._logic.definitions.identity == OFF:
            return self._state(self._states, event.shopper)
        if event.user_id is not None:
            if event.device_id is not None:
                self.login(event.device_id, event.user_id, event.at)
            return self._state(self._states, event.user_id)
        device = self._state(self._devices, event.shopper)
        self._logic.remember(device, self._clock)
        user = self._logic.owner(device, event.at)
        return device if user is None else self._state(self._states, user)

    def _state(self, states: dict[str, ShopperState], shopper: str) -> ShopperState:
        state = states.get(shopper)
        if state is None:
            state = states[shopper] = self._logic.zero()
        return state

    def _own_rows(self, at: int) -> list[FeatureRow]:
        rows: list[FeatureRow] = []
        owned: dict[str, int] = {}
        for shopper, state in chain(self._states.items(), self._devices.items()):
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


def _part(row: FeatureRow) -> tuple[int, bool, str]:
    return row.start, not row.moved, row.owner
