"""Fixtures for tests of all folders, real servers among them, and the marks of tests by their folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from jobs.local import process
from jobs.local.flink import FlinkCluster
from jobs.settings import Settings
from tests.harness import KafkaService, RedisService, kafka_service, redis_service, toolchain

FOLDER_MARKS = {"integration": pytest.mark.integration, "faults": pytest.mark.cluster}
CLUSTER_SIZE = 2
LONGEST = (
    "test_quick.py",
    "test_upgrades.py",
    "test_live_page.py",
    "test_secured_job.py",
    "test_fuzzed_records.py",
    "test_live_job.py",
    "test_ten_thousand_shoppers.py",
)
"""What takes longest, in the order in which workers take it: begun last, it would be waited for."""
MARKS = {"unit", "property", "integration", "cluster"}

# Other work on the machine is no failure.
settings.register_profile("machine", deadline=None)
# What `make test` runs: the same examples every time, so that a failure is the change's.
settings.register_profile("steady", settings.get_profile("machine"), derandomize=True, print_blob=True)
settings.load_profile("machine")


def pytest_configure(config: pytest.Config) -> None:
    """Give each worker ports of its own: a free one that one worker has found is not yet bound."""
    if number := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw"):
        share = len(process.PORTS) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        process.PORTS = process.PORTS[int(number) * share :][:share]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        parts = Path(item.path).relative_to(item.config.rootpath).parts
        marked = {mark.name for mark in item.iter_markers()} & MARKS
        if not marked:
            item.add_marker(
                next((FOLDER_MARKS[part] for part in parts if part in FOLDER_MARKS), pytest.mark.unit)
            )
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without a file, and none of our variables: settings are the test's own."""
    folder = tmp_path / "nowhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SHOPPER_{name.upper()}", raising=False)
    return folder


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
