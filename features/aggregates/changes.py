"""How often a value changed from one fact to the next."""

from bisect import bisect_left
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from features.aggregates.base import BEGINNING, KEPT, WHOLE, Accs, Fact, Reading, Trail
from features.facts import ID_BYTES

TIME = 6
WIDTH = TIME + ID_BYTES

Runs = list[Any]
"""[moments: bytes, a record each: event time (6 bytes of epoch ms) and event id, in order;
[[value, how many moments in a row have it], …]]"""


@dataclass(frozen=True)
class Changes(Trail):
    """Number of changes of `field` between consecutive facts that carry it, among the last `keep` of them.

    >>> from features.facts import ContextFact
    >>> changes, acc = Changes("location"), Changes("location").zero()
    >>> for at, location in ((1, "DE/BE"), (3, "DE/BE"), (2, "GR")):
    ...     acc = changes.add(acc, ContextFact(at=at, event_id="x", location=location))
    >>> changes.result(acc), changes.result(acc, Reading(start=2))
    (2, 1)
    """

    field: str
    keep: int = KEPT

    history = True

    def __post_init__(self) -> None:
        """Look the field's getter up once."""
        object.__setattr__(self, "_get", attrgetter(self.field))

    def zero(self) -> Runs:
        """No facts."""
        return [b"", []]

    def add(self, acc: Runs, fact: Fact) -> Runs:
        """Insert in order; the earliest gives way."""
        value = self._get(fact)  # type: ignore[attr-defined]
        if value is None:
            return acc
        moment = _moment(fact.at, fact.event_id)
        moments, runs = acc
        if moment >= moments[-WIDTH:]:
            acc[0] = moments + moment
            if runs and runs[-1][0] == value:
                runs[-1][1] += 1
            else:
                runs.append([value, 1])
        else:
            i = _before(moments, moment)
            acc[0] = moments[: i * WIDTH] + moment + moments[i * WIDTH :]
            _insert(runs, len(moments) // WIDTH - i, value)
        return _last(acc, self.keep)

    def merge(self, left: Runs, right: Runs) -> Runs:
        """Both in order, the last of them."""
        both = sorted([*_entries(left), *_entries(right)])
        acc: Runs = [b"".join(moment for moment, _ in both), []]
        for _, value in both:
            _insert(acc[1], 0, value)
        return _last(acc, self.keep)

    def grow(self, accs: Accs, slot: int, fact: Fact, start: int) -> int | None:
        """Nothing changes while there is one value only."""
        if self._get(fact) is None:  # type: ignore[attr-defined]
            return None
        acc = accs.get(slot)
        before = 0 if acc is None else len(acc[1])
        acc = accs[slot] = self.add(self.zero() if acc is None else acc, fact)
        return None if before <= 1 and len(acc[1]) == 1 else BEGINNING

    def prune(self, acc: Runs, start: int) -> Runs | None:
        """What is still inside."""
        _drop(acc, _before(acc[0], _moment(start, "")))
        return acc if acc[0] else None

    def halve(self, acc: Runs) -> tuple[Runs | None, int]:
        """The last entries."""
        gone = (len(acc[0]) // WIDTH + 1) // 2
        lost = int.from_bytes(acc[0][(gone - 1) * WIDTH : (gone - 1) * WIDTH + TIME])
        _drop(acc, gone)
        return (acc if acc[0] else None), lost

    def result(self, acc: Runs, reading: Reading = WHOLE) -> int:
        """The number of changes."""
        moments, runs = acc
        if len(runs) <= 1:
            return 0
        if int.from_bytes(moments[:TIME]) >= reading.start:
            return len(runs) - 1
        # From the end, run by run: a change counts if the moment before it is inside.
        first, at = reading.start.to_bytes(TIME), len(moments)
        for number in range(len(runs) - 1, 0, -1):
            at -= WIDTH * runs[number][1]
            if moments[at - WIDTH : at - WIDTH + TIME] < first:
                return len(runs) - 1 - number
        return len(runs) - 1


def _moment(at: int, event_id: str) -> bytes:
    told = event_id.encode()
    if len(told) != ID_BYTES:  # a UUID is as long
        told = told[:ID_BYTES].ljust(ID_BYTES, b"\0")
    return max(at, 0).to_bytes(TIME) + told


def _before(moments: bytes, moment: bytes) -> int:
    """How many of the moments are before this one."""
    if moments[:WIDTH] >= moment:
        return 0
    held = len(moments)
    if moments[held - WIDTH :] < moment:
        return held // WIDTH
    return bisect_left(range(held // WIDTH), moment, key=lambda n: moments[n * WIDTH : (n + 1) * WIDTH])


def _insert(runs: list[list[Any]], after: int, value: Any) -> None:
    """Put a value before the last `after` of those that the runs stand for: most come nearly in order."""
    for number in range(len(runs) - 1, -1, -1):
        run = runs[number]
        if run[0] == value and after <= run[1]:
            run[1] += 1
            return
        if after < run[1]:
            parts = [[run[0], run[1] - after], [value, 1], [run[0], after]]
            runs[number : number + 1] = [part for part in parts if part[1]]
            return
        after -= run[1]
    runs.insert(0, [value, 1])


def _drop(acc: Runs, first: int) -> None:
    """Take the first so many entries out."""
    acc[0] = acc[0][first * WIDTH :]
    runs = acc[1]
    while first:
        if runs[0][1] > first:
            runs[0][1] -= first
            return
        first -= runs.pop(0)[1]


def _last(acc: Runs, keep: int) -> Runs:
    if len(acc[0]) > keep * WIDTH:
        _drop(acc, len(acc[0]) // WIDTH - keep)
    return acc


def _entries(acc: Runs) -> list[tuple[bytes, Any]]:
    values = [value for value, length in acc[1] for _ in range(length)]
    return [(acc[0][i * WIDTH : (i + 1) * WIDTH], value) for i, value in enumerate(values)]
