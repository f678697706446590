"""The catalogue in the live job: what it says of products reaches the shoppers who look at them."""

import json
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from events.control import forget_record
from events.sides.declaration import SideInput
from events.sources.declaration import Source
from events.sources.toml import read_source
from features.entities.settings import EntitySettings
from jobs.inputs import sources
from jobs.job_config import JobConfig
from jobs.side_inputs import side_inputs
from operators.ledger import VERDICTS
from tests.harness import wait_until
from tests.integration.live_job import END_S, LiveJob, Surroundings, live_job
from tests.integration.test_declared_sources import send
from tests.integration.test_entities import found

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

LOOKS = """
name = "looks"
topic = "looks"

[fields]
event_id = "id"
at = { path = "time", unit = "milliseconds" }
user_id = "user"
device_id = "device"
kind = { constant = "product_view" }

[products]
path = "items"
id = "sku"
price = { path = "price", unit = "major" }
currency = "currency"
"""
PATIENT_S = 300
"""Longer than the test takes."""
Row = dict[str, Any]


@dataclass
class Shop:
    """What a shop knows of its products, and the looks at them as features are to count them."""

    around: Surroundings
    side: SideInput
    source: Source
    draw: random.Random = field(default_factory=lambda: random.Random(4))
    sent: int = 0
    looks: dict[str, list[tuple[str | None, Decimal | None]]] = field(default_factory=dict)
    """Shopper -> the category and price of each product looked at."""
    users: set[int] = field(default_factory=set)
    """Shoppers of a device who have logged in."""

    def tell(self, rows: Mapping[str, Row | None]) -> None:
        """Write rows of the catalogue; None is a tombstone."""
        producer = KafkaProducer(bootstrap_servers=self.around.kafka.bootstrap, linger_ms=20)
        try:
            for product, row in rows.items():
                value = None if row is None else json.dumps({"product_id": product} | row).encode()
                producer.send(self.side.topic, value, product.encode())
            producer.flush(timeout=30)
        finally:
            producer.close(timeout=10)

    def ends(self) -> dict[int, int]:
        """How far the catalogue's partitions go."""
        consumer = KafkaConsumer(bootstrap_servers=self.around.kafka.bootstrap)
        try:
            ends = consumer.end_offsets([TopicPartition(self.side.topic, number) for number in (0, 1)])
        finally:
            consumer.close()
        return {place.partition: end for place, end in ends.items()}

    def look(self, products: Iterable[Sequence[tuple[str, Row]]]) -> None:
        """Let shoppers look at products; of each what the catalogue is to say, where the event does not."""
        send(self.around, self.source.topic, [*self._looks(products)])

    def _looks(self, products: Iterable[Sequence[tuple[str, Row]]]) -> Iterator[Row]:
        for told in products:
            self.sent += 1
            items, seen = [], []
            for product, row in told:
                own = self.draw.choice((None, None, "5.00"))
                items.append({"sku": product, "currency": "EUR"} | ({"price": own} if own else {}))
                price = own or row.get("price")
                seen.append((row.get("category"), None if price is None else Decimal(str(price))))
            shopper = self.sent % 7
            # Those of some are a device's before its user logs in.
            who = {"device": f"d{shopper}"} if shopper in (1, 2) else {"user": f"u{shopper}"}
            known = f"u{shopper}" if shopper in self.users else next(iter(who.values()))
            self.looks.setdefault(known, []).extend(seen)
            yield who | {"id": f"l-{self.sent}", "time": time.time_ns() // 1_000_000, "items": items}

    def login(self, shopper: int) -> None:
        """Let the user of a device log in, without a product."""
        self.sent += 1
        self.users.add(shopper)
        mine = self.looks.setdefault(f"u{shopper}", [])
        mine += self.looks.pop(f"d{shopper}", [])
        at = time.time_ns() // 1_000_000
        record = {"id": f"l-{self.sent}", "time": at, "user": f"u{shopper}", "device": f"d{shopper}"}
        send(self.around, self.source.topic, [record])

    def wanted(self) -> dict[str, Row]:
        """What shoppers' rows are to say, by plain Python."""
        wanted = {}
        for shopper, seen in self.looks.items():
            categories = Counter(category for category, _ in seen if category is not None)
            prices = [price for _, price in seen if price is not None]
            wanted[shopper] = {
                "categories": sum(categories.values()),
                "different": len(categories),
                "most": max(categories.values(), default=0),
                "least": min(prices, default=None),
                "greatest": max(prices, default=None),
            }
        return wanted

    def shown(self, config: JobConfig) -> dict[str, Row]:
        """The same of Redis."""
        rows = self.around.features(config.redis_prefix)
        row_of = {}
        for shopper in self.looks:
            row = rows.get(f"user:{shopper}:features:24h", {})
            number = int(row.get("category_view_count", 0))
            row_of[shopper] = {
                "categories": number,
                "different": int(row.get("unique_categories", 0)),
                "most": round(float(row.get("top_category_share", 0)) * number),
                "least": Decimal(row["min_viewed_price"]) if "min_viewed_price" in row else None,
                "greatest": Decimal(row["max_viewed_price"]) if "max_viewed_price" in row else None,
            }
        return row_of

    def agree(self, config: JobConfig) -> None:
        """Wait until both say the same."""
        try:
            wait_until(lambda: self.shown(config) == self.wanted(), END_S, "Redis says what the oracle says")
        except AssertionError:
            raise AssertionError((self.shown(config), self.wanted())) from None


def shop(around: Surroundings) -> Shop:
    """With topics of this test's own."""
    (side,) = side_inputs(["products"])
    made = Shop(
        around,
        replace(side, topic=f"{around.name}-products"),
        replace(read_source(LOOKS, "looks.toml"), topic=f"{around.name}-looks"),
    )
    for topic in (made.side.topic, made.source.topic):
        around.kafka.create_topic(topic, 2)
    return made


def wait_counts(job: LiveJob, **wanted: int) -> None:
    """Wait until so much is counted."""
    try:
        wait_until(lambda: {name: job.counts()[name] for name in wanted} == wanted, END_S, str(wanted))
    except AssertionError:
        raise AssertionError((wanted, job.counts(), job.failures())) from None


@pytest.mark.parametrize("topology", ["fused", "branches"])
def test_rows_reach_events_before_after_and_across_a_restart(around: Surroundings, topology: Any) -> None:
    it = shop(around)
    rows: dict[str, Row] = {
        f"p{number}": {"category": f"c{number % 4}", "price": f"{number + 1}.50"} for number in range(40)
    }
    it.tell({product: {"category": "old", "price": 1} for product in rows})
    it.tell(rows)
    known = [(product, rows[product]) for product in rows]
    config = around.config(
        topic="",
        sources=(it.source,),
        sides=(it.side,),
        catalogue_ends=it.ends(),
        side_wait_s=PATIENT_S,
        parallelism=2,
        topology=topology,
        start="earliest",
    )
    it.look([it.draw.choices(known, k=it.draw.choice((1, 1, 3))) for _ in range(200)])
    late: Row = {"category": "late", "price": "77.00"}
    it.look([[("unheard-of", late)], [("unheard-of", late), known[0]]] * 5)
    with live_job(around, config) as job:
        wait_counts(job, read=200, completed=200, uncompleted=0)
        it.tell({"unheard-of": late, "broken": {"price": "much"}})
        wait_counts(job, completed=210)
        it.login(1)
        it.agree(config)
        # A row that changes, and one that goes.
        changed: Row = {"category": "new", "price": "0.10"}
        it.tell({"p0": changed, "p1": None})
        wait_counts(job, **{"side.products.tombstones": 1})
        it.look([[("p0", changed)]] * 6)
        wait_counts(job, completed=216)
        # What waits when the job is stopped goes on to wait.
        it.look([[("next", late)], [("p0", changed)]] * 4)
        wait_counts(job, completed=220)
        savepoint = job.stop()
    it.tell({"next": late})
    later = replace(
        config, restore_from=savepoint, life=time.time_ns() // 1_000_000, parallelism=1, side_wait_s=2
    )
    with live_job(around, later) as job:
        wait_counts(job, completed=224)
        it.look([[("p0", changed)], [("p3", rows["p3"])], [("next", late)]] * 5)
        it.look([[("p1", {})], [("p1", {}), ("p2", rows["p2"])]] * 6)
        it.login(2)
        counts = job.wait_read(it.sent)
        it.agree(config)
        assert counts["read"] == sum(counts[verdict] for verdict in VERDICTS) == it.sent
        wait_counts(job, completed=239, uncompleted=12)
        told = {name: number for name, number in job.counts().items() if name.startswith("side.")}
        assert told == {
            "side.products.rows": 83,
            "side.products.tombstones": 1,
            "side.products.dead": 1,
        }
        wait_until(lambda: len(around.dead_letters()) == 1, END_S, "the dead letter is there")
        (letter,) = around.dead_letters()
        assert (letter["wire_format"], letter["topic"]) == ("side.products", it.side.topic)
        # Who is forgotten while something waits leaves nothing behind.
        it.look([[("never-there", {})]] * 7)
        send(around, it.source.topic, [forget_record("u3")] * 2)
        job.wait_read(it.sent + 2)
        it.looks["u3"] = []
        it.agree(config)
        assert not [key for key in around.features(config.redis_prefix) if key.startswith("user:u3:")]
        assert job.failures() == 0


def write(around: Surroundings, side: SideInput, rows: Mapping[str, Row | None]) -> None:
    """Write rows of any table; None is a tombstone."""
    producer = KafkaProducer(bootstrap_servers=around.kafka.bootstrap, linger_ms=20)
    try:
        for key, row in rows.items():
            producer.send(side.topic, None if row is None else json.dumps(row).encode(), key.encode())
        producer.flush(timeout=30)
    finally:
        producer.close(timeout=10)


def told(around: Surroundings, config: JobConfig) -> dict[str, Row]:
    """What side inputs say in the rows of products and pairs, and how often those were counted."""
    names = [
        "product_name",
        "category",
        "price",
        "price_currency",
        "total_views",
        "favorites_match",
        "view_count",
    ]
    rows, _ = found(around, config.redis_prefix)
    return {
        key: {name: row[name] for name in names if name in row}
        for key, row in rows.items()
        if key.endswith(":stats") or ":seller:" in key
    }


def test_rows_of_products_and_pairs_follow_the_shops_tables(around: Surroundings) -> None:
    it = shop(around)
    sellers, profiles = (
        replace(side, topic=f"{around.name}-{side.topic}") for side in side_inputs(["sellers", "profiles"])
    )
    (likes,) = (
        replace(source, topic=f"{around.name}-{source.topic}") for source in sources(["interactions"])
    )
    for topic in (sellers.topic, profiles.topic, likes.topic):
        around.kafka.create_topic(topic, 2)
    hat: Row = {"product_name": "Hat", "category": "hats", "price": "9.99"}
    it.tell({"p0": hat, "never-seen": hat})
    write(around, sellers, {"s1": {"categories": ["hats", "shoes"]}, "s2": {"categories": "toys"}})
    write(around, profiles, {"u1": {"favourite_categories": ["hats", "toys"]}, "u9": {"id": "u8"}})
    config = around.config(
        topic="",
        sources=(it.source, likes),
        sides=(it.side, sellers, profiles),
        catalogue_ends=it.ends(),
        entities=EntitySettings(("product", "favourites", "seller")),
        parallelism=2,
        start="earliest",
    )

    pairs = ("u1", "s1"), ("u1", "s2"), ("u2", "s1"), ("u3", "s1")

    def look(first: int) -> None:
        send(
            around,
            likes.topic,
            [
                {"id": first + n, "user_id": user, "seller_id": seller, "interaction_kind": "VIEW"}
                for n, (user, seller) in enumerate(pairs)
            ],
        )
        # What the user without a profile looks at.
        look = {"id": first, "time": time.time_ns() // 1_000_000, "user": "u3", "items": [{"sku": "p0"}]}
        send(around, it.source.topic, [look])

    def shows(wanted: dict[str, Row]) -> None:
        try:
            wait_until(lambda: told(around, config) == wanted, END_S, "rows say what the tables say")
        except AssertionError:
            raise AssertionError((told(around, config), wanted)) from None

    look(0)
    of_hat = {"product_name": "Hat", "category": "hats", "price": "9.99", "price_currency": "EUR"}
    with live_job(around, config) as job:
        shows(
            {
                "product:p0:stats": of_hat | {"total_views": "1"},
                "user:u1:seller:s1": {"favorites_match": "1", "view_count": "1"},
                "user:u1:seller:s2": {"favorites_match": "1", "view_count": "1"},
                "user:u2:seller:s1": {"view_count": "1"},
                "user:u3:seller:s1": {"favorites_match": "1", "view_count": "1"},
            }
        )
        # No event comes any more: the tables alone change what the rows say.
        it.tell({"p0": hat | {"product_name": "Cap", "price": 12}})
        write(around, sellers, {"s1": {"categories": ["toys", "x"]}, "s2": None})
        write(around, profiles, {"u2": {"favourite_categories": ["x"]}})
        shows(
            {
                "product:p0:stats": of_hat | {"product_name": "Cap", "price": "12.00", "total_views": "1"},
                "user:u1:seller:s1": {"favorites_match": "1", "view_count": "1"},
                "user:u1:seller:s2": {"view_count": "1"},
                "user:u2:seller:s1": {"favorites_match": "1", "view_count": "1"},
                "user:u3:seller:s1": {"favorites_match": "0", "view_count": "1"},
            }
        )
        savepoint = job.stop()
    it.tell({"p0": None})
    write(around, sellers, {"s1": {"categories": ["hats"]}, "s2": {"categories": ["Hats"]}})
    write(around, profiles, {"u2": None})
    look(10)
    later = replace(
        config, restore_from=savepoint, life=time.time_ns() // 1_000_000, parallelism=1, side_wait_s=1
    )
    with live_job(around, later) as job:
        shows(
            {
                "product:p0:stats": {"total_views": "2"},
                "user:u1:seller:s1": {"favorites_match": "1", "view_count": "2"},
                "user:u1:seller:s2": {"favorites_match": "0", "view_count": "2"},
                "user:u2:seller:s1": {"view_count": "2"},
                "user:u3:seller:s1": {"favorites_match": "1", "view_count": "2"},
            }
        )
        wait_counts(job, **{"side.sellers.rows": 5, "side.profiles.tombstones": 1, "side.profiles.dead": 1})
        assert job.failures() == 0
