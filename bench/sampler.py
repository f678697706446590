"""A thread that samples what the other threads of its interpreter are at, and what CPU they used meanwhile.

It works where no profiler from outside gets in: inside the Python that Flink's thread mode embeds. Every few
milliseconds each thread's innermost frame of this project is noted, and the CPU that the thread used since
the last look is put down to it. Threads that are in Java at the moment have no frame: that is `OUTSIDE`.

A sampler needs the interpreter's lock. So that it gets it soon wherever a thread is, and not only where a
thread waits for Redis, the lock is asked for after 0.1 ms instead of 5 ms. That, and the sampling, costs some
of the rate: read shares and microseconds of CPU here, rates elsewhere.
"""

import json
import random
import re
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any, Final

FOLDER_VARIABLE: Final = "SHOPPER_BENCH_PROFILES"
"""Tells the submitted job where its samplers write."""
OUTSIDE: Final = "outside"
FOREIGN: Final = "foreign"
"""Python, but of no frame of this project: PyFlink between two calls."""
PERIOD_S: Final = 0.003
TOLD_EVERY_S: Final = 0.5
SWITCH_S: Final = 0.0001
_OURS: Final = re.compile(r"(?:^|/)((?:events|features|operators|sinks|jobs)/[\w/]+\.py)$")

_NUMBER: Final = re.compile(r"[\s#(-]*\d[\d#/)]*$")

_started = threading.Lock()


def watch(folder: Path) -> None:
    """Start sampling into a file of this process in `folder`, unless that has happened."""
    if _started.acquire(blocking=False):
        Sampler(folder).start()


def location(frame: FrameType | None) -> str:
    """The innermost function of this project that a frame is in, as `events/tsv.py:read`."""
    while frame is not None:
        found = _OURS.search(frame.f_code.co_filename)
        if found:
            return f"{found[1]}:{frame.f_code.co_name}"
        frame = frame.f_back
    return FOREIGN


class Sampler(threading.Thread):
    """Samples until its process ends; writes two lines a second, see `snapshot`."""

    def __init__(self, folder: Path) -> None:
        """Prepare; `start` samples."""
        super().__init__(name="sampler", daemon=True)
        self._folder = folder
        self._clocks: dict[int, int] = {}
        """The CPU clock of each thread that was ever seen in Python."""
        self._last: dict[int, tuple[int, int]] = {}
        self._used: dict[str, list[int]] = {}

    def run(self) -> None:
        """Sample."""
        sys.setswitchinterval(SWITCH_S)
        told = time.monotonic()
        with (self._folder / f"profile-{threading.get_native_id()}.jsonl").open("w") as file:
            while True:
                # Not in step with anything that happens regularly.
                time.sleep(PERIOD_S * (0.5 + random.random()))
                self.sample()
                if time.monotonic() - told >= TOLD_EVERY_S:
                    told = time.monotonic()
                    file.write(json.dumps(self.snapshot()) + "\n")
                    file.flush()

    def sample(self) -> None:
        """Look at every thread once."""
        frames = sys._current_frames()  # noqa: SLF001  the documented way
        now = time.monotonic_ns()
        for ident in frames:
            if ident != self.ident and ident not in self._clocks:
                # It is in Python, so it lives: asking for the clock of a thread that has ended is undefined.
                self._clocks[ident] = time.pthread_getcpuclockid(ident)
        for ident, clock in list(self._clocks.items()):
            try:
                cpu = time.clock_gettime_ns(clock)
            except OSError:
                del self._clocks[ident]
                self._last.pop(ident, None)
                continue
            wall_before, cpu_before = self._last.get(ident, (now, cpu))
            self._last[ident] = now, cpu
            frame = frames.get(ident)
            used = self._used.setdefault(OUTSIDE if frame is None else location(frame), [0, 0, 0])
            used[0] += cpu - cpu_before
            used[1] += now - wall_before
            used[2] += 1

    def snapshot(self) -> dict[str, Any]:
        """What was seen so far.

        `at` is epoch s; `places` gives (CPU ns, wall ns, samples) by location; `threads` the CPU ns of every
        thread of the process by the thread's name, and `python` the names of those that run Python.
        """
        python = {_name(_tid(clock)) for clock in self._clocks.values()}
        return {
            "at": time.time(),
            "places": self._used,
            "threads": thread_cpu(),
            "python": sorted(python),
            "own": time.thread_time_ns(),
        }


def thread_cpu(process: str = "self") -> dict[str, int]:
    """CPU ns of a process's threads by name, numbers left out of the names (Linux)."""
    found: dict[str, int] = {}
    for task in Path(f"/proc/{process}/task").iterdir():
        try:
            used = int((task / "schedstat").read_text().split()[0])
        except (OSError, ValueError):
            continue
        name = _name(int(task.name), process)
        found[name] = found.get(name, 0) + used
    return found


def _name(tid: int, process: str = "self") -> str:
    try:
        name = Path(f"/proc/{process}/task/{tid}/comm").read_text()
    except OSError:
        return "ended"
    return _NUMBER.sub("", name.strip())


def _tid(clock: int) -> int:
    """The thread that Linux made a CPU clock's number of."""
    return ~(clock >> 3)
