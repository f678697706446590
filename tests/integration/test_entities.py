"""Entities beyond the shopper in one live job: declared sources and Snowplow's events, against the oracle."""

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from events.sources.declaration import Source
from events.sources.toml import read_source
from features.entities.settings import EntitySettings
from features.entities.views import VIEWS
from jobs.inputs import sources
from operators.ledger import VERDICTS
from tests.entity_oracle import Line, Rows, Seen, Sets, rows
from tests.events.recorded import SNOWPLOW, product, tsv_line
from tests.events.test_first_trackers import BODY, LINE, ORDER, change
from tests.harness import wait_until
from tests.integration.live_job import END_S, Surroundings, live_job
from tests.integration.test_declared_sources import send

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ORDERS = """
name = "orders"
topic = "orders"

[fields]
event_id = { path = "id", required = true }
at = { path = "time", unit = "milliseconds", required = true }
user_id = { path = "user", required = true }
transaction_id = "order"

[fields.kind]
path = "what"
values = { view = "product_view", click = "list_click", add = "add_to_cart", order = "transaction" }

[products]
path = "items"
id = "sku"
category = "shelf"
price = { path = "price", unit = "major" }
currency = "currency"
"""
KINDS = {"view": "view", "click": "click", "add": "add_to_cart", "order": "purchase"}
SHOPPERS = tuple(f"u{number}" for number in range(12))
HOT = "hot"
WEB_PAGE = SNOWPLOW.format("web_page"), {"id": "page-1"}
PRICES = (None, "9.99", "499.99", "700.00", "1000.00", "6000.00")


def this_second() -> tuple[int, str]:
    """The second that has begun, in epoch ms and as Snowplow writes it."""
    second = int(time.time())
    return second * 1000, time.strftime("%Y-%m-%d %H:%M:%S.000", time.gmtime(second))


def orders(draw: random.Random, count: int, first: int) -> Iterator[tuple[dict[str, Any], Seen]]:
    """Records of the declared source, with what the oracle is to know of each."""
    for number in range(first, first + count):
        at = time.time_ns() // 1_000_000 - draw.choice((0, 5_000, 20 * 60_000, 50 * 60_000))
        what, shopper = draw.choice(list(KINDS)), draw.choice(SHOPPERS)
        lines = tuple(
            Line(
                HOT if draw.random() < 0.3 else f"p{draw.randrange(30)}",
                draw.choice(("hats", "shoes", "bags", "toys/soft")),
                Decimal(price) if (price := draw.choice(PRICES)) else None,
            )
            for _ in range(draw.choice((1, 1, 1, 2)))
        )
        items = [
            {"sku": each.product, "shelf": each.category, "currency": "EUR"}
            | ({"price": str(each.price)} if each.price is not None else {})
            for each in lines
        ]
        record = {"id": f"o{number}", "time": at, "user": shopper, "what": what, "items": items}
        yield record, Seen(shopper, KINDS[what], at, lines)


def interactions(draw: random.Random, count: int, first: int) -> Iterator[tuple[dict[str, Any], Seen]]:
    """The same of the shipped source of shoppers and sellers."""
    words = {"LIKE": "like", "VIEW": "view", "PURCHASE": "purchase", "WAVE": "other"}
    for number in range(first, first + count):
        at = time.time_ns() // 1_000_000 - draw.choice((0, 1_000, 3_000_000))
        word, shopper, seller = draw.choice(list(words)), draw.choice(SHOPPERS), f"s{draw.randrange(6)}"
        record = {
            "id": f"i{number}",
            "user_id": shopper,
            "seller_id": seller,
            "interaction_kind": word,
            "ingestion_time": at,
        }
        yield record, Seen(shopper, words[word], at, (), seller)


def declared(around: Surroundings) -> tuple[Source, Source]:
    """The two, with topics of this test's own."""
    made = tuple(
        replace(source, topic=f"{around.name}-{source.topic}")
        for source in (read_source(ORDERS, "orders.toml"), *sources(["interactions"]))
    )
    for source in made:
        around.kafka.create_topic(source.topic, 2)
    return made  # type: ignore[return-value]


def found(around: Surroundings, prefix: str) -> tuple[Rows, Sets]:
    """Every row and sorted set of entities that Redis holds; what begins with `_` is left out."""
    hashes: Rows = {}
    sets: Sets = {}
    for key in around.client.scan_iter(f"{prefix}*", count=10_000):
        name = key.removeprefix(prefix)
        kind = around.client.type(key)
        if kind == "zset":
            members: list[tuple[str, float]] = around.client.zrevrange(key, 0, -1, withscores=True)  # type: ignore[assignment]
            sets[name] = sorted(((each, int(score)) for each, score in members), key=lambda e: (-e[1], e[0]))
        elif kind == "hash" and not name.startswith("pipeline:") and ":features" not in name:
            fields: dict[str, str] = around.client.hgetall(key)  # type: ignore[assignment]
            hashes[name] = {field: text for field, text in fields.items() if not field.startswith("_")}
    return hashes, sets


