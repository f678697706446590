"""Fixtures of real servers, and the marks of tests by their folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from jobs.local.flink import FlinkCluster
from tests.harness import KafkaService, RedisService, kafka_service, redis_service, toolchain

FOLDER_MARKS = {"integration": pytest.mark.integration, "faults": pytest.mark.cluster}
CLUSTER_SIZE = 2
MARKS = {"unit", "property", "integration", "cluster"}

# Other work on the machine is no failure.
settings.register_profile("machine", deadline=None)
settings.load_profile("machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        parts = Path(item.path).relative_to(item.config.rootpath).parts
        marked = {mark.name for mark in item.iter_markers()} & MARKS
        if not marked:
            item.add_marker(
                next((FOLDER_MARKS[part] for part in parts if part in FOLDER_MARKS), pytest.mark.unit)
            )


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaService]:
    """A real broker; use a topic of your own."""
    with kafka_service(tmp_path_factory.mktemp("kafka")) as service:
        yield service


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisService]:
    """A real Redis; use keys of your own."""
    with redis_service(tmp_path_factory.mktemp("redis")) as service:
        yield service


@pytest.fixture(scope="session")
def flink_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkCluster]:
    """A Flink cluster of two TaskManagers with a slot each; leave both running."""
    with FlinkCluster(toolchain(), tmp_path_factory.mktemp("flink"), CLUSTER_SIZE) as cluster:
        yield cluster
