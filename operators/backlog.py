"""Batches that wait: while a bucket is behind, those of a while are applied together.

Reading a shopper's state, its rows and writing them cost the same for one event as for ten, and of the
records of a second a shopper has several. Whoever is late anyway gains more by going faster than by going at
once; who is not, never waits. Nor does anybody wait long for batches that do not come: while another operator
instance applies what waited, decoding cannot hand it more, and has nothing for this one either.
"""

from dataclasses import dataclass, field
from typing import Final

from operators.batch import Head
from operators.schedule import NEVER
from operators.store import Store

BEHIND_MS: Final = 1_000
"""A batch whose newest record is older may wait."""
PART: Final = 8
"""It waits for at most this part of its lateness, so that catching up ends smoothly."""
MOST_MS: Final = 4_000
"""Nor longer than this: rows that are late already are seen to change once in so long."""
IDLE_MS: Final = 100
"""Where nothing came to the operator instance for so long, nor did it apply any, one bucket's batches that
wait are applied. It is the least: the job asks for twice its `batch_ms` where that is more, for until then
another batch may just be on its way."""
MOST_BYTES: Final = 8 * 1024 * 1024
"""So many bytes of a bucket wait, some 14,000 records: they are part of every checkpoint, and a second's work
at most. It is the time that counts; this is for a topic whose records are large, and for one busy bucket."""


def behind(newest: int, now: int) -> bool:
    """Whether a batch may wait to be applied with others.

    Args:
        newest: Kafka timestamp of its newest record, epoch ms; 0 where it has none.
        now: epoch ms.
    """
    return bool(newest) and now - newest >= BEHIND_MS


@dataclass
class Backlog:
    """The batches of one bucket that wait, the oldest first. They lie in Flink's state, too."""

    payloads: list[bytes] = field(default_factory=list)
    until: int = NEVER
    """When they have waited long enough, epoch ms."""
    size: int = 0
    """Bytes of them all."""

    @classmethod
    def restored(cls, store: Store) -> "Backlog":
        """What waits in the state of the bucket at hand; it has waited long enough."""
        waiting = dict(store.items())
        payloads = [waiting[place] for place in sorted(waiting, key=int)]
        return cls(payloads, 0, sum(map(len, payloads))) if payloads else cls()

    def takes(self, payload: bytes, head: Head, now: int, store: Store) -> bool:
        """Let a batch wait, if it may; else all that waits is to be applied, this batch last.

        Args:
            payload: the batch.
            head: of the batch.
            now: epoch ms.
            store: the waiting batches of the bucket at hand.
        """
        late = now - head.newest
        if (
            not behind(head.newest, now)
            or head.again
            or now >= self.until
            or self.size + len(payload) > MOST_BYTES
        ):
            return False
        self.until = min(self.until, now + min(late // PART, MOST_MS))
        store.put_all({str(len(self.payloads)): payload})
        self.payloads.append(payload)
        self.size += len(payload)
        return True

    def due(self, idle_at: int) -> int:
        """When what waits is to be applied, epoch ms; `NEVER` where nothing does.

        Args:
            idle_at: from then on batches are taken not to come any more, if none comes before, epoch ms.
        """
        return min(self.until, idle_at) if self.payloads else NEVER

    def clear(self, store: Store) -> None:
        """Note that all were applied."""
        for place in range(len(self.payloads)):
            store.remove(str(place))
        self.payloads, self.until, self.size = [], NEVER, 0
