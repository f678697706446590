"""The job's configuration travels as JSON and refuses what Flink would only stumble over."""

from typing import Any

import pytest

from features.settings import Definitions
from jobs.job_config import JobConfig, JobConfigError

LIFE = 1_700_000_000_000
DAY_AND_A_PANE = (24 * 60 + 15) * 60_000


def config(**more: Any) -> JobConfig:
    given = {"kafka_bootstrap": "k:9092", "redis_url": "redis://r:6379/0", "checkpoint_dir": "file:///c"}
    return JobConfig(**given | {"life": LIFE} | more)


def test_json_there_and_back_is_the_same() -> None:
    one = config(
        definitions=Definitions(checkout_order_step=2),
        app_ids=frozenset({"shop"}),
        kafka_properties={"sasl.jaas.config": 'it\'s "quoted"'},
        start=5,
    )
    assert JobConfig.from_json(one.to_json()) == one


@pytest.mark.parametrize(
    ("start", "covers"),
    [("recent", LIFE - DAY_AND_A_PANE), ("earliest", 0), ("latest", LIFE), ("group-offsets", LIFE), (5, 5)],
)
def test_the_start_says_from_when_on_windows_are_whole(start: Any, covers: int) -> None:
    assert config(start=start).covers_from == covers


@pytest.mark.parametrize(("batch_ms", "idle_ms"), [(1, 100), (50, 100), (51, 102), (2_000, 4_000)])
def test_an_instance_is_idle_when_two_batches_could_have_come(batch_ms: int, idle_ms: int) -> None:
    assert config(batch_ms=batch_ms).idle_ms == idle_ms


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({"checkpoint_dir": "/c"}, "checkpoint_dir is '/c'; give a URI"),
        ({"batch_ms": 0}, "batch_ms is 0"),
        ({"start": "yesterday"}, "start is 'yesterday'"),
        ({"buckets": 20}, "20 buckets"),
    ],
)
def test_what_cannot_work_is_refused(more: dict[str, Any], names: str) -> None:
    with pytest.raises(JobConfigError, match=names):
        config(**more)


def test_json_that_is_not_a_configuration_is_refused() -> None:
    with pytest.raises(JobConfigError, match="kafka_bootstrap"):
        JobConfig.from_json(b"{}")
