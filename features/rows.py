"""Rows of the rolling windows: whole ones, and partial ones on top of those that were given before. Pure."""

from collections.abc import Sequence
from typing import Final

from features.aggregates.base import Reading
from features.plan import Plan
from features.reader import ALL, read
from features.row import FeatureRow, Value
from features.settings import Window
from features.state import Level, ShopperState, base_of, total_of

NEVER: Final = 2**62
Read = tuple[dict[str, Value], tuple[str, ...]]


class Windows:
    """Makes the rows of one host's windows."""

    def __init__(self, plan: Plan, windows: Sequence[Window], whole: bool, emptied: bool) -> None:
        """Keep the views and windows.

        Args:
            plan: the hosted views.
            windows: from the shortest to the longest.
            whole: whether every row is to be whole.
            emptied: whether an emptied window gives a row of zeros.
        """
        self._plan = plan
        self._windows = windows
        self._whole = whole
        self._emptied = emptied
        every = range(len(windows))
        self._numbers = [[i for i in every if some >> i & 1] for some in range(1 << len(windows))]

    def touch(self, state: ShopperState, windows: int, bits: int) -> None:
        """Note that accumulators changed, for all windows of a bit set."""
        touched = state.__dict__.get("touched")
        if touched is None:
            # What changed before the state was bytes is not known any more.
            touched = [ALL if state.changed >> i & 1 else 0 for i in range(len(self._windows))]
            state.__dict__["touched"] = touched
        state.changed |= windows
        for i in self._numbers[windows]:
            touched[i] |= bits

    def left(self, state: ShopperState, windows: int, bits: int) -> None:
        """Note that something left the windows of a bit set; where nothing is left, the key expires."""
        self.touch(state, windows, bits)
        for i, level in enumerate(state.levels):
            if level.first <= level.last:
                return
            state.written[i] = None

    def forget(self, state: ShopperState) -> None:
        """Let the next row of every window be a whole one."""
        state.written = [None] * len(self._windows)

    def changed(self, state: ShopperState, shopper: str, rows: list[FeatureRow]) -> None:
        """Add the rows that changed since they were last asked for."""
        touched: list[int] | None = state.__dict__.pop("touched", None)
        held: list[Level] = []
        newest = oldest = state.at
        before: tuple[int, Read] | None = None
        looked_back = self._looked_back(state)
        for i, (window, level) in enumerate(zip(self._windows, state.levels, strict=True)):
            if level.first <= level.last:
                oldest = level.first * window.pane_ms
                newest = newest if held else level.last * window.pane_ms
                held.append(level)
                before = None  # where the level is empty, the window holds what the one before it holds
            if not state.changed >> i & 1:
                before = None
                continue
            base = base_of(state.written[i], state.at)
            bits = ALL if self._whole or touched is None or base is None else touched[i]
            if held:
                until = window.leaves_at(newest // window.pane_ms)
                following = min(window.leaves_at(oldest // window.pane_ms), looked_back)
                state.written[i] = state.seen, state.at, until
            else:
                state.written[i] = None
                if not self._emptied:
                    continue  # the key expires by itself at that very moment
                until = following = state.at
            start = window.first_pane(state.at) * window.pane_ms
            if before is None or before[0] != bits:
                before = bits, self._read(bits, held, state, start)
            values, absent = before[1]
            whole = bits == ALL
            rows.append(
                FeatureRow(
                    "user",
                    shopper,
                    window.label,
                    values,
                    state.at,
                    following,
                    until,
                    state.seen,
                    state.lost >= start,
                    "",
                    0,
                    None if whole else base,
                    () if whole else absent,
                )
            )
        state.changed = 0

    def _read(self, bits: int, held: list[Level], state: ShopperState, start: int) -> Read:
        program = self._plan.reader.program(bits)
        totals = [total_of(level) for level in held] if program.paned else ()
        values, absent = read(program, totals, state.trails, Reading(start))
        return values, tuple(absent)

    def _looked_back(self, state: ShopperState) -> int:
        """When the longest window's first pane leaves, if something looks back to it; else never."""
        looking_back = self._plan.looking_back
        if not looking_back or looking_back.keys().isdisjoint(state.trails):
            return NEVER
        longest = self._windows[-1]
        levels = zip(reversed(self._windows), reversed(state.levels), strict=True)
        first = next((level.first * each.pane_ms for each, level in levels if not level.empty), NEVER)
        return longest.leaves_at(first // longest.pane_ms)
