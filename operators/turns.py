"""Whose turn it is: events', or a bucket's whose shoppers' values change because time passed. No Flink."""

from typing import Final

from operators.bucket import Bucket

TURN_MS: Final = 25
"""So long wake-ups go on, whoever's they are, before events have their turn: Flink runs all timers of a
millisecond in one go."""
BREATH_MS: Final = 5
"""Least pause then. Where batches come, it is half as long as the wake-ups were."""
MOST_BREATH_MS: Final = 50
"""Greatest pause: a wake-up may have waited for Redis for seconds."""


class Turns:
    """When a bucket may let time pass: the one whose shoppers have waited longest, after a pause for events.

    Flink runs the timers of a millisecond in an order that may always favour the same buckets.
    """

    def __init__(self) -> None:
        """Begin with nobody who waits."""
        self.free_at = 0
        """When the pause for events is over, epoch ms."""
        self._waiting: dict[int, tuple[int, int, Bucket]] = {}
        """Buckets that were woken and had no turn, by number: since when (epoch ms). Each asks again."""
        self._spent = 0
        """How long wake-ups took since events had their turn, ms."""
        self._taking = False
        """Whether a batch came since the last pause."""

    def taken(self, bucket: Bucket) -> None:
        """Note that events have their turn, those of a bucket: it waits no more, unless it asks again."""
        self.free_at, self._spent, self._taking = 0, 0, True
        self.left(bucket)

    def left(self, bucket: Bucket) -> None:
        """Note that a bucket waits no more."""
        self._waiting.pop(bucket.number, None)
        bucket.turn_at = 0

    def has(self, bucket: Bucket, fired: int, now: int) -> bool:
        """Whether it is the turn of a bucket that has something to do; else it waits.

        Args:
            bucket: has just been woken, and waits no more.
            fired: the moment of the timer that woke it, epoch ms.
            now: epoch ms.
        """
        since = bucket.schedule.earliest
        if now >= self.free_at:
            longest, _, first = min(self._waiting.values(), default=(since, 0, bucket))
            if since <= longest:
                return True
            # Not at `now`: events would have their turn between this and others that are due.
            bucket.turn_at = max(first.armed, fired + 1)
        self._waiting[bucket.number] = since, bucket.number, bucket
        return False

    def had(self, began: int, ended: int) -> None:
        """Note how long a bucket's turn was, both epoch ms."""
        self._spent += ended - began
        if self._spent >= TURN_MS:
            pause = self._spent // 2 if self._taking else BREATH_MS
            self.free_at = ended + min(max(BREATH_MS, pause), MOST_BREATH_MS)
            self._spent, self._taking = 0, False
