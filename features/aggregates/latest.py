"""The latest value."""

from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from features.aggregates.base import BEGINNING, WHOLE, Accs, Fact, Reading, Trail

Entry = list[Any]
"""[event time (epoch ms), event id, value]"""


@dataclass(frozen=True)
class Latest(Trail):
    """Value of `field` in the latest fact that carries it. Accumulator: [at, event id, value] or [].

    >>> from features.facts import ContextFact
    >>> latest = Latest("device")
    >>> acc = latest.add(latest.zero(), ContextFact(at=7, event_id="a", device="phone"))
    >>> acc = latest.add(acc, ContextFact(at=5, event_id="b", device="tv"))
    >>> latest.result(acc), latest.result(acc, Reading(start=8))
    ('phone', None)
    """

    field: str

    def __post_init__(self) -> None:
        """Look the field's getter up once."""
        object.__setattr__(self, "_get", attrgetter(self.field))

    def zero(self) -> Entry:
        """No value."""
        return []

    def add(self, acc: Entry, fact: Fact) -> Entry:
        """The later of the two."""
        value = self._get(fact)  # type: ignore[attr-defined]
        return acc if value is None else self.merge(acc, [fact.at, fact.event_id, value])

    def merge(self, left: Entry, right: Entry) -> Entry:
        """The later of the two; equal ones are compared by value, so that the order does not matter."""
        return max(left, right)

    def grow(self, accs: Accs, slot: int, fact: Fact, start: int) -> int | None:
        """Nothing changes where every window shows the same value already."""
        value = self._get(fact)  # type: ignore[attr-defined]
        if value is None:
            return None
        entry = [fact.at, fact.event_id, value]
        known = accs.get(slot)
        if not known:
            accs[slot] = entry
            return BEGINNING
        if entry <= known:
            return None
        accs[slot] = entry
        return None if known[2] == value and known[0] >= start else BEGINNING

    def prune(self, acc: Entry, start: int) -> Entry | None:
        """Nothing, where even the latest is too old."""
        return acc if acc and acc[0] >= start else None

    def result(self, acc: Entry, reading: Reading = WHOLE) -> Any:
        """The value, None where the latest is not inside."""
        return acc[2] if acc and acc[0] >= reading.start else None


@dataclass(frozen=True)
class LatestEntry(Latest):
    """The same with its moment, for comparison with what else was told: [event time, event id, value].

    >>> from features.facts import CartFact
    >>> latest = LatestEntry("currency")
    >>> latest.result(latest.add(latest.zero(), CartFact(at=7, event_id="a", currency="EUR")))
    [7, 'a', 'EUR']
    """

    def grow(self, accs: Accs, slot: int, fact: Fact, start: int) -> int | None:
        """Nothing changes where a later one is known."""
        known = accs.get(slot)
        accs[slot] = found = self.add(known or [], fact)
        return None if found == (known or []) else BEGINNING

    def result(self, acc: Entry, reading: Reading = WHOLE) -> Entry | None:
        """Event time, event id and value, None where the latest is not inside."""
        return acc if acc and acc[0] >= reading.start else None
