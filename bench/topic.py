"""How benchmarks send to Kafka: with a client in C, which leaves the machine to what is measured."""

import zlib
from collections.abc import Iterable
from typing import Any, Final, Self

from confluent_kafka import KafkaError, Producer

from bench.traffic import Sent

TOPIC: Final = "bench"
PARTITIONS: Final = 4
FULL_S: Final = 0.05
"""How long to wait for room where the client holds as many records as it may."""
FLUSH_S: Final = 60.0


class Sender:
    """Sends records while the block lasts; at its end all are in Kafka.

    Raises:
        RuntimeError: at the end of the block, if Kafka did not take some.
    """

    def __init__(self, bootstrap: str, linger_ms: int = 50) -> None:
        """Connect; records of a partition are gathered for `linger_ms`."""
        limits = {"linger.ms": linger_ms, "batch.size": 1 << 18, "queue.buffering.max.messages": 50_000}
        self._producer = Producer({"bootstrap.servers": bootstrap, **limits})
        self._refused: list[str] = []

    def send(self, sent: Sent, at: int = 0) -> None:
        """Send a record with the Kafka timestamp `at` (epoch ms); 0: of now."""
        while True:
            try:
                self._producer.produce(
                    TOPIC, sent.record, partition=place(sent), timestamp=at, on_delivery=self._delivered
                )
            except BufferError:
                self._producer.poll(FULL_S)
            else:
                break
        self._producer.poll(0)

    def __enter__(self) -> Self:
        """Nothing happens before the first record."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait until all were taken."""
        left = self._producer.flush(FLUSH_S)
        if kind is None and (left or self._refused):
            why = self._refused[0] if self._refused else f"no answer within {FLUSH_S:g} s"
            msg = f"Kafka did not take {left + len(self._refused)} records: {why}"
            raise RuntimeError(msg)

    def _delivered(self, error: KafkaError | None, _: Any) -> None:
        if error is not None:
            self._refused.append(str(error))


def fill(bootstrap: str, records: Iterable[Sent]) -> int:
    """Send records as fast as Kafka takes them, with the moments that they were to be sent at; how many."""
    number = 0
    with Sender(bootstrap) as kafka:
        for sent in records:
            kafka.send(sent, sent.at)
            number += 1
    return number


def place(sent: Sent) -> int:
    """The partition: a shopper's records stay in their order."""
    return zlib.crc32(sent.shopper.encode()) % PARTITIONS if sent.shopper else sent.at % PARTITIONS
