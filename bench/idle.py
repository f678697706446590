"""What does a job use when nothing comes in any more, with shoppers in its windows?

    python -m bench.idle [--shoppers 20000] [--after 60] [--seconds 60] [--json FILE]

Every shopper has an event; so long after the last one was in Redis the job is watched. The windows are the
real ones: five minutes after the last event, panes of the shortest window leave, as they do for ever while
shoppers come and go. `--shoppers 100000 --after 300 --compiled --runs 3` for the figures of
docs/performance.md.

How to read it: `flink_cores` is the share of one core that the TaskManager uses, for `departures_per_s`
shoppers whose values changed though they did nothing. Without departures it is the price of being there.
"""

import time
from argparse import Namespace

from bench.live import Setup, changes_of, live
from bench.pace import COLUMNS, pace
from bench.report import Figures, Report, arguments, of_the_job
from bench.traffic import census


def measure(options: Namespace) -> Figures:
    """Fill, wait, watch."""
    with live(Setup(changes=changes_of(options))) as job:
        job.fill(census(options.seed, options.shoppers, round(time.time() * 1000)))
        job.wait_read(job.sent)
        time.sleep(options.after)
        return pace(job, options.seconds)


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--shoppers", type=int, default=20_000)
    parser.add_argument("--after", type=float, default=60, help="seconds after the last event")
    parser.add_argument("--seconds", type=float, default=60, help="that are measured")
    of_the_job(parser)
    options = parser.parse_args()
    with Report("idle", COLUMNS, options) as report:
        report.add(
            f"{options.shoppers} shoppers, {options.after:g} s after",
            *(measure(options) for _ in range(options.runs)),
        )


if __name__ == "__main__":
    main()
