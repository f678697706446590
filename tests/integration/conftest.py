"""What a test of the live job has around it."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.local.flink import FlinkCluster
from tests.harness import KafkaService, RedisService
from tests.integration.live_job import Surroundings


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
