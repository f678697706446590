"""The layout `live-shopper` of the live job: recorded events through Kafka, Flink and Redis, by strings."""

import gzip
from typing import Any

import pytest

from events.control import forget_record
from tests.harness import wait_until
from tests.integration.live_job import END_S, LiveJob, Surroundings
from tests.integration.test_recorded_events_live import (
    DATA,
    DEVICE,
    SESSION,
    USER,
    moved_to_now,
    submitted,
)
from tests.recorded_shoppers import expected_strings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

LAYOUT = {"SHOPPER_LAYOUT": "live-shopper"}
LOOKS = {
    "product_view_count": "1",
    "avg_viewed_price": "42.9900",
    "return_view_count": "0",
    "price_range_viewed": "42.99-42.99",
    "category_view_count": "1",
    "top_category": "Kid shoes",
    "unique_categories": "1",
    "cart_add_count": "1",
    "cart_remove_count": "0",
    "cart_update_frequency": "1",
    "cart_value": "0.00",
    "orders_count": "1",
    "order_value": "42.99",
    "avg_order_value": "42.9900",
}
VISIT = {
    "session_duration": "127419",
    "session_page_count": "8",
    "session_bounce": "false",
    "session_marketing_campaign": "google-ads-winter-sale-24",
    "session_cart_ratio": "1.0",
    "session_search_count": "0",
    "shopper_device_types": "[Desktop]",
    "shopper_latest_platform": "web",
}


def strings(job: LiveJob) -> dict[str, str]:
    """Every string of the job's, by key."""
    client, prefix = job.around.client, job.config.redis_prefix
    keys: list[str] = list(client.scan_iter(f"{prefix}*", count=10_000, _type="string"))
    found: list[str | None] = client.mget(keys) if keys else []  # type: ignore[assignment]
    return {key.removeprefix(prefix): text for key, text in zip(keys, found, strict=True) if text is not None}


@pytest.mark.parametrize("topology", ["fused", "branches"])
def test_the_login_example_is_one_shopper_to_readers_of_strings(around: Surroundings, topology: Any) -> None:
    example = (DATA / "live-shopper-example" / "successful_checkout.jsonl").read_bytes().splitlines()
    around.send(moved_to_now(example))
    wanted = {
        f"user:{USER}:{name}_{window}": text for window in ("5m", "1h", "24h") for name, text in LOOKS.items()
    }
    wanted |= {f"session:{SESSION}:{name}": text for name, text in VISIT.items()}
    with submitted(around, topology, SHOPPER_CHECKOUT_ORDER_STEP="2", **LAYOUT) as job:
        assert job.wait_read(26)["applied"] == 26
        # Whatever the device had is gone with its login: its strings would be counted twice.
        wait_until(lambda: strings(job) == wanted, END_S, "one shopper has it all")
        client, prefix = around.client, job.config.redis_prefix
        assert client.hget(f"{prefix}user:{DEVICE}:features:24h", "_same_as") == USER
        assert all(client.pttl(prefix + key) > 0 for key in wanted)  # type: ignore[operator]
        around.send([forget_record(USER)])
        wait_until(lambda: strings(job) == {}, END_S, "nothing is left of who was forgotten")


def test_the_recorded_shoppers_have_the_strings_that_the_publisher_expects(around: Surroundings) -> None:
    raw = gzip.decompress((DATA / "snowplow-ecommerce" / "events.sdk.jsonl.gz").read_bytes()).splitlines()
    around.send(moved_to_now(raw))
    with submitted(around, "fused", **LAYOUT) as job:
        assert job.wait_read(833)["applied"] == 832

        def days() -> dict[str, str]:
            return {key: text for key, text in strings(job).items() if key.endswith("_24h")}

        wait_until(lambda: days() == expected_strings(), END_S, "every string is as expected")
