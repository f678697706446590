"""The live job with everything around it on this machine: started, fed, watched, ended. For benchmarks.

with live(Setup()) as job:
    job.fill(islice(traffic(7, 1000, start_ms, 2000), 5000))
    job.wait_read(job.sent)
    job.costs()
"""

import json
import os
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from kafka import KafkaProducer
from redis import Redis

from bench.traffic import Sent
from jobs.job_config import JobConfig
from jobs.local.process import LocalProcess
from jobs.local.stack import LocalStack
from jobs.local.toolchain import ensure
from jobs.submission import submit

TOPIC: Final = "bench"
PARTITIONS: Final = 4
DEADLINE_S: Final = 600.0
POLL_S: Final = 0.1


@dataclass(frozen=True)
class Setup:
    """What runs. `changes` are fields of `JobConfig`, `flink` are options of the cluster."""

    taskmanagers: int = 1
    changes: Mapping[str, Any] = field(default_factory=dict)
    flink: Mapping[str, str] = field(default_factory=dict)
    entry: str = "jobs.live"
    beside: Mapping[str, bytes] = field(default_factory=dict)
    """Files that go into the job's zip."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for whoever submits."""


class Point(NamedTuple):
    """What the job had done, and what that had cost, at one moment."""

    at: float
    """By the clock of the job's own account, s."""
    read: int
    batches: int
    flink_s: float
    """CPU of the TaskManagers, Python in it."""
    kafka_s: float
    redis_s: float

    def figures(self, end: Self) -> dict[str, float | int | None]:
        """The rate from here to `end`, and microseconds of CPU an event."""
        records, seconds = end.read - self.read, end.at - self.at
        if records <= 0 or seconds <= 0:
            return dict.fromkeys(COLUMNS, None)
        costs = [(b - a) / records * 1e6 for a, b in zip(self[3:], end[3:], strict=True)]
        size = records / max(1, end.batches - self.batches)
        return dict(zip(COLUMNS, [round(records / seconds), *costs, size], strict=True))


COLUMNS: Final = ("events_per_s", "flink_us", "kafka_us", "redis_us", "records_a_batch")


class Job:
    """The running job and its servers."""

    def __init__(self, stack: LocalStack, config: JobConfig, job_id: str) -> None:
        """Watch a job that was submitted."""
        self.stack = stack
        self.config = config
        self.id = job_id
        self.redis: Any = Redis.from_url(config.redis_url, decode_responses=True)
        self.sent = 0
        """Records that were sent to the topic, as far as told."""

    def fill(self, records: Iterable[Sent]) -> None:
        """Send records now, as fast as Kafka takes them."""
        self.sent += fill(self.stack.kafka.bootstrap, records)

    def progress(self) -> list[dict[str, Any]]:
        """What each bucket tells, of the branch that accounts for every record where branches run apart."""
        branch = "/session" if self.config.topology == "branches" else ""
        key = f"{self.config.redis_prefix}pipeline:{self.config.job_name}:progress"
        told: dict[str, str] = self.redis.hgetall(key)
        wanted = (
            text for name, text in told.items() if name.endswith(branch) and (branch or "/" not in name)
        )
        return [json.loads(text) for text in wanted]

    def counts(self) -> Counter[str]:
        """The job's counters: `read`, `applied`, `woken`, `rows.written` and the like."""
        total = Counter[str]()
        for bucket in self.progress():
            total.update(bucket["counts"])
        return total

    def point(self) -> Point:
        """The job's account and its costs now; the account is told once a second."""
        told = self.progress()
        total = Counter[str]()
        for bucket in told:
            total.update(bucket["counts"])
        at = max((bucket["at"] for bucket in told), default=0) / 1000
        return Point(at, total["read"], total["batches"], *self.costs())

    def costs(self) -> tuple[float, float, float]:
        """CPU seconds so far of the TaskManagers, the broker and Redis."""
        stack = self.stack
        return cpu_s(*self.workers()), cpu_s(stack.kafka.process), cpu_s(stack.redis.process)

    def workers(self) -> list[LocalProcess]:
        """The TaskManagers' processes."""
        flink = self.stack.flink
        return [flink.taskmanager(number) for number in flink.running()]

    def wait_read(self, records: int, deadline_s: float = DEADLINE_S, poll_s: float = POLL_S) -> None:
        """Wait until so many records are accounted for, which is when their rows are in Redis.

        Raises:
            RuntimeError: when that takes longer than `deadline_s`.
        """
        until = time.monotonic() + deadline_s
        while (read := self.counts()["read"]) < records:
            self._check(until, f"{read} of {records} records")
            time.sleep(poll_s)

    def backlog(self, records: int, deadline_s: float = DEADLINE_S) -> tuple[Point, Point]:
        """Wait until so many records, sent already, are read; the points between which it was warm and busy.

        The first quarter warms up. The end is the last account before nothing was left: the one after it may
        come up to a second after the last write.
        """
        until = time.monotonic() + deadline_s
        points: list[Point] = []
        while not points or points[-1].read < records:
            point = self.point()
            if not points or point.read > points[-1].read:
                points.append(point)
            self._check(until, f"{point.read} of {records} records")
            time.sleep(POLL_S)
        return warm(points, records)

    def rest(self, path: str) -> Any:
        """Ask Flink's REST API about the job, e.g. `rest("/checkpoints")`."""
        return self.stack.flink.get(f"/jobs/{self.id}{path}")

    def close(self) -> None:
        """Close the connection; the servers end with their block."""
        self.redis.close()

    def _check(self, until: float, what: str) -> None:
        if time.monotonic() > until:
            msg = f"only {what} before the deadline; look at the logs in {self.stack.flink.folder}"
            raise RuntimeError(msg)


