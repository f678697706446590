"""How many events a second does the whole job handle, and what does an event cost in CPU?

    python -m bench.throughput [VARIANT …] [--events 100000] [--shoppers 20000 …] [--identity off merge]
        [--logged-in 0.2] [--runs 1] [--json FILE]

A backlog: all events (`bench.traffic`) are in Kafka before the job starts, and every one of them is waited
for until its rows are in Redis. The first quarter warms up and is not counted. Kafka, Flink and Redis share
the machine; each run has a cluster of its own, and runs of different rows are interleaved.

A variant is a list of settings of the job, `topology=branches,parallelism=2` for instance; parallelism is
also the number of TaskManagers, `identity=off` one of `Definitions`.

What anonymous visits and logins cost: `--identity off merge` measures each variant in each of these modes on
the same traffic, of which a share `--logged-in` (0.2 by default) carries a user. Without `--identity` every
record carries one, as in all other benchmarks.

How to read it: `flink_us`, `kafka_us`, `redis_us` are microseconds of CPU an event (Python is in Flink's);
they are steadier than `events_per_s`, which other work on the machine lowers: see the load. A backlog has
hardly a wake-up in it: `bench.steady` has. For the figures of docs/performance.md: `--events 500000
--shoppers 20000 100000 1000000 --runs 3`.
"""

import json
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from bench.live import Setup, live, with_identity
from bench.points import COLUMNS
from bench.report import Figures, Report, arguments, load
from bench.traffic import Sent, traffic
from features.identity import MODES

RATE_PER_S: Final = 2_000
"""The pace at which the backlog came in, by its times."""


def measure(setup: Setup, events: int, shoppers: int, seed: int, logged_in: float = 1.0) -> Figures:
    """One run, from a full topic to an empty backlog."""
    with live(setup, backlog(events, shoppers, seed, logged_in)) as job:
        begin, end = job.backlog(events)
    return {**begin.figures(end), "load": load()}


def backlog(events: int, shoppers: int, seed: int, logged_in: float = 1.0) -> Iterator[Sent]:
    """What came in while the job was down, until now."""
    start = time.time_ns() // 1_000_000 - events * 1000 // RATE_PER_S
    return islice(traffic(seed, shoppers, start, RATE_PER_S, logged_in), events)


def parsed(variant: str) -> Setup:
    """The setup of a variant: settings as `name=value,…`; a value is JSON or text.

    >>> parsed("topology=branches,parallelism=2").changes
    {'topology': 'branches', 'parallelism': 2}
    """
    changes: dict[str, Any] = {}
    for part in filter(None, variant.split(",")):
        name, _, text = part.partition("=")
        try:
            changes[name] = json.loads(text)
        except json.JSONDecodeError:
            changes[name] = text
    if "identity" in changes:
        changes |= with_identity(changes.pop("identity"))
    return Setup(taskmanagers=int(changes.get("parallelism", 1)), changes=changes)


def main() -> None:
    """Measure the variants with each number of shoppers and print the table."""
    parser = arguments(__doc__)
    parser.add_argument("variants", nargs="*", default=[""], metavar="VARIANT")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--shoppers", type=int, nargs="+", default=[20_000])
    parser.add_argument("--identity", nargs="+", choices=MODES, default=[], help="compare these modes")
    parser.add_argument("--logged-in", type=float, default=0.2, help="share of the records, with --identity")
    options = parser.parse_args()
    modes = [f"identity={mode}" for mode in options.identity] or [""]
    variants = [",".join(filter(None, (each, mode))) for each in options.variants for mode in modes]
    rows = [(variant, shoppers) for variant in variants for shoppers in options.shoppers]
    logged_in = options.logged_in if options.identity else 1.0
    runs: dict[tuple[str, int], list[Figures]] = {row: [] for row in rows}
    with Report("throughput", (*COLUMNS, "load"), options) as report:
        for last in range(options.runs - 1, -1, -1):
            for row in rows:
                variant, shoppers = row
                figures = measure(parsed(variant), options.events, shoppers, options.seed, logged_in)
                runs[row].append(figures)
                if not last:
                    report.add(f"{variant or 'default'}, {shoppers} shoppers", *runs[row])


if __name__ == "__main__":
    main()
