"""How much work is an event, whatever the machine? Counted, not timed: the check against slow changes.

    python -m bench.work [--renew] [--json FILE]

A fixed stream (`bench.traffic`) goes through decoding, keying, state, logic and the sink (`bench.plain`), in
an interpreter of its own with a fixed hash seed. Counted are, an event: `instructions` of Python's byte code,
`calls` of Python functions, `rows` and `redis_bytes` handed to Redis, and `state_bytes` a shopper. The same
code gives the same figures on every machine.

`bench/work.json` holds the figures of the code as it should be, for each version of Python, which each have
their own byte code. A test compares: more than `TOLERANCE` worse fails, and so does as much better, lest the
gain be lost again unseen. After a change that is meant, `--renew` writes the figures of the Python at hand;
review the difference like code.

How to read it: instructions stand for the time that Python itself takes, not for what its libraries in C do
(JSON, MessagePack, packing): rows and bytes stand for those. The microseconds are told by the others.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, Final

from redis.connection import Connection

from bench.plain import PlainJob, Swallowing
from bench.report import Figures, Report, arguments
from bench.traffic import Sent, traffic
from sinks.redis_sink import RedisSink

RECORDED: Final = Path(__file__).with_name("work.json")
TOLERANCE: Final = 0.03
TOLERANCE_ELSEWHERE: Final = 0.25
"""Of byte code, with a version of Python that nothing was recorded for."""
SHOPPERS: Final = 60
RATE_PER_S: Final = 5
"""So slow that shoppers' panes leave meanwhile."""
WARM: Final = 600
COUNTED: Final = 200
BATCH: Final = 10
START_MS: Final = 1_700_000_000_000
COUNTS: Final = ("instructions", "calls", "rows", "redis_bytes", "state_bytes")
TIMEOUT_S: Final = 120


class Counter:
    """Counts byte code instructions and calls while it is installed as the trace function."""

    def __init__(self) -> None:
        """Begin at nought."""
        self.instructions = 0
        self.calls = 0

    def during(self, work: Callable[[], object]) -> None:
        """Count what happens in `work`."""
        before = sys.gettrace()
        # Python 3.12 tells of instructions only if some frame asked for them before the function is set.
        here = sys._getframe()  # noqa: SLF001  there is no other way to one's own frame
        here.f_trace_opcodes = True
        sys.settrace(self._enter)
        try:
            work()
        finally:
            sys.settrace(before)

    def _enter(self, frame: FrameType, event: str, _: Any) -> Any:
        self.calls += 1
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._inside

    def _inside(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode":
            self.instructions += 1
        return self._inside


def stream(seed: int) -> list[list[Sent]]:
    """The records, in micro-batches."""
    records = list(islice(traffic(seed, SHOPPERS, START_MS, RATE_PER_S), WARM + COUNTED))
    return [records[i : i + BATCH] for i in range(0, len(records), BATCH)]


def count(seed: int) -> dict[str, float]:
    """The figures of the code as it is, by the interpreter that runs this."""
    redis = Swallowing(Connection())  # type: ignore[no-untyped-call]
    job = PlainJob(RedisSink(redis, "nowhere"), START_MS)
    batches = stream(seed)

    def take(chosen: list[list[Sent]]) -> None:
        for batch in chosen:
            job.now = batch[-1].at
            job.take([sent.record for sent in batch])

    take(batches[: WARM // BATCH])
    sent, rows, counter = redis.sent, job.counts()["rows.written"], Counter()
    counter.during(lambda: take(batches[WARM // BATCH :]))
    sizes = job.states.sizes()
    return {
        "instructions": counter.instructions / COUNTED,
        "calls": counter.calls / COUNTED,
        "rows": (job.counts()["rows.written"] - rows) / COUNTED,
        "redis_bytes": (redis.sent - sent) / COUNTED,
        "state_bytes": sum(sizes) / len(sizes),
    }


def counted(seed: int) -> dict[str, float]:
    """The same, by an interpreter of its own: nothing that ran before, and no hash seed, changes it.

    Raises:
        subprocess.CalledProcessError: if that interpreter fails; it has told why.
    """
    code = f"import json; from bench.work import count; print(json.dumps(count({seed})))"
    command = [sys.executable, "-c", code]
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    root = Path(__file__).parents[1]
    done = subprocess.run(
        command, env=environment, cwd=root, stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def python() -> str:
    """The version of Python at hand, as figures are recorded: `3.11`."""
    return ".".join(platform.python_version_tuple()[:2])


def recorded() -> dict[str, dict[str, float]]:
    """The figures that the code should have, by version of Python."""
    found: dict[str, dict[str, float]] = json.loads(RECORDED.read_text()) if RECORDED.is_file() else {}
    return found


def differences(now: Mapping[str, float], version: str, kept: Mapping[str, Mapping[str, float]]) -> list[str]:
    """What is not as recorded, in words; empty where all is.

    A version of Python that nothing was recorded for is compared with the newest that something was, and byte
    code then only roughly.

    >>> differences({"calls": 104.0, "rows": 3.0}, "3.11", {"3.11": {"calls": 100.0, "rows": 3.0}})
    ['calls: 104 an event, recorded are 100 (+4.0 %)']
    """
    should = kept[version if version in kept else max(kept)]
    told = []
    for name, figure in now.items():
        rough = version not in kept and name in ("instructions", "calls")
        change = figure / should[name] - 1
        if abs(change) > (TOLERANCE_ELSEWHERE if rough else TOLERANCE):
            told.append(
                f"{name}: {figure:,.5g} an event, recorded are {should[name]:,.5g} ({change * 100:+.1f} %)"
            )
    return told


def main() -> None:
    """Count, compare, and renew if asked."""
    parser = arguments(__doc__)
    parser.add_argument("--renew", action="store_true", help="record these figures as the right ones")
    options = parser.parse_args()
    figures: Figures = dict(counted(options.seed))
    with Report("work an event", COUNTS, options) as report:
        if python() in recorded():
            report.add(f"recorded, Python {python()}", dict(recorded()[python()]))
        report.add(f"now, Python {python()}", figures)
    if options.renew:
        kept = recorded() | {python(): {name: round(float(figures[name] or 0), 2) for name in COUNTS}}
        RECORDED.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
