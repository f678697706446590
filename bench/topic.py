"""How benchmarks send to Kafka."""

import zlib
from collections.abc import Iterable
from contextlib import closing
from typing import Final

from kafka import KafkaProducer

from bench.traffic import Sent

TOPIC: Final = "bench"
PARTITIONS: Final = 4


def fill(bootstrap: str, records: Iterable[Sent]) -> int:
    """Send records as fast as Kafka takes them, with the moments that they were to be sent at; how many."""
    number = 0
    with closing(producer(bootstrap)) as kafka:
        for sent in records:
            kafka.send(TOPIC, sent.record, partition=place(sent), timestamp_ms=sent.at)
            number += 1
        kafka.flush(timeout=60)
    return number


def producer(bootstrap: str, linger_ms: int = 50) -> KafkaProducer:
    """A producer for many small records."""
    return KafkaProducer(bootstrap_servers=bootstrap, linger_ms=linger_ms, batch_size=1 << 18)


def place(sent: Sent) -> int:
    """The partition: a shopper's records stay in their order."""
    return zlib.crc32(sent.shopper.encode()) % PARTITIONS if sent.shopper else sent.at % PARTITIONS
