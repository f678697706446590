"""Rolling windows over panes with running totals. Pure: state and time come in as arguments.

The windows nest, so each event lies in one pane only: that of the shortest window which holds it. The panes
of a window that no shorter one holds are its *level*; a window is its own level and all before it. A pane
that leaves a window moves into the wider pane of the next level.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain

from features.aggregates.base import REBUILD, Accs, Aggregate
from features.settings import Window
from features.state import Level, pane_of, panes_of, total_of


class Passed:
    """What the passing of time did to the windows."""

    __slots__ = ("changed", "slots")

    def __init__(self) -> None:
        self.changed = 0
        """Bit set of the windows that something left."""
        self.slots: set[int] = set()
        """Slots of what moved or left."""


def level_of(windows: Sequence[Window], at: int, as_of: int) -> int:
    """Number of the shortest window that holds the event time `at`, or how many there are."""
    for i, window in enumerate(windows):
        pane = window.pane_ms  # as `leaves_at`, without a call for each event
        if (at // pane + 1) * pane + window.size_ms > as_of:
            return i
    return len(windows)


def enter(level: Level, number: int) -> None:
    """Make sure that the level has the pane."""
    if level.first <= level.last:
        if number == level.last:
            return
        level.first, level.last = min(level.first, number), max(level.last, number)
    else:
        level.first = level.last = number
    pane_of(panes_of(level), number)


def leave(
    levels: Sequence[Level], windows: Sequence[Window], as_of: int, aggregates: dict[int, Aggregate]
) -> Passed:
    """Let the panes that leave a window at `as_of` (epoch ms) move on into the next level that holds them."""
    passed = Passed()
    for i, level in enumerate(levels):
        if level.last < level.first or level.first >= (first := windows[i].first_pane(as_of)):
            continue
        panes = panes_of(level)
        gone = {number: pane_of(panes, number) for number in sorted(panes) if number < first}
        passed.changed |= 1 << i
        passed.slots.update(chain.from_iterable(gone.values()))
        for number in gone:
            del panes[number]
        _shrink(level, gone.values(), aggregates)
        for number, pane in gone.items():
            moment = number * windows[i].pane_ms
            to = level_of(windows, moment, as_of)
            passed.changed |= (1 << to) - (1 << i)
            if to < len(levels):
                join(levels[to], moment // windows[to].pane_ms, pane, aggregates)
    return passed


def drop_unknown(level: Level, known: AbstractSet[int]) -> None:
    """Take out the slots that are not among `known`: those of features that only another release has."""
    total, panes = total_of(level), panes_of(level)
    if not total.keys() <= known:
        for accs in (total, *[pane_of(panes, number) for number in list(panes)]):
            for slot in accs.keys() - known:
                del accs[slot]


def _shrink(level: Level, gone: Iterable[Accs], aggregates: dict[int, Aggregate]) -> None:
    """Take what left out of the totals."""
    panes = panes_of(level)
    if not panes:
        level.first, level.last, level.total = 0, -1, {}
        return
    level.first, level.last = min(panes), max(panes)
    total = total_of(level)
    rebuild: set[int] = set()
    for pane in gone:
        for slot, acc in pane.items():
            if slot in total and slot not in rebuild:  # a total that came to nothing is not kept
                left = aggregates[slot].remove(total[slot], acc)
                if left is REBUILD:
                    rebuild.add(slot)
                elif left is None or left == 0:
                    del total[slot]
                else:
                    total[slot] = left
    for slot in rebuild:
        _rebuild(level, slot, aggregates[slot])


def _rebuild(level: Level, slot: int, aggregate: Aggregate) -> None:
    panes = panes_of(level)
    held = [pane[slot] for pane in (pane_of(panes, number) for number in list(panes)) if slot in pane]
    total = level.total
    total.pop(slot, None)
    for acc in held:
        total[slot] = aggregate.merge(total.get(slot, aggregate.zero()), acc)


def join(level: Level, number: int, pane: Accs, aggregates: dict[int, Aggregate]) -> None:
    """Put a pane into the one of this number, which may be wider, and into the totals."""
    enter(level, number)
    for accs in (pane_of(panes_of(level), number), total_of(level)):
        for slot, acc in pane.items():
            aggregate = aggregates[slot]
            known = accs.get(slot)
            accs[slot] = aggregate.merge(aggregate.zero() if known is None else known, acc)
