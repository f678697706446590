"""Real servers for tests: containers where a Docker engine answers, else processes of this machine.

Both kinds have the same face, `KafkaService` and `RedisService`; a test cannot tell them apart.
Set SHOPPER_TEST_SERVERS=local to have processes although Docker is there.
"""

import gc
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from jobs.local import kafka, redis
from jobs.local.process import HOST, free_port
from jobs.local.toolchain import Toolchain, ensure

KAFKA_IMAGE = "apache/kafka:4.2.0"
REDIS_IMAGE = "redis:7.4.7-alpine"
DOCKER_ANSWERS_S = 3
READY_S = 90.0


class KafkaService(Protocol):
    """A broker for tests."""

    @property
    def bootstrap(self) -> str: ...
    def create_topic(self, name: str, partitions: int = 1) -> None: ...
    def restart(self) -> None: ...


class RedisService(Protocol):
    """A Redis for tests, which keeps its data over a restart."""

    @property
    def url(self) -> str: ...
    def restart(self) -> None: ...


@cache
def toolchain() -> Toolchain:
    """The Java, jars and so on of this machine."""
    return ensure()


@cache
def has_docker() -> bool:
    """Whether a Docker engine answers within a few seconds."""
    if os.environ.get("SHOPPER_TEST_SERVERS") == "local":
        return False
    with warnings.catch_warnings():
        # urllib3 2.8 drops the socket of a refused connection, and it is noticed when it is collected.
        warnings.simplefilter("ignore", ResourceWarning)
        answers = _docker_answers()
        gc.collect()
    return answers


def _docker_answers() -> bool:
    import docker

    try:
        with closing(docker.from_env(timeout=DOCKER_ANSWERS_S)) as client:
            return bool(client.ping())
    except (docker.errors.DockerException, OSError):
        return False


@contextmanager
def kafka_service(folder: Path) -> Iterator[KafkaService]:
    """A broker for the length of the block."""
    if has_docker():
        with _kafka_container() as service:
            yield service
    else:
        with kafka.KafkaBroker(toolchain(), folder) as broker:
            yield broker


@contextmanager
def redis_service(folder: Path) -> Iterator[RedisService]:
    """A Redis for the length of the block."""
    if has_docker():
        with _redis_container() as service:
            yield service
    else:
        with redis.RedisServer(toolchain().redis_server, folder, append_only=True) as server:
            yield server


class ContainerKafka:
    """A broker in a container."""

    def __init__(self, container: Any, port: int) -> None:
        self._container = container
        self.bootstrap = f"{HOST}:{port}"

    def create_topic(self, name: str, partitions: int = 1) -> None:
        kafka.create_topic(self.bootstrap, name, partitions)

    def wait_ready(self) -> None:
        wait_until(lambda: kafka.answers(self.bootstrap), READY_S, f"Kafka at {self.bootstrap} answers")

    def restart(self) -> None:
        self._container.get_wrapped_container().restart()
        self.wait_ready()


class ContainerRedis:
    """A Redis in a container."""

    def __init__(self, container: Any, port: int) -> None:
        self._container = container
        self.url = f"redis://{HOST}:{port}/0"

    def wait_ready(self) -> None:
        wait_until(lambda: redis.answers(self.url), READY_S, f"Redis at {self.url} answers")

    def restart(self) -> None:
        self._container.get_wrapped_container().restart()
        self.wait_ready()


@contextmanager
def _kafka_container() -> Iterator[ContainerKafka]:
    # The same port inside and outside: the broker also connects to itself by its advertised address.
    port = free_port()
    settings = {
        "NODE_ID": "1",
        "PROCESS_ROLES": "broker,controller",
        "LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "ADVERTISED_LISTENERS": f"PLAINTEXT://{HOST}:{port}",
        "LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "AUTO_CREATE_TOPICS_ENABLE": "false",
        "MESSAGE_MAX_BYTES": str(kafka.MAX_BYTES),
        "REPLICA_FETCH_MAX_BYTES": str(kafka.MAX_BYTES),
        "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
        "SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
        "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }
    with _container(
        KAFKA_IMAGE, port, {f"KAFKA_{name}": value for name, value in settings.items()}
    ) as container:
        service = ContainerKafka(container, port)
        service.wait_ready()
        yield service


@contextmanager
def _redis_container() -> Iterator[ContainerRedis]:
    port = free_port()
    command = ["redis-server", "--port", str(port), "--save", "", "--appendonly", "yes"]
    with _container(REDIS_IMAGE, port, {}, command) as container:
        service = ContainerRedis(container, port)
        service.wait_ready()
        yield service


@contextmanager
def _container(
    image: str, port: int, environment: dict[str, str], command: list[str] | None = None
) -> Iterator[Any]:
    from testcontainers.core.container import DockerContainer

    container = DockerContainer(image).with_envs(**environment)
    container.ports[f"{port}/tcp"] = (HOST, port)  # type: ignore[assignment]
    if command:
        container.with_command(command)
    with container:
        yield container


def wait_until(true: Callable[[], bool], deadline_s: float, what: str) -> None:
    """Wait until `true()`, looking ten times a second; fail after `deadline_s` saying that not `what`."""
    until = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < until, f"after {deadline_s:g} s it is still not so that {what}"
        time.sleep(0.1)
