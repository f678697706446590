"""How many facts."""

from dataclasses import dataclass
from operator import attrgetter

from features.aggregates.base import BEGINNING, Accs, Fact, Sum


@dataclass(frozen=True)
class Count(Sum):
    """Number of facts, or of those whose field `where` is true. Accumulator: int.

    >>> count = Count()
    >>> count.result(count.add(count.add(count.zero(), "a fact"), "another"))
    2
    """

    where: str = ""

    def __post_init__(self) -> None:
        """Look the field's getter up once."""
        object.__setattr__(self, "_wanted", attrgetter(self.where) if self.where else None)

    def add(self, acc: int, fact: Fact) -> int:
        """One more, if it is wanted."""
        wanted = self._wanted  # type: ignore[attr-defined]
        return acc + 1 if wanted is None or wanted(fact) else acc

    def grow(self, accs: Accs, slot: int, fact: Fact, start: int) -> int | None:
        """The most frequent step of all, without a detour."""
        wanted = self._wanted  # type: ignore[attr-defined]
        if wanted is None or wanted(fact):
            accs[slot] = accs.get(slot, 0) + 1
            return BEGINNING
        return None
