"""What the running job says of itself in Redis: its accounting, and how far it has read."""

from collections import Counter
from typing import NamedTuple

import msgspec

from operators.routing import ACCOUNTANT
from serving.redis_reader import RedisReader


class Progress(NamedTuple):
    """All buckets together; times are epoch milliseconds, 0 where nothing was read yet."""

    counts: Counter[str]
    at: int
    """When the latest bucket reported."""
    event_time: int
    """Greatest event time applied."""
    covers_from: int
    """From when on the job has read."""


class _Bucket(msgspec.Struct):
    counts: dict[str, int]
    at: int
    event_time: int
    covers_from: int


def read_progress(reader: RedisReader, job_name: str, prefix: str = "") -> Progress:
    """Add up what the buckets report once a second.

    Where branches run apart, the branch that wants every event speaks for all: each counts the same records.
    """
    (fields,) = reader.hashes([f"{prefix}pipeline:{job_name}:progress"])
    buckets = [
        msgspec.json.decode(text, type=_Bucket)
        for name, text in fields.items()
        if name.partition("/")[2] in ("", ACCOUNTANT)
    ]
    counts: Counter[str] = Counter()
    for bucket in buckets:
        counts.update(bucket.counts)
    return Progress(
        counts,
        max((bucket.at for bucket in buckets), default=0),
        max((bucket.event_time for bucket in buckets), default=0),
        min((bucket.covers_from for bucket in buckets), default=0),
    )
