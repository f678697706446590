"""The string keys of the layout `live-shopper` on real Redis servers: they say what the fenced hashes say."""

import csv
import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from events.decoder import Decoder
from events.event import Event
from features.forgetting import forgotten_rows
from features.logic import ShopperLogic
from features.replay import Replay
from features.row import FeatureRow
from features.settings import Definitions
from features.views import branch_views
from jobs.recorded.restamp import restamp
from operators.features import branch_fields
from sinks.live_shopper import SESSION, USER
from sinks.redis_sink import RedisSink
from tests.golden.stories import STORIES, T
from tests.integration.test_redis_sink import _name, _place
from tests.recorded_sessions import expected_sessions
from tests.recorded_shoppers import expected_strings
from tests.sinks.rows import HOUR, LIFE, NOW, row, session
from tests.sinks.servers import Server, cluster

pytestmark = pytest.mark.integration

ABSENT = "-"
GOLDEN = Path(__file__).parents[1] / "golden" / "live_shopper.csv"
DATA = Path(__file__).parents[1] / "data"
SEEN, VALUE = "user:ada:product_view_count_5m", "user:ada:cart_value_5m"
BOUNCE = "session:s1:session_bounce"


@pytest.fixture
def sink(server: Server, redis: Any) -> Iterator[RedisSink]:
    with closing(RedisSink.connect(server.url, live_shopper=True)) as made:
        yield made


def strings(client: Any) -> dict[str, str]:
    """Every string there is."""
    keys = sorted(client.scan_iter(_type="string"))
    return dict(zip(keys, client.mget(keys), strict=True)) if keys else {}


def viewed(views: int, **changes: Any) -> FeatureRow:
    return row({"product_view_count": views}, **changes)


def lived(story: str, live_shopper: bool = True) -> list[FeatureRow]:
    """The rows at the end of a golden story, whose keys expire later than they did then."""
    events, definitions = STORIES[story]
    logic = ShopperLogic(definitions=replace(definitions, live_shopper=live_shopper))
    replay = Replay(logic, T)
    replay.feed(events)
    return [changed(each, until=each.until + NOW - T + HOUR) for each in replay.rows()]


@cache
def golden() -> list[tuple[str, str, str]]:
    with GOLDEN.open(encoding="utf-8", newline="") as lines:
        return [(line["key"], line["story"], line["expected"]) for line in csv.DictReader(lines)]


# What they say


@pytest.mark.parametrize("story", sorted({story for _, story, _ in golden()}))
def test_the_strings_say_what_was_worked_out_by_hand(redis: Any, sink: RedisSink, story: str) -> None:
    sink.write(lived(story), LIFE)
    told = strings(redis)
    for key, of, expected in golden():
        if of == story:
            assert (key, told.get(key, ABSENT)) == (key, expected)


def test_the_recorded_shoppers_have_the_strings_that_the_publisher_expects(
    redis: Any, server: Server
) -> None:
    replay = Replay(ShopperLogic(definitions=Definitions(live_shopper=True)))
    raw = gzip.decompress((DATA / "snowplow-ecommerce" / "events.enriched.tsv.gz").read_bytes()).splitlines()
    decoded = [Decoder().decode(moved.raw) for moved in restamp(raw, NOW)]
    replay.feed(event for event in decoded if isinstance(event, Event))
    with closing(RedisSink.connect(server.url, live_shopper=True)) as sink:
        sink.write(replay.rows(), LIFE)
    told = strings(redis)
    days = {key: text for key, text in told.items() if key.endswith("_24h")}
    assert days == expected_strings()
    assert len(days) == 249
    sessions = {key for key in told if key.endswith(":session_duration")}
    assert sessions >= {f"session:{name}:session_duration" for name in expected_sessions()}


def test_every_string_has_a_golden_value() -> None:
    valued = {key.split(":")[0] + ":" + key.split(":")[2] for key, _, text in golden() if text != ABSENT}
    names = {name.rsplit("_", 1)[0] if name.startswith("user:") else name for name in valued}
    assert names == {f"user:{each.name}" for each in USER} | {f"session:{each.name}" for each in SESSION}


