"""How many different values."""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

from features.aggregates.base import (
    MOST_IN_PANE,
    MOST_IN_TOTAL,
    WHOLE,
    Accs,
    Aggregate,
    Fact,
    Reading,
)

Tally = dict[str, int]


@dataclass(frozen=True)
class Distinct(Aggregate):
    """Number of different values in the tuple `field`. Accumulator: value -> how often it came.

    A new value is taken while its pane holds fewer than 64 and the total fewer than `most`; the counts make a
    leaving pane an exact subtraction.

    >>> from features.facts import ProductFact
    >>> distinct = Distinct("ids")
    >>> acc = distinct.add(distinct.zero(), ProductFact(ids=("a", "b")))
    >>> distinct.result(distinct.add(acc, ProductFact(ids=("a",))))
    2
    """

    field: str
    most: int = MOST_IN_TOTAL

    def __post_init__(self) -> None:
        """Look the field's getter up once."""
        object.__setattr__(self, "_get", attrgetter(self.field))

    def zero(self) -> Tally:
        """No values."""
        return {}

    def add(self, acc: Tally, fact: Fact) -> Tally:
        """Every value of the fact once more."""
        for value in self._get(fact):  # type: ignore[attr-defined]
            acc[value] = acc.get(value, 0) + 1
        return acc

    def merge(self, left: Tally, right: Tally) -> Tally:
        """Counts added up."""
        for value, n in right.items():
            left[value] = left.get(value, 0) + n
        return left

    def remove(self, total: Tally, pane: Tally) -> Tally | None:
        """Counts subtracted; a value that no pane holds any more is gone."""
        for value, n in pane.items():
            left = total[value] - n
            if left:
                total[value] = left
            else:
                del total[value]
        return total or None

    def fold(self, pane: Accs, total: Accs, slot: int, fact: Fact) -> bool:
        """Take each value if both the pane and the total have room for it."""
        values: Iterable[str] = self._get(fact)  # type: ignore[attr-defined]
        if not values:
            return False
        inside = pane.setdefault(slot, {})
        whole = total.setdefault(slot, {})
        refused = False
        for value in values:
            if value in inside or (len(inside) < MOST_IN_PANE and (value in whole or len(whole) < self.most)):
                inside[value] = inside.get(value, 0) + 1
                whole[value] = whole.get(value, 0) + 1
            else:
                refused = True
        return refused

    def grow(self, accs: Accs, slot: int, fact: Fact) -> bool:
        """Take each value if there is room for it."""
        values: Iterable[str] = self._get(fact)  # type: ignore[attr-defined]
        if not values:
            return False
        acc = accs.setdefault(slot, {})
        refused = False
        for value in values:
            if value in acc or len(acc) < self.most:
                acc[value] = acc.get(value, 0) + 1
            else:
                refused = True
        return refused

    def result(self, acc: Tally, reading: Reading = WHOLE) -> int:
        """How many."""
        return len(acc)

    def mixed(self, acc: Tally, reading: Reading = WHOLE) -> bool | None:
        """True if there is more than one value, else None."""
        return True if len(acc) > 1 else None

    def listed(self, acc: Tally, reading: Reading = WHOLE) -> list[str] | None:
        """The values in alphabetical order, None without any."""
        return sorted(acc) if acc else None
