"""Kafka clients from the settings."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from jobs.settings import Settings
from operators.places import place_of

CONNECT_TIMEOUT_MS: Final = 10_000
KNOCK_S: Final = 5.0
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
FETCH_BYTES: Final = 16 * 1024 * 1024


class KafkaUnreachableError(Exception):
    """No broker answered, or none let us in; the message says which of the two, and what to look at."""


class MissingTopicError(Exception):
    """Kafka has no such topic."""

    def __init__(self, settings: Settings, topic: str) -> None:
        """Name it, and the way out."""
        super().__init__(
            f"Kafka at {settings.kafka_bootstrap} has no topic {topic}; create it, or name the right one by "
            "--topic or --dead-letter-topic"
        )


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
        raise KafkaUnreachableError(why(settings, error)) from error


@contextmanager
def consumer(settings: Settings) -> Iterator[KafkaConsumer]:
    """Connect a consumer that belongs to no group: it disturbs nobody and commits nothing.

    Raises:
        KafkaUnreachableError: if no broker answers, or one does no longer.
    """
    try:
        client = KafkaConsumer(
            **client_options(settings),
            enable_auto_commit=False,
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        try:
            yield client
        finally:
            client.close()
    except KafkaError as error:
        raise KafkaUnreachableError(why(settings, error)) from error


def places_of(kafka: KafkaConsumer, settings: Settings, topic: str) -> list[TopicPartition]:
    """Return the partitions of a topic in their order.

    Raises:
        MissingTopicError: if there is no such topic.
    """
    numbers = kafka.partitions_for_topic(topic)
    if not numbers:
        raise MissingTopicError(settings, topic)
    return [TopicPartition(topic, number) for number in sorted(numbers)]


def all_places(kafka: KafkaConsumer, settings: Settings) -> dict[TopicPartition, int]:
    """Return the partitions of every topic that is read, with their numbers (`operators.places`).

    Raises:
        MissingTopicError: if one of the topics does not exist.
    """
    return {
        place: place_of(number, place.partition)
        for topic, number in settings.topics().items()
        for place in places_of(kafka, settings, topic)
    }


def topics_of(settings: Settings) -> set[str]:
    """Names of the topics that the user may see.

    Raises:
        KafkaUnreachableError: if no broker answers, or none lets us in.
    """
    _knock(settings)
    try:
        with KafkaAdminClient(**client_options(settings) | {"bootstrap_timeout_ms": 5_000}) as admin:
            return set(admin.list_topics())
    except KafkaError as error:
        raise KafkaUnreachableError(_not_let_in(settings, error)) from None


def why(settings: Settings, error: Exception) -> str:
    """Say what keeps clients out: they themselves say `timeout` of everything (kafka-python 3.0)."""
    try:
        _knock(settings)
    except KafkaUnreachableError as found:
        return str(found)
    return _not_let_in(settings, error)


def _knock(settings: Settings) -> None:
    """Connect to each broker as far as TLS.

    Raises:
        KafkaUnreachableError: if none answers; or at the first whose TLS is not to be trusted.
    """
    failures = []
    for address in settings.kafka_bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), KNOCK_S) as plain:
                if settings.kafka_security_protocol in ("SSL", "SASL_SSL"):
                    _greet(settings, plain, host.strip("[]"))
                return
        except ssl.SSLError as error:
            raise KafkaUnreachableError(_untrusted(address, error)) from None
        except OSError as error:
            failures.append(f"{address.strip()} does not answer ({error})")
    msg = f"Kafka: {'; '.join(failures)}. Does it run, and is kafka_bootstrap right as seen from here?"
    raise KafkaUnreachableError(msg)


def _greet(settings: Settings, plain: socket.socket, host: str) -> None:
    ca_file = settings.kafka_ca_file
    context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    context.wrap_socket(plain, server_hostname=host).close()


def _untrusted(address: str, error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"Kafka at {address} shows a certificate that is not trusted ({error.verify_message}); "
            "kafka_ca_file must name the PEM file of the authority that signed it"
        )
    return (
        f"Kafka at {address} does not speak TLS there ({error.reason or error}); "
        "kafka_security_protocol must be that of the listener, SASL_PLAINTEXT or PLAINTEXT without TLS"
    )


def _not_let_in(settings: Settings, error: Exception) -> str:
    """For a broker that can be reached."""
    place, protocol = settings.kafka_bootstrap, settings.kafka_security_protocol
    if protocol.startswith("SASL"):
        return (
            f"Kafka at {place} answers, but did not accept the login of {settings.kafka_sasl_user!r} by "
            f"{settings.kafka_sasl_mechanism} ({type(error).__name__}); check kafka_sasl_user, "
            "kafka_sasl_password, kafka_sasl_mechanism and kafka_security_protocol"
        )
    return (
        f"Kafka at {place} answers, but not by {protocol} ({type(error).__name__}); "
        "kafka_security_protocol must be that of the listener"
    )
