"""Sends the records of the page's visitors to the topic."""

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from kafka import KafkaProducer
from kafka.errors import KafkaError

from jobs.kafka.client import KafkaUnreachableError, producer
from jobs.settings import Settings

_TAKEN_S: Final = 10.0


class Outlet:
    """A producer that connects when something is sent. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        """Remember where; nothing is sent yet."""
        self._settings = settings
        self._lock = threading.Lock()
        self._open = ExitStack()
        self._kafka: KafkaProducer | None = None

    def send(self, records: Sequence[bytes]) -> None:
        """Send records; returns when Kafka has them.

        Raises:
            KafkaUnreachableError: if it does not take them.
        """
        with self._lock:
            try:
                if self._kafka is None:
                    self._kafka = self._open.enter_context(producer(self._settings))
                for each in [self._kafka.send(self._settings.topic, record) for record in records]:
                    each.get(timeout=_TAKEN_S)
            except KafkaError as error:
                msg = f"Kafka did not take the events ({type(error).__name__})"
                raise KafkaUnreachableError(msg) from error

    def close(self) -> None:
        """Disconnect."""
        with self._lock:
            self._open.close()
            self._kafka = None
