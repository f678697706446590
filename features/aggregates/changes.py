"""How often a value changed from one fact to the next."""

from bisect import insort
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Any

from features.aggregates.base import WHOLE, Fact, Reading, Trail

Entries = list[list[Any]]
"""[event time (epoch ms), event id, value], in order."""


@dataclass(frozen=True)
class Changes(Trail):
    """Number of changes of `field` between consecutive facts that carry it, among the last `keep` of them.

    >>> from features.facts import ContextFact
    >>> changes, acc = Changes("location"), []
    >>> for at, location in ((1, "DE/BE"), (3, "DE/BE"), (2, "GR")):
    ...     acc = changes.add(acc, ContextFact(at=at, event_id="x", location=location))
    >>> changes.result(acc)
    2
    """

    field: str
    keep: int = 64

    def __post_init__(self) -> None:
        """Look the field's getter up once."""
        object.__setattr__(self, "_get", attrgetter(self.field))

    def zero(self) -> Entries:
        """No facts."""
        return []

    def add(self, acc: Entries, fact: Fact) -> Entries:
        """Insert in order; the earliest gives way."""
        value = self._get(fact)  # type: ignore[attr-defined]
        if value is not None:
            insort(acc, [fact.at, fact.event_id, value])
            del acc[: -self.keep]
        return acc

    def merge(self, left: Entries, right: Entries) -> Entries:
        """Both in order, the last of them."""
        return sorted([*left, *right])[-self.keep :]

    def prune(self, acc: Entries, start: int) -> Entries | None:
        """What is still inside."""
        return [entry for entry in acc if entry[0] >= start] or None

    def result(self, acc: Entries, reading: Reading = WHOLE) -> int:
        """The number of changes."""
        inside = [entry[2] for entry in acc if entry[0] >= reading.start]
        return sum(a != b for a, b in pairwise(inside))
