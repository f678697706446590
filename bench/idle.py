"""What does a job use when nothing comes in any more, with shoppers in its windows?

    python -m bench.idle [--shoppers 20000] [--after 60] [--seconds 60] [--json FILE]

Every shopper has an event; so long after the last one was in Redis the job is watched. The windows are the
real ones: five minutes after the last event, panes of the shortest window leave, as they do for ever while
shoppers come and go. `--shoppers 100000 --after 300` for the figures of docs/performance.md.

How to read it: `flink_cores` is the share of one core that the TaskManager uses, for `departures_per_s`
shoppers whose values changed though they did nothing. Without departures it is the price of being there.
"""

import time

from bench.live import Setup, live, with_identity
from bench.pace import COLUMNS, pace
from bench.report import Figures, Report, arguments, identity
from bench.traffic import census


def measure(shoppers: int, seed: int, after_s: float, seconds: float, mode: str) -> Figures:
    """Fill, wait, watch."""
    with live(Setup(changes=with_identity(mode))) as job:
        job.fill(census(seed, shoppers, round(time.time() * 1000)))
        job.wait_read(job.sent)
        time.sleep(after_s)
        return pace(job, seconds)


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--shoppers", type=int, default=20_000)
    parser.add_argument("--after", type=float, default=60, help="seconds after the last event")
    parser.add_argument("--seconds", type=float, default=60, help="that are measured")
    identity(parser)
    options = parser.parse_args()
    with Report("idle", COLUMNS, options) as report:
        report.add(
            f"{options.shoppers} shoppers, {options.after:g} s after",
            *(
                measure(options.shoppers, options.seed, options.after, options.seconds, options.identity)
                for _ in range(options.runs)
            ),
        )


if __name__ == "__main__":
    main()
