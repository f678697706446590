"""What a device hands over grows into its user's state. Pure.

Where there is no room for both, what the user has stays in bags, and of everything else what was last.
"""

from collections.abc import Sequence
from itertools import chain

from features.aggregates.bag import Bag
from features.aggregates.base import BEGINNING
from features.bound import paned
from features.currencies import make_room
from features.digest import SIZE
from features.levels import join
from features.plan import Plan
from features.sessions import Sessions
from features.settings import Window
from features.state import (
    REMEMBERED_IDS,
    SessionState,
    ShopperState,
    drop_excess,
    orders_of,
    pane_of,
    panes_of,
    trail_of,
)

Numbers = dict[int, dict[int, int]]
"""Slot of a bag -> number of a name of theirs -> its number among ours; what found no room is missing."""


class Merging:
    """Merges states that one plan made, both as of the same moment."""

    def __init__(self, plan: Plan, windows: Sequence[Window], sessions: Sessions | None) -> None:
        """Keep the plan, the windows from the shortest on, and the sessions if they are hosted."""
        self._plan = plan
        self._windows = windows
        self._sessions = sessions
        self._bags = {slot: each for slot, each in plan.aggregates.items() if isinstance(each, Bag)}

    def merge(self, state: ShopperState, moved: ShopperState) -> None:
        """Let `state` grow by `moved`, which is not to be used any more."""
        state.seen += moved.seen
        state.keep = max(state.keep, self._until(moved))
        state.overflow += moved.overflow
        state.lost = max(state.lost, moved.lost)
        for view in self._plan.rolling:
            parts = chain((state.trails, moved.trails), paned(state), paned(moved))
            _lose(state, make_room(view, state.trails, moved.trails, parts))
        self._panes(state, moved, self._numbers(state, moved))
        self._trails(state, moved)
        _orders(state, moved)
        _ids(state, moved)
        if self._sessions is not None:
            take_in(self._sessions, state, moved)

    def _until(self, moved: ShopperState) -> int:
        """When the last row of what moves expires, not before now; the device is kept for its logins, too."""
        ends = [moved.at]
        for window, level in zip(self._windows, moved.levels, strict=True):
            if not level.empty:
                longest = self._windows[-1]
                ends.append(longest.leaves_at(level.last * window.pane_ms // longest.pane_ms))
        if self._sessions is not None:
            ends += [self._sessions.until(session) for session in moved.sessions]
        return max(ends)

    def _numbers(self, state: ShopperState, moved: ShopperState) -> Numbers:
        """Give their names numbers among ours, as far as there is room."""
        numbers: Numbers = {}
        for slot, bag in self._bags.items():
            told = trail_of(moved.trails, slot)
            if told is None:
                continue
            names = trail_of(state.trails, slot) or [0, {}]
            state.trails[slot] = names
            numbers[slot], lost = bag.admit(names, told)
            _lose(state, lost)
        return numbers

    def _panes(self, state: ShopperState, moved: ShopperState, numbers: Numbers) -> None:
        for level, theirs in zip(state.levels, moved.levels, strict=True):
            panes = panes_of(theirs)
            for number in sorted(panes):
                pane = pane_of(panes, number)
                for slot in pane.keys() & self._bags.keys():
                    pane[slot] = _renumbered(pane[slot], numbers.get(slot, {}))
                join(level, number, pane, self._plan.aggregates)

    def _trails(self, state: ShopperState, moved: ShopperState) -> None:
        for slot in moved.trails.keys() - self._bags.keys():
            aggregate, mine = self._plan.aggregates[slot], trail_of(state.trails, slot)
            mine = aggregate.zero() if mine is None else mine
            state.trails[slot], lost = aggregate.united(mine, trail_of(moved.trails, slot))
            _lose(state, lost)


def take_in(sessions: Sessions, state: ShopperState, moved: ShopperState) -> None:
    """Let sessions of a device be its user's: one with the one of the same id, or with those they touch."""
    for session in sorted(moved.sessions, key=_first):
        found = sessions.find(state, session.key, session.first, session.last)
        if found and not session.key:
            _rename(sessions, state, session, found)
        for other in found:
            state.sessions.remove(other)
            sessions.join(session, other)
        session.moved = True
        sessions.close(session, state.at)
        state.sessions.append(session)
    # In a run that met the login before them these may have begun sessions of the user.
    state.denied += [*moved.denied, *[start for start, _ in moved.ended]]
    starts = {session.first for session in state.sessions if not session.key}
    state.denied = [at for at in state.denied if at not in starts]
    state.ended = [ended for ended in state.ended if ended[0] not in starts]
    sessions.evict(state)


def _rename(
    sessions: Sessions, state: ShopperState, session: SessionState, found: Sequence[SessionState]
) -> None:
    """Note the ids that gap sessions give up as they become one."""
    start = min(session.first, *[other.first for other in found])
    state.ended += [(other.first, sessions.until(other)) for other in found if other.first != start]
    if session.first != start:
        state.denied.append(session.first)


def _renumbered(weights: dict[int, int], numbers: dict[int, int]) -> dict[int, int]:
    return {numbers[number]: weight for number, weight in weights.items() if number in numbers}


def _orders(state: ShopperState, moved: ShopperState) -> None:
    orders: dict[bytes, int] = dict(orders_of(moved))
    for key, until in orders_of(state).items():
        orders[key] = max(orders.pop(key, 0), until)
    state.overflow += drop_excess(orders)
    state.orders = orders


def _ids(state: ShopperState, moved: ShopperState) -> None:
    known = {state.ids[i : i + SIZE] for i in range(0, len(state.ids), SIZE)}
    theirs = [moved.ids[i : i + SIZE] for i in range(0, len(moved.ids), SIZE)]
    before = b"".join([key for key in theirs if key not in known])
    state.ids = (before + state.ids)[-REMEMBERED_IDS * SIZE :]


def _lose(state: ShopperState, lost: int) -> None:
    if lost > BEGINNING:
        state.overflow += 1
        state.lost = max(state.lost, lost)


def _first(session: SessionState) -> int:
    return session.first