def warm(points: list[Point], records: int) -> tuple[Point, Point]:
    """The first account after a quarter of the records, and the last one before all were read.

    Where the job was so quick that these are one, the end is the end.
    """
    begin = next(point for point in points if point.read >= records // 4)
    end = next((point for point in reversed(points) if begin.read < point.read < records), points[-1])
    return begin, end


@contextmanager
def live(setup: Setup, backlog: Iterable[Sent] = ()) -> Iterator[Job]:
    """The job for the length of the block, on empty servers of its own; the backlog is there before it."""
    toolchain = ensure(lambda _: None)
    with LocalStack(taskmanagers=setup.taskmanagers, flink_config=setup.flink, progress=_silent) as stack:
        stack.kafka.create_topic(TOPIC, PARTITIONS)
        stack.kafka.create_topic(f"{TOPIC}-dead", 1)
        sent = fill(stack.kafka.bootstrap, backlog)
        config = config_of(stack, setup)
        address, home = stack.flink.rest_url.removeprefix("http://"), toolchain.flink_home
        environment, connector = (
            stack.flink.environment() | dict(setup.environment),
            toolchain.flink_connector_jar,
        )
        job_id = submit(config, address, home, connector, environment, setup.entry, setup.beside)
        with closing(Job(stack, config, job_id)) as job:
            job.sent = sent
            yield job


def config_of(stack: LocalStack, setup: Setup) -> JobConfig:
    """The job that a setup describes, on these servers."""
    config = JobConfig(
        kafka_bootstrap=stack.kafka.bootstrap,
        redis_url=stack.redis.url,
        checkpoint_dir=stack.flink.checkpoints.as_uri(),
        life=time.time_ns() // 1_000_000,
        topic=TOPIC,
        dead_letter_topic=f"{TOPIC}-dead",
        start="earliest",
        parallelism=setup.taskmanagers,
        python=sys.executable,
    )
    return replace(config, **setup.changes)


def fill(bootstrap: str, records: Iterable[Sent]) -> int:
    """Send records as fast as Kafka takes them, with the moments that they were to be sent at; how many."""
    number = 0
    with closing(producer(bootstrap)) as kafka:
        for sent in records:
            kafka.send(TOPIC, sent.record, partition=place(sent), timestamp_ms=sent.at)
            number += 1
        kafka.flush(timeout=60)
    return number


def _silent(_: str) -> None:
    """Servers that start are no news here."""


def producer(bootstrap: str, linger_ms: int = 50) -> KafkaProducer:
    """A producer for many small records."""
    return KafkaProducer(bootstrap_servers=bootstrap, linger_ms=linger_ms, batch_size=1 << 18)


def place(sent: Sent) -> int:
    """The partition: a shopper's records stay in their order."""
    return zlib.crc32(sent.shopper.encode()) % PARTITIONS if sent.shopper else sent.at % PARTITIONS


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
