"""Devices whose rows point, on the live page and in the commands' lists, over a real Redis."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from typer.testing import CliRunner

from events.event import PRODUCT_VIEW, Event
from jobs.cli.main import app
from jobs.demo.feed import Sent
from jobs.demo.freshness import Freshness
from jobs.page.kept import Arrival
from jobs.page.live import LivePage
from jobs.settings import Settings
from serving.redis_reader import RedisReader
from serving.shoppers import read_shoppers
from sinks.redis_sink import RedisSink
from tests.integration.reader.test_pointing import pointer
from tests.integration.reader.test_reading import alive
from tests.integration.reader.writing import now
from tests.sinks.rows import LIFE
from tests.sinks.servers import Server, cluster

pytestmark = pytest.mark.integration

LABELS = ("5min", "1h")


@pytest.fixture
def reader(server: Server) -> Iterator[RedisReader]:
    with closing(RedisReader(server.url)) as made:
        yield made


def of_ann(**changes: Any) -> Any:
    return alive(**{"entity_id": "ann", "values": {"product_view_count": 7}} | changes)


def test_a_device_shows_its_users_rows(sink, reader):
    sink.write([pointer("dev", "ann"), of_ann(), of_ann(window="1h"), alive(entity_id="eve")], LIFE)
    rows, same_as = read_shoppers(reader, ["dev", "eve", "nobody"], LABELS)
    assert same_as == {"dev": "ann"}
    assert rows["dev"]["5min"] == rows["ann"]["5min"]
    assert rows["dev"]["5min"]["product_view_count"] == "7"
    assert rows["dev"]["1h"] == {}, "the device's own row of that window does not point"
    assert rows["ann"]["1h"]["product_view_count"] == "7"
    assert (rows["eve"]["5min"]["cart_add_count"], rows["nobody"]["5min"]) == ("1", {})


def test_nobody_asked_for_is_nobody_read(reader):
    assert read_shoppers(reader, [], LABELS) == ({}, {})


@pytest.mark.parametrize("asked", [["a"], ["a", "b"]])
def test_pointers_in_a_circle_show_nothing(sink, reader, asked):
    sink.write([pointer("a", "b"), pointer("b", "a")], LIFE)
    rows, same_as = read_shoppers(reader, asked, LABELS)
    assert (rows["a"]["5min"], same_as) == ({}, {})


def test_a_cluster_is_read_as_well(tmp_path):
    with cluster(tmp_path) as nodes:
        url = f"redis+cluster://127.0.0.1:{nodes[0].port}"
        with closing(RedisSink.connect(url)) as sink, closing(RedisReader(url)) as of_cluster:
            sink.write([pointer("dev", "ann"), of_ann()], LIFE)
            assert read_shoppers(of_cluster, ["dev"], LABELS).rows["dev"]["5min"]["product_view_count"] == "7"


@pytest.fixture
def page(server: Server) -> Iterator[LivePage]:
    """The live page, which nobody looks at yet; its reading is asked for by the tests."""
    made = LivePage(Settings(redis_url=server.url))
    yield made
    made.close()


def look(page: LivePage, reader: RedisReader, chosen: str) -> dict[str, Any]:
    page._watch.choose(chosen)
    page._watch._read(reader)
    return page.frame(chosen, 0)[0]


def heard(page: LivePage, shopper: str, number: int) -> None:
    """One event of the shopper, as Kafka had it."""
    event = Event(shopper, f"{shopper}-{number}", now(), PRODUCT_VIEW, "s")
    page._kept.add([Arrival(now(), 0, number, event)])


def test_the_page_lists_the_user_in_the_devices_place_and_once(sink, reader, page):
    sink.write([pointer(device, "ann") for device in ("phone", "laptop")] + [of_ann()], LIFE)
    sink.write([alive(entity_id="eve", values={"product_view_count": 2})], LIFE)
    for number, shopper in enumerate(("phone", "phone", "phone", "eve", "eve", "laptop", "nobody")):
        heard(page, shopper, number)
    listed = {each["shopper"]: each["values"][0] for each in look(page, reader, "eve")["live"]}
    assert listed == {"ann": "7", "eve": "2", "nobody": ""}


def test_the_page_says_whose_device_was_chosen(sink, reader, page):
    sink.write([pointer("phone", "ann"), of_ann()], LIFE)
    chosen = look(page, reader, "phone")["chosen"]
    assert (chosen["shopper"], chosen["same_as"], chosen["known"]) == ("phone", "ann", True)
    assert chosen["rows"]["5min"]["product_view_count"] == "7"
    chosen = look(page, reader, "ann")["chosen"]
    assert (chosen["shopper"], chosen["same_as"]) == ("ann", "")


def test_why_a_devices_value_is_what_it_is_is_asked_of_the_users_row(sink, page):
    sink.write([pointer("phone", "ann"), of_ann(values={"product_view_count": 1})], LIFE)
    heard(page, "ann", 1)
    why = page.why("phone", "5min", "product_view_count")
    assert (why["there"], why["value"], why["computed"], why["same"]) == (True, "1", "1", True)
    sink.write([pointer("ann", "eve", seen=2)], LIFE)
    assert page.why("phone", "5min", "product_view_count")["there"] is False


def test_get_shows_the_users_rows_and_says_so(sink, server):
    sink.write([pointer("phone", "ann"), of_ann()], LIFE)
    told = CliRunner().invoke(app, ["get", "phone", "--json", "--redis-url", server.url])
    (row,) = json.loads(told.stdout).values()
    assert (row["product_view_count"], row["_same_as"]) == ("7", "ann")
    table = CliRunner().invoke(app, ["get", "phone", "--redis-url", server.url]).stdout
    assert [line.split() for line in table.splitlines() if line.startswith("same as")] == [
        ["same", "as", "ann"]
    ]
    own = CliRunner().invoke(app, ["get", "ann", "--redis-url", server.url]).stdout
    assert "same as" not in own
    none = CliRunner().invoke(app, ["get", "phone", "--redis-url", server.url, "--redis-prefix", "x:"])
    assert none.exit_code == 3


class Feed:
    """One event of a device, just sent."""

    def __init__(self, shopper: str) -> None:
        self._told = [None, Sent(shopper, 3, time.monotonic())]

    @property
    def latest(self) -> Sent | None:
        return self._told.pop(0) if len(self._told) > 1 else self._told[0]


def test_what_counts_for_a_user_is_no_measure_of_freshness(sink, reader, server):
    sink.write([pointer("phone", "ann", window="session"), of_ann(window="session", seen=3)], LIFE)
    feed: Any = Feed("phone")
    measured = Freshness(Settings(redis_url=server.url), feed)
    measured._follow(reader)
    assert (measured.samples_ms, measured.missed) == ([], 0)
    feed = Feed("ann")
    measured = Freshness(Settings(redis_url=server.url), feed)
    measured._follow(reader)
    assert (len(measured.samples_ms), measured.missed) == (1, 0)
