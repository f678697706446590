"""The whole live job: events a second, and microseconds of CPU an event of Flink, Kafka and Redis.

    python -m bench.throughput [--events 200000] [--json FILE] [VARIANT …]

A variant is a list of settings of the job, `topology=branches,parallelism=2` for instance; the empty one is
the job as it is by default. Each runs on a cluster of its own with a slot a TaskManager, over the same
enriched TSV events of a synthetic shop (2,000 a second, 20,000 shoppers), all of them in Kafka before the job
starts: the backlog of a job that was down, with hardly a wake-up in it. The first quarter warms up and is not
counted. The load average stands beside, since other work on the machine changes the rate (and hardly the CPU
time).
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from kafka import KafkaProducer
from redis import Redis

from jobs.job_config import JobConfig
from jobs.local.process import LocalProcess
from jobs.local.stack import LocalStack
from jobs.local.toolchain import ensure
from jobs.shop import shop_events
from jobs.submission import submit

TOPIC: Final = "throughput"
SHOPPERS: Final = 20_000
RATE_PER_S: Final = 2_000
PARTITIONS: Final = 4
DEADLINE_S: Final = 600
COLUMNS: Final = ("events_per_s", "flink_us", "kafka_us", "redis_us", "records_a_batch", "load")


def fill(bootstrap: str, events: int) -> None:
    """Send the events, spread over the partitions, with the shop's times as Kafka's timestamps."""
    start = time.time_ns() // 1_000_000 - events * 1000 // RATE_PER_S
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=50, batch_size=1 << 20)
    records = islice(shop_events(7, SHOPPERS, start, RATE_PER_S), events)
    for number, (at, record) in enumerate(records):
        producer.send(TOPIC, record, partition=number % PARTITIONS, timestamp_ms=at)
    producer.flush(timeout=60)
    producer.close()


def cpu_s(*processes: LocalProcess) -> float:
    """CPU of the processes and their groups so far, from Linux' /proc."""
    groups = {process.pid for process in processes}
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) in groups:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Watch:
    """What a running job has done, and what it cost so far."""

    def __init__(self, stack: LocalStack, config: JobConfig) -> None:
        self._stack = stack
        self._branch = "/session" if config.topology == "branches" else ""
        self._key = f"{config.redis_prefix}pipeline:{config.job_name}:progress"
        self._redis = Redis.from_url(config.redis_url, decode_responses=True)

    def read(self) -> tuple[int, int]:
        """Records accounted for, and batches applied."""
        told: dict[str, str] = self._redis.hgetall(self._key)  # type: ignore[assignment]
        counts = [
            json.loads(text)["counts"]
            for name, text in told.items()
            if name.endswith(self._branch) and (self._branch or "/" not in name)
        ]
        return sum(c.get("read", 0) for c in counts), sum(c.get("batches", 0) for c in counts)

    def costs(self) -> tuple[float, float, float]:
        """CPU seconds of the TaskManagers, the broker and Redis."""
        flink = self._stack.flink
        workers = [flink.taskmanager(number) for number in flink.running()]
        return cpu_s(*workers), cpu_s(self._stack.kafka.process), cpu_s(self._stack.redis.process)


def points(watch: Watch, events: int) -> Iterator[tuple[float, tuple[int, int], tuple[float, float, float]]]:
    """Time, work and cost when the warm-up is over and when all is done."""
    deadline = time.monotonic() + DEADLINE_S
    for target in (events // 4, events):
        while watch.read()[0] < target:
            if time.monotonic() > deadline:
                msg = (
                    f"only {watch.read()[0]} of {target} records after {DEADLINE_S} s; look at the job's logs"
                )
                raise RuntimeError(msg)
            time.sleep(0.2)
        yield time.monotonic(), watch.read(), watch.costs()


def measure(changes: dict[str, Any], events: int) -> dict[str, float]:
    """Run one variant from an empty Kafka to an empty backlog."""
    toolchain = ensure()
    with LocalStack(taskmanagers=int(changes.get("parallelism", 1)), progress=lambda _: None) as stack:
        stack.kafka.create_topic(TOPIC, PARTITIONS)
        stack.kafka.create_topic(f"{TOPIC}-dead", 1)
        fill(stack.kafka.bootstrap, events)
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
        config = replace(config, **changes)
        address = stack.flink.rest_url.removeprefix("http://")
        connector, environment = toolchain.flink_connector_jar, stack.flink.environment()
        submit(config, address, toolchain.flink_home, connector, environment)
        begin, end = points(Watch(stack, config), events)
    records, batches = end[1][0] - begin[1][0], end[1][1] - begin[1][1]
    costs = [round((b - a) / records * 1e6, 1) for a, b in zip(begin[2], end[2], strict=True)]
    figures = [round(records / (end[0] - begin[0])), *costs, round(records / max(1, batches), 1)]
    return dict(zip(COLUMNS, [*figures, round(os.getloadavg()[0], 1)], strict=True))


def parsed(variant: str) -> dict[str, Any]:
    """The settings in `name=value,…`; a value is JSON or text."""
    changes: dict[str, Any] = {}
    for part in filter(None, variant.split(",")):
        name, _, text = part.partition("=")
        try:
            changes[name] = json.loads(text)
        except json.JSONDecodeError:
            changes[name] = text
    return changes


def main() -> None:
    """Measure the variants and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("variants", nargs="*", default=["", "topology=branches"])
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(f"{'variant':40}" + "".join(f"{name:>17}" for name in COLUMNS))
    results = {}
    for variant in options.variants:
        results[variant] = figures = measure(parsed(variant), options.events)
        print(f"{variant or 'default':40}" + "".join(f"{figures[n]:>17}" for n in COLUMNS), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
