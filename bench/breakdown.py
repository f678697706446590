"""Where does an event's time go? Microseconds of CPU, and of waiting, by step, from a profile of the job.

    python -m bench.breakdown [--events 300000] [--shoppers 20000] [--places 15] [--json FILE] [VARIANT]

The backlog of `bench.throughput`, with a sampling thread inside the TaskManager's Python (`bench.sampler`)
and the kernel's account of every thread of its JVM. The first quarter is left out; of a short backlog that
may be nearly all of decoding, which runs up to 14,000 records a bucket ahead.

How to read it: `cpu_us` is CPU an event of the TaskManager. Rows without a star are parts of Python's threads
by the function that was running: decode (events/), key (to buckets, and batches as bytes), state (Flink's
map, states as bytes), windows (applying events, reading rows: features/), encode (rows as Redis commands),
redis (sending and awaiting the answers), operator (what holds these together), pyflink (its Python between
calls), java (those threads outside Python: SQL's gathering, state, hand-over). Rows with a star are other
threads of the JVM: fetch (Kafka's records), letters (to Kafka), gc, jit, the rest. `wait_us` is time in which
a Python thread was there and did not run: for Redis, for the interpreter's lock, for a core. A sampler sees
where a thread gives way, so neighbouring functions may lend each other a few per cent; steps are steadier
than the places listed after them.
"""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from bench.live import Setup, live
from bench.report import Figures, Report, arguments
from bench.sampler import FOLDER_VARIABLE, FOREIGN, OUTSIDE
from bench.throughput import backlog, parsed

STEPS: Final = (
    ("events/", "decode"),
    ("features/state.py", "state"),
    ("features/split.py", "key"),
    ("features/", "windows"),
    ("sinks/exchange.py", "redis"),
    ("sinks/routes.py", "redis"),
    ("sinks/", "encode"),
    ("operators/decode.py", "key"),
    ("operators/routing.py", "key"),
    ("operators/batch.py", "key"),
    ("operators/placement.py", "key"),
    ("operators/cache.py", "state"),
    ("operators/streams.py", "state"),
    ("operators/ledger.py", "state"),
    ("operators/", "operator"),
    (FOREIGN, "pyflink"),
    (OUTSIDE, "java"),
)
"""The step of a place: that of the first beginning that fits."""
THREADS: Final = (
    (("Source", "kafka-coordinat", "kafka-admin"), "fetch*"),
    (("kafka-producer",), "letters*"),
    (("G1", "GC Thread", "VM Thread", "VM Periodic", "Parallel"), "gc*"),
    (("C1 Compiler", "C2 Compiler", "Sweeper"), "jit*"),
)
"""The steps of other threads of the JVM, by their names' beginnings."""
ORDER: Final = (
    "fetch*",
    "decode",
    "key",
    "state",
    "windows",
    "encode",
    "redis",
    "operator",
    "pyflink",
    "java",
)


def step_of(place: str) -> str:
    """The step that a place belongs to.

    >>> step_of("events/tsv.py:read"), step_of("features/state.py:dump"), step_of("features/logic.py:apply")
    ('decode', 'state', 'windows')
    """
    return next((step for beginning, step in STEPS if place.startswith(beginning)), "pyflink")


def thread_step(name: str) -> str:
    """The step of a thread that runs no Python.

    >>> thread_step("kafka-coordinat"), thread_step("C2 CompilerThre"), thread_step("flink-metrics")
    ('fetch*', 'jit*', 'rest*')
    """
    return next((step for names, step in THREADS if name.startswith(names)), "rest*")


def between(lines: list[dict[str, Any]], begin: float, end: float) -> dict[str, Any]:
    """What was used from the snapshot next to `begin` to that next to `end` (epoch s)."""
    first, last = (min(lines, key=lambda line: abs(line["at"] - at)) for at in (begin, end))
    places = {
        place: [b - a for a, b in zip(first["places"].get(place, (0, 0, 0)), used, strict=True)]
        for place, used in last["places"].items()
    }
    threads = {name: max(0, used - first["threads"].get(name, 0)) for name, used in last["threads"].items()}
    return {
        "places": places,
        "threads": threads,
        "python": last["python"],
        "own": last["own"] - first["own"],
        "seconds": last["at"] - first["at"],
    }


