"""How much memory does a shopper take: as state, on Java's heap, in the process, in Redis?

    python -m bench.memory [--shoppers 30000] [--each 3] [--memory MB] [--json FILE] [VARIANT]

Every shopper has `--each` events; then the next checkpoint that begins is awaited, which holds the whole
state. Before that, a checkpoint of a job that has seen a single event is the zero to compare with. The
TaskManager is given 1.5 GB and 6 kB a shopper, unless `--memory` says how many MB. `--shoppers 1000000` (and
with the variant `state_backend=rocksdb`) for the figures of docs/performance.md.

How to read it: `state_mb` is the checkpoint's size, `heap_mb` what Java's heap holds after a full collection
(`jcmd GC.run`; without a jcmd beside Java it is the least of six looks), `rss_mb` the TaskManager's memory
with Python in it, `redis_mb` what Redis holds. The last row is bytes a shopper: the differences of the two
before.
"""

import subprocess
import time
from argparse import Namespace
from typing import Final

from bench.live import DEADLINE_S, Job, Setup, live
from bench.processes import members, rss
from bench.report import Figures, Report, arguments, load
from bench.throughput import parsed
from bench.traffic import census
from jobs.local.toolchain import find_java

BASE_MB: Final = 1536
A_SHOPPER_KB: Final = 6
STALE: Final = 4
"""The JobManager asks when it is asked, and answers with what it was told before: minutes ago, at first."""
LOOKS: Final = 6
POLL_S: Final = 0.5
GC_S: Final = 60
# Every ten seconds by default, so that all looks would show the same moment.
TOLD_OFTEN: Final = {"metrics.fetcher.update-interval": "1000"}
COLUMNS: Final = ("state_mb", "heap_mb", "rss_mb", "redis_mb", "load")


def figures(job: Job) -> Figures:
    """What is used now."""
    return {
        "state_mb": checkpointed(job) / 1e6,
        "heap_mb": heap(job) / 1e6,
        "rss_mb": sum(rss(process) for process in job.workers()) / 1e6,
        "redis_mb": job.redis.info("memory")["used_memory"] / 1e6,
        "load": load(),
    }


def checkpointed(job: Job) -> int:
    """Bytes of the next checkpoint that begins after now and completes.

    Raises:
        RuntimeError: if none does.
    """
    begun, until = time.time() * 1000, time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        latest = job.rest("/checkpoints")["latest"]["completed"]
        if latest and latest["trigger_timestamp"] > begun:
            return int(latest["state_size"])
        time.sleep(POLL_S)
    msg = f"no checkpoint was completed within {DEADLINE_S} s; look at the logs in {job.stack.flink.folder}"
    raise RuntimeError(msg)


def heap(job: Job) -> int:
    """Bytes on the heaps of the TaskManagers, as little garbage in it as can be had."""
    jcmd = find_java() / "bin" / "jcmd"
    for process in job.workers():
        if jcmd.is_file():
            for pid, _ in members(process):
                # The group's other members are shells; they know no Java command.
                subprocess.run([jcmd, str(pid), "GC.run"], capture_output=True, timeout=GC_S, check=False)
    return min([_heap_now(job) for _ in range(STALE + LOOKS)][STALE:])


def _heap_now(job: Job) -> int:
    """What the JobManager was told last; nothing at all in the first seconds."""
    flink, path = job.stack.flink, "metrics?get=Status.JVM.Memory.Heap.Used"
    managers = [each["id"] for each in flink.get("/taskmanagers")["taskmanagers"]]
    until = time.monotonic() + GC_S
    while time.monotonic() < until:
        time.sleep(POLL_S)
        told = [flink.get(f"/taskmanagers/{each}/{path}") for each in managers]
        if all(told):
            return sum(int(each[0]["value"]) for each in told)
    msg = f"a TaskManager did not tell its heap within {GC_S} s; look at the logs in {flink.folder}"
    raise RuntimeError(msg)


def per_shopper(empty: Figures, full: Figures, shoppers: int) -> Figures:
    """The differences, bytes a shopper.

    >>> per_shopper({"state_mb": 1.0, "load": 2}, {"state_mb": 3.0, "load": 1}, 1000)
    {'state_mb': 2000.0}
    """
    return {
        name: (float(full[name] or 0) - float(empty[name] or 0)) * 1e6 / shoppers
        for name in empty
        if name != "load"
    }


def measure(options: Namespace) -> tuple[Figures, Figures]:
    """One run: with hardly a shopper, and with all."""
    memory = options.memory or BASE_MB + options.shoppers * A_SHOPPER_KB // 1024
    variant = parsed(options.variant)
    flink = {"taskmanager.memory.process.size": f"{memory}m", **TOLD_OFTEN}
    setup = Setup(variant.taskmanagers, variant.changes, flink)
    with live(setup) as job:
        job.fill(census(options.seed, 1, round(time.time() * 1000)))
        job.wait_read(job.sent)
        empty = figures(job)
        job.fill(census(options.seed, options.shoppers, round(time.time() * 1000), options.each))
        job.wait_read(job.sent, options.deadline)
        return empty, figures(job)


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__)
    parser.add_argument("variant", nargs="?", default="", help="settings of the job: name=value,…")
    parser.add_argument("--shoppers", type=int, default=30_000)
    parser.add_argument("--each", type=int, default=3, help="events of every shopper")
    parser.add_argument("--memory", type=int, help="MB of the TaskManager")
    parser.add_argument("--deadline", type=float, default=1800, help="seconds, to read all events")
    options = parser.parse_args()
    with Report("memory", COLUMNS, options) as report:
        runs = [measure(options) for _ in range(options.runs)]
        report.add("a single shopper", *(empty for empty, _ in runs))
        report.add(f"{options.shoppers} shoppers", *(full for _, full in runs))
        report.add("bytes a shopper", *(per_shopper(*run, options.shoppers) for run in runs))


if __name__ == "__main__":
    main()
