"""Rolling windows over panes with running totals. Pure: state and time come in as arguments."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from features.aggregates.base import REBUILD, Accs, Aggregate
from features.plan import CAPPED
from features.settings import Window
from features.state import WindowState, pane_of, peek

Told = tuple[int, Aggregate, Any]
"""A slot, its aggregate, and the fact that changes it."""


def fold(window: WindowState, number: int, told: Iterable[Told]) -> int:
    """Add facts to a pane and to the totals; returns how many accumulators had no room for something."""
    pane = pane_of(window, number)
    total = window.total
    refused = 0
    for slot, aggregate, fact in told:
        if aggregate.fold(pane, total, slot, fact):
            refused += 1
    if refused:
        pane[CAPPED] = pane.get(CAPPED, 0) + refused
        total[CAPPED] = total.get(CAPPED, 0) + refused
    return refused


def drop_unknown(state: WindowState, known: AbstractSet[int]) -> None:
    """Take out the slots that are not among `known`: those of features that only another release has."""
    if state.total.keys() <= known:
        return
    state.total = {slot: acc for slot, acc in state.total.items() if slot in known}
    for number in state.panes:
        pane = pane_of(state, number)
        for slot in pane.keys() - known:
            del pane[slot]


def leave(state: WindowState, window: Window, as_of: int, aggregates: dict[int, Aggregate]) -> bool:
    """Take out the panes that have left at `as_of` (epoch ms); True if there were any."""
    first = window.first_pane(as_of)
    gone = [number for number in state.panes if number < first]
    if not gone:
        return False
    state.read_views.clear()
    panes = [peek(state.panes.pop(number)) for number in gone]
    if not state.panes:
        state.total = {}
        return True
    rebuild: set[int] = set()
    for pane in panes:
        _subtract(state.total, pane, aggregates, rebuild)
    for slot in rebuild:
        _rebuild(state, slot, aggregates[slot])
    return True


def _subtract(total: Accs, pane: Accs, aggregates: dict[int, Aggregate], rebuild: set[int]) -> None:
    for slot, acc in pane.items():
        if slot in total and slot not in rebuild:  # a total that came to nothing is not kept
            left = aggregates[slot].remove(total[slot], acc)
            if left is REBUILD:
                rebuild.add(slot)
            elif left is None or left == 0:
                del total[slot]
            else:
                total[slot] = left


def _rebuild(state: WindowState, slot: int, aggregate: Aggregate) -> None:
    total, found = aggregate.zero(), False
    for packed in state.panes.values():
        pane = peek(packed)
        if slot in pane:
            total, found = aggregate.merge(total, pane[slot]), True
    if found:
        state.total[slot] = total
    else:
        state.total.pop(slot, None)