def test_rows_that_went_ahead_are_copied_too(redis: Any, sink: RedisSink) -> None:
    sink.ahead([viewed(3)], LIFE)
    assert sink.write([], LIFE).written == 1
    ahead = strings(redis)
    redis.flushdb()
    sink.write([viewed(3)], LIFE)
    assert ahead == strings(redis) != {}


def test_the_layout_own_writes_no_string_at_all(redis: Any, server: Server) -> None:
    with closing(RedisSink.connect(server.url)) as own:
        own.write(lived("one visit", live_shopper=False), LIFE)
    assert strings(redis) == {}
    assert redis.exists("user:ann:features:24h", "session:s1:features") == 2


def test_the_hashes_are_those_of_the_layout_own(redis: Any, server: Server, sink: RedisSink) -> None:
    def hashes() -> dict[str, dict[str, str]]:
        return {key: redis.hgetall(key) for key in redis.scan_iter(_type="hash")}

    rows = lived("looking around", live_shopper=False)
    sink.write(rows, LIFE)
    both = hashes()
    redis.flushall()
    with closing(RedisSink.connect(server.url)) as own:
        own.write(rows, LIFE)
    assert hashes() == both


def test_another_prefix_is_another_shop(redis: Any, server: Server) -> None:
    with closing(RedisSink.connect(server.url, "shop1:", live_shopper=True)) as one:
        one.write([viewed(3)], LIFE)
    assert strings(redis) == {f"shop1:{SEEN}": "3"}


# The fence


def test_an_older_write_puts_no_older_value_there(redis: Any, sink: RedisSink) -> None:
    sink.write([viewed(9, seen=9)], LIFE)
    report = sink.write([viewed(1, seen=1)], LIFE)
    assert (report.written, report.refused, report.behind) == (0, 1, ("ada",))
    assert strings(redis) == {SEEN: "9"}
    assert sink.write([viewed(5, seen=5)], LIFE + 1).written == 1
    assert strings(redis) == {SEEN: "5"}


def test_a_copy_that_was_cut_off_is_made_good_by_the_replay(
    redis: Any, server: Server, sink: RedisSink
) -> None:
    """The job crashed between the hash and its strings; of the replay the hash refuses some rows."""
    sink.write([viewed(1)], LIFE)
    for seen in (2, 3):
        with closing(RedisSink.connect(server.url)) as cut_off:
            cut_off.write([viewed(seen, seen=seen)], LIFE)
        assert strings(redis) == {SEEN: str(seen - 1)}
        sink.write([viewed(2, seen=2)], LIFE)
        assert strings(redis) == {SEEN: str(seen)}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(6)), st.lists(st.integers(0, 5)))
def test_in_whatever_order_and_however_often_writes_arrive_the_newest_stands(
    redis: Any, sink: RedisSink, order: list[int], again: list[int]
) -> None:
    redis.flushall()
    for seen in [*order, *again]:
        values = {"product_view_count": seen} | ({"top_category": "hats"} if seen % 2 else {})
        sink.write([row(values, seen=seen)], LIFE)
    assert strings(redis) == {SEEN: "5", "user:ada:top_category_5m": "hats"}


def test_a_row_of_changes_leaves_the_other_strings_and_moves_their_expiry(
    redis: Any, sink: RedisSink
) -> None:
    sink.write([row({"product_view_count": 3, "orders_count": 1}, seen=4)], LIFE)
    change = viewed(4, seen=5, until=NOW + 3 * HOUR, base=(4, NOW), absent=("orders_count",))
    assert sink.write([change], LIFE).written == 1
    assert strings(redis) == {SEEN: "4"}
    change = row({"cart_add_count": 1}, seen=6, until=NOW + 5 * HOUR, base=(5, NOW))
    assert sink.write([change], LIFE).written == 1
    assert strings(redis) == {SEEN: "4", "user:ada:cart_add_count_5m": "1"}
    assert abs(redis.pttl(SEEN) - (NOW + 5 * HOUR - time.time() * 1000)) < 10_000
    missed = viewed(9, seen=9, base=(8, NOW))
    assert sink.write([missed], LIFE).missed == ("ada",)
    assert redis.get(SEEN) == "4"


# The end of a value, of a row, of a shopper


