"""The values seen last."""

from collections.abc import Container
from dataclasses import dataclass
from operator import attrgetter

from features.aggregates.base import BEGINNING, WHOLE, Accs, Fact, Reading, Trail

Seen = dict[str, int]
"""Value -> when it was last seen, epoch ms."""


@dataclass(frozen=True)
class Recent(Trail):
    """The `most` values in the tuple `field` that were seen last.

    Panes leave in the order of time, so the last ten of any window are among the last ten of all.

    >>> from features.facts import ContextFact
    >>> recent, acc = Recent("places"), Recent("places").zero()
    >>> for at, place in ((1, "DE/BE"), (2, "FR"), (3, "DE/BE")):
    ...     acc = recent.add(acc, ContextFact(at=at, places=(place,)))
    >>> recent.result(acc), recent.result(acc, Reading(start=3))
    (['DE/BE', 'FR'], ['DE/BE'])
    """

    field: str
    most: int = 10

    def __post_init__(self) -> None:
        """Look the field's getter up once."""
        object.__setattr__(self, "_get", attrgetter(self.field))

    def zero(self) -> Seen:
        """No values."""
        return {}

    def add(self, acc: Seen, fact: Fact) -> Seen:
        """Every value of the fact."""
        for value in self._get(fact):  # type: ignore[attr-defined]
            acc[value] = max(acc.get(value, BEGINNING), fact.at)
        return self._last(acc)

    def merge(self, left: Seen, right: Seen) -> Seen:
        """The later time of each value."""
        for value, at in right.items():
            left[value] = max(left.get(value, at), at)
        return self._last(left)

    def grow(self, accs: Accs, slot: int, fact: Fact, start: int) -> int | None:
        """Nothing changes where the only value of all windows comes again."""
        values: tuple[str, ...] = self._get(fact)  # type: ignore[attr-defined]
        if not values:
            return None
        acc = accs.get(slot)
        if acc is not None and len(acc) == len(values) == 1 and values[0] in acc:
            before = acc[values[0]]
            if fact.at > before:
                acc[values[0]] = fact.at
            return None if before >= start else BEGINNING
        accs[slot] = self.add({} if acc is None else acc, fact)
        return BEGINNING

    def prune(self, acc: Seen, start: int) -> Seen | None:
        """What was seen since."""
        return {value: at for value, at in acc.items() if at >= start} or None

    def only(self, acc: Seen, currencies: Container[str]) -> Seen:
        """These currencies, where that is what is remembered."""
        return {known: at for known, at in acc.items() if known in currencies} or acc

    def result(self, acc: Seen, reading: Reading = WHOLE) -> list[str] | None:
        """The values, most recent first, then alphabetical; None without any."""
        start = reading.start
        inside = [value for value, at in acc.items() if at >= start]
        if len(inside) > 1:
            inside.sort()
            inside.sort(key=acc.__getitem__, reverse=True)  # equal ones stay in their order
        return inside or None

    def listed(self, acc: Seen, reading: Reading = WHOLE) -> list[str] | None:
        """The values in alphabetical order, None without any."""
        start = reading.start
        return sorted([value for value, at in acc.items() if at >= start]) or None

    def mixed(self, acc: Seen, reading: Reading = WHOLE) -> bool | None:
        """True if there is more than one value, else None."""
        if len(acc) < 2:  # noqa: PLR2004 (more than one)
            return None
        return True if sum(at >= reading.start for at in acc.values()) > 1 else None

    def _last(self, acc: Seen) -> Seen:
        while len(acc) > self.most:
            del acc[max(acc, key=lambda value: (-acc[value], value))]
        return acc
