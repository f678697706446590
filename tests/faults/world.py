"""The servers, the job and the threads around it, for one run."""

import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from redis import Redis

from jobs.job_config import JobConfig
from jobs.local.stack import LocalStack
from jobs.supervisor import Supervisor

PARTITIONS = 4
JOB = "drill"
PREFIX = "drill:"
PROGRESS = f"{PREFIX}pipeline:{JOB}:progress"
STOPS_S = 120.0


class World:
    """A stack with the job on it. To be used in the thread that started the stack."""

    def __init__(self, stack: LocalStack, say: Callable[[str], None]) -> None:
        self.stack = stack
        self.say = say
        self.config = JobConfig(
            kafka_bootstrap=stack.kafka.bootstrap,
            redis_url=stack.redis.url,
            checkpoint_dir=stack.flink.checkpoints.as_uri(),
            life=time.time_ns() // 1_000_000,
            job_name=JOB,
            topic="drill",
            dead_letter_topic="drill-dead",
            redis_prefix=PREFIX,
            parallelism=2,
        )
        stack.kafka.create_topic(self.config.topic, PARTITIONS)
        stack.kafka.create_topic(self.config.dead_letter_topic, 1)
        self.client: Any = Redis.from_url(stack.redis.url, decode_responses=True)
        self.supervisor = Supervisor(stack.flink, self.config, say)

    def submit(self) -> None:
        self.supervisor.start(fresh=True)
        self.supervisor.wait_running()

    def tend(self) -> None:
        """Do what a supervisor of the cluster does: start what is dead, submit what is lost."""
        self.supervisor.look()

    def counts(self) -> dict[str, int]:
        """The job's accounting."""
        total: dict[str, int] = {}
        for text in self.client.hvals(PROGRESS):
            for name, number in json.loads(text)["counts"].items():
                total[name] = total.get(name, 0) + number
        return total

    def checkpoints(self) -> int:
        """How many checkpoints the running job has completed."""
        told = self.stack.flink.get(f"/jobs/{self.supervisor.job_id}/checkpoints")
        return int(told["counts"]["completed"])

    def rescale(self, parallelism: int) -> None:
        """Stop the job with a savepoint and go on from it at another parallelism."""
        savepoint = self._stop()
        self.config = replace(self.config, parallelism=parallelism)
        self.supervisor.go_on(self.config, savepoint)

    def close(self) -> None:
        self.client.close()

    def _stop(self) -> str:
        flink, job = self.stack.flink, self.supervisor.job_id
        asked = _post(f"{flink.rest_url}/jobs/{job}/stop", {"drain": False})
        until = time.monotonic() + STOPS_S
        while time.monotonic() < until:
            told = flink.get(f"/jobs/{job}/savepoints/{asked['request-id']}")
            if told["status"]["id"] == "COMPLETED":
                return str(told["operation"]["location"])
            time.sleep(0.1)
        msg = f"the job did not stop with a savepoint within {STOPS_S:g} s"
        raise AssertionError(msg)


def _post(url: str, body: dict[str, Any]) -> Any:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)
