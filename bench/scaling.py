"""Does the job become faster with another TaskManager, and with another core?

    python -m bench.scaling [--taskmanagers 1 2] [--cores 1 2] [--events 60000] [--shoppers 20000] [--runs 1]

The backlog of `bench.throughput` with each number of TaskManagers (a slot each, so that is the parallelism),
and Kafka, Flink and Redis together confined to each number of cores, as `taskset` does it.

How to read it: `speedup` is the rate against the first row. One Python interpreter runs in a TaskManager,
with one lock: a second TaskManager is how Python gets a second core.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

from bench.live import Setup, changes_of
from bench.points import COLUMNS
from bench.report import Figures, Report, arguments, of_the_job
from bench.throughput import measure


@contextmanager
def confined(number: int) -> Iterator[None]:
    """Let this thread, and what it starts meanwhile, use only the first so many cores.

    Raises:
        ValueError: if there are not so many.
    """
    allowed = os.sched_getaffinity(0)
    if number > len(allowed):
        msg = f"{number} cores are wanted and {len(allowed)} may be used; give fewer with --cores"
        raise ValueError(msg)
    os.sched_setaffinity(0, sorted(allowed)[:number])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def main() -> None:
    """Measure every combination in turns and print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--taskmanagers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--shoppers", type=int, default=20_000)
    of_the_job(parser)
    options = parser.parse_args()
    rows = list(product(options.cores, options.taskmanagers))
    runs: dict[tuple[int, int], list[Figures]] = {row: [] for row in rows}
    with Report("scaling", (*COLUMNS, "speedup", "load"), options) as report:
        for last in range(options.runs - 1, -1, -1):
            first = 0.0
            for cores, taskmanagers in rows:
                setup = Setup(taskmanagers, changes_of(options))
                with confined(cores):
                    figures = measure(setup, options.events, options.shoppers, options.seed)
                rate = float(figures["events_per_s"] or 0)
                first = first or rate
                runs[cores, taskmanagers].append(figures | {"speedup": rate / first if first else None})
                if not last:
                    name = f"{cores} cores, {taskmanagers} TaskManagers"
                    report.add(name, *runs[cores, taskmanagers])


if __name__ == "__main__":
    main()
