"""Tell the running job to forget a shopper, and see it done."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Final

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError

from events.bucket import bucket_of
from events.control import forget_record
from features.views import BRANCHES
from jobs.kafka.client import MissingTopicError, producer
from jobs.settings import Settings
from jobs.watching.progress import Progress, read_progress
from operators.places import place_of
from serving.redis_reader import RedisReader
from sinks.keys import encode_id, key_name

LOOK_S: Final = 0.2


def send_forget(settings: Settings, shopper: str) -> dict[int, int]:
    """Send the control record to every partition of every topic; return the offset that it got in each place.

    To every one, since the shopper's events may be in any: when the last copy is read, all that was sent
    before has been.

    Raises:
        KafkaUnreachableError: if no broker answers.
        MissingTopicError: if one of the topics does not exist.
    """
    record = forget_record(shopper)
    with producer(settings) as kafka:
        there = {topic: _partitions(kafka, settings, topic) for topic in settings.topics()}
        sent = {
            place_of(number, partition): kafka.send(topic, record, partition=partition)
            for topic, number in settings.topics().items()
            for partition in there[topic]
        }
        return {number: future.get(timeout=30).offset for number, future in sent.items()}


def _partitions(kafka: KafkaProducer, settings: Settings, topic: str) -> set[int]:
    try:
        partitions: set[int] | None = kafka.partitions_for(topic)
    except KafkaTimeoutError:
        partitions = None
    if not partitions:
        raise MissingTopicError(settings, topic)
    return partitions


def done(progress: Progress, settings: Settings, shopper: str, offsets: Mapping[int, int]) -> bool:
    """Whether every operator that holds something of the shopper has carried out every copy."""
    bucket = bucket_of(settings.stored_id(shopper), settings.buckets)
    hosts = [f"{bucket}/{branch}" for branch in BRANCHES] if progress.apart else [str(bucket)]
    told = [progress.controls.get(host, {}) for host in hosts]
    return all(each.get(number, -1) >= offset for each in told for number, offset in offsets.items())


def wait(
    settings: Settings,
    shopper: str,
    offsets: Mapping[int, int],
    timeout_s: float,
    look: Callable[[], Progress],
) -> Progress | None:
    """Wait until the job has carried it out; None where it has not within `timeout_s`."""
    until = time.monotonic() + timeout_s
    while True:
        progress = look()
        if done(progress, settings, shopper, offsets):
            return progress
        if time.monotonic() >= until:
            return None
        time.sleep(LOOK_S)


def keys_of(settings: Settings, shopper: str) -> list[str]:
    """The keys of the shopper that exist now; those of sessions only the job knows.

    Raises:
        RedisUnreachableError: if Redis does not answer.
    """
    labels = [*(window.label for window in settings.windows), "session"]
    encoded = encode_id(settings.stored_id(shopper))
    with closing(RedisReader(settings.redis_url)) as reader:
        keys = [key_name("user", encoded, label, settings.redis_prefix, reader.cluster) for label in labels]
        return [key for key, fields in zip(keys, reader.hashes(keys), strict=True) if fields]


def progress_of(settings: Settings) -> Progress:
    """What the job tells now.

    Raises:
        RedisUnreachableError: if Redis does not answer.
    """
    with closing(RedisReader(settings.redis_url)) as reader:
        return read_progress(reader, settings.job_name, settings.redis_prefix)
