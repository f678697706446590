"""Kafka clients from the settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import KafkaError

from jobs.settings import Settings

CONNECT_TIMEOUT_MS: Final = 10_000
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024


class KafkaUnreachableError(Exception):
    """No broker answered, or none let us in."""


def client_options(settings: Settings) -> dict[str, Any]:
    """Return what every kafka-python client needs to connect."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap.split(","),
        "security_protocol": settings.kafka_security_protocol,
        "bootstrap_timeout_ms": CONNECT_TIMEOUT_MS,
    }
    if settings.kafka_ca_file is not None:
        options["ssl_cafile"] = str(settings.kafka_ca_file)
    if settings.kafka_security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_user
        options["sasl_plain_password"] = settings.kafka_sasl_password.get_secret_value()
    return options


@contextmanager
def producer(settings: Settings) -> Iterator[KafkaProducer]:
    """Connect a producer; at the end everything sent has been acknowledged.

    Raises:
        KafkaUnreachableError: if no broker answers, or one does no longer.
    """
    try:
        client = KafkaProducer(
            **client_options(settings), linger_ms=5, acks="all", max_request_size=MAX_MESSAGE_BYTES
        )
        try:
            yield client
            client.flush(timeout=30)
        finally:
            client.close(timeout=5)
    except KafkaError as error:
        msg = (
            f"Kafka at {settings.kafka_bootstrap} does not answer ({type(error).__name__}); "
            "is it running, and are kafka_bootstrap and the kafka_security settings right?"
        )
        raise KafkaUnreachableError(msg) from error