def test_strings_expire_with_their_hash_without_anybody(redis: Any, sink: RedisSink) -> None:
    sink.write([viewed(1, until=int(time.time() * 1000) + 300)], LIFE)
    assert redis.pttl(SEEN) <= 300
    time.sleep(0.5)
    assert redis.dbsize() == 0


def test_what_became_absent_and_what_is_over_is_gone(redis: Any, sink: RedisSink) -> None:
    sink.write([row({"product_view_count": 1, "min_viewed_price": 1, "max_viewed_price": 2})], LIFE)
    assert strings(redis) == {SEEN: "1", "user:ada:price_range_viewed_5m": "1-2"}
    sink.write([row({"product_view_count": 2, "max_viewed_price": 2}, seen=2)], LIFE)
    assert strings(redis) == {SEEN: "2"}
    sink.write([viewed(2, seen=3, at=NOW, until=NOW)], LIFE)
    assert redis.dbsize() == 0


def test_a_tombstone_has_no_strings(redis: Any, sink: RedisSink) -> None:
    sink.write([session({"bounce": True})], LIFE)
    assert strings(redis) == {BOUNCE: "true"}
    gone = session(seen=2)
    gone.values = None
    sink.write([gone], LIFE)
    assert strings(redis) == {}
    sink.write([session({"bounce": True})], LIFE)
    assert strings(redis) == {}


def test_a_session_says_what_the_part_that_owns_it_says(redis: Any, sink: RedisSink) -> None:
    sink.write([session({"bounce": False}, owner="bob", start=NOW - 2 * HOUR)], LIFE)
    assert sink.write([session({"bounce": True}, seen=9)], LIFE).refused == 1
    assert strings(redis) == {BOUNCE: "false"}


def test_a_device_that_points_to_its_user_has_no_strings(redis: Any, sink: RedisSink) -> None:
    sink.write([viewed(2, entity_id="device"), viewed(1, entity_id="device", window="1h")], LIFE)
    pointers = [row({}, entity_id="device", window=w, seen=3, same_as="ada") for w in ("5min", "1h")]
    sink.write([*pointers, viewed(2)], LIFE)
    assert strings(redis) == {SEEN: "2"}
    sink.write([viewed(2, entity_id="device", seen=2)], LIFE)
    assert strings(redis) == {SEEN: "2"}


def test_nothing_is_left_of_a_forgotten_shopper(redis: Any, sink: RedisSink) -> None:
    events, definitions = STORIES["one visit"]
    logic = ShopperLogic(definitions=replace(definitions, live_shopper=True))
    state = logic.zero()
    for event in events:
        logic.apply(state, event, T)
    sink.write(lived("one visit"), LIFE)
    sink.write([viewed(1)], LIFE)
    sink.write(forgotten_rows(logic, state, "ann", T), LIFE)
    assert sorted(redis.scan_iter()) == ["user:ada:features:5min", SEEN]


def test_what_a_later_life_wrote_is_not_forgotten(redis: Any, sink: RedisSink) -> None:
    sink.write([viewed(1)], LIFE + 1)
    gone = row(seen=9, until=NOW, forgotten=True)
    gone.values = None
    assert sink.write([gone], LIFE).refused == 1
    assert strings(redis) == {SEEN: "1"}


# Keys that hold something else


def test_what_the_live_shopper_job_left_is_taken_over(redis: Any, sink: RedisSink) -> None:
    redis.setex(SEEN, 600, "7")
    redis.setex("user:ada:avg_viewed_price_5m", 600, "0.0")
    redis.rpush(VALUE, "of no use")
    sink.write([row({"product_view_count": 1, "cart_value": 5})], LIFE)
    assert strings(redis) == {SEEN: "1", VALUE: "5"}
    assert redis.pttl(SEEN) > 600_000


def test_a_hash_of_foreign_type_costs_its_own_strings_only(redis: Any, sink: RedisSink) -> None:
    sink.write([viewed(1), viewed(2, window="1h")], LIFE)
    redis.delete("user:ada:features:5min")
    redis.rpush("user:ada:features:5min", "somebody's")
    report = sink.write([viewed(3, seen=2), viewed(4, window="1h", seen=2)], LIFE)
    assert (report.written, report.foreign) == (1, 1)
    assert strings(redis) == {"user:ada:product_view_count_1h": "4"}


# Branches that run apart


