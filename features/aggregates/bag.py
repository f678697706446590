"""Weighted values, each with the time it was last seen."""

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

Weights = dict[str, list[int]]


@dataclass(frozen=True)
class Bag(Aggregate):
    """Weight of each value in the pairs (value, weight) of `field`.

    Accumulator: value -> [weight, last, times]. `last` is the event time (epoch ms) of the latest fact with
    the value: since panes leave in the order of time, it stays right as long as the value itself stays.
    `times` says when a value is gone, for a weight may be 0.

    >>> from features.facts import CategoryFact
    >>> bag = Bag("categories")
    >>> acc = bag.add(bag.zero(), CategoryFact(at=1, categories=(("shoes", 1), ("hats", 1))))
    >>> acc = bag.add(acc, CategoryFact(at=2, categories=(("hats", 1),)))
    >>> bag.top(acc), bag.top_share(acc), bag.result(acc)
    ('hats', 0.6666666666666666, 2)
    """

    field: str
    most: int = MOST_IN_TOTAL

    def __post_init__(self) -> None:
        """Look the field's getter up once."""
        object.__setattr__(self, "_get", attrgetter(self.field))

    def zero(self) -> Weights:
        """No values."""
        return {}

    def add(self, acc: Weights, fact: Fact) -> Weights:
        """Every pair of the fact."""
        for value, weight in self._get(fact):  # type: ignore[attr-defined]
            _put(acc, value, weight, fact.at, 1)
        return acc

    def merge(self, left: Weights, right: Weights) -> Weights:
        """Weights added up, the later time kept."""
        for value, (weight, last, times) in right.items():
            _put(left, value, weight, last, times)
        return left

    def remove(self, total: Weights, pane: Weights) -> Weights | None:
        """Weights subtracted; a value that no pane holds any more is gone."""
        for value, (weight, _, times) in pane.items():
            entry = total[value]
            entry[0] -= weight
            entry[2] -= times
            if not entry[2]:
                del total[value]
        return total or None

    def fold(self, pane: Accs, total: Accs, slot: int, fact: Fact) -> bool:
        """Take each pair if both the pane and the total have room for its value."""
        pairs: Iterable[tuple[str, int]] = self._get(fact)  # type: ignore[attr-defined]
        if not pairs:
            return False
        inside = pane.setdefault(slot, {})
        whole = total.setdefault(slot, {})
        refused = False
        at = fact.at
        for value, weight in pairs:
            if value in inside or (len(inside) < MOST_IN_PANE and (value in whole or len(whole) < self.most)):
                for acc in (inside, whole):
                    entry = acc.get(value)
                    if entry is None:
                        acc[value] = [weight, at, 1]
                    else:
                        entry[0] += weight
                        entry[2] += 1
                        entry[1] = max(entry[1], at)
            else:
                refused = True
        return refused

    def result(self, acc: Weights, reading: Reading = WHOLE) -> int:
        """How many different values."""
        return len(acc)

    def top(self, acc: Weights, reading: Reading = WHOLE) -> str | None:
        """The heaviest value; ties: most recent, then alphabetical."""
        if not acc:
            return None
        return min(acc, key=lambda value: (-acc[value][0], -acc[value][1], value))

    def top_share(self, acc: Weights, reading: Reading = WHOLE) -> float | None:
        """The heaviest value's part of all weight, None without any."""
        weight = sum(entry[0] for entry in acc.values())
        return max(entry[0] for entry in acc.values()) / weight if weight else None

    def recent(self, acc: Weights, reading: Reading = WHOLE) -> list[str] | None:
        """The ten values seen last, most recent first, then alphabetical; None without any."""
        if not acc:
            return None
        return sorted(acc, key=lambda value: (-acc[value][1], value))[:10]


def _put(acc: Weights, value: str, weight: int, last: int, times: int) -> None:
    entry = acc.get(value)
    if entry is None:
        acc[value] = [weight, last, times]
        return
    entry[0] += weight
    entry[1] = max(entry[1], last)
    entry[2] += times
