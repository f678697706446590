"""Rows that say what changed, and the number that tells a loss, against real Redis servers."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.row import NEVER_AGAIN, FeatureRow
from sinks.codec import decode
from sinks.redis_sink import RedisSink
from sinks.sequence import Stamp
from tests.sinks.rows import HOUR, KEY, LIFE, NOW, features, row, session
from tests.sinks.servers import cluster, running

pytestmark = pytest.mark.integration

NUMBERS = "pipeline:live:sequence"


def change(values: dict[str, Any], seen: int, absent: tuple[str, ...] = (), **changes: Any) -> FeatureRow:
    """The row that follows the one with `seen - 1`."""
    return row(values, seen=seen, at=NOW + seen, base=(seen - 1, NOW + seen - 1), absent=absent, **changes)


# Rows that say what changed


def test_a_change_is_written_on_top_of_its_base(sink, redis):
    sink.write([row({"a": 1, "b": 2, "c": 3}, at=NOW + 1, capped=True)], LIFE)
    report = sink.write([change({"a": 5, "d": 4}, 2, absent=("b",), until=NOW + 2 * HOUR)], LIFE)
    assert (report.written, report.missed) == (1, ())
    assert features(redis) == {"a": "5", "c": "3", "d": "4"}
    stored = decode(redis.hgetall(KEY))
    assert stored is not None
    assert (stored.seen, stored.at, stored.until, stored.capped) == (2, NOW + 2, NOW + 2 * HOUR, False)
    assert redis.pttl(KEY) > HOUR


@pytest.mark.parametrize("before", [None, row({"a": 1}, seen=1, at=NOW), row({"a": 1}, seen=1, at=NOW + 2)])
def test_on_top_of_anything_else_it_is_missed_and_nothing_is_written(sink, redis, before):
    if before is not None:
        sink.write([before], LIFE)
    whole = redis.hgetall(KEY)
    report = sink.write([change({"a": 5}, 2)], LIFE)
    assert (report.written, report.missed) == (0, ("ada",))
    assert redis.hgetall(KEY) == whole
    assert sink.write([row({"a": 5}, seen=2, at=NOW + 2)], LIFE).written == 1


def test_of_another_life_it_is_missed_and_below_what_is_stored_refused(sink, redis):
    sink.write([row({"a": 1}, at=NOW + 1)], LIFE)
    assert sink.write([change({"a": 5}, 2)], LIFE + 1).missed == ("ada",)
    assert sink.write([change({"a": 5}, 2)], LIFE - 1).refused == 1
    assert features(redis) == {"a": "1"}


def test_changes_of_one_batch_build_on_each_other(sink, redis):
    sink.write([row({"a": 1}, at=NOW + 1), change({"a": 2}, 2), change({"b": 3}, 3)], LIFE)
    assert features(redis) == {"a": "2", "b": "3"}


def test_a_change_of_a_session_is_its_owners(sink, redis):
    key = "session:s1:features"
    sink.write([session({"a": 1}, at=NOW + 1)], LIFE)
    base = (1, NOW + 1)
    assert sink.write([session({"a": 2}, seen=2, at=NOW + 2, base=base)], LIFE).written == 1
    assert features(redis, key) == {"a": "2"}
    other = {"owner": "bob", "seen": 3, "at": NOW + 3, "base": (2, NOW + 2)}
    assert sink.write([session({"a": 3}, start=NOW, **other)], LIFE).refused == 1
    assert sink.write([session({"a": 3}, start=0, **other)], LIFE).missed == ("bob",)
    assert features(redis, key) == {"a": "2"}


def test_who_is_behind_is_told_and_who_is_refused_for_good_is_not(sink, redis):
    sink.write([row({"a": 1}, seen=5), session({"a": 1}, seen=5)], LIFE)
    assert sink.write([row({"a": 2}, seen=4)], LIFE).behind == ("ada",)
    assert sink.write([session({"a": 2}, seen=4)], LIFE).behind == ("ada",)
    for report in (
        sink.write([row({"a": 2}, seen=9)], LIFE - 1),
        sink.write([session({"a": 2}, seen=4, owner="bob", start=NOW)], LIFE),
    ):
        assert (report.refused, report.behind) == (1, ())


def test_a_row_that_may_be_there_is_deleted_where_it_is_whatever_it_has_seen(sink, redis):
    key = "session:s1:features"
    gone = {"values": None, "seen": NEVER_AGAIN, "if_there": True}
    perhaps = msgspec.structs.replace(session(), **gone)
    assert sink.write([perhaps], LIFE).written == 1
    assert not redis.exists(key)
    sink.write([session({"a": 1}, seen=50)], LIFE)
    assert sink.write([msgspec.structs.replace(perhaps, owner="bob")], LIFE).refused == 1
    assert sink.write([perhaps], LIFE).written == 1
    assert features(redis, key) == {}
    assert sink.write([session({"a": 1}, seen=51)], LIFE).refused == 1
    assert sink.write([session({"a": 1}, seen=1)], LIFE + 1).written == 1


@given(st.lists(st.tuples(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2)), st.booleans())))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_changes_give_what_whole_rows_give(sink, redis, steps):
    redis.flushall()
    before: dict[str, int] = {}
    for seen, (values, lost) in enumerate(steps, 1):
        if lost:
            redis.flushall()
        changed = {n: v for n, v in values.items() if before.get(n) != v}
        gone = tuple(before.keys() - values.keys())
        if sink.write([change(changed, seen, gone)], LIFE).missed:
            sink.write([row(dict(values), seen=seen, at=NOW + seen)], LIFE)
        before = values
        assert features(redis) == {n: str(v) for n, v in values.items()}


# The number that tells a loss


def stamp(known: int, number: int, field: str = "7", whole: str = "") -> Stamp:
    return Stamp(NUMBERS, field, known, number, whole)


def test_a_number_that_is_kept_says_that_nothing_was_lost(sink, redis):
    for known, number in [(0, 10), (10, 20), (10, 20), (20, 30)]:
        assert not sink.write([row()], LIFE, stamp=stamp(known, number)).lost
    assert redis.hgetall(NUMBERS) == {"7": "30"}


def test_numbers_as_large_as_a_clock_in_microseconds_are_kept_to_the_last_digit(sink, redis):
    number = 1_763_715_123_456_789
    sink.write([], LIFE, stamp=stamp(0, number))
    assert redis.hgetall(NUMBERS) == {"7": str(number)}
    assert not sink.write([], LIFE, stamp=stamp(number, number + 1)).lost
    assert redis.hgetall(NUMBERS) == {"7": str(number + 1)}


@pytest.mark.parametrize("left", [{}, {"7": "19"}, {"7": "rubbish"}])
def test_a_lower_number_or_none_is_a_loss_until_all_was_written_again(sink, redis, left):
    if left:
        redis.hset(NUMBERS, mapping=left)
    for _ in range(2):
        assert sink.write([row()], LIFE, stamp=stamp(20, 30)).lost
    assert redis.hgetall(NUMBERS) == left
    assert not sink.write([], LIFE, stamp=stamp(0, 31, "7~")).lost
    assert sink.write([], LIFE, stamp=stamp(20, 32)).lost
    assert not sink.write([], LIFE, stamp=stamp(31, 33, "7~", whole="7")).lost
    assert redis.hgetall(NUMBERS) == {"7": "33"}
    assert not sink.write([], LIFE, stamp=stamp(33, 34)).lost


def test_a_loss_while_all_is_written_again_is_noticed_at_the_last_write(sink, redis):
    sink.write([], LIFE, stamp=stamp(0, 31, "7~"))
    redis.flushall()
    assert sink.write([], LIFE, stamp=stamp(31, 33, "7~", whole="7")).lost
    assert redis.hgetall(NUMBERS) == {}


def test_a_server_that_comes_back_empty_is_noticed_in_the_write_that_waited_for_it(tmp_path):
    with running(tmp_path) as mortal:
        sink = RedisSink.connect(mortal.url, give_up_s=30)
        sink.write([row()], LIFE, stamp=stamp(0, 10))
        mortal.kill()
        mortal.start()
        report = sink.write([row({"n": 2}, seen=2)], LIFE, stamp=stamp(10, 20))
        assert (report.written, report.lost) == (1, True)
        sink.close()


def test_every_node_of_a_cluster_keeps_the_number(tmp_path):
    with cluster(tmp_path) as servers:
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
        sink = RedisSink.connect(f"redis+cluster://{hosts}", prefix="shop:")
        for known, number in [(0, 10), (10, 20)]:
            assert not sink.write([row()], LIFE, stamp=stamp(known, number)).lost
        for server in servers:
            (key,) = server.client().keys(f"shop:{NUMBERS}*")
            assert server.client().hgetall(key) == {"7": "20"}
        servers[1].client().flushall()
        assert sink.write([row(seen=2)], LIFE, stamp=stamp(20, 30)).lost
        assert not sink.write([], LIFE, stamp=stamp(0, 31, "7~", whole="7")).lost
        assert not sink.write([row(seen=3)], LIFE, stamp=stamp(31, 40)).lost
        sink.close()
