"""What the job's Python sends to Redis and keeps of a synthetic shop, as one digest.

    python -m tests.job_bytes

Prints whether the core runs as machine code, and the digest: two builds of the same sources give the same.
"""

import json
from hashlib import sha256
from itertools import islice
from typing import Any

from redis.connection import Connection

from bench.plain import PlainJob, Swallowing
from bench.traffic import traffic
from operators.release import COMPILED
from sinks.redis_sink import RedisSink

START_MS = 1_700_000_000_000
EVENTS = 12_000
TOGETHER = 400


class Keeping(Swallowing):
    """A Redis that takes everything, and a digest of it."""

    def __init__(self) -> None:
        super().__init__(Connection())
        self.digest = sha256()

    def pack_commands(self, commands: Any) -> Any:
        """Note the commands, but for the word in the progress that says which core it was."""
        for command in commands:
            self.digest.update(repr(command).replace('"compiled":true', '"compiled":false').encode())
        return super().pack_commands(commands)


def job_bytes() -> str:
    """Digest of all commands, and of all states in the end."""
    redis = Keeping()
    job = PlainJob(RedisSink(redis, "nowhere"), START_MS)
    sent = list(islice(traffic(7, 2_000, START_MS, 2_000), EVENTS))
    for begin in range(0, EVENTS, TOGETHER):
        several = sent[begin : begin + TOGETHER]
        job.now = several[-1].at
        job.take([each.record for each in several])
    assert job.counts()["applied"] > EVENTS // 2
    for bucket in range(16):
        job.states.at_hand = bucket
        redis.digest.update(repr(sorted(job.states.items())).encode())
    return redis.digest.hexdigest()


if __name__ == "__main__":
    print(json.dumps({"compiled": COMPILED, "digest": job_bytes()}))
