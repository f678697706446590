"""The live job with everything around it on this machine: started, fed, watched, ended. For benchmarks.

Example:
    with live(Setup()) as job:
        job.fill(islice(traffic(7, 1000, start_ms, 2000), 5000))
        job.wait_read(job.sent)
        print(job.costs())
"""

import json
import sys
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from redis import Redis

from bench.points import Point, warm
from bench.processes import cpu_s
from bench.topic import PARTITIONS, TOPIC, fill
from bench.traffic import Sent
from features.settings import Definitions
from jobs.cluster.submission import Client, submit
from jobs.job_config import JobConfig
from jobs.local.process import LocalProcess
from jobs.local.stack import LocalStack
from jobs.local.toolchain import ensure
from jobs.watching.progress import progress_key
from jobs.watching.tellers import Teller

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


def changes_of(options: Namespace) -> dict[str, Any]:
    """The changes of a `Setup` for what `bench.report.of_the_job` takes."""
    return with_identity(options.identity) | {"compiled": options.compiled}


def with_identity(mode: str) -> dict[str, Any]:
    """The change of a `Setup` for a mode of identity."""
    return {"definitions": Definitions(identity=mode)}


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
        self._account = progress_key(config.job_name, config.redis_prefix)

    def fill(self, records: Iterable[Sent]) -> None:
        """Send records now, as fast as Kafka takes them."""
        self.sent += fill(self.stack.kafka.bootstrap, records)

    def progress(self) -> list[dict[str, Any]]:
        """What each bucket tells, of the operators that account for every record."""
        told: dict[str, str] = self.redis.hgetall(self._account)
        return [json.loads(text) for name, text in told.items() if Teller.of(name).accounts]

    def _told(self) -> str | None:
        """What one bucket tells; it changes whenever its TaskManager tells of all of its buckets."""
        names = sorted(name for name in self.redis.hkeys(self._account) if Teller.of(name).accounts)
        return self.redis.hget(self._account, names[0]) if names else None

    def counts(self) -> Counter[str]:
        """The job's counters: `read`, `applied`, `woken`, `rows.written` and the like."""
        return _summed(self.progress())

    def point(self) -> Point:
        """The job's account and its costs now; the account is told once a second."""
        told = self.progress()
        total = _summed(told)
        at = max((bucket["at"] / 1000 for bucket in told), default=time.time())
        return Point(at, total["read"], total["batches"], total["rows.written"], *self.costs())

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
        points, told = [self.point()], None
        while points[-1].read < records:
            # To read the whole account ten times a second would take a twentieth of a core from the job.
            before, told = told, self._told()
            if told != before:
                point = self.point()
                if point.read > points[-1].read:
                    points.append(point)
            self._check(until, f"{points[-1].read} of {records} records")
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


@contextmanager
def live(setup: Setup, backlog: Iterable[Sent] = ()) -> Iterator[Job]:
    """The job for the length of the block, on empty servers of its own; the backlog is there before it."""
    toolchain = ensure(lambda _: None)
    with LocalStack(taskmanagers=setup.taskmanagers, flink_config=setup.flink, progress=_silent) as stack:
        stack.kafka.create_topic(TOPIC, PARTITIONS)
        stack.kafka.create_topic(f"{TOPIC}-dead", 1)
        sent = fill(stack.kafka.bootstrap, backlog)
        config = config_of(stack, setup)
        environment = stack.flink.environment() | dict(setup.environment)
        client = Client(toolchain.flink_home, toolchain.flink_connector_jar, environment)
        address = stack.flink.rest_url.removeprefix("http://")
        job_id = submit(config, address, client, setup.entry, setup.beside)
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


def _summed(told: Iterable[Mapping[str, Any]]) -> Counter[str]:
    total = Counter[str]()
    for bucket in told:
        total.update(bucket["counts"])
    return total


def _silent(_: str) -> None:
    """Servers that start are no news here."""
