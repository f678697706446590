"""The contract that every aggregate keeps: a commutative monoid with a read-out.

An accumulator is plain data (numbers, strings, lists, dicts), so that state written by one release can be
read by the next. `add` and `merge` own their first argument: they may change it and return it. `merge` is
associative and commutative and `zero()` is its identity; `tests/features/test_aggregate_laws.py` checks this
for every aggregate that it finds in this package. The steps are those of Flink's `AggregateFunction`, with
`remove` for what leaves a window.
"""

from abc import ABC, abstractmethod
from typing import Any, Final

import msgspec

Acc = Any
"""An accumulator: plain data whose shape each aggregate documents."""
Fact = Any
"""What one event says to a view: an object of `features.facts`, read by attribute name."""
Accs = dict[int, Acc]
"""Accumulators by slot: one pane's, one window's running totals, or one session's."""

REBUILD: Final = object()
"""What `remove` gives back when only the panes that stay can tell the new total."""

BEGINNING: Final = -(2**62)
"""Before every event time, epoch milliseconds."""

MOST_IN_PANE: Final = 64
MOST_IN_TOTAL: Final = 1000
MOST_CURRENCIES: Final = 4


class Reading(msgspec.Struct, gc=False):
    """What a read-out may know besides the accumulator."""

    start: int = BEGINNING
    """Event time (epoch ms) from which on the window holds; trails are read from there."""
    currency: str | None = None
    """The currency chosen for the view and window."""
    session: Any = None
    """The session that is being read, for features that are its own fields."""


WHOLE: Final = Reading()
"""Reads everything that is there."""


class Aggregate(ABC):
    """How facts become one value, in pure steps over a plain accumulator."""

    __slots__ = ()

    trail = False
    """Whether it keeps the last few entries of a shopper once, and reads each window from them."""

    @property
    def idle(self) -> bool:
        """Whether no fact ever changes it, so that it need not be asked."""
        return False

    @abstractmethod
    def zero(self) -> Acc:
        """The accumulator of no facts."""

    @abstractmethod
    def add(self, acc: Acc, fact: Fact) -> Acc:
        """`acc` with one more fact."""

    @abstractmethod
    def merge(self, left: Acc, right: Acc) -> Acc:
        """The accumulator of both sets of facts; `right` stays as it is."""

    @abstractmethod
    def result(self, acc: Acc, reading: Reading = WHOLE) -> Any:
        """The value, or None where there is none."""

    def remove(self, total: Acc, pane: Acc) -> Acc:
        """`total` without the facts of `pane`, None if nothing is left, or REBUILD."""
        return REBUILD

    def fold(self, pane: Accs, total: Accs, slot: int, fact: Fact) -> bool:
        """Add a fact to a pane and to its window's total; True if a cap kept something out."""
        acc = pane.get(slot)
        pane[slot] = self.add(self.zero() if acc is None else acc, fact)
        acc = total.get(slot)
        total[slot] = self.add(self.zero() if acc is None else acc, fact)
        return False

    def grow(self, accs: Accs, slot: int, fact: Fact) -> bool:
        """Add a fact to a session's accumulators; True if a cap kept something out."""
        acc = accs.get(slot)
        accs[slot] = self.add(self.zero() if acc is None else acc, fact)
        return False


class Trail(Aggregate):
    """An aggregate over the latest entries by (event time, event id), kept once for all windows.

    Panes leave in the order of event time, so the last n entries of any window are the last n of the longest
    window as far as they are inside: one copy serves all windows and nothing needs removing.
    """

    __slots__ = ()

    trail = True
    looks_back = False
    """True where entries older than a window can change what the window says."""

    @abstractmethod
    def prune(self, acc: Acc, start: int) -> Acc:
        """`acc` without what is older than `start` (epoch ms); None if nothing is left."""
