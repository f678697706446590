"""What a test of the live job has around it."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobs.local.flink import FlinkCluster
from sinks.redis_sink import RedisSink
from tests.harness import KafkaService, RedisService
from tests.integration.live_job import Surroundings
from tests.integration.secured import Secured, secured
from tests.sinks.servers import Server, executables, running


@pytest.fixture
def around(
    kafka: KafkaService,
    redis_server: RedisService,
    flink_cluster: FlinkCluster,
    tmp_path: Path,
) -> Iterator[Surroundings]:
    """The servers, with topics, keys and checkpoints that are this test's own."""
    made = Surroundings(kafka, redis_server, flink_cluster, tmp_path, f"live-{uuid.uuid4().hex[:8]}")
    yield made
    made.client.close()


@pytest.fixture(scope="module", params=executables())
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Redis of the module's own, of each kind that this machine has."""
    with running(tmp_path_factory.mktemp("redis"), executable=request.param) as started:
        yield started


@pytest.fixture
def redis(server: Server) -> Any:
    """A client of it, once it is empty."""
    client = server.client()
    client.flushall()
    return client


@pytest.fixture
def sink(server: Server, redis: Any) -> Iterator[RedisSink]:
    """A sink into it."""
    with closing(RedisSink.connect(server.url)) as made:
        yield made


@pytest.fixture(scope="session")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A Kafka and a Redis that let nobody in without TLS and a login."""
    with secured(tmp_path_factory.mktemp("secured")) as servers:
        yield servers


@pytest.fixture
def secure_around(secure: Secured, flink_cluster: FlinkCluster, tmp_path: Path) -> Iterator[Surroundings]:
    """The same with topics, keys, users and checkpoints that are this test's own."""
    name = f"secure-{uuid.uuid4().hex[:8]}"
    made = Surroundings(secure.kafka, secure.redis, flink_cluster, tmp_path, name)
    secure.let_in(f"{name}:")
    yield made
    made.client.close()