def wanted(seen: list[Seen]) -> tuple[Rows, Sets]:
    hashes, sets = rows(seen, time.time_ns() // 1_000_000)
    return hashes, {key: sorted(members, key=lambda e: (-e[1], e[0])) for key, members in sets.items()}


def agree(around: Surroundings, prefix: str, seen: list[Seen]) -> None:
    """Wait until Redis holds what the oracle says, to the last value; else say where it does not."""
    differing: list[Any] = []

    def equal() -> bool:
        got, want = found(around, prefix), wanted(seen)
        differing[:] = [
            (key, want[part].get(key), got[part].get(key))
            for part in (0, 1)
            for key in sorted(want[part].keys() | got[part].keys())
            if want[part].get(key) != got[part].get(key)
        ]
        return not differing

    try:
        wait_until(equal, END_S, "Redis holds what the oracle says")
    except AssertionError:
        raise AssertionError(differing[:5]) from None


def test_every_value_is_the_oracles_before_and_after_a_restart(around: Surroundings) -> None:
    draw = random.Random(8)
    shop, sellers = declared(around)
    config = around.config(
        sources=(shop, sellers), parallelism=2, entities=EntitySettings(tuple(VIEWS)), start="earliest"
    )
    first, liked = list(orders(draw, 400, 0)), list(interactions(draw, 150, 0))
    # What is sent twice counts once, and what cannot be read not at all.
    sent = [record for record, _ in first]
    send(around, shop.topic, [*sent, *sent[:40], {"id": "x"}, b"{"])
    send(around, sellers.topic, [record for record, _ in liked])
    at, stamp = this_second()
    around.send(
        tsv_line(
            product(id=HOT, category="hats"),
            WEB_PAGE,
            action={"type": "product_view"},
            event_id=f"e{number}",
            user_id=None,
            domain_userid=f"device-{number}",
            derived_tstamp=stamp,
            collector_tstamp=stamp,
        )
        for number in range(5)
    )
    around.send(
        tsv_line(
            WEB_PAGE,
            event="page_ping",
            event_name="page_ping",
            event_id=f"ping-{number}",
            user_id=None,
            domain_userid="device-0",
            derived_tstamp=stamp,
            collector_tstamp=stamp,
            dvce_created_tstamp=f"2024-05-01 10:00:{beat:02}.000",
        )
        for number, beat in enumerate((0, 9, 10, 30))
    )
    seen = [each for _, each in (*first, *liked)]
    seen += [Seen(f"device-{number}", "view", at, (Line(HOT, "hats"),), page="page-1") for number in range(5)]
    seen += [Seen("device-0", "ping", at, page="page-1", beat=beat) for beat in (0, 0, 1, 3)]
    with live_job(around, config) as job:
        counts = job.wait_read(400 + 42 + 150 + 9)
        assert counts["read"] == sum(counts[verdict] for verdict in VERDICTS)
        agree(around, config.redis_prefix, seen)
        savepoint = job.stop()
    more, most = list(orders(draw, 100, 1_000)), list(interactions(draw, 50, 1_000))
    send(around, shop.topic, [*(record for record, _ in more), *sent[:20]])
    send(around, sellers.topic, [record for record, _ in most])
    seen += [each for _, each in (*more, *most)]
    later = replace(config, restore_from=savepoint, life=time.time_ns() // 1_000_000)
    with live_job(around, later) as job:
        job.wait_read(400 + 42 + 150 + 9 + 170)
        agree(around, config.redis_prefix, seen)
        key = f"{config.redis_prefix}user:u1:lifetime"
        year = 365 * 86_400_000
        assert 0.9 * year < int(around.client.pttl(key)) <= year  # type: ignore[arg-type]
        pair = next(iter(around.client.scan_iter(f"{config.redis_prefix}user:*:item:*")))
        assert int(around.client.pttl(pair)) <= 30 * 86_400_000  # type: ignore[arg-type]
        told = f"{config.redis_prefix}pipeline:{config.job_name}:entities:progress"
        assert around.client.hexists(told, "0/entities")


def test_every_shipped_source_and_the_first_trackers_give_the_oracles_values(around: Surroundings) -> None:
    draw, seen = random.Random(5), []
    shipped = [
        replace(source, topic=f"{around.name}-{source.topic}")
        for source in sources(["clickstream-events", "purchase-events"])
    ]
    config = around.config(
        sources=tuple(shipped), parallelism=2, entities=EntitySettings(tuple(VIEWS)), start="earliest"
    )
    for source, kinds in zip(shipped, (tuple(KINDS.values()), ("purchase",)), strict=True):
        around.kafka.create_topic(source.topic, 2)
        records: list[Any] = [{"user_id": "nobody", "product_id": 1, "event_type": "view"}]
        for _ in range(150):
            at = time.time_ns() // 1_000_000 - draw.choice((0, 5_000, 20 * 60_000))
            user, item, kind = draw.randrange(8), draw.randrange(6), draw.choice(kinds)
            seen.append(Seen(str(user), kind, at, (Line(str(item)),)))
            records.append({"user_id": user, "product_id": item, "event_type": kind, "timestamp": at})
            records[-1] |= {"session_id": f"s{user}", "metadata": {"from": "test"}}
        send(around, source.topic, records)
    at, stamp = this_second()
    lines = []
    for number in range(24):
        buyer, order = str(number % 8), f"o-{number}"
        told = {"user_id": buyer, "domain_userid": None, "derived_tstamp": stamp, "collector_tstamp": stamp}
        parts = (
            ORDER | {"tr_orderid": order},
            LINE | {"ti_orderid": order},
            change("add_to_cart", BODY),
            change("remove_from_cart", BODY),
        )
        lines += [
            tsv_line(**(fields | told | {"event_id": f"{order}-{part}"})) for part, fields in enumerate(parts)
        ]
        seen.append(Seen(buyer, "purchase", at))
        seen.append(Seen(buyer, "line", at, (Line("1001", "clothes/shirts", Decimal("20.25")),)))
        seen.append(Seen(buyer, "add_to_cart", at, (Line("1001", "ties", Decimal("3.49"), "GBP"),)))
    around.send(lines)
    with live_job(around, config) as job:
        counts = job.wait_read(2 * 151 + len(lines))
        assert counts["read"] == sum(counts[verdict] for verdict in VERDICTS)
        assert counts["dead"] == 2
        agree(around, config.redis_prefix, seen)
        assert job.failures() == 0
