"""Weighted values."""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from features.aggregates.base import BEGINNING, MOST_NAMES, WHOLE, Accs, Aggregate, Fact, Reading

Weights = dict[int, int]
"""Number of a name -> weight: of a pane or a total."""
Names = list[Any]
"""[the next number, {name: [number, when it was last seen (epoch ms)]}]: once a shopper."""
Bagged = tuple[Names, Weights]


@dataclass(frozen=True)
class Bag(Aggregate):
    """Weight of each value in the pairs (value, weight) of `field`.

    A value's text is kept once a shopper and numbered; panes hold numbers and weights. A value is inside a
    window if it was last seen there. `most` values have room in the longest window; when it is full, others
    count nowhere until one has left.

    >>> from features.facts import CategoryFact
    >>> bag, names, weights = Bag("categories"), {}, {}
    >>> for at, shelves in ((1, (("shoes", 1), ("hats", 1))), (2, (("hats", 1),))):
    ...     fact = CategoryFact(at=at, categories=shelves)
    ...     _ = bag.grow(names, 0, fact, 0), bag.weigh(weights, 0, fact, names[0])
    >>> acc = names[0], weights[0]
    >>> bag.top(acc), bag.top_share(acc), bag.result(acc)
    ('hats', 0.6666666666666666, 2)
    """

    field: str
    most: int = MOST_NAMES

    named = True

    def __post_init__(self) -> None:
        """Look the field's getter up once."""
        object.__setattr__(self, "_get", attrgetter(self.field))

    def zero(self) -> Weights:
        """No values."""
        return {}

    def add(self, acc: Weights, fact: Fact) -> Weights:
        """Every pair of a fact whose values are numbers already."""
        for number, weight in self._get(fact):  # type: ignore[attr-defined]
            acc[number] = acc.get(number, 0) + weight
        return acc

    def merge(self, left: Weights, right: Weights) -> Weights:
        """Weights added up."""
        for number, weight in right.items():
            left[number] = left.get(number, 0) + weight
        return left

    def remove(self, total: Weights, pane: Weights) -> Weights | None:
        """Weights subtracted; what weighs nothing need not be kept."""
        for number, weight in pane.items():
            left = total.get(number, 0) - weight
            if left:
                total[number] = left
            else:
                total.pop(number, None)
        return total or None

    def grow(self, accs: Accs, slot: int, fact: Fact, start: int) -> int | None:
        """Number the fact's names in the trail, as far as there is room."""
        pairs: Iterable[tuple[str, int]] = self._get(fact)  # type: ignore[attr-defined]
        if not pairs:
            return None
        names = accs.setdefault(slot, [0, {}])
        known, refused, at = names[1], BEGINNING, fact.at
        for name, _ in pairs:
            entry = known.get(name)
            if entry is not None:
                entry[1] = max(entry[1], at)
            elif len(known) < self.most:
                known[name] = [names[0], at]
                names[0] += 1
            else:
                refused = at
        return refused

    def weigh(self, accs: Accs, slot: int, fact: Fact, names: Names) -> None:
        """Add the weights of the names that have a number to a pane or a total."""
        pairs: Iterable[tuple[str, int]] = self._get(fact)  # type: ignore[attr-defined]
        if not pairs:
            return
        acc = accs.setdefault(slot, {})
        known = names[1]
        for name, weight in pairs:
            entry = known.get(name)
            if entry is not None:
                acc[entry[0]] = acc.get(entry[0], 0) + weight

    def admit(self, names: Names, others: Names) -> tuple[dict[int, int], int]:
        """Give names that were numbered apart numbers among `names`, those seen last first.

        Returns:
            The number here of each number there, as far as there is room, and the latest event time (epoch
            ms) of a name that found none.
        """
        known, numbers, lost = names[1], {}, BEGINNING
        for name, (number, at) in sorted(others[1].items(), key=lambda item: (-item[1][1], item[0])):
            entry = known.get(name)
            if entry is not None:
                entry[1] = max(entry[1], at)
            elif len(known) < self.most:
                entry = known[name] = [names[0], at]
                names[0] += 1
            else:
                lost = max(lost, at)
                continue
            numbers[number] = entry[0]
        return numbers, lost

    def prune(self, names: Names, start: int) -> Names | None:
        """The names seen since."""
        names[1] = {name: entry for name, entry in names[1].items() if entry[1] >= start}
        return names if names[1] else None

    def halve(self, names: Names) -> tuple[Names | None, int]:
        """The names seen last."""
        order = sorted(names[1].items(), key=lambda item: (item[1][1], item[0]))
        gone = (len(order) + 1) // 2
        names[1] = dict(order[gone:])
        return names if names[1] else None, order[gone - 1][1][1]

    def result(self, acc: Bagged, reading: Reading = WHOLE) -> int:
        """How many different values."""
        start = reading.start
        return len([1 for entry in acc[0][1].values() if entry[1] >= start])

    def top(self, acc: Bagged, reading: Reading = WHOLE) -> str | None:
        """The heaviest value; ties: most recent, then alphabetical."""
        names, weights, start = acc[0][1], acc[1], reading.start
        inside = [
            (-weights.get(number, 0), -last, name) for name, (number, last) in names.items() if last >= start
        ]
        return min(inside)[2] if inside else None

    def top_share(self, acc: Bagged, reading: Reading = WHOLE) -> float | None:
        """The heaviest value's part of all weight, None without any."""
        weights = acc[1].values()
        weight = sum(weights)
        return max(weights) / weight if weight else None
