"""The timers that Flink holds for an operator instance, and for which moments it may be given more. No Flink.

Flink has one trigger for the earliest of all timers of an operator instance. Whoever registers a timer before
that one, when its trigger has gone off and waits for the element at hand to end, makes a second trigger that
goes off at every timer, too, for as long as the instance lives (docs/adr/0011-one-trigger.md). So no timer is
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
"""A timer that goes off within this is not to be preceded: between a look at the clock and Flink's own, a
garbage collection or a machine out of breath may pass."""


class Timers:
    """The timers of all buckets of an operator instance.

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
        self._fired = 0
        """The greatest moment of those that have fired: Flink has them fire in their order."""

    def add(self, bucket: Bucket, moment: int, now: int) -> int | None:
        """Give a bucket a timer; None where one that it has is early enough.

        Args:
            bucket: whose `timers` it is added to.
            moment: when the bucket has something to do, epoch ms; it may be over.
            now: epoch ms.

        Returns:
            The moment for which Flink must be given a timer, epoch ms: at most `NEAR_MS` and `GRID_MS` later.
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
        # What is registered for a moment whose timers are firing would fire along with them, again and again.
        fitting = -(-max(moment, self._fired + 1) // GRID_MS) * GRID_MS
        earliest = self.earliest
        return earliest if fitting < earliest <= now + NEAR_MS else fitting

    def fired(self, bucket: Bucket, moment: int) -> None:
        """Note that a bucket's timer for `moment` (epoch ms) has fired, and so have those before it."""
        self._fired = max(self._fired, moment)
        del bucket.timers[: bisect_right(bucket.timers, moment)]

    @property
    def earliest(self) -> int:
        """The earliest of all that have not fired, epoch ms; `NEVER` where there is none."""
        moments = self._moments
        while moments and moments[0][0] not in moments[0][2].timers:
            heappop(moments)
        return moments[0][0] if moments else NEVER