def test_branches_leave_the_strings_that_one_operator_leaves(
    redis: Any, server: Server, sink: RedisSink
) -> None:
    events, definitions = STORIES["one visit"]
    told = replace(definitions, live_shopper=True)
    branches = branch_fields(told)
    sink.write(lived("one visit"), LIFE)
    wanted = strings(redis)
    redis.flushall()
    for branch in branches:
        logic = ShopperLogic(branch_views(branch, told), told)
        replay = Replay(logic, T)
        replay.feed(events)
        rows = [changed(each, until=each.until + NOW - T + HOUR) for each in replay.rows()]
        with closing(
            RedisSink.connect(server.url, branch=branch, branches=branches, live_shopper=True)
        ) as one:
            one.write(rows, LIFE)
    assert strings(redis) == wanted
    assert len(wanted) > len(SESSION)


def test_forgetting_by_branches_leaves_no_strings(redis: Any, server: Server) -> None:
    branches = branch_fields(replace(STORIES["one visit"].definitions, live_shopper=True))
    sinks = [
        RedisSink.connect(server.url, branch=branch, branches=branches, live_shopper=True)
        for branch in ("product", "cart")
    ]
    product, cart = sinks
    product.write([viewed(1)], LIFE)
    cart.write([row({"cart_add_count": 2})], LIFE)
    assert (redis.get(SEEN), redis.get("user:ada:cart_add_count_5m")) == ("1", "2")
    for each in sinks:
        gone = row(seen=5, until=NOW, forgotten=True)
        gone.values = None
        each.write([gone], LIFE)
        each.close()
    assert redis.dbsize() == 0


# Many, and a cluster


def test_many_shoppers_have_all_their_strings(redis: Any, sink: RedisSink) -> None:
    rows = [viewed(n, entity_id=f"u{n}", window=w) for n in range(400) for w in ("5min", "1h", "24h")]
    assert sink.write(rows, LIFE).written == 1_200
    told = strings(redis)
    assert len(told) == 1_200
    assert all(told[f"user:u{n}:product_view_count_24h"] == str(n) for n in range(400))


def test_in_a_cluster_a_shoppers_strings_lie_with_the_hash(tmp_path: Path) -> None:
    with cluster(tmp_path) as nodes:
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes[:2])
        with closing(RedisSink.connect(url, live_shopper=True)) as sink:
            names = [f"u{n}" for n in range(12)]
            rows = [viewed(1, entity_id=name, window=w) for name in names for w in ("5min", "1h")]
            rows += [session({"bounce": True}, entity_id=name, owner=name) for name in names]
            assert sink.write(rows, LIFE).retries == 0
            found = {key: node for node in nodes for key in node.client().scan_iter()}
            for name in names:
                assert (
                    found[f"user:{{{name}}}:product_view_count_1h"] is found[f"user:{{{name}}}:features:1h"]
                )
                assert found[f"session:{{{name}}}:session_bounce"] is found[f"session:{{{name}}}:features"]
            assert len(found) == 2 * len(rows)
            gone = [changed(each, values=None, until=NOW, forgotten=True) for each in rows]
            sink.write(gone, LIFE)
            assert not [key for node in nodes for key in node.client().scan_iter()]


def test_while_a_slot_moves_its_strings_wait_and_come_with_it(tmp_path: Path) -> None:
    with cluster(tmp_path) as nodes:
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes[:2])
        slot, source, target = _place(nodes, "new")
        target.client().execute_command("CLUSTER SETSLOT", slot, "IMPORTING", _name(source))
        source.client().execute_command("CLUSTER SETSLOT", slot, "MIGRATING", _name(target))

        def moved() -> None:
            for node in (target, source, *nodes):
                node.client().execute_command("CLUSTER SETSLOT", slot, "NODE", _name(target))

        with closing(RedisSink.connect(url, live_shopper=True)) as sink:
            timer = threading.Timer(0.5, moved)
            timer.start()
            report = sink.write([viewed(4, entity_id="new"), viewed(1)], LIFE)
            timer.join()
            assert report.written == 2
            assert report.retries > 0
            assert strings(target.client())["user:{new}:product_view_count_5m"] == "4"
            assert sum(len(strings(node.client())) for node in nodes) == 2
