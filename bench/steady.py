"""What does the job use at a steady rate, when as much leaves its windows as comes in?

    python -m bench.steady [--rates 500] [--shoppers 20000] [--windows 20/1,40/2,60/4] [--seconds 60]

In real time: every shopper has an event, then events come at a rate from a process of its own. The windows
are shortened (seconds of size/pane each, which nest; sessions end after the first's size and are kept for the
last's), so that they begin to empty within the run; measuring begins when the longest has. Several rates,
each on a job of its own, look for the greatest that is held. `--rates 2000 --shoppers 100000 --windows
60/10,180/60,18000/900 --emptied 1h --seconds 600 --compiled --runs 3` for the figures of docs/performance.md,
and `--rates 3500 --taskmanagers 2`: the panes are those of every day, and two of the windows empty all the
time.

How to read it: `flink_first` and `flink_last` are Flink's cores in the first and the last quarter of the
time, which must not differ by much: what grows with the time that a job runs shows there, where that is ten
minutes. `departures_per_s` is the work that no event brings; `of_machine` is what Kafka, Flink and Redis
use of the cores, the sending process left out. A rate is held if `caught_up_s`, the time until everything
was in Redis after the last event was sent, is about a second or two: the job's account is told once a
second. `keys` are Redis' keys at the end, several of each shopper who is still in a window.
"""

import time
from argparse import Namespace
from dataclasses import replace
from datetime import timedelta
from typing import Final

from bench.feed import Feed, Plan
from bench.live import Setup, changes_of, live
from bench.pace import COLUMNS, pace
from bench.report import Figures, Report, arguments, of_the_job
from bench.traffic import census
from features.settings import Definitions, Window

LABELS: Final = ("5min", "1h", "24h")
GRACE_S: Final = 5
QUARTERS: Final = 4


def shortened(text: str) -> Definitions:
    """Definitions with windows of other sizes and panes, in seconds.

    >>> [window.size_ms for window in shortened("20/1,40/2,60/4").windows]
    [20000, 40000, 60000]
    """
    windows = []
    for label, each in zip(LABELS, text.split(","), strict=True):
        size, _, pane = each.partition("/")
        windows.append(Window(label, timedelta(seconds=float(size)), timedelta(seconds=float(pane))))
    gap, retention = windows[0].size, windows[-1].size
    return Definitions(windows=tuple(windows), session_gap=gap, session_retention=retention)


def measure(rate: float, options: Namespace) -> Figures:
    """One job at one rate."""
    definitions = replace(shortened(options.windows), identity=options.identity)
    emptied = definitions.windows[LABELS.index(options.emptied)]
    empties_s = (emptied.size_ms + emptied.pane_ms) / 1000 + GRACE_S
    changes = changes_of(options) | {"definitions": definitions}
    if options.batch_ms:
        changes["batch_ms"] = options.batch_ms
    setup = Setup(taskmanagers=options.taskmanagers, changes=changes)
    with live(setup) as job:
        job.fill(census(options.seed, options.shoppers, round(time.time() * 1000)))
        job.wait_read(job.sent)
        plan = Plan(
            bootstrap=job.stack.kafka.bootstrap,
            seed=options.seed,
            shoppers=options.shoppers,
            rate_per_s=rate,
            seconds=empties_s + options.seconds + GRACE_S,
        )
        with Feed(plan) as feed:
            time.sleep(empties_s)
            figures = pace(job, options.seconds, QUARTERS)
            finished = feed.wait()
        begun = time.monotonic()
        job.wait_read(job.sent + finished.sent)
        caught_up, keys = time.monotonic() - begun, job.redis.dbsize()
    return figures | {"sent_late_s": finished.behind_s, "caught_up_s": caught_up, "keys": keys}


def main() -> None:
    """Measure each rate and print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--rates", type=float, nargs="+", default=[500.0])
    parser.add_argument("--shoppers", type=int, default=20_000)
    parser.add_argument("--windows", default="20/1,40/2,60/4", help="size/pane of the three, seconds")
    parser.add_argument("--seconds", type=float, default=60, help="that are measured")
    parser.add_argument("--emptied", choices=LABELS, default=LABELS[-1], help="begin when it has begun to")
    parser.add_argument("--batch-ms", type=int, default=0, help="instead of the job's default")
    parser.add_argument("--taskmanagers", type=int, default=1)
    of_the_job(parser)
    options = parser.parse_args()
    columns = (*COLUMNS, "flink_first", "flink_last", "sent_late_s", "caught_up_s", "keys")
    with Report("steady state", columns, options) as report:
        for rate in options.rates:
            report.add(f"{rate:g} a second", *(measure(rate, options) for _ in range(options.runs)))


if __name__ == "__main__":
    main()
