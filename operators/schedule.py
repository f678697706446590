"""When to look at which shopper again. In memory only: it is rebuilt from the bucket's state."""

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Final

NEVER: Final = 2**62


class Schedule:
    """The moments (epoch ms) at which shoppers' values change, the earliest first; one entry a shopper.

    A moment that moves forward is left where it is: a look too early finds nothing to do and is cheaper than
    a second entry.

    >>> schedule = Schedule()
    >>> schedule.add("ann", 20)
    >>> schedule.add("bob", 10)
    >>> schedule.add("ann", 5)
    >>> schedule.add("ann", 30)
    >>> schedule.earliest
    5
    >>> list(schedule.due(20, limit=1)), list(schedule.due(20, limit=9)), schedule.earliest == NEVER
    (['ann'], ['bob'], True)
    """

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self._entries: list[tuple[int, str]] = []
        self._moments: dict[str, int] = {}

    def add(self, shopper: str, moment: int) -> None:
        """Look at the shopper at `moment`, unless an earlier look is due anyway."""
        if moment < self._moments.get(shopper, NEVER):
            self._moments[shopper] = moment
            heappush(self._entries, (moment, shopper))

    def drop(self, shopper: str) -> None:
        """Forget the shopper."""
        self._moments.pop(shopper, None)

    def due(self, now: int, limit: int) -> Iterator[str]:
        """Take out the shoppers whose moment has come, at most `limit`."""
        while limit and self.earliest <= now:
            _, shopper = heappop(self._entries)
            del self._moments[shopper]
            limit -= 1
            yield shopper

    def soonest(self) -> list[str]:
        """All shoppers, the one whose moment is next first."""
        return sorted(self._moments, key=self._moments.__getitem__)

    @property
    def earliest(self) -> int:
        """The next moment, `NEVER` where there is none."""
        entries = self._entries
        while entries and self._moments.get(entries[0][1]) != entries[0][0]:
            heappop(entries)
        return entries[0][0] if entries else NEVER
