"""The servers, the job and the threads around it, for one run."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from redis import Redis

from jobs.cluster.flink_rest import FlinkRest
from jobs.cluster.supervisor import Supervisor
from jobs.job_config import JobConfig
from jobs.local.stack import LocalStack
from jobs.watching.progress import progress_key

PARTITIONS = 4
JOB = "drill"
PREFIX = "drill:"
PROGRESS = progress_key(JOB, PREFIX)


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
        flink = self.stack.flink
        rest = FlinkRest(flink.rest_url.removeprefix("http://"))
        savepoint = rest.stop(self.supervisor.job_id, (flink.folder / "savepoints").as_uri())
        self.config = replace(self.config, parallelism=parallelism)
        self.supervisor.go_on(self.config, savepoint)

    def close(self) -> None:
        self.client.close()
