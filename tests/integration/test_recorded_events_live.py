"""The recorded events of a real shop through Kafka, Flink and Redis, submitted as a data engineer submits."""

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

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
DEVICE, USER = "67430c52-68fb-4277-baeb-b6033403094a", "shopper@example.com"
SESSION = "c9727c0f-0f83-4a70-9eca-a415cf9ea52b"
VISIT = {
    "event_count": "26",
    "page_count": "8",
    "product_view_count": "1",
    "list_view_count": "9",
    "cart_add_count": "1",
    "checkout_step": "2",
    "marketing_campaign": "google-ads-winter-sale-24",
    "session_duration": "127419",
    "orders_count": "1",
    "order_value": "42.99",
    "session_currency": "USD",
}
LOOKS = {
    "product_view_count": "1",
    "list_view_count": "9",
    "cart_add_count": "1",
    "cart_added_value": "42.99",
    "orders_count": "1",
    "order_value": "42.99",
    "checkout_furthest_step": "2",
}


@contextmanager
def submitted(
    around: Surroundings, topology: Literal["fused", "branches"] = "fused", **settings: str
) -> Iterator[LiveJob]:
    """The job by `shopper submit`, for the length of the block; `settings` are variables."""
    config = around.config(topology=topology)
    command = [str(Path(sys.executable).with_name("shopper")), "submit", "--json"]
    command += ["--jobmanager", around.address]
    command += ["--kafka-bootstrap", config.kafka_bootstrap, "--topic", config.topic]
    command += ["--dead-letter-topic", config.dead_letter_topic, "--job-name", config.job_name]
    command += ["--redis-url", config.redis_url, "--redis-prefix", config.redis_prefix]
    command += ["--checkpoint-dir", config.checkpoint_dir, "--parallelism", "2", "--topology", topology]
    done = subprocess.run(
        command,
        cwd=around.folder,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=SUBMIT_S,
        check=False,
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


@pytest.mark.parametrize("topology", ["fused", "branches"])
def test_the_login_example_is_one_shopper(around: Surroundings, topology: Any) -> None:
    example = (DATA / "live-shopper-example" / "successful_checkout.jsonl").read_bytes().splitlines()
    around.send(moved_to_now(example))
    pointers = [f"user:{DEVICE}:features:{window}" for window in ("5min", "1h", "24h", "session")]
    wanted = {key: {"_same_as": USER} for key in pointers}
    wanted |= {f"user:{USER}:features:{window}": LOOKS for window in ("5min", "1h", "24h")}
    wanted |= {f"user:{USER}:features:session": VISIT}
    wanted |= {f"session:{SESSION}:features": VISIT | {"_owner": USER}}
    with submitted(around, topology, SHOPPER_CHECKOUT_ORDER_STEP="2") as job:
        assert job.wait_read(26)["applied"] == 26
        # What the device did is on its way when the login is accounted for, and some branches are slower.
        wait_until(lambda: told(job, wanted) == wanted, END_S, "one shopper has it all")
        assert not set(pointers) & around.features(job.config.redis_prefix).keys(), "they hold no features"


def told(job: LiveJob, wanted: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Every key there is, with the wanted fields of it."""
    client, prefix = job.around.client, job.config.redis_prefix
    shown = {}
    for key in client.scan_iter(f"{prefix}*"):
        name, row = key.removeprefix(prefix), client.hgetall(key)
        if not name.startswith("pipeline:"):
            shown[name] = {field: row.get(field, "") for field in wanted.get(name, row)}  # type: ignore[union-attr]
    return shown
