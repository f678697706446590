"""How many different values."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

from features.aggregates.base import BEGINNING, MOST_VALUES, WHOLE, Accs, Fact, Reading, Trail
from features.digest import SIZE, place

TIME = 6
WIDTH = TIME + SIZE


@dataclass(frozen=True)
class Distinct(Trail):
    """Number of different values among the digests in the tuple `field`: the `most` seen last.

    Accumulator: bytes, a record a value in the order of time: when it was last seen (6 bytes of epoch ms),
    and the digest. A value is inside a window if it was last seen there. Which ones are kept does not depend
    on the order of arrival: what gives way was seen before all that stay.

    >>> from features.digest import digest
    >>> from features.facts import ProductFact
    >>> distinct, a, b = Distinct("keys"), digest("a"), digest("b")
    >>> acc = distinct.add(distinct.zero(), ProductFact(at=1, keys=(a, b)))
    >>> acc = distinct.add(acc, ProductFact(at=5, keys=(a,)))
    >>> distinct.result(acc), distinct.result(acc, Reading(start=2))
    (2, 1)
    """

    field: str
    most: int = MOST_VALUES

    def __post_init__(self) -> None:
        """Look the field's getter up once."""
        object.__setattr__(self, "_get", attrgetter(self.field))

    def zero(self) -> bytes:
        """No values."""
        return b""

    def add(self, acc: bytes, fact: Fact) -> bytes:
        """Every value of the fact."""
        accs = {0: acc}
        self.grow(accs, 0, fact, BEGINNING)
        return accs[0]

    def merge(self, left: bytes, right: bytes) -> bytes:
        """The later time of each value, and of the values those seen last."""
        return self.united(left, right)[0]

    def united(self, left: bytes, right: bytes) -> tuple[bytes, int]:
        """The values that give way were seen before all that stay."""
        seen = {r[TIME:]: r for r in sorted(_records(left) + _records(right))}
        records = sorted(seen.values())
        lost = records[: -self.most]
        return b"".join(records[-self.most :]), int.from_bytes(lost[-1][:TIME]) if lost else BEGINNING

    def grow(self, accs: Accs, slot: int, fact: Fact, start: int) -> int | None:
        """Nothing changes where every window has all the values already."""
        keys: Iterable[bytes] = self._get(fact)  # type: ignore[attr-defined]
        if not keys:
            return None
        acc: bytes = accs.get(slot, b"")
        time = _time(fact.at)
        told: int | None = None
        for key in keys:
            known = place(acc, key, WIDTH, TIME)
            if known >= 0:
                seen = acc[known : known + TIME]
                if seen >= time:
                    continue
                acc = acc[:known] + acc[known + WIDTH :]
                if told is None and int.from_bytes(seen) < start:
                    told = BEGINNING
            elif told is None:
                told = BEGINNING
            acc = _put(acc, time + key)
            if len(acc) > self.most * WIDTH:
                told = max(told or BEGINNING, int.from_bytes(acc[:TIME]))
                acc = acc[WIDTH:]
        accs[slot] = acc
        return told

    def prune(self, acc: bytes, start: int) -> bytes | None:
        """What was seen since."""
        return acc[_first(acc, start) * WIDTH :] or None

    def halve(self, acc: bytes) -> tuple[bytes | None, int]:
        """The values seen last."""
        gone = (len(acc) // WIDTH + 1) // 2 * WIDTH
        return acc[gone:] or None, int.from_bytes(acc[gone - WIDTH : gone - SIZE])

    def result(self, acc: bytes, reading: Reading = WHOLE) -> int:
        """How many."""
        return len(acc) // WIDTH - _first(acc, reading.start)


def _records(acc: bytes) -> list[bytes]:
    return [acc[i : i + WIDTH] for i in range(0, len(acc), WIDTH)]


def _time(at: int) -> bytes:
    return max(at, 0).to_bytes(TIME)


def _put(acc: bytes, record: bytes) -> bytes:
    if record >= acc[-WIDTH:]:
        return acc + record
    i = WIDTH * bisect_left(
        range(len(acc) // WIDTH), record, key=lambda n: acc[n * WIDTH : n * WIDTH + WIDTH]
    )
    return acc[:i] + record + acc[i:]


def _first(acc: bytes, start: int) -> int:
    """Number of the first record seen at `start` or later."""
    if start <= 0 or acc[:TIME] >= (time := _time(start)):
        return 0
    return bisect_left(range(len(acc) // WIDTH), time, key=lambda n: acc[n * WIDTH : n * WIDTH + TIME])
