"""What does one very busy shopper cost the others?

    python -m bench.hot_key [--events 100000] [--share 0.5] [--runs 3] [--json FILE]
    python -m bench.hot_key --alone 1000000

The first compares a backlog (as `bench.throughput`) in which every shopper is like every other with the same
backlog in which `share` of the events are one shopper's: at 2,000 events a second from all others, half of
the events are a bot with 2,000 a second. The runs alternate. `slower` is by how much the rate of all is
lower with the bot among them.

The second gives that many events of one day to one shopper, in the logic alone: microseconds an event in each
tenth of them, and bytes of state; a shopper may keep 65,536.
"""

import random
import time
from argparse import Namespace
from collections.abc import Iterator
from itertools import islice
from typing import Final

from bench.live import Setup, changes_of, live
from bench.points import COLUMNS
from bench.report import Figures, Report, arguments, load, of_the_job
from bench.throughput import backlog
from bench.traffic import Sent
from events.decoder import Decoder
from events.event import Event
from events.fields import INDEX
from features.logic import ShopperLogic
from jobs.shop import shop_events

BOT: Final = b"bot"
DAY_MS: Final = 24 * 3_600_000
SHOPPERS: Final = 20_000


def of_bot(record: bytes) -> bytes:
    """The same event, sent by the bot in its one session."""
    fields = record.split(b"\t")
    if len(fields) != len(INDEX):
        return record  # one of the shop's broken records
    for name in ("user_id", "domain_userid", "domain_sessionid"):
        fields[INDEX[name]] = BOT
    return b"\t".join(fields)


def with_bot(events: int, share: float, seed: int) -> Iterator[Sent]:
    """The backlog of a shop, `share` of it the bot's."""
    draw = random.Random(seed)
    for sent in backlog(events, SHOPPERS, seed):
        yield sent._replace(record=of_bot(sent.record)) if draw.random() < share else sent


def measure(options: Namespace, share: float) -> Figures:
    """One run, from a full topic to an empty backlog."""
    with live(Setup(changes=changes_of(options)), with_bot(options.events, share, options.seed)) as job:
        begin, end = job.backlog(options.events)
    return {**begin.figures(end), "load": load()}


def alone(events: int, seed: int) -> Iterator[tuple[str, Figures]]:
    """One shopper's day in the logic alone, a tenth at a time."""
    logic, decode = ShopperLogic(), Decoder().decode
    data = logic.dump(logic.zero())
    begin = 1_700_000_000_000
    source = (
        decode(of_bot(record)) for _, record in shop_events(seed, SHOPPERS, begin, events / (DAY_MS / 1000))
    )
    usable = islice((event for event in source if isinstance(event, Event)), events)
    done = most = 0
    for _ in range(10):
        took, before = 0.0, done
        for event in islice(usable, events // 10):
            since = time.process_time()
            state = logic.load(data)
            logic.apply(state, event, event.at)
            logic.rows(state, event.shopper)
            data = logic.dump(state)
            took, done, most = took + time.process_time() - since, done + 1, max(most, len(data))
        yield f"{done:,} events", {"us": took / (done - before) * 1e6, "bytes": len(data), "most_bytes": most}


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__, runs=3)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--share", type=float, default=0.5, help="of the events that are the bot's")
    parser.add_argument("--alone", type=int, help="so many events of one shopper, in the logic alone")
    of_the_job(parser)
    options = parser.parse_args()
    if options.alone:
        with Report("one shopper alone", ("us", "bytes", "most_bytes"), options) as report:
            for name, figures in alone(options.alone, options.seed):
                report.add(name, figures)
        return
    shares = {"even": 0.0, "bot": options.share}
    runs: dict[str, list[Figures]] = {name: [] for name in shares}
    with Report("hot key", (*COLUMNS, "load"), options) as report:
        for _ in range(options.runs):
            for name, share in shares.items():
                runs[name].append(measure(options, share))
        for name in shares:
            report.add(name, *runs[name])
        even, bot = (float(report.rows[name]["events_per_s"] or 0) for name in shares)
        report.notes["slower"] = round(1 - bot / even, 4) if even else None
        print(f"with the bot the rate of all is {1 - bot / even if even else 0:+.1%} lower")


if __name__ == "__main__":
    main()
