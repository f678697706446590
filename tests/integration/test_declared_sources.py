"""Declared sources and Snowplow's events in one live job: values, accounting, dead letters, a restart."""

import json
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from kafka import KafkaProducer

from events.sources.declaration import Source
from jobs.inputs import sources
from jobs.job_config import JobConfig
from operators.ledger import VERDICTS
from operators.places import number_of, place_of
from tests.events.recorded import product, tsv_line
from tests.harness import wait_until
from tests.integration.live_job import END_S, LiveJob, Surroundings, live_job

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PARTITIONS = 2
SHOPPERS = 20


def declared(around: Surroundings) -> tuple[Source, Source]:
    """Two shipped sources, with topics of this test's own."""
    interactions, shop = (
        replace(source, topic=f"{around.name}-{source.topic}")
        for source in sources(["interactions", "shop-events"])
    )
    for source in (interactions, shop):
        around.kafka.create_topic(source.topic, PARTITIONS)
    return interactions, shop


def send(around: Surroundings, topic: str, records: Iterable[Any]) -> None:
    """Send records to the partitions of a topic in turn."""
    producer = KafkaProducer(bootstrap_servers=around.kafka.bootstrap, linger_ms=20)
    try:
        for number, record in enumerate(records):
            raw = record if isinstance(record, bytes) else json.dumps(record).encode()
            producer.send(topic, raw, partition=number % PARTITIONS)
        producer.flush(timeout=30)
    finally:
        producer.close(timeout=10)


def interaction(number: int, kind: str = "VIEW") -> dict[str, Any]:
    """One of `SHOPPERS`' interactions, now."""
    return {
        "id": f"i-{number}",
        "user_id": f"u{number % SHOPPERS}",
        "seller_id": "s1",
        "interaction_kind": kind,
        "ingestion_time": time.time_ns() // 1_000_000,
    }


def shop_event(number: int, kind: str) -> dict[str, Any]:
    """The like of a shop that keeps no time."""
    return {"userId": f"u{number % SHOPPERS}", "productId": f"p{number}", "eventType": kind}


def snowplow_event(number: int) -> bytes:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S.000", time.gmtime())
    return tsv_line(
        product(id="p"),
        action={"type": "product_view"},
        event_id=f"e{number}",
        user_id=f"u{number % SHOPPERS}",
        domain_userid=None,
        derived_tstamp=stamp,
        collector_tstamp=stamp,
    )


def of_source(job: LiveJob, source: Source) -> dict[str, int]:
    counts, number = job.counts(), number_of(source.topic)
    return {name: counts[f"source.{number}.{name}"] for name in ("read", *VERDICTS)}


def rows(around: Surroundings, config: JobConfig) -> list[tuple[int, int, int, int]]:
    """Of each shopper the views, clicks, adds and orders of a day."""
    shown = around.features(config.redis_prefix)
    names = ("product_view_count", "list_click_count", "cart_add_count", "orders_count")
    found = [shown.get(f"user:u{number}:features:24h", {}) for number in range(SHOPPERS)]
    return [tuple(int(row.get(name, "0")) for name in names) for row in found]  # type: ignore[misc]


def shows(around: Surroundings, config: JobConfig, *wanted: int) -> None:
    def settled() -> bool:
        return rows(around, config) == [wanted] * SHOPPERS

    wait_until(settled, END_S, f"everybody has {wanted}")


@pytest.mark.parametrize("topology", ["fused", "branches"])
def test_every_topic_counts_for_the_same_shoppers(around: Surroundings, topology: Any) -> None:
    interactions, shop = declared(around)
    config = around.config(sources=(interactions, shop), parallelism=2, topology=topology)
    around.send(snowplow_event(number) for number in range(40))
    first = [interaction(number) for number in range(60)]
    bought = [interaction(number, "PURCHASE") for number in range(100, 120)]
    send(around, interactions.topic, [*first, *bought, *first[:7], interaction(500, "WAVE"), b"{", {"id": 5}])
    kinds = ("view", "click", "add_to_cart", "add_to_cart")
    send(around, shop.topic, [shop_event(n, kind) for kind in kinds for n in range(20)] + [{"userId": 1}])
    with live_job(around, config) as job:
        counts = job.wait_read(40 + 90 + 81)
        assert counts["read"] == sum(counts[verdict] for verdict in VERDICTS) == 40 + 90 + 81
        # Two views of each in Snowplow's topic, three among the interactions, one in the shop's.
        shows(around, config, 6, 1, 2, 1)
        assert of_source(job, interactions) == {
            "read": 90,
            "applied": 81,
            "duplicate": 7,
            "dead": 2,
            "filtered": 0,
            "late": 0,
        }
        assert of_source(job, shop) | {"applied": 80, "dead": 1, "read": 81} == of_source(job, shop)
        wait_until(lambda: len(around.dead_letters()) == 3, END_S, "the dead letters are there")
        letters = around.dead_letters()
        assert {(letter["wire_format"], letter["topic"]) for letter in letters} == {
            ("interactions", interactions.topic),
            ("shop-events", shop.topic),
        }
        places = {(letter["topic"], letter["partition"], letter["offset"]) for letter in letters}
        assert places == {(interactions.topic, 0, 44), (interactions.topic, 1, 44), (shop.topic, 0, 40)}
        savepoint = job.stop()
    send(around, interactions.topic, [interaction(number) for number in range(200, 220)] + first[7:9])
    later = replace(config, restore_from=savepoint, life=time.time_ns() // 1_000_000)
    with live_job(around, later) as job:
        counts = job.wait_read(40 + 90 + 81 + 22)
        assert counts["read"] == sum(counts[verdict] for verdict in VERDICTS) == 40 + 90 + 81 + 22
        shows(around, config, 7, 1, 2, 1)
        assert of_source(job, interactions)["duplicate"] == 9
        reached = {
            place for bucket in job.progress(branch_of(topology)).values() for place in bucket["partitions"]
        }
        number = number_of(interactions.topic)
        assert {str(place_of(number, partition)) for partition in range(PARTITIONS)} <= reached


def branch_of(topology: str) -> str:
    return "session" if topology == "branches" else ""


def test_a_shop_without_snowplow_and_times_that_only_kafka_has(around: Surroundings) -> None:
    _, shop = declared(around)
    config = around.config(topic="", sources=(shop,), start="earliest")
    send(around, shop.topic, [shop_event(n, "view") for n in range(40)])
    with live_job(around, config) as job:
        counts = job.wait_read(40)
        assert (counts["applied"], counts["read"]) == (40, 40)
        shows(around, config, 2, 0, 0, 0)
