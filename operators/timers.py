"""The timers that Flink holds for an operator instance, and for which moments it may be given more. No Flink.

Flink has one trigger for the earliest of all timers of an operator instance. Whoever registers a timer before
that one, when its trigger has gone off and waits for the element at hand to end, makes a second trigger. It,
too, goes off at every timer, for as long as the instance lives (docs/adr/0011-one-trigger.md). So no timer is
registered before one that has gone off or is about to.
"""

from bisect import bisect_right, insort
from heapq import heappop, heappush
from typing import Final

from operators.bucket import Bucket
from operators.schedule import NEVER

GRID_MS: Final = 10
"""Timers stand at multiples of this: those of several buckets go off together, by one trigger."""
NEAR_MS: Final = 200
"""A timer that goes off within this is not to be preceded: a garbage collection may lie between our look at
the clock and Flink's."""


class Timers:
    """The timers of all buckets of an operator instance, as far as this run registered them.

    >>> from operators.ledger import Ledger
    >>> timers, ann, bob = Timers(), Bucket(1, Ledger(1, 1)), Bucket(2, Ledger(1, 1))
    >>> timers.add(ann, 1_003, now=500), timers.add(bob, 1_400, now=500), timers.add(bob, 1_500, now=500)
    (1010, 1400, None)
    >>> timers.add(bob, 900, now=850)  # ann's is about to go off
    1010
    >>> timers.fired(ann, 1_010)
    >>> ann.timers, bob.timers
    ([], [1010, 1400])
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._moments: list[tuple[int, int, Bucket]] = []
        """A heap; what its bucket does not hold any more is passed by."""
        self._firing: int | None = None
        """The moment of the timer that fired last, while no element has had its turn since."""

    def add(self, bucket: Bucket, moment: int, now: int) -> int | None:
        """Give a bucket a timer; None where one that it has is early enough.

        Args:
            bucket: whose `timers` it is added to.
            moment: when the bucket has something to do, epoch ms; it may be over.
            now: epoch ms.

        Returns:
            The moment for which Flink must be given a timer, epoch ms: at most `NEAR_MS` later than it is
            wanted, or than `now`.
        """
        if moment >= bucket.armed:
            return None
        fitting = self._fitting(moment, now)
        if fitting >= bucket.armed:
            return None
        insort(bucket.timers, fitting)
        heappush(self._moments, (fitting, bucket.number, bucket))
        return fitting

    def _fitting(self, moment: int, now: int) -> int:
        # Not before now: there may be timers from a checkpoint that have gone off. While timers fire, after
        # the one at hand, whatever the clock says: what is registered before that one fires along with it,
        # again and again, and what is registered after it precedes none that has gone off.
        least = now if self._firing is None else self._firing + 1
        fitting = -(-max(moment, least) // GRID_MS) * GRID_MS
        earliest = self.earliest
        return earliest if fitting < earliest <= now + NEAR_MS else fitting

    def fired(self, bucket: Bucket, moment: int) -> None:
        """Note that a bucket's timer for `moment` (epoch ms) has fired, and so have those before it."""
        self._firing = moment
        del bucket.timers[: bisect_right(bucket.timers, moment)]

    def element(self) -> None:
        """Note that an element has its turn: no timer is firing."""
        self._firing = None

    @property
    def earliest(self) -> int:
        """The earliest of all that have not fired, epoch ms; `NEVER` where there is none."""
        moments = self._moments
        while moments and moments[0][0] not in moments[0][2].timers:
            heappop(moments)
        return moments[0][0] if moments else NEVER
