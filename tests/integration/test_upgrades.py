"""What an upgrade does to a running job: stop, go on, migrate to another query, begin a new life."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient
from typer.testing import CliRunner, Result

from features.settings import Definitions
from jobs.cli.main import app
from jobs.local.flink import FlinkCluster
from jobs.package import PACKAGES, ROOT
from jobs.shop import shop_events
from tests.fixtures.savepoint import DEFINITIONS, FOLDER, LONG, NAME, SHORT, Fixture, lasting
from tests.harness import KafkaService, RedisService, toolchain, wait_until
from tests.integration.live_job import END_S, LiveJob, Surroundings, live_job
from tests.integration.test_live_job import adds_up, recent_records, replayed, sdk_view, stable

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), pytest.mark.usefixtures("nowhere")]

RECORDS = 4_000


def shopper(around: Surroundings, command: str, *more: str) -> Result:
    """Call a command with this test's servers."""
    job = around.config()
    given = {
        "--jobmanager": around.address,
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
        # As a submission has it: what has no state yet lives as long as what has.
        again = around.config(batch_ms=2_000, parallelism=2, restore_from=savepoint, life=before.life)
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


@pytest.fixture
def released(
    kafka: KafkaService, redis_server: RedisService, flink_cluster: FlinkCluster, tmp_path: Path
) -> Iterator[Surroundings]:
    """What was there when the last release took its savepoint; the state belongs to a topic of that name."""
    around = Surroundings(kafka, redis_server, flink_cluster, tmp_path, NAME)
    # The positions that the savepoint holds must exist; what is below them is not read again.
    around.send(Fixture.read().records)
    shutil.copytree(FOLDER / "state", tmp_path / "elsewhere")
    yield around
    around.client.delete(*around.client.scan_iter(f"{NAME}:*"))
    around.client.close()
    topics = {NAME, around.dead_letter_topic}
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin:
        admin.delete_topics(list(topics))
        wait_until(lambda: topics.isdisjoint(admin.list_topics()), END_S, "the topics are gone")


def test_a_savepoint_of_the_last_release_goes_on(released: Surroundings) -> None:
    fixture, around = Fixture.read(), released
    assert fixture.life < time.time_ns() // 1_000_000, "this machine's clock is behind"
    apart = replace(DEFINITIONS, identity="off")
    moved = (around.folder / "elsewhere").as_uri()
    config = around.config(definitions=apart, parallelism=2, restore_from=moved)
    with live_job(around, config) as job:
        wait_until(
            lambda: lasting(around.features(config.redis_prefix)) == fixture.rows,
            END_S,
            "every row is there again, from state",
        )
        more: list[bytes | None] = [sdk_view("ann", number) for number in range(100, 103)]
        around.send(more)
        counts = job.wait_read(len(fixture.records) + len(more))
        assert {name: counts[name] for name in fixture.counts} == fixture.counts | {
            "read": len(fixture.records) + len(more),
            "applied": fixture.counts["applied"] + len(more),
        }
        assert {told["life"] for told in job.progress().values()} == {fixture.life}
        short = f"{config.redis_prefix}user:ann:features:{SHORT}"
        assert around.client.hget(short, "product_view_count") == "3"
        wanted, _ = replayed([*fixture.records, *more], apart)
        assert lasting(around.features(config.redis_prefix)) == fixture.known(lasting(wanted))
        wait_until(lambda: not around.client.exists(short), END_S, "the short window is empty again")
        assert job.failures() == 0


def test_a_savepoint_from_before_identity_goes_on_with_it(released: Surroundings) -> None:
    fixture, around = Fixture.read(), released
    moved = (around.folder / "elsewhere").as_uri()
    config = around.config(definitions=DEFINITIONS, parallelism=2, restore_from=moved)
    user = "zoe"
    device = next(key.split(":")[1] for key in fixture.rows if key.startswith("user:") and "-" in key)
    with live_job(around, config) as job:
        wait_until(
            lambda: lasting(around.features(config.redis_prefix)) == fixture.rows,
            END_S,
            "every row is there again, from state",
        )

        def views(shopper: str) -> str | None:
            return around.client.hget(  # type: ignore[return-value]
                f"{config.redis_prefix}user:{shopper}:features:{LONG}", "product_view_count"
            )

        around.send([sdk_view("", 900, device=device)])
        wait_until(lambda: views(device) == "1", END_S, "who was anonymous begins anew")
        around.send([sdk_view(user, 901, device=device)])
        wait_until(lambda: views(user) == "2", END_S, "and moves to the user")
        pointer = f"{config.redis_prefix}user:{device}:features:{LONG}"
        wait_until(lambda: around.client.hget(pointer, "_same_as") == user, END_S, "the device points there")
        counts = job.wait_read(len(fixture.records) + 2)
        assert counts["applied"] == fixture.counts["applied"] + 2
        others = {key: row for key, row in fixture.rows.items() if device not in key}
        shown = lasting(around.features(config.redis_prefix))
        assert {key: shown.get(key) for key in others} == others
        assert job.failures() == 0


def test_decay_goes_on_at_another_parallelism_without_a_record(around: Surroundings) -> None:
    definitions = Definitions(session_gap=timedelta(seconds=60))
    names = [f"shopper{number}" for number in range(40)]
    with live_job(around, around.config(definitions=definitions, start="earliest")) as first:
        around.send([sdk_view("warm", 0)])
        first.wait_read(1)
        around.send([sdk_view(name, 0) for name in names])
        records = 1 + len(names)
        first.wait_read(records)
        savepoint = first.stop()
    later = around.config(definitions=definitions, parallelism=2, restore_from=savepoint)
    keys = [f"{later.redis_prefix}user:{name}:features:session" for name in names]

    def open_sessions() -> set[str]:
        return {str(around.client.hget(key, "session_open")) for key in keys}

    assert open_sessions() == {"1"}
    with live_job(around, later) as second:
        wait_until(lambda: open_sessions() == {"0"}, 3 * END_S, "every session is closed")

        def runs() -> set[str]:
            return {told["run"] for told in second.progress().values()}

        wait_until(lambda: runs() == {f"{second.id}:0"}, END_S, "every bucket was woken by its timer")
        assert second.counts()["read"] == records, "nothing was sent since"


def test_rocksdb_holds_the_same(around: Surroundings) -> None:
    records = recent_records(14)
    around.send(records[:1500])
    with live_job(around, around.config(state_backend="rocksdb")) as first:
        first.wait_read(1500)
        assert stable(around.features(first.config.redis_prefix)) == stable(replayed(records[:1500])[0])
        savepoint = first.stop()
    around.send(records[1500:])
    with live_job(
        around, around.config(state_backend="rocksdb", restore_from=savepoint, batch_ms=120)
    ) as second:
        counts = second.wait_read(len(records))
        adds_up(counts, len(records))
        assert stable(around.features(second.config.redis_prefix)) == stable(replayed(records)[0])
        assert second.failures() == 0


def another_release(folder: Path) -> Path:
    """The code with other features in the product view: removed, renamed, redefined and added ones."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    product = folder / "features" / "views" / "product.py"
    lines = [line for line in product.read_text().splitlines() if '"list_click_count"' not in line]
    text = "\n".join(lines) + "\n"
    for before, after in {
        '"last_product_viewed"': '"latest_product"',
        '"unique_products_viewed", Distinct("keys")': '"unique_products_viewed", Distinct("keys", most=7)',
        '            Feature("promo_view_count"': (
            '            Feature("views_again", Count(), "Product views.", SEEN, unit="events"),\n'
            '            Feature("identified", Count("first_id"), "With an id.", SEEN, unit="events"),\n'
            '            Feature("promo_view_count"'
        ),
    }.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    product.write_text(text)
    return folder


def test_another_release_s_features_are_in_redis_without_an_event(
    kafka: KafkaService, redis_server: RedisService, tmp_path: Path
) -> None:
    with FlinkCluster(toolchain(), tmp_path / "flink", 1) as flink:
        around = Surroundings(kafka, redis_server, flink, tmp_path, f"release-{time.time_ns()}")
        around.send([sdk_view("ann", number) for number in range(3)])
        with live_job(around, around.config(start="earliest")) as old:
            old.wait_read(3)
            savepoint = old.stop()
        # New code needs a new interpreter.
        flink.kill_taskmanager(0)
        flink.start_taskmanager()
        flink.wait_ready()
        key = f"{old.config.redis_prefix}user:ann:features:1h"
        before: dict[str, str] = around.client.hgetall(key)  # type: ignore[assignment]
        assert before["last_product_viewed"] == "p2"
        config = around.config(restore_from=savepoint)
        with live_job(around, config, root=another_release(tmp_path / "release")) as new:
            wait_until(
                lambda: bool(around.client.hexists(key, "latest_product")), END_S, "rows are made anew"
            )
            after: dict[str, str] = around.client.hgetall(key)  # type: ignore[assignment]
            assert after.keys() - before.keys() == {"latest_product", "views_again", "identified"}
            assert before.keys() - after.keys() == {"last_product_viewed", "list_click_count"}
            assert (after["latest_product"], after["product_view_count"]) == ("p2", "3")
            assert after["views_again"] == "3", "the same definition is the same state"
            assert (after["identified"], after["unique_products_viewed"]) == ("0", "0"), "empty at first"
            assert new.counts()["read"] == 3
            assert new.failures() == 0
        around.client.close()


def test_a_job_goes_on_with_its_core_compiled(
    kafka: KafkaService, redis_server: RedisService, tmp_path: Path
) -> None:
    records = recent_records(15)
    with FlinkCluster(toolchain(), tmp_path / "flink", 1) as flink:
        around = Surroundings(kafka, redis_server, flink, tmp_path, f"compiled-{time.time_ns()}")
        savepoint, sent = "", 0
        for compiled, more in ((False, records[:1_500]), (True, records[1_500:])):
            if compiled:  # other code needs another interpreter
                flink.kill_taskmanager(0)
                flink.start_taskmanager()
                flink.wait_ready()
            around.send(more)
            sent += len(more)
            config = around.config(compiled=compiled, restore_from=savepoint)
            with live_job(around, config) as job:
                adds_up(job.wait_read(sent), sent)
                assert {told["compiled"] for told in job.progress().values()} == {compiled}
                assert stable(around.features(config.redis_prefix)) == stable(replayed(records[:sent])[0])
                assert job.failures() == 0
                savepoint = job.stop()
        around.client.close()
