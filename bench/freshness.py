"""How long from producing an event until its effect can be read in Redis?

    python -m bench.freshness [--rates 500 1000] [--maximum EV_PER_S] [--shoppers 20000] [--seconds 40]

In real time: every shopper has an event (`census`), then events go to Kafka at each rate in turn, from a
process of its own. Up to 40 a second are followed: one was readable at the first look at which its shopper's
session or 24 hours in Redis had a `_seen` that counts it. (An event changes at least one of the two, an
action of no known type aside, which is not followed.) All that are under way are looked at together, every
10 ms. With `--maximum`, 70 % of it is another rate; `bench.throughput` tells the maximum. `--rates 2000 2450
--shoppers 100000 --seconds 60 --compiled` for the figures of docs/performance.md.

How to read it: milliseconds from handing an event to the producer (which waits up to 5 ms) to reading it;
`missed` were not readable within 30 s. Rows "during a checkpoint" are the same events, those whose way
overlapped one. `sent_per_s` below the rate means that this machine could not send so fast, and `p99.9` needs
some thousands of `samples`. The first tenth of each rate is left out.
"""

import time
from argparse import Namespace
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from bench.feed import Feed, Finished, Followed, Plan
from bench.live import Job, Setup, changes_of, live
from bench.report import Figures, Report, arguments, load, of_the_job, percentile
from bench.traffic import census, shopper_id
from sinks.keys import encode_id, key_name

ROWS: Final = ("session", "24h")
LOOK_S: Final = 0.01
GIVE_UP_S: Final = 30.0
FOLLOW_PER_S: Final = 40
"""Each is asked for every 10 ms until it is there: more would be a load of their own."""
OF_MAXIMUM: Final = 0.7
WARM: Final = 0.1
COLUMNS: Final = ("samples", "p50_ms", "p99_ms", "p99.9_ms", "max_ms", "missed", "sent_per_s", "load")
# So that no checkpoint of a run is forgotten before it is asked for.
FLINK: Final = {"web.checkpoints.history": "1000"}


class Sample(NamedTuple):
    """One event's way, epoch s; `readable` is infinite where it was not readable in time."""

    at: float
    readable: float


class Follower:
    """Follows events until they are readable."""

    def __init__(self, client: Any, prefix: str) -> None:
        """Keep the client that looks."""
        self._client = client
        self._prefix = prefix
        self._pending: list[Followed] = []
        self.samples: list[Sample] = []

    def add(self, followed: Iterable[Followed]) -> None:
        """Follow these, too."""
        self._pending += followed

    def look(self) -> int:
        """Look once at all that are under way; how many still are."""
        if not self._pending:
            return 0
        pipeline = self._client.pipeline(transaction=False)
        for followed in self._pending:
            for window in ROWS:
                key = key_name("user", encode_id(followed.shopper), window, self._prefix)
                pipeline.hget(key, "_seen")
        seen = [int(number or 0) for number in pipeline.execute()]
        now = time.time()
        left = []
        for number, followed in enumerate(self._pending):
            if max(seen[number * len(ROWS) : (number + 1) * len(ROWS)]) >= followed.number:
                self.samples.append(Sample(followed.at, now))
            elif now - followed.at > GIVE_UP_S:
                self.samples.append(Sample(followed.at, float("inf")))
            else:
                left.append(followed)
        self._pending = left
        return len(left)


def follow(job: Job, plan: Plan) -> tuple[list[Sample], Finished]:
    """Send as planned and follow; the samples after the warm-up."""
    follower = Follower(job.redis, job.config.redis_prefix)
    with Feed(plan) as feed:
        begun = time.time()
        while feed.finished is None or follower.look():
            follower.add(feed.told())
            follower.look()
            time.sleep(LOOK_S)
    finished = feed.wait()
    job.sent += finished.sent
    return [sample for sample in follower.samples if sample.at >= begun + WARM * plan.seconds], finished


def during(samples: Iterable[Sample], intervals: Iterable[tuple[float, float]]) -> list[Sample]:
    """The samples whose way overlapped one of the intervals (epoch s).

    >>> during([Sample(1.0, 2.0), Sample(3.0, 4.0)], [(1.5, 1.6), (5.0, 6.0)])
    [Sample(at=1.0, readable=2.0)]
    """
    held = list(intervals)
    ways = ((s, min(s.readable, s.at + GIVE_UP_S)) for s in samples)
    return [s for s, until in ways if any(begin <= until and s.at <= end for begin, end in held)]


def figures(samples: list[Sample], sent_per_s: float) -> Figures:
    """A row of the table."""
    taken = [(s.readable - s.at) * 1000 for s in samples if s.readable < float("inf")]
    return {
        "samples": len(samples),
        "p50_ms": percentile(taken, 0.5),
        "p99_ms": percentile(taken, 0.99),
        "p99.9_ms": percentile(taken, 0.999),
        "max_ms": max(taken, default=float("nan")),
        "missed": len(samples) - len(taken),
        "sent_per_s": round(sent_per_s),
        "load": load(),
    }


def checkpoints(job: Job) -> list[tuple[float, float]]:
    """From when to when each checkpoint went, epoch s."""
    return [
        (each["trigger_timestamp"] / 1000, (each["trigger_timestamp"] + each["end_to_end_duration"]) / 1000)
        for each in job.rest("/checkpoints")["history"]
    ]


def measure(report: Report, rates: list[float], options: Namespace) -> None:
    """Run one job through all rates."""
    changes = changes_of(options)
    if options.batch_ms:
        changes["batch_ms"] = options.batch_ms
    setup = Setup(options.taskmanagers, changes, FLINK)
    with live(setup) as job:
        job.fill(census(options.seed, options.shoppers, round(time.time() * 1000)))
        job.wait_read(job.sent)
        before: Mapping[str, int] = {shopper_id(number): 1 for number in range(options.shoppers)}
        for number, rate in enumerate(rates):
            plan = Plan(
                bootstrap=job.stack.kafka.bootstrap,
                seed=options.seed + number,
                shoppers=options.shoppers,
                rate_per_s=rate,
                seconds=options.seconds,
                follow_per_s=FOLLOW_PER_S,
                before=before,
            )
            samples, finished = follow(job, plan)
            before = finished.of_shopper
            sent = finished.sent / (options.seconds + finished.behind_s)
            report.add(f"{rate:g} a second", figures(samples, sent))
            report.add("  during a checkpoint", figures(during(samples, checkpoints(job)), sent))


def main() -> None:
    """Measure each rate and print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--rates", type=float, nargs="*", default=[500.0, 1000.0])
    parser.add_argument("--maximum", type=float, help="events a second; 70 %% of it is another rate")
    parser.add_argument("--shoppers", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=40, help="of each rate")
    parser.add_argument("--taskmanagers", type=int, default=1)
    parser.add_argument("--batch-ms", type=int, default=0, help="instead of the job's default")
    of_the_job(parser)
    options = parser.parse_args()
    rates = [*options.rates, *([options.maximum * OF_MAXIMUM] if options.maximum else [])]
    with Report("freshness", COLUMNS, options) as report:
        measure(report, rates, options)


if __name__ == "__main__":
    main()
