"""What dashboards and alerts ask for is what the running job answers to Prometheus."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from features.views import BRANCHES
from operators.gauges import NAMES
from operators.ledger import VERDICTS
from operators.routed import devices_of
from tests.deploy.observing import OF_THE_API, Labels, asked, labels_of, missing_in
from tests.harness import KafkaService, RedisService, wait_until
from tests.integration.live_job import END_S, LiveJob, Surroundings, live_job
from tests.integration.scrape import MeasuredCluster, measured_cluster
from tests.integration.test_live_job import RECORDS, recent_records

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

OURS = "flink_taskmanager_job_task_operator_shopper_"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeasuredCluster]:
    with measured_cluster(tmp_path_factory.mktemp("measured"), 2) as cluster:
        yield cluster


@pytest.mark.parametrize("topology", ["fused", "branches"])
def test_every_metric_that_a_panel_or_alert_names_is_scraped_from_the_running_job(
    kafka: KafkaService, redis_server: RedisService, measured: MeasuredCluster, tmp_path: Path, topology: Any
) -> None:
    name = f"live-{uuid.uuid4().hex[:8]}"
    around = Surroundings(kafka, redis_server, measured.flink, tmp_path, name)
    around.send(recent_records())
    with live_job(around, around.config(parallelism=2, topology=topology)) as job:
        counts = job.wait_read(RECORDS)
        wait_until(lambda: job.checkpoints() > 0, END_S, "a checkpoint is completed")
        wait_until(lambda: total(measured, "read") == RECORDS, END_S, "the gauges tell every record")
        labels = scraped(measured)
        of_flink = [each for each in asked() if not each.metric.startswith(OF_THE_API)]
        assert missing_in(labels, of_flink) == []
        assert {f"{OURS}{gauge.replace('.', '_')}" for gauge in NAMES} <= labels.keys()
        add_up(job, measured, counts)
        # The reporter writes underscores for what Prometheus did not allow in a label once.
        assert {each["job_name"] for each in labels[f"{OURS}read"]} == {name.replace("-", "_")}
        assert {each["branch"] for each in labels[f"{OURS}branch_applied"]} == set(BRANCHES)
    around.client.close()


def add_up(job: LiveJob, measured: MeasuredCluster, counts: dict[str, int]) -> None:
    """The gauges say what the job says in Redis."""
    for verdict in VERDICTS:
        assert total(measured, verdict) == counts[verdict], verdict
    assert sum(total(measured, verdict) for verdict in VERDICTS) == RECORDS
    for name in ("handed_on", "moves", "moved"):
        assert total(measured, name) == counts[name] > 0, name
    assert counts["moves"] == counts["moved"]
    assert total(measured, "identity_lost") == 0
    assert total(measured, "dead_undecodable") > 0
    assert total(measured, "rows_written") > 0
    told = [s.value for s in measured.scrape() if s.name == f"{OURS}told_ms"]
    wait_until(
        lambda: min(s.value for s in measured.scrape() if s.name == f"{OURS}told_ms") > max(told),
        END_S,
        "every subtask tells again, though no record comes",
    )
    hosts = (_accountant(job), devices_of(_accountant(job)))
    newest = max(bucket["kafka_time"] for host in hosts for bucket in job.progress(host).values())
    assert max(s.value for s in measured.scrape() if s.name == f"{OURS}kafka_time_ms") == newest


def _accountant(job: LiveJob) -> str:
    return "session" if job.config.topology == "branches" else ""


def total(measured: MeasuredCluster, gauge: str) -> float:
    return sum(sample.value for sample in measured.scrape() if sample.name == f"{OURS}{gauge}")


def scraped(measured: MeasuredCluster) -> dict[str, Labels]:
    return labels_of(measured.scrape())
