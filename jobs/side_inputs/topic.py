"""What a side input's topic says now, and what is sent to it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError

from events.sides.declaration import SideInput
from events.sides.keys import key_record
from events.verdict import Dead
from jobs.kafka.client import (
    client_options,
    consumer,
    places_of,
    producer,
    topics_of,
)
from jobs.kafka.reading import between
from jobs.settings import Settings
from jobs.side_inputs.sheet import key_decoder

CALL_MS: Final = 30_000
_POLICY: Final = "cleanup.policy"


class NotTakenError(Exception):
    """Kafka did not take a record."""


class Kept(NamedTuple):
    """The latest record of a key."""

    key: bytes
    """As it lies in Kafka, where `12` and `"12"` are two."""
    value: bytes
    partition: int | None
    offset: int
    at: int
    """Kafka's timestamp, epoch milliseconds."""


@dataclass
class Rows:
    """What a topic says, by id; an id has several records where its key was written in several ways."""

    records: dict[str, dict[tuple[bytes, int], Kept]] = field(default_factory=dict)
    nameless: int = 0
    """Records that do not say whose row they are."""

    def latest(self, named: str) -> Kept | None:
        """The record that tells an id's row, None where there is no row."""
        kept = self.records.get(named, {}).values()
        return max(kept, key=lambda each: (each.at, each.offset), default=None)


class Change(NamedTuple):
    """A record to be sent."""

    key: bytes
    value: bytes | None
    """None: a tombstone."""
    partition: int | None = None
    """Where the key's earlier record lies, whoever sent it; None: where the key belongs."""


def read_rows(settings: Settings, side: SideInput) -> Rows:
    """Read a side input's topic to its end.

    Raises:
        KafkaUnreachableError: if no broker answers.
        MissingTopicError: if there is no such topic.
        StalledError: if Kafka does not give what it has.
    """
    rows, decoder = Rows(), key_decoder(side)
    with consumer(settings) as kafka:
        places = places_of(kafka, settings, side.topic)
        starts, ends = kafka.beginning_offsets(places), kafka.end_offsets(places)
        for record in between(kafka, starts, ends):
            key, value = record.key or b"", record.value or b""
            verdict = decoder.decode(key, value)
            if isinstance(verdict, Dead):
                verdict = decoder.decode(key, b"")
            if isinstance(verdict, Dead):
                rows.nameless += 1
                continue
            kept, place = rows.records.setdefault(verdict.key, {}), (key, record.partition)
            kept.pop(place, None)
            if value:
                kept[place] = Kept(key, value, record.partition, record.offset, record.timestamp)
    rows.records = {named: kept for named, kept in rows.records.items() if kept}
    return rows


def exists(settings: Settings, topic: str) -> bool:
    """Whether there is such a topic; a consumer that asked could make one that is not compacted.

    Raises:
        KafkaUnreachableError: if no broker answers.
    """
    return topic in topics_of(settings)


def create(settings: Settings, topic: str) -> None:
    """Make a compacted topic, with as many partitions and replicas as the brokers' default is.

    Raises:
        KafkaUnreachableError: if no broker answers.
        NotTakenError: if there must be no such topic.
    """
    try:
        with KafkaAdminClient(**client_options(settings)) as admin:
            admin.create_topics(
                {topic: {"configs": {_POLICY: "compact"}}}, timeout_ms=CALL_MS, wait_for_metadata=True
            )
    except TopicAlreadyExistsError:
        return
    except KafkaError as error:
        msg = f"the topic {topic} cannot be created ({error}); create it with {_POLICY}=compact"
        raise NotTakenError(msg) from None


def is_compacted(settings: Settings, topic: str) -> bool | None:
    """Whether Kafka keeps the latest record of each key of a topic; None where it does not tell."""
    try:
        with KafkaAdminClient(**client_options(settings)) as admin:
            told = admin.describe_configs(
                [ConfigResource(ConfigResourceType.TOPIC, topic, [_POLICY])], config_filter="all"
            )
        policy = told["topic"][topic][_POLICY]["value"]
    except (KafkaError, KeyError):
        return None
    return "compact" in str(policy)


def send(settings: Settings, topic: str, changes: Iterable[Change]) -> int:
    """Send records, and return how many once Kafka has all of them.

    Raises:
        KafkaUnreachableError: if no broker answers.
        NotTakenError: if Kafka refuses one; others may have been taken.
    """
    with producer(settings) as kafka:
        try:
            futures = [
                kafka.send(topic, each.value, key=each.key, partition=each.partition) for each in changes
            ]
            for future in futures:
                future.get(timeout=CALL_MS / 1000)
        except KafkaError as error:
            msg = f"{topic} did not take a record ({error}); what was sent before it stands"
            raise NotTakenError(msg) from None
    return len(futures)


def upsert(named: str, value: bytes, rows: Rows) -> Change:
    """The record that tells an id's row anew, in the place of the one that told it."""
    before = rows.latest(named)
    if before is None or not before.key:
        return Change(key_record(named), value)
    return Change(before.key, value, before.partition)


def tombstones(named: str, rows: Rows) -> list[Change]:
    """The records that end an id's row, one for each way in which its key was written."""
    kept = rows.records[named].values()
    told = [Change(each.key, None, each.partition) for each in kept if each.key]
    return told if len(told) == len(kept) else [*told, Change(key_record(named), None)]
