"""What an upgrade does to a running job: stop, go on, migrate to another query, begin a new life."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import pytest
from typer.testing import CliRunner, Result

from jobs.cli.main import app
from jobs.settings import Settings
from jobs.shop import shop_events
from tests.integration.live_job import LiveJob, Surroundings, live_job
from tests.integration.test_live_job import adds_up, replayed, stable

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

RECORDS = 4_000


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Settings come from the flags alone."""
    monkeypatch.chdir(tmp_path_factory.mktemp("nowhere"))
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SHOPPER_{name.upper()}", raising=False)


def shopper(around: Surroundings, command: str, *more: str) -> Result:
    """Call a command with this test's servers."""
    job = around.config()
    given = {
        "--jobmanager": around.flink.rest_url.removeprefix("http://"),
        "--checkpoint-dir": job.checkpoint_dir,
        "--job-name": job.job_name,
    }
    if command != "stop":
        given |= {
            "--redis-url": job.redis_url,
            "--redis-prefix": job.redis_prefix,
            "--kafka-bootstrap": job.kafka_bootstrap,
            "--topic": job.topic,
            "--dead-letter-topic": job.dead_letter_topic,
            "--checkpoint-interval-s": "1",
        }
    flags = [text for pair in given.items() for text in pair]
    result = CliRunner().invoke(app, [command, *flags, *more])
    print(command, more, result.exit_code, result.output)
    return result


@contextmanager
def submitted(around: Surroundings, command: str, *more: str) -> Iterator[LiveJob]:
    """The job that a command submits, for the length of the block."""
    result = shopper(around, command, *more)
    assert result.exit_code == 0, result.output
    job = LiveJob(around, around.config(), result.stdout.strip())
    try:
        yield job
    finally:
        job.cancel()


@contextmanager
def streaming(around: Surroundings, records: list[bytes | None], seconds: float) -> Iterator[None]:
    """Send the records evenly over so many seconds, beside what the block does; wait for the last one."""

    def send() -> None:
        pieces = 100
        for start in range(0, len(records), len(records) // pieces):
            around.send(records[start : start + len(records) // pieces])
            time.sleep(seconds / pieces)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        sender.join()


def test_a_changed_query_is_refused_by_a_restore_and_migrated_to_without_loss(around: Surroundings) -> None:
    start = time.time_ns() // 1_000_000 - 600_000
    records: list[bytes | None] = [r for _, r in islice(shop_events(17, 300, start, 10), RECORDS)]
    # A batch of two seconds is never empty while the stream runs, so that something is open at the stop.
    before = around.config(batch_ms=2_000, parallelism=2)
    with streaming(around, records, 60):
        with live_job(around, before, "another-query") as old:
            old.wait_read(300)
            stopped = shopper(around, "stop")
            assert stopped.exit_code == 0
            assert old.status() == "FINISHED"
        savepoint = stopped.stdout.strip()
        refused = shopper(around, "submit", "--from", savepoint)
        assert refused.exit_code == 1
        assert "shopper migrate" in refused.output
        again = around.config(batch_ms=2_000, parallelism=2, restore_from=savepoint)
        with (
            live_job(around, again, "another-query") as once_more,
            submitted(around, "migrate") as migrated,
        ):
            assert once_more.status() == "FINISHED"
            migrated.wait_read(RECORDS)
            adds_up(migrated.counts(), RECORDS)
            assert stable(around.features(before.redis_prefix)) == stable(replayed(records)[0])
            assert {told["life"] for told in migrated.progress().values()} == {before.life}
            assert migrated.failures() == 0
