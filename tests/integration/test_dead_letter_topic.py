"""Reading dead letters, and the lag of a job, from a real Kafka."""

import uuid
from collections import Counter

import pytest
from kafka import KafkaProducer

from events.verdict import Dead, Reason
from jobs.dead_letters.topic import CHUNK, DeadLetterTopic, original
from jobs.kafka.client import MissingTopicError, consumer
from jobs.settings import Settings
from jobs.watching.lag import read_lag
from jobs.watching.progress import Position, Progress
from sinks.dead_letters import RAW_BYTES, dead_letter, read_dead_letter
from tests.harness import KafkaService

pytestmark = pytest.mark.integration

PARTITIONS = 3
START = 1_709_640_000_000


@pytest.fixture
def settings(kafka: KafkaService) -> Settings:
    """Of topics that are this test's own."""
    name = f"letters-{uuid.uuid4().hex[:8]}"
    for topic in (name, f"{name}-dead"):
        kafka.create_topic(topic, PARTITIONS)
    return Settings(kafka_bootstrap=kafka.bootstrap, topic=name, dead_letter_topic=f"{name}-dead")


def send(settings: Settings, topic: str, records: list[bytes]) -> None:
    """Send records to the partitions in turn, a second apart by their timestamps."""
    producer = KafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap, linger_ms=20, max_request_size=4_000_000
    )
    try:
        for number, record in enumerate(records):
            producer.send(topic, record, partition=number % PARTITIONS, timestamp_ms=START + number * 1000)
        producer.flush(timeout=30)
    finally:
        producer.close(timeout=10)


def letters(settings: Settings, count: int, raw: bytes = b"bad") -> list[bytes]:
    dead = Dead("tsv", (Reason("record", "1 fields", "131 fields"),))
    return [dead_letter(raw, dead, settings.topic, 0, n, START + n * 1000) for n in range(count)]


def test_all_of_many_letters_are_read_backwards_over_all_partitions(settings: Settings) -> None:
    count = PARTITIONS * CHUNK + 100
    send(settings, settings.dead_letter_topic, letters(settings, count))
    with consumer(settings) as kafka:
        topic = DeadLetterTopic(kafka, settings)
        found = [each.letter.offset for each in topic.newest_first()]
        assert Counter(found) == Counter(range(count))
        assert found == sorted(found, reverse=True)
        since = START + (count - 10) * 1000
        assert [each.letter.offset for each in topic.newest_first(since)] == found[:10]
        wanted = [f"{settings.topic}/0/3", f"{settings.topic}/0/{count - 1}"]
        assert set(topic.find([*wanted, "x/0/0"])) == set(wanted)


def test_a_record_that_was_cut_is_read_from_where_it_was(settings: Settings) -> None:
    raw = b"x" * (RAW_BYTES + 10)
    send(settings, settings.topic, [raw])
    (data,) = letters(settings, 1, raw)
    letter = read_dead_letter(data)
    assert not letter.whole
    with consumer(settings) as kafka:
        assert original(kafka, letter) == raw
        (_, other) = letters(settings, 2, raw)
        assert original(kafka, read_dead_letter(other)) is None


def test_a_topic_that_is_not_there_is_named(settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"dead_letter_topic": "nowhere", "topic": "nowhere"})
    with consumer(elsewhere) as kafka, pytest.raises(MissingTopicError, match="nowhere"):
        list(DeadLetterTopic(kafka, elsewhere).newest_first())
    with pytest.raises(MissingTopicError, match="nowhere"):
        read_lag(elsewhere, Progress())


def test_lag_counts_from_what_was_read_or_from_where_the_job_began(settings: Settings) -> None:
    send(settings, settings.topic, [b"record"] * 12)
    lag = read_lag(
        settings, Progress(partitions={0: Position(4, 3), 1: Position(1, 0)}, covers_from=START + 5_000)
    )
    assert {number: each.records for number, each in lag.items()} == {0: 0, 1: 3, 2: 3}
    assert lag[0].oldest_unread == 0
    assert lag[1].oldest_unread == START + 4_000
    assert lag[2].oldest_unread == START + 5_000, "nothing was read of it: from the job's beginning"
    beyond = read_lag(settings, Progress(partitions={0: Position(9, 8)}, covers_from=START))
    assert beyond[0].records == -5
