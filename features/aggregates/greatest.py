"""The greatest whole number."""

from dataclasses import dataclass
from operator import attrgetter

from features.aggregates.base import BEGINNING, REBUILD, WHOLE, Acc, Accs, Aggregate, Fact, Reading


@dataclass(frozen=True)
class Greatest(Aggregate):
    """Greatest int `field` over the facts that carry it. Accumulator: int or None.

    >>> from features.facts import PurchaseFact
    >>> greatest = Greatest("step")
    >>> greatest.result(
    ...     greatest.add(greatest.add(greatest.zero(), PurchaseFact(step=2)), PurchaseFact(step=1))
    ... )
    2
    >>> greatest.result(greatest.zero()) is None
    True
    """

    field: str

    def __post_init__(self) -> None:
        """Look the field's getter up once."""
        object.__setattr__(self, "_get", attrgetter(self.field))

    def zero(self) -> None:
        """No number."""

    def add(self, acc: int | None, fact: Fact) -> int | None:
        """The greater of the two."""
        return self.merge(acc, self._get(fact))  # type: ignore[attr-defined]

    def merge(self, left: int | None, right: int | None) -> int | None:
        """The greater of the two."""
        if left is None or right is None:
            return right if left is None else left
        return max(left, right)

    def remove(self, total: int | None, pane: int | None) -> Acc:
        """Only where the extreme itself leaves do the other panes have to be asked."""
        return total if pane is None or pane != total else REBUILD

    def grow(self, accs: Accs, slot: int, fact: Fact, start: int) -> int | None:
        """Nothing changes where the fact has no number or not a greater one."""
        number = self._get(fact)  # type: ignore[attr-defined]
        known = accs.get(slot)
        if number is None or (known is not None and known >= number):
            return None
        accs[slot] = number
        return BEGINNING

    def result(self, acc: int | None, reading: Reading = WHOLE) -> int | None:
        """The greatest, None without any."""
        return acc
