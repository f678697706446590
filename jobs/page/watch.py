"""Reads from Redis what the page shows, for all who look at it in one round trip."""

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from features.views import BRANCHES
from jobs.page.kept import Kept
from jobs.page.looked_at import LookedAt
from jobs.settings import Settings
from jobs.watching.progress import Progress, read_progress
from serving.redis_reader import RedisReader, RedisUnreachableError
from serving.shoppers import Hashes, read_shoppers

LIVE: Final = 8
EVERY_S: Final = 0.5
TIMEOUT_S: Final = 1.0
_KEPT_S: Final = 60
_RATE_MS: Final = 5_000


class Reported:
    """What the job reported over the last minute: how fast each branch applies events."""

    def __init__(self) -> None:
        self._reports: deque[tuple[int, Counter[str]]] = deque(maxlen=_KEPT_S)

    def add(self, progress: Progress) -> None:
        """Take note of a report, once."""
        counts = Counter({name: each["applied"] for name, each in progress.branches.items()})
        counts["read"] = progress.counts["read"]
        if not self._reports or progress.at >= self._reports[-1][0] + 900:
            self._reports.append((progress.at, counts))

    def per_s(self, name: str) -> float:
        """Events a second over the last 5 s."""
        if not self._reports:
            return 0.0
        at, counts = self._reports[-1]
        then, before = next(each for each in self._reports if each[0] >= at - _RATE_MS)
        return max(0, counts[name] - before[name]) * 1000 / (at - then) if at > then else 0.0

    def series(self, name: str) -> list[float]:
        """Events a second from report to report, oldest first."""
        reports = list(self._reports)
        return [
            round(max(0, counts[name] - before[name]) * 1000 / (at - then), 1)
            for (then, before), (at, counts) in pairwise(reports)
            if at > then
        ]


@dataclass(frozen=True)
class Seen:
    """What Redis said at one moment."""

    at: int = 0
    """When, epoch milliseconds; 0 before the first answer."""
    error: str = ""
    """Why there is nothing newer."""
    progress: Progress = field(default_factory=Progress)
    rows: Mapping[str, Hashes] = field(default_factory=dict)
    """By shopper; those of a device as its user's."""
    live: tuple[str, ...] = ()
    """Who is shown, each once: in the place of a device whose rows point is its user."""
    same_as: Mapping[str, str] = field(default_factory=dict)
    """By shopper whose rows point: the user."""


class Watch(threading.Thread):
    """A thread that reads twice a second what is looked at; it rests while nobody looks."""

    def __init__(self, settings: Settings, kept: Kept) -> None:
        """Prepare; `start` reads."""
        super().__init__(name="page-watch", daemon=True)
        self.seen = Seen()
        self.reported = Reported()
        self.labels = (*(window.label for window in settings.windows), "session")
        self._settings = settings
        self._kept = kept
        self._chosen: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._looked_at = LookedAt()
        self.look = self._looked_at.look
        self._stopping = threading.Event()

    def run(self) -> None:
        """Read until stopped."""
        with closing(RedisReader(self._settings.redis_url, TIMEOUT_S)) as reader:
            while not self._stopping.is_set():
                self._looked_at.rest()
                try:
                    self._read(reader)
                except (RedisUnreachableError, ValueError) as error:
                    self.seen = Seen(**{**vars(self.seen), "error": str(error)})
                    reader.close()
                self._wanted.wait(EVERY_S)
                self._wanted.clear()

    def stop(self) -> None:
        """Read no more."""
        self._stopping.set()
        self._wanted.set()
        self._looked_at.wake()
        if self.is_alive():
            self.join(timeout=2)

    def choose(self, shopper: str) -> None:
        """Read this shopper's rows as well, from now on."""
        with self._lock:
            self._chosen[shopper] += 1
        self._wanted.set()

    def leave(self, shopper: str) -> None:
        """Take back one `choose`."""
        with self._lock:
            self._chosen[shopper] -= 1
            self._chosen = +self._chosen

    def _read(self, reader: RedisReader) -> None:
        lively = self._kept.lively(round(time.time() * 1000), LIVE)
        with self._lock:
            shoppers = [*lively, *self._chosen]
        prefix = self._settings.redis_prefix
        rows, same_as = read_shoppers(reader, shoppers, self.labels, prefix)
        progress = read_progress(reader, self._settings.job_name, prefix)
        self.reported.add(progress)
        live = tuple(dict.fromkeys(same_as.get(shopper, shopper) for shopper in lively))
        self.seen = Seen(round(time.time() * 1000), "", progress, rows, live, same_as)


def branch_rates(reported: Reported, progress: Progress) -> list[dict[str, object]]:
    """Each branch: events applied, how fast, and how that was over the last minute."""
    return [
        {
            "name": branch,
            "applied": progress.branches.get(branch, Counter())["applied"],
            "per_s": round(reported.per_s(branch), 1),
            "series": reported.series(branch),
        }
        for branch in BRANCHES
    ]
