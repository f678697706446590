"""The recorded events of a real shop through Kafka, Flink and Redis, submitted as a data engineer submits."""

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobs.recorded.restamp import restamp
from tests.harness import wait_until
from tests.integration.live_job import END_S, LiveJob, Surroundings
from tests.recorded_sessions import mismatches

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

DATA = Path(__file__).parents[1] / "data"
FILES = {
    "tsv": "events.enriched.tsv.gz",
    "sdk_json": "events.sdk.jsonl.gz",
    "live_shopper": "events.live_shopper_topic.jsonl.gz",
}
SUBMIT_S = 120
COUNTS = ("page_count", "product_view_count", "list_view_count", "cart_add_count", "checkout_step")
BEFORE, AFTER = "67430c52-68fb-4277-baeb-b6033403094a", "shopper@example.com"
HALVES = {BEFORE: ["4", "1", "4", "1", "1"], AFTER: ["4", "0", "5", "0", "2"]}


@contextmanager
def submitted(around: Surroundings, *flags: str) -> Iterator[LiveJob]:
    """The job by `shopper submit`, for the length of the block."""
    config = around.config()
    command = [str(Path(sys.executable).with_name("shopper")), "submit", "--json"]
    command += ["--jobmanager", around.address]
    command += ["--kafka-bootstrap", config.kafka_bootstrap, "--topic", config.topic]
    command += ["--dead-letter-topic", config.dead_letter_topic, "--job-name", config.job_name]
    command += ["--redis-url", config.redis_url, "--redis-prefix", config.redis_prefix]
    command += ["--checkpoint-dir", config.checkpoint_dir, "--parallelism", "2", *flags]
    done = subprocess.run(
        command, cwd=around.folder, capture_output=True, text=True, timeout=SUBMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    job = LiveJob(around, config, json.loads(done.stdout)["job_id"])
    try:
        yield job
    finally:
        job.cancel()


def moved_to_now(records: list[bytes]) -> list[bytes]:
    return [moved.raw for moved in restamp(records, time.time_ns() // 1_000_000)]


@pytest.mark.parametrize("wire_format", FILES)
def test_the_sessions_in_redis_are_those_that_the_publisher_expects(
    around: Surroundings, wire_format: str
) -> None:
    raw = gzip.decompress((DATA / "snowplow-ecommerce" / FILES[wire_format]).read_bytes()).splitlines()
    around.send(moved_to_now(raw))
    with submitted(around) as job:
        counts = job.wait_read(833)
        assert (counts["applied"], counts["filtered"]) == (832, 1)
        shown = around.features(job.config.redis_prefix)
        sessions = {key.split(":")[1]: row for key, row in shown.items() if key.startswith("session:")}
        assert mismatches(sessions, wire_format) == []
        days = [row for key, row in shown.items() if key.endswith(":24h")]
        totals = {name: sum(int(row[name]) for row in days) for name in days[0] if name.endswith("_count")}
        assert (totals["product_view_count"], totals["list_view_count"]) == (179, 100)
        assert (totals["cart_add_count"], totals["cart_remove_count"], totals["orders_count"]) == (38, 15, 14)
        if wire_format != "live_shopper":
            worth = {row["purchase_currency"]: 0.0 for row in days if "order_value" in row}
            for row in days:
                if "order_value" in row:
                    worth[row["purchase_currency"]] += float(row["order_value"])
            assert {currency: round(value, 2) for currency, value in worth.items()} == {
                "EUR": 1_234_863.89,
                "USD": 231_231.0,
            }


def test_the_login_example_gives_each_half_under_its_own_id(around: Surroundings) -> None:
    example = (DATA / "live-shopper-example" / "successful_checkout.jsonl").read_bytes().splitlines()
    around.send(moved_to_now(example))
    with submitted(around, "--topology", "branches") as job:
        job.wait_read_branch(26, "session")
        keys = {shopper: f"user:{shopper}:features:session" for shopper in HALVES}
        session = "session:c9727c0f-0f83-4a70-9eca-a415cf9ea52b:features"
        shown: dict[str, dict[str, str]] = {}

        def each_half_is_counted() -> bool:
            shown.update(around.features(job.config.redis_prefix))
            halves = {shopper: shown.get(key, {}) for shopper, key in keys.items()}
            told = {shopper: [row.get(name) for name in COUNTS] for shopper, row in halves.items()}
            return told == HALVES and shown.get(session) == halves[BEFORE]

        # The other branches may be behind the one that accounts.
        wait_until(each_half_is_counted, END_S, "each half is counted, and the session as the first")
    assert shown[session]["marketing_campaign"] == "google-ads-winter-sale-24"
    assert shown[f"user:{BEFORE}:features:24h"]["cart_added_value"] == "42.99"