def steps(used: Mapping[str, Any], events: float) -> dict[str, Figures]:
    """The table's rows: microseconds an event by step."""
    cpu: dict[str, float] = {}
    wait: dict[str, float] = {}
    for place, (cpu_ns, wall_ns, _) in used["places"].items():
        step = step_of(place)
        cpu[step] = cpu.get(step, 0.0) + cpu_ns
        if step != "java":
            wait[step] = wait.get(step, 0.0) + max(0, wall_ns - cpu_ns)
    for name, cpu_ns in used["threads"].items():
        if name not in used["python"]:
            step = thread_step(name)
            cpu[step] = cpu.get(step, 0.0) + cpu_ns
    # Linux gives a thread the name of the one that started it: it stands with those that run Python.
    cpu["sampler*"] = used["own"]
    total = sum(used["threads"].values())
    names = [*ORDER, *sorted(cpu.keys() - set(ORDER))]
    rows: dict[str, Figures] = {
        name: _row(cpu[name], wait.get(name), total, events) for name in names if name in cpu
    }
    return rows | {"all threads": _row(total, None, total, events)}


def top(used: Mapping[str, Any], events: float) -> dict[str, Figures]:
    """The places with the most CPU, in the same columns."""
    total = sum(used["threads"].values())
    ranked = sorted(used["places"].items(), key=lambda item: -item[1][0])
    return {place: _row(cpu, max(0, wall - cpu), total, events) for place, (cpu, wall, _) in ranked}


def _row(cpu_ns: float, wait_ns: float | None, total_ns: float, events: float) -> Figures:
    return {
        "cpu_us": cpu_ns / events / 1e3,
        "wait_us": None if wait_ns is None else wait_ns / events / 1e3,
        "share": f"{cpu_ns / max(1, total_ns):.0%}",
    }


def profile(setup: Setup, events: int, shoppers: int, seed: int) -> dict[str, dict[str, Figures]]:
    """Run the job over a backlog; rows of the steps and, the costliest first, of all places."""
    beside = {"bench/__init__.py": b""}
    for name in ("sampler.py", "profiled_job.py"):
        beside[f"bench/{name}"] = Path(__file__).with_name(name).read_bytes()
    with tempfile.TemporaryDirectory(prefix="shopper-profiles-") as folder:
        watched = replace(
            setup, entry="bench.profiled_job", beside=beside, environment={FOLDER_VARIABLE: folder}
        )
        with live(watched, backlog(events, shoppers, seed)) as job:
            begin, end = job.backlog(events)
            (file,) = Path(folder).glob("*.jsonl")
            # The last line may be half written.
            lines = [json.loads(line) for line in file.read_text().split("\n")[:-1]]
    used = between(lines, begin.at, end.at)
    own = (end.read - begin.read) * used["seconds"] / (end.at - begin.at)
    around = begin.figures(end)
    rows = steps(used, own)
    for name in ("kafka", "redis"):
        rows[f"the {name} server"] = {"cpu_us": around[f"{name}_us"], "wait_us": None, "share": None}
    return {"steps": rows, "places": top(used, own), "threads": {"threads": used["threads"]}}


def main() -> None:
    """Profile one variant and print the steps, then the places."""
    parser = arguments(__doc__)
    parser.add_argument("variant", nargs="?", default="", help="settings of the job, one TaskManager")
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--shoppers", type=int, default=20_000)
    parser.add_argument("--places", type=int, default=15, help="functions shown after the steps")
    options = parser.parse_args()
    setup = parsed(options.variant)
    if setup.taskmanagers != 1:
        parser.error(f"variant {options.variant!r}: one TaskManager is profiled; leave out its parallelism")
    with Report("breakdown", ("cpu_us", "wait_us", "share"), options) as report:
        profiles = [
            profile(setup, options.events, options.shoppers, options.seed) for _ in range(options.runs)
        ]
        for name in profiles[-1]["steps"]:
            report.add(name, *(each["steps"][name] for each in profiles if name in each["steps"]))
        for place, row in islice(profiles[-1]["places"].items(), options.places):
            report.add(place, row)
        report.notes["threads"] = profiles[-1]["threads"]


if __name__ == "__main__":
    main()
