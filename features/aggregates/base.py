"""The contract that every aggregate keeps: a commutative monoid with a read-out.

An accumulator is plain data (numbers, strings, bytes, lists, dicts), so that state written by one release can
be read by the next. `add` and `merge` own their first argument: they may change it and return it. `merge` is
associative and commutative and `zero()` is its identity; `tests/features/test_aggregate_laws.py` checks this
for every aggregate that it finds in this package. The steps are those of Flink's `AggregateFunction`, with
`remove` for what leaves a window.
"""

from abc import ABC, abstractmethod
from collections.abc import Container
from typing import Any, Final

import msgspec

Acc = Any
"""An accumulator: plain data whose shape each aggregate documents."""
Fact = Any
"""What one event says to a view: an object of `features.facts`, read by attribute name."""
Accs = dict[int, Acc]
"""Accumulators by slot: one pane's, one level's totals, the trails of a shopper, or one session's."""

REBUILD: Final = object()
"""What `remove` gives back when only the panes that stay can tell the new total."""

BEGINNING: Final = -(2**62)
"""Before every event time, epoch milliseconds."""

MOST_VALUES: Final = 1000
MOST_NAMES: Final = 100
MOST_CURRENCIES: Final = 4
KEPT: Final = 64
"""Entries of an ordered history."""


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
    """How facts become one value, in pure steps over a plain accumulator.

    It is kept in panes that leave a window, unless it is a trail.
    """

    __slots__ = ()

    trail = False
    """Whether it keeps what was last once for a shopper, and reads each window from that."""
    named = False
    """Whether it has both: panes of numbers, and a trail of the names that the numbers stand for."""
    monetary = False
    """Whether what is read depends on the currency chosen."""

    number = False
    """Whether the accumulator is a number, the value itself, and sums of panes are just that."""
    history = False
    """Whether it is an ordered history, which gives way after sets and bags."""

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

    def grow(self, accs: Accs, slot: int, fact: Fact, start: int) -> int | None:
        """Add a fact to accumulators.

        Args:
            accs: the accumulators.
            slot: which of them is meant.
            fact: the fact.
            start: event time (epoch ms) from which on the shortest window holds.

        Returns:
            None if no window's value can have changed; else the event time (epoch ms) of the latest entry
            that gave way or found no room, `BEGINNING` if there was none.
        """
        acc = accs.get(slot)
        accs[slot] = self.add(self.zero() if acc is None else acc, fact)
        return BEGINNING

    def halve(self, acc: Acc) -> tuple[Acc, int]:
        """`acc` without its older half, None if nothing is left, and the latest event time lost (epoch ms).

        Only what is bounded by a cap can be halved; counts and sums stay as they are.
        """
        return acc, BEGINNING

    def only(self, acc: Acc, currencies: Container[str]) -> Acc:
        """`acc` without amounts in other currencies."""
        return acc

    def united(self, left: Acc, right: Acc) -> tuple[Acc, int]:
        """What `merge` gives, and the latest event time (epoch ms) of what found no room in it.

        Only what is marked as capped when it is full can lose something; others tell `BEGINNING`.
        """
        return self.merge(left, right), BEGINNING


class Sum(Aggregate):
    """A whole number that grows by what each fact adds."""

    __slots__ = ()

    number = True

    def zero(self) -> int:
        """Nothing."""
        return 0

    def merge(self, left: int, right: int) -> int:
        """The sum."""
        return left + right

    def remove(self, total: int, pane: int) -> int:
        """The difference."""
        return total - pane

    def result(self, acc: int, reading: Reading = WHOLE) -> int:
        """The number."""
        return acc


class Trail(Aggregate):
    """An aggregate over what was last, by event time, kept once for all windows.

    Panes leave in the order of event time, so what was last in any window is what was last in the longest one
    as far as it is inside: one copy serves all windows and nothing needs removing.
    """

    __slots__ = ()

    trail = True
    looks_back = False
    """True where entries older than a window can change what the window says."""

    @abstractmethod
    def prune(self, acc: Acc, start: int) -> Acc:
        """`acc` without what is older than `start` (epoch ms); None if nothing is left."""
