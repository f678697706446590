"""The live job on a real cluster, for tests: submit, feed, wait until the accounting adds up, look, end."""

import json
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from redis import Redis

from jobs.cluster.flink_rest import FlinkRest
from jobs.cluster.submission import Client, submit
from jobs.job_config import JobConfig
from jobs.local.flink import FlinkCluster
from jobs.package import ROOT
from jobs.watching.progress import progress_key
from jobs.watching.tellers import Teller
from tests.harness import KafkaService, RedisService, toolchain, wait_until

FAULTS = Path(__file__).with_name("live_job_faults.py")
READ_S = 120
END_S = 60
"""Deadlines, for a machine with two busy cores."""


@dataclass
class Surroundings:
    """The servers, and a name that is this test's own."""

    kafka: KafkaService
    redis: RedisService
    flink: FlinkCluster
    folder: Path
    name: str
    partitions: int = 4
    client: Redis = field(init=False)

    def __post_init__(self) -> None:
        self.client = Redis.from_url(self.redis.url, decode_responses=True)
        self.kafka.create_topic(self.name, self.partitions)
        self.kafka.create_topic(self.dead_letter_topic, 1)

    @property
    def address(self) -> str:
        """Host and port of Flink's REST API."""
        return self.flink.rest_url.removeprefix("http://")

    @property
    def dead_letter_topic(self) -> str:
        return f"{self.name}-dead"

    def config(self, **more: Any) -> JobConfig:
        """The job over this test's topic, keys and checkpoints."""
        given: dict[str, Any] = {
            "kafka_bootstrap": self.kafka.bootstrap,
            "redis_url": self.redis.url,
            "checkpoint_dir": (self.folder / "checkpoints").as_uri(),
            "life": time.time_ns() // 1_000_000,
            "job_name": self.name,
            "topic": self.name,
            "dead_letter_topic": self.dead_letter_topic,
            "redis_prefix": f"{self.name}:",
            "checkpoint_interval_s": 1,
            "python": sys.executable,
        }
        return JobConfig(**given | more)

    def send(self, records: Iterable[bytes | None]) -> None:
        """Send records to the partitions in turn."""
        producer = KafkaProducer(bootstrap_servers=self.kafka.bootstrap, linger_ms=20)
        try:
            for number, record in enumerate(records):
                # Without a value there must be a key.
                producer.send(self.name, record, b"key", partition=number % self.partitions)
            producer.flush(timeout=30)
        finally:
            producer.close(timeout=10)

    def dead_letters(self) -> list[dict[str, Any]]:
        """Every dead letter that is in the topic now."""
        # kafka-python reckons checksums in Python, 0.14 s a megabyte.
        consumer = KafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap, consumer_timeout_ms=5_000, check_crcs=False
        )
        place = TopicPartition(self.dead_letter_topic, 0)
        end = consumer.end_offsets([place])[place]
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        letters: list[dict[str, Any]] = []
        while len(letters) < end:
            letters.append(json.loads(next(consumer).value))
        consumer.close()
        return letters

    def features(self, prefix: str) -> dict[str, dict[str, str]]:
        """Every feature of every hash; what begins with `_` is left out."""
        shown = {}
        for key in self.client.scan_iter(f"{prefix}*", count=10_000):
            if not key.startswith(f"{prefix}pipeline:"):
                fields: dict[str, str] = self.client.hgetall(key)  # type: ignore[assignment]
                values = {name: text for name, text in fields.items() if not name.startswith("_")}
                if values:
                    shown[key.removeprefix(prefix)] = values
        return shown


