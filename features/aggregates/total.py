"""The sum of a whole number."""

from dataclasses import dataclass
from operator import attrgetter

from features.aggregates.base import BEGINNING, Accs, Fact, Sum


@dataclass(frozen=True)
class Total(Sum):
    """Sum of the int `field` over the facts that carry it. Accumulator: int.

    >>> from features.facts import PurchaseFact
    >>> total = Total("items")
    >>> total.result(total.add(total.add(total.zero(), PurchaseFact(items=2)), PurchaseFact(items=3)))
    5
    """

    field: str

    def __post_init__(self) -> None:
        """Look the field's getter up once."""
        object.__setattr__(self, "_get", attrgetter(self.field))

    def add(self, acc: int, fact: Fact) -> int:
        """Add the field; an absent one adds nothing."""
        return acc + (self._get(fact) or 0)  # type: ignore[attr-defined]

    def grow(self, accs: Accs, slot: int, fact: Fact, start: int) -> int | None:
        """Nothing changes where there is nothing to add."""
        more = self._get(fact)  # type: ignore[attr-defined]
        if not more:
            return None
        accs[slot] = accs.get(slot, 0) + more
        return BEGINNING
