"""How long from a TaskManager's death until the job has caught up?

    python -m bench.recovery [--rates 500] [--shoppers 20000] [--warm 25] [--runs 1] [--json FILE]

In real time: every shopper has an event, then events come at a rate from a process of its own. After `--warm`
seconds the only TaskManager is killed, as a crash of its machine would end it, and another one is started at
once, as whoever supervises it would. The job goes on from its last checkpoint. `--rates 500 2000 --shoppers
100000 --runs 3 --compiled` for the figures of docs/performance.md.

How to read it: `back_s` is the time from the kill until the job told that it read something, `caught_up_s`
until no more than two seconds' records were unread, of which a steady job's account, told once a second, may
lack as many. `most_behind` is how many were unread at worst. `counted` must be what was `sent`: each record
counts once, whatever happened.
"""

import time
from argparse import Namespace
from typing import Final

from bench.feed import Feed, Plan
from bench.live import DEADLINE_S, POLL_S, Job, Setup, changes_of, live
from bench.report import Figures, Report, arguments, load, of_the_job
from bench.traffic import census

STEADY_S: Final = 2.0
"""So many seconds' records may be unread when all is well."""
MOST_S: Final = 60.0
"""So long is sent on after the kill, and waited."""
COLUMNS: Final = ("back_s", "caught_up_s", "most_behind", "sent", "counted", "load")


def recover(job: Job, rate: float, begun: float) -> Figures:
    """Kill the TaskManager, start another, and watch until the job has caught up.

    Args:
        job: which is sent `rate` records a second.
        rate: records a second.
        begun: since when (monotonic, s).

    Raises:
        RuntimeError: when that takes longer than `MOST_S`.
    """
    flink = job.stack.flink
    (number,) = flink.running()
    killed, told = time.monotonic(), _told(job)
    flink.kill_taskmanager(number)
    flink.start_taskmanager()
    back, most = None, 0.0
    while True:
        behind = job.sent + (time.monotonic() - begun) * rate - job.counts()["read"]
        passed = time.monotonic() - killed
        most = max(most, behind)
        if back is None and _told(job) > told + STEADY_S * 1000:
            back = passed
        if back is not None and behind <= STEADY_S * rate:
            return {"back_s": back, "caught_up_s": passed, "most_behind": round(most)}
        if passed > MOST_S:
            msg = f"{behind:,.0f} records are unread {MOST_S:g} s after; look at the logs in {flink.folder}"
            raise RuntimeError(msg)
        time.sleep(POLL_S)


def _told(job: Job) -> int:
    """When the job told of itself last, epoch ms."""
    return max((int(bucket["at"]) for bucket in job.progress()), default=0)


def measure(rate: float, options: Namespace) -> Figures:
    """One job, killed once."""
    with live(Setup(changes=changes_of(options))) as job:
        job.fill(census(options.seed, options.shoppers, round(time.time() * 1000)))
        job.wait_read(job.sent)
        plan = Plan(
            bootstrap=job.stack.kafka.bootstrap,
            seed=options.seed,
            shoppers=options.shoppers,
            rate_per_s=rate,
            seconds=options.warm + MOST_S,
        )
        with Feed(plan) as feed:
            begun = time.monotonic()
            time.sleep(options.warm)
            figures = recover(job, rate, begun)
            finished = feed.wait()
        sent = job.sent + finished.sent
        job.wait_read(sent, DEADLINE_S)
        return figures | {"sent": sent, "counted": job.counts()["read"], "load": load()}


def main() -> None:
    """Measure each rate and print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--rates", type=float, nargs="+", default=[500.0])
    parser.add_argument("--shoppers", type=int, default=20_000)
    parser.add_argument(
        "--warm", type=float, default=25, help="seconds before the kill, a checkpoint in them"
    )
    of_the_job(parser)
    options = parser.parse_args()
    with Report("recovery", COLUMNS, options) as report:
        for rate in options.rates:
            report.add(f"{rate:g} a second", *(measure(rate, options) for _ in range(options.runs)))


if __name__ == "__main__":
    main()
