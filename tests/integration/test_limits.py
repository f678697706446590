"""Ids of 10 kB, 10,000 categories, 500 products in one event, one shopper with thousands of events: bounded,
counted and marked, and nothing to those beside."""

import base64
import json
import time
from typing import Any

import pytest

from tests.harness import wait_until
from tests.integration.live_job import END_S, Surroundings, live_job
from tests.integration.test_live_job import adds_up

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PRODUCTS = 500
CATEGORIES = 10_000
BUSY = 20_000
LONG = "x" * 10_000
LONGEST = "y" * 1_000
TEXT_CHARS = 255


def record(
    event_id: str, kind: str = "product_view", products: int = 1, first: int = 0, **more: Any
) -> bytes:
    """An event with products of so many categories, from the number `first` on."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".000Z"
    entity = "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1"
    action = "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1"
    given = {
        "event_id": event_id,
        "event_name": "snowplow_ecommerce_action",
        "collector_tstamp": now,
        "user_id": "ann",
        "domain_sessionid": "s",
        action: {"type": kind},
        entity: [{"id": f"p{n}", "category": f"c{n}"} for n in range(first, first + products)],
    }
    return json.dumps(given | more).encode()


def views(shopper: str, number: int) -> list[bytes]:
    own = f"s-{shopper}"
    return [record(f"{shopper}-{n}", user_id=shopper, domain_sessionid=own) for n in range(number)]


def test_what_is_too_long_or_too_much_is_bounded_counted_and_marked(around: Surroundings) -> None:
    too_long = [
        record("1", user_id=LONG),
        record("2", domain_sessionid=LONG),
        record(LONG),
    ]
    many = [
        record(f"m{n}", products=PRODUCTS, first=n * PRODUCTS, user_id="many", domain_sessionid="s-many")
        for n in range(CATEGORIES // PRODUCTS)
    ]
    long_texts = record(
        "t", user_id="texts", domain_sessionid="s-texts", page_url=f"https://shop.example/{LONG}"
    )
    long_id = record("l", user_id=LONGEST, domain_sessionid=LONGEST)
    records = [*views("ann", 5), *too_long, *many, long_texts, long_id, *views("bob", 5)]
    around.send(records)
    with live_job(around, around.config(start="earliest")) as job:
        counts = job.wait_read(len(records))
        adds_up(counts, len(records))
        assert (counts["applied"], counts["dead"]) == (len(records) - len(too_long), len(too_long))
        assert counts["dead.bug"] == counts["wake_bugs"] == 0
        told = around.features(job.config.redis_prefix)
        for shopper in ("ann", "bob"):
            assert told[f"user:{shopper}:features:1h"]["product_view_count"] == "5"
        capped = around.client.hgetall(f"{job.config.redis_prefix}user:many:features:1h")
        assert capped["_capped"] == "1"  # type: ignore[index]
        assert int(capped["unique_products_viewed"]) <= 1_000  # type: ignore[index]
        assert capped["category_view_count"] == str(CATEGORIES)  # type: ignore[index]
        for shopper in ("ann", "bob", "texts", LONGEST):
            assert not around.client.hexists(
                f"{job.config.redis_prefix}user:{shopper}:features:1h", "_capped"
            )
        session = told["user:texts:features:session"]
        assert max(map(len, session.values())) == TEXT_CHARS
        assert f"user:{LONGEST}:features:session" in told
        assert f"session:{LONGEST[:TEXT_CHARS]}:features" in told
        letters = around.dead_letters()
        assert sorted(base64.b64decode(letter["raw"]) for letter in letters) == sorted(too_long)
        assert {reason[0] for letter in letters for reason in letter["reasons"]} == {
            *("user_id", "domain_sessionid", "event_id"),
        }
        assert not any(LONG[:50] in str(letter["reasons"]) for letter in letters)
        assert job.failures() == 0


def test_one_shopper_with_very_many_events_costs_nobody_a_value(around: Surroundings) -> None:
    """All of them are counted, and those beside who send at the same time."""
    beside = [f"quiet-{number}" for number in range(50)]
    records: list[bytes] = []
    for number in range(BUSY):
        records.append(record(f"bot-{number}", first=number % 30, user_id="bot", domain_sessionid="s-bot"))
        if number % 40 == 0:
            shopper = beside[number // 40 % len(beside)]
            records.append(record(f"{shopper}-{number}", user_id=shopper, domain_sessionid=f"s-{shopper}"))
    around.send(records)
    with live_job(around, around.config(start="earliest")) as job:
        counts = job.wait_read(len(records))
        adds_up(counts, len(records))
        assert counts["applied"] == len(records)
        told = around.features(job.config.redis_prefix)
        assert told["user:bot:features:1h"]["product_view_count"] == str(BUSY)
        assert told["user:bot:features:1h"]["unique_products_viewed"] == "30"
        each = str(BUSY // 40 // len(beside))
        assert {told[f"user:{shopper}:features:1h"]["product_view_count"] for shopper in beside} == {each}
        wait_until(lambda: job.checkpoints() > 0, END_S, "a checkpoint is complete")
        assert job.failures() == 0
