"""What happened to the job, for people: what was broken, and how it came back. Knows no clock but its own."""

import threading
import time
from collections import deque
from typing import Final, Literal, NamedTuple

MOST: Final = 30
Tone = Literal["broke", "info", "well"]


class Happening(NamedTuple):
    """One line; `at` is epoch milliseconds."""

    at: int
    tone: Tone
    text: str


class Happenings:
    """The latest lines, oldest first. Thread-safe."""

    def __init__(self) -> None:
        self._lines: deque[Happening] = deque(maxlen=MOST)
        self._lock = threading.Lock()
        self._state = ""
        self._since = 0.0
        self._disturbed = False
        self._restarts = False
        """Whether the job is yet to notice that it must restart."""
        self._mark: int | None = None
        """Records that the topic had when all was well again."""

    def say(self, text: str, tone: Tone = "info", *, restarts: bool = False) -> None:
        """Add a line; `restarts`: what is told makes the job restart, which it may be a while to notice."""
        with self._lock:
            self._disturbed |= tone == "broke"
            self._restarts |= restarts
            self._lines.append(Happening(round(time.time() * 1000), tone, text))

    def lines(self) -> list[Happening]:
        """All of them."""
        with self._lock:
            return list(self._lines)

    def state(self, state: str) -> None:
        """Take note of the job's state; what is new is told, and how long it took to run again."""
        before, self._state = self._state, state
        if before in ("", state):
            return
        now = time.monotonic()
        if before == "RUNNING":
            self._since, self._restarts = now, False
            self.say("the job restarts from its last checkpoint", "broke")
        elif state == "RUNNING":
            self.say(f"the job runs again after {now - self._since:.1f} s")

    def balance(self, read: int, ends: int, well: bool) -> None:
        """Take note of the accounting: once the job has caught up after something broke, that is told.

        Args:
            read: records that the job has accounted for.
            ends: records that the topic has.
            well: whether Redis answers and every record read has exactly one verdict.
        """
        with self._lock:
            well = well and not self._restarts and self._state in ("", "RUNNING")
            if not self._disturbed or not well:
                self._mark = None
                return
            if self._mark is None:
                self._mark = ends
                return
            caught_up = read >= self._mark
            if caught_up:
                self._disturbed, self._mark = False, None
        if caught_up:
            self.say(f"caught up: {read:,} records read, each accounted for, nothing lost", "well")
