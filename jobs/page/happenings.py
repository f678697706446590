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

    def say(self, text: str, tone: Tone = "info") -> None:
        """Add a line."""
        with self._lock:
            self._disturbed |= tone == "broke"
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
            self._since = now
            self.say(f"the job is {state.lower()}", "broke")
        elif state == "RUNNING":
            self.say(f"the job runs again after {now - self._since:.1f} s")
        else:
            self.say(f"the job is {state.lower()}")

    def balance(self, read: int, ends: int, well: bool) -> None:
        """Take note of the accounting: once all records are read after something broke, that is told.

        Args:
            read: records that the job has accounted for.
            ends: records that the topic has.
            well: whether Redis answers, the job runs, and every record has exactly one verdict.
        """
        with self._lock:
            caught_up = self._disturbed and well and read == ends and self._state == "RUNNING"
            if caught_up:
                self._disturbed = False
        if caught_up:
            self.say(f"nothing is lost: all {read:,} records of the topic are accounted for", "well")
