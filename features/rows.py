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
        self._sizes = [(1 << i, each.label, each.pane_ms, each.size_ms) for i, each in enumerate(windows)]

    def touch(self, state: ShopperState, windows: int, bits: int) -> None:
        """Note that accumulators changed, for all windows of a bit set."""
        touched = state.__dict__.get("touched")
        if touched is None:
            # What changed before the state was bytes is not known any more.
            touched = [ALL if state.changed & bit else 0 for bit, _, _, _ in self._sizes]
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
        at, seen, changed, written = state.at, state.seen, state.changed, state.written
        newest = oldest = at
        known: int | None = None
        values: dict[str, Value] = {}
        absent: tuple[str, ...] = ()
        looked_back = self._looked_back(state)
        # As `Window.leaves_at` and `first_pane`, whose calls would be a tenth of the work.
        for i, ((bit, label, pane, size), level) in enumerate(zip(self._sizes, state.levels, strict=True)):
            if level.first <= level.last:
                oldest = level.first * pane
                if not held:
                    newest = level.last * pane
                held.append(level)
                known = None  # where the level is empty, the window holds what the one before it holds
            if not changed & bit:
                known = None
                continue
            base = base_of(written[i], at)
            bits = ALL if self._whole or touched is None or base is None else touched[i]
            if held:
                until = (newest // pane + 1) * pane + size
                following = (oldest // pane + 1) * pane + size
                written[i] = seen, at, until
            else:
                written[i] = None
                if not self._emptied:
                    continue  # the key expires by itself at that very moment
                until = following = at
            start = (at - size) // pane * pane
            if known != bits:
                known = bits
                values, absent = self._read(bits, held, state, start)
            whole = bits == ALL
            rows.append(
                FeatureRow(
                    "user",
                    shopper,
                    label,
                    values,
                    at,
                    min(looked_back, following),
                    until,
                    seen,
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
