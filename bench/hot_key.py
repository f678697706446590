"""What one very busy shopper costs the others: the job over even events, and with a bot among them.

    python -m bench.hot_key [--events 200000] [--share 0.5] [--runs 3] [--json FILE]
    python -m bench.hot_key --alone 1000000

The first compares events a second of a backlog in which every shopper is like every other with those of the
same backlog in which `share` of the events are one shopper's: at 2,000 events a second from all others, half
of the events are a bot with 2,000 a second. Medians of the runs, which alternate; the load average stands
beside, since other work on the machine changes the rate.

The second gives that many events of one day to one shopper, in the logic alone: microseconds an event in each
tenth of them, and bytes of state.
"""

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from kafka import KafkaProducer

from bench.throughput import PARTITIONS, RATE_PER_S, SHOPPERS, TOPIC, Watch, points
from events.decoder import Decoder
from events.event import Event
from events.fields import INDEX
from features.logic import ShopperLogic
from jobs.job_config import JobConfig
from jobs.local.stack import LocalStack
from jobs.local.toolchain import ensure
from jobs.shop import shop_events
from jobs.submission import submit

BOT: Final = b"bot"
DAY_MS: Final = 24 * 3_600_000
COLUMNS: Final = ("events_per_s", "flink_us", "redis_us", "load")


def of_bot(record: bytes) -> bytes:
    """The same event, sent by the bot in its one session."""
    fields = record.split(b"\t")
    if len(fields) != len(INDEX):
        return record  # one of the shop's broken records
    for name in ("user_id", "domain_userid", "domain_sessionid"):
        fields[INDEX[name]] = BOT
    return b"\t".join(fields)


def backlog(events: int, share: float, start: int) -> Iterator[tuple[int, bytes]]:
    """Times and records of a shop, `share` of them the bot's."""
    draw = random.Random(11)
    for at, record in islice(shop_events(7, SHOPPERS, start, RATE_PER_S), events):
        yield at, of_bot(record) if draw.random() < share else record


def measure(events: int, share: float) -> dict[str, float]:
    """Run the job from an empty Kafka to an empty backlog."""
    toolchain = ensure()
    with LocalStack(taskmanagers=1, progress=lambda _: None) as stack:
        stack.kafka.create_topic(TOPIC, PARTITIONS)
        stack.kafka.create_topic(f"{TOPIC}-dead", 1)
        producer = KafkaProducer(bootstrap_servers=stack.kafka.bootstrap, linger_ms=50, batch_size=1 << 20)
        start = time.time_ns() // 1_000_000 - events * 1000 // RATE_PER_S
        for number, (at, record) in enumerate(backlog(events, share, start)):
            producer.send(TOPIC, record, partition=number % PARTITIONS, timestamp_ms=at)
        producer.flush(timeout=60)
        producer.close()
        config = JobConfig(
            kafka_bootstrap=stack.kafka.bootstrap,
            redis_url=stack.redis.url,
            checkpoint_dir=stack.flink.checkpoints.as_uri(),
            life=time.time_ns() // 1_000_000,
            topic=TOPIC,
            dead_letter_topic=f"{TOPIC}-dead",
            start="earliest",
            python=sys.executable,
        )
        address = stack.flink.rest_url.removeprefix("http://")
        submit(
            config, address, toolchain.flink_home, toolchain.flink_connector_jar, stack.flink.environment()
        )
        begin, end = points(Watch(stack, config), events)
    records = end[1][0] - begin[1][0]
    flink, _, redis = (round((b - a) / records * 1e6, 1) for a, b in zip(begin[2], end[2], strict=True))
    return dict(
        zip(
            COLUMNS,
            [round(records / (end[0] - begin[0])), flink, redis, round(os.getloadavg()[0], 1)],
            strict=True,
        )
    )


def compare(events: int, share: float, runs: int) -> dict[str, Any]:
    """Medians of alternating runs, and how much slower the one with the bot is."""
    found: dict[str, list[dict[str, float]]] = {"even": [], "bot": []}
    print(f"{'events':10}{'run':>5}" + "".join(f"{name:>16}" for name in COLUMNS))
    for run in range(runs):
        for name, part in (("even", 0.0), ("bot", share)):
            figures = measure(events, part)
            found[name].append(figures)
            print(f"{name:10}{run + 1:>5}" + "".join(f"{figures[c]:>16}" for c in COLUMNS), flush=True)
    medians = {
        name: {column: statistics.median(run[column] for run in runs_) for column in COLUMNS}
        for name, runs_ in found.items()
    }
    for name, figures in medians.items():
        print(f"{name:10}{'med':>5}" + "".join(f"{figures[c]:>16}" for c in COLUMNS))
    slower = 1 - medians["bot"]["events_per_s"] / medians["even"]["events_per_s"]
    print(f"with the bot the rate of all is {slower:+.1%} lower")
    return {"events": events, "share": share, "runs": found, "medians": medians, "slower": round(slower, 4)}


def alone(events: int) -> dict[str, Any]:
    """One shopper's day in the logic alone."""
    logic, decode = ShopperLogic(), Decoder().decode
    state = logic.zero()
    begin = 1_700_000_000_000
    source = (
        decode(of_bot(record)) for _, record in shop_events(7, SHOPPERS, begin, events / (DAY_MS / 1000))
    )
    usable = islice((event for event in source if isinstance(event, Event)), events)
    tenths, most, data = [], 0, b""
    print(f"{'events':>12}{'µs an event':>14}{'bytes':>10}")
    for tenth in range(10):
        took, count = 0.0, 0
        for event in islice(usable, events // 10):
            since = time.perf_counter()
            logic.apply(state, event, event.at)
            logic.rows(state, event.shopper)
            data = logic.dump(state)
            took, count, most = took + time.perf_counter() - since, count + 1, max(most, len(data))
        tenths.append(round(took / max(1, count) * 1e6, 1))
        print(f"{(tenth + 1) * events // 10:>12}{tenths[-1]:>14}{len(data):>10}", flush=True)
    print(f"greatest state: {most} bytes")
    return {"events": events, "us": tenths, "greatest_state": most}


def main() -> None:
    """Measure, print the table and write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--share", type=float, default=0.5, help="of the events that are the bot's")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--alone", type=int, help="so many events of one shopper, in the logic alone")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = alone(options.alone) if options.alone else compare(options.events, options.share, options.runs)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
