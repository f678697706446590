"""Tell the running job to forget shoppers, and see it done."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Final, NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError

from events.bucket import bucket_of
from events.control import forget_record
from features.views import BRANCHES
from jobs.kafka.client import MissingTopicError, producer
from jobs.settings import Settings
from jobs.watching.progress import Progress, read_progress
from jobs.watching.tellers import Teller
from operators.places import place_of
from serving.redis_reader import RedisReader
from sinks.codec import pointed_to
from sinks.keys import encode_id, key_name

LOOK_S: Final = 0.2

Sent = Mapping[str, Mapping[int, int]]
"""Shopper, as it is kept -> partition -> offset of the control record."""


class Found(NamedTuple):
    """What Redis holds of a shopper."""

    keys: list[str]
    users: list[str]
    """To whom its rows point, if it is a device: ids as they are kept."""


def send_forget(settings: Settings, shoppers: Sequence[str]) -> Sent:
    """Send a control record for each shopper, named as it is kept, to every partition of every topic.

    To every one, since the shopper's events may be in any: when the last copy is read, all that was sent
    before has been.

    Raises:
        KafkaUnreachableError: if no broker answers.
        MissingTopicError: if one of the topics does not exist.
    """
    with producer(settings) as kafka:
        there = {topic: _partitions(kafka, settings, topic) for topic in settings.topics()}
        sent = {
            shopper: {
                place_of(number, partition): kafka.send(
                    topic, forget_record(shopper, stored=True), partition=partition
                )
                for topic, number in settings.topics().items()
                for partition in there[topic]
            }
            for shopper in shoppers
        }
        return {
            shopper: {place: future.get(timeout=30).offset for place, future in futures.items()}
            for shopper, futures in sent.items()
        }


def _partitions(kafka: KafkaProducer, settings: Settings, topic: str) -> set[int]:
    try:
        partitions: set[int] | None = kafka.partitions_for(topic)
    except KafkaTimeoutError:
        partitions = None
    if not partitions:
        raise MissingTopicError(settings, topic)
    return partitions


def done(progress: Progress, settings: Settings, sent: Sent) -> bool:
    """Whether every operator that may hold something of the shoppers has carried out every copy.

    Where the job has operators of devices those are all their buckets, since any device may be a shopper's,
    and what they handed on to users must have arrived.
    """
    branches = BRANCHES if progress.apart else ("",)
    devices = any(Teller.of(name).devices for name in progress.controls)
    for shopper, offsets in sent.items():
        home = bucket_of(shopper, settings.buckets)
        tellers = [Teller(str(home), branch, devices=False) for branch in branches]
        if devices:
            buckets = map(str, range(settings.buckets))
            tellers += [Teller(bucket, branch, devices=True) for bucket in buckets for branch in branches]
        told = [progress.controls.get(teller.field, {}) for teller in tellers]
        if any(each.get(number, -1) < offset for each in told for number, offset in offsets.items()):
            return False
    counts = progress.branches.values() if progress.apart else [progress.counts]
    return all(each["unlinks.given"] == each["unlinks.taken"] for each in counts)


def wait(settings: Settings, sent: Sent, timeout_s: float, look: Callable[[], Progress]) -> Progress | None:
    """Wait until the job has carried it out; None where it has not within `timeout_s`."""
    until = time.monotonic() + timeout_s
    while True:
        progress = look()
        if done(progress, settings, sent):
            return progress
        if time.monotonic() >= until:
            return None
        time.sleep(LOOK_S)


def found(settings: Settings, shopper: str) -> Found:
    """What Redis holds of a shopper, named as it is kept; keys of sessions only the job knows.

    Raises:
        RedisUnreachableError: if Redis does not answer.
    """
    labels = [*(window.label for window in settings.windows), "session"]
    encoded = encode_id(shopper)
    with closing(RedisReader(settings.redis_url)) as reader:
        keys = [key_name("user", encoded, label, settings.redis_prefix, reader.cluster) for label in labels]
        rows = {key: fields for key, fields in zip(keys, reader.hashes(keys), strict=True) if fields}
    users = dict.fromkeys(user for fields in rows.values() if (user := pointed_to(fields)))
    return Found(list(rows), [user for user in users if user != shopper])


def progress_of(settings: Settings) -> Progress:
    """What the job tells now.

    Raises:
        RedisUnreachableError: if Redis does not answer.
    """
    with closing(RedisReader(settings.redis_url)) as reader:
        return read_progress(reader, settings.job_name, settings.redis_prefix)