@dataclass
class LiveJob:
    """A submitted job."""

    around: Surroundings
    config: JobConfig
    id: str

    def progress(self, branch: str = "") -> dict[str, Any]:
        """The progress of each bucket, of one branch where they run apart."""
        key = progress_key(self.config.job_name, self.config.redis_prefix)
        told: dict[str, str] = self.around.client.hgetall(key)  # type: ignore[assignment]
        suffix = f"/{branch}" if branch else ""
        return {
            name.removesuffix(suffix): json.loads(text)
            for name, text in told.items()
            if name.endswith(suffix) and (branch or "/" not in name)
        }

    def counts(self) -> Counter[str]:
        """The counters of all buckets, of the operators that account for every record."""
        key = progress_key(self.config.job_name, self.config.redis_prefix)
        told: dict[str, str] = self.around.client.hgetall(key)  # type: ignore[assignment]
        apart, total = self.config.topology == "branches", Counter[str]()
        for name, text in told.items():
            if (teller := Teller.of(name)).accounts and teller.apart == apart:
                total.update(json.loads(text)["counts"])
        return total

    def wait_read(self, records: int, deadline_s: float = READ_S) -> Counter[str]:
        """Wait until so many records are accounted for."""
        what = f"{records} records are read"
        wait_until(lambda: self.counts()["read"] >= records, deadline_s, what)
        return self.counts()

    def wait_read_branch(self, records: int, branch: str) -> None:
        """The same of a job whose configuration did not come from here, by the accounting branch."""

        def read() -> int:
            return sum(told["counts"].get("read", 0) for told in self.progress(branch).values())

        wait_until(lambda: read() >= records, READ_S, f"{records} records are read")

    def status(self) -> str:
        return str(self.around.flink.get(f"/jobs/{self.id}")["state"])

    def failures(self) -> int:
        """How often the job failed (and was started again)."""
        history = self.around.flink.get(f"/jobs/{self.id}/exceptions")["exceptionHistory"]
        return len(history["entries"])

    def gauges(self, operator: str, name: str) -> list[int]:
        """A gauge of each subtask of an operator; none before they have met their buckets."""
        vertices = self.around.flink.get(f"/jobs/{self.id}")["vertices"]
        vertex = next(v["id"] for v in vertices if v["name"].split(" ->")[0] == operator)
        path = f"/jobs/{self.id}/vertices/{vertex}/subtasks/metrics"
        wanted = [m["id"] for m in self.around.flink.get(path) if m["id"].endswith(f"shopper.{name}")]
        told = self.around.flink.get(f"{path}?get={','.join(wanted)}") if wanted else []
        return [int(m["sum"]) for m in told]

    def checkpoints(self) -> int:
        """How many checkpoints were completed."""
        return int(self.around.flink.get(f"/jobs/{self.id}/checkpoints")["counts"]["completed"])

    def stop(self) -> str:
        """Stop with a savepoint; returns where it is."""
        target = (self.around.folder / "savepoints").as_uri()
        return FlinkRest(self.around.address).stop(self.id, target)

    def cancel(self) -> None:
        """End the job, if it has not ended, and wait for that."""
        if self.status() not in ("FINISHED", "CANCELED", "FAILED"):
            _cancel(f"{self.around.flink.rest_url}/jobs/{self.id}?mode=cancel")
        ended = ("FINISHED", "CANCELED", "FAILED")
        wait_until(lambda: self.status() in ended, END_S, "the job has ended")


@contextmanager
def live_job(
    around: Surroundings, config: JobConfig, fault: str = "", root: Path = ROOT
) -> Iterator[LiveJob]:
    """The job for the length of the block, with a fault of `live_job_faults` where one is named.

    `root` is the folder with the code to be submitted.
    """
    job = LiveJob(around, config, _submit(around, config, fault, root))
    try:
        yield job
    finally:
        job.cancel()


def _submit(around: Surroundings, config: JobConfig, fault: str, root: Path) -> str:
    tools = toolchain()
    environment = around.flink.environment() | ({"SHOPPER_TEST_FAULT": fault} if fault else {})
    return submit(
        config,
        around.address,
        Client(tools.flink_home, tools.flink_connector_jar, environment),
        entry=FAULTS.stem if fault else "jobs.live",
        beside={FAULTS.name: FAULTS.read_bytes()} if fault else {},
        root=root,
    )


def _cancel(url: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, method="PATCH"), timeout=10):  # noqa: S310
        pass
