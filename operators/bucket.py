"""One bucket of shoppers as an operator instance knows it; all of it follows from the bucket's state."""

from dataclasses import dataclass, field
from typing import Final

from operators.backlog import Backlog
from operators.leading import Leading
from operators.ledger import Ledger
from operators.schedule import NEVER, Schedule
from sinks.sequence import Stamp

GATHER_MS: Final = 200
"""So long after it looked for shoppers whose values change a bucket looks again: each look is a write of its
own, unless a batch comes meanwhile that takes them along."""
WAIT_MS: Final = 1_000
"""So long they wait for batches that wait themselves."""
LOOK_MS: Final = 5_000
"""So long after its last write a bucket asks Redis whether it still holds what it took."""


class Rewriting:
    """Shoppers whose rows are to be written again from state, those who change soonest first."""

    def __init__(self, schedule: Schedule, begun: int) -> None:
        """Begin with all of the schedule, at the moment `begun` (epoch ms).

        They are asked for when the first are taken: the wake-up that found out has some out of the schedule
        until its rows are written.
        """
        self._schedule = schedule
        self._shoppers: list[str] | None = None
        self.begun = begun
        self.written = 0
        """How many shoppers had their turn."""
        self.number = 0
        """Of the last write of these that Redis acknowledged."""

    def take(self, most: int) -> list[str]:
        """Take out the next shoppers."""
        if self._shoppers is None:
            self._shoppers = self._schedule.soonest()
        taken = self._shoppers[self.written : self.written + most]
        self.written += len(taken)
        return taken

    @property
    def over(self) -> bool:
        """Whether none is left."""
        return self._shoppers is not None and self.written == len(self._shoppers)


@dataclass
class Bucket:
    """What is known of one bucket."""

    number: int
    ledger: Ledger
    schedule: Schedule = field(default_factory=Schedule)
    timers: list[int] = field(default_factory=list)
    """The moments (epoch ms) of the timers that Flink holds for it, as far as known, the earliest first."""
    gathers: bool = True
    """Whether those whose moment has come may wait for others. Entities tell each other by moments."""
    turn_at: int = 0
    """No earlier than this it asks again whether it is its turn, epoch ms."""
    looked_at: int = 0
    """When it last saw to all whose moment had come, epoch ms."""
    look_at: int = 0
    """When Redis is to be asked at the latest whether it still holds what it took, epoch ms."""
    rewriting: Rewriting | None = None
    backlog: Backlog = field(default_factory=Backlog)
    met: int = 0
    """When the instance met it, after a start or a restore, epoch ms."""
    restated: set[str] = field(default_factory=set)
    """Users of devices here whose rows were to be restated since."""
    leading: Leading = field(default_factory=Leading)

    @property
    def armed(self) -> int:
        """The moment of the next of its timers, epoch ms; `NEVER` where there is none."""
        return self.timers[0] if self.timers else NEVER

    def rewrite(self, now: int) -> None:
        """Have all rows written again, from the first."""
        self.rewriting = Rewriting(self.schedule, now)

    def stamp(self, key: str, field: str, now: int) -> Stamp:
        """What a write leaves behind; numbers follow the clock, so that a restored state repeats none."""
        number = max(self.ledger.number + 1, now * 1000)
        if self.rewriting is None:
            return Stamp(key, field, self.ledger.number, number)
        number = max(self.rewriting.number + 1, number)
        return Stamp(key, f"{field}~", self.rewriting.number, number, field if self.rewriting.over else "")

    def looks(self, now: int) -> bool:
        """Whether it is time to ask Redis; while rows are written again, those writes ask."""
        return self.rewriting is None and now >= self.look_at

    def moment(self, rewrite_at: int, idle_at: int) -> int:
        """When the bucket has something to do, epoch ms.

        Args:
            rewrite_at: rewriting goes on no earlier than this.
            idle_at: from then on batches that wait are waiting for nothing, if none comes before.
        """
        again = self.look_at if self.rewriting is None else rewrite_at
        return min(self.departure, self.backlog.due(idle_at), self.leading.moment, again)

    @property
    def departure(self) -> int:
        """When to let time pass for shoppers, unless a batch does so before, epoch ms."""
        earliest = self.schedule.earliest
        if not self.gathers:
            return earliest
        patient = min(self.backlog.until, earliest + WAIT_MS) if self.backlog.payloads else 0
        return max(earliest, self.looked_at + GATHER_MS, patient)
