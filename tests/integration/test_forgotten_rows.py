"""Deleting a forgotten shopper's keys, against real Redis servers: one, and a cluster."""

import contextlib
import itertools

import pytest

from features.logic import ShopperLogic
from features.row import FeatureRow
from sinks.branch_fields import BranchFields
from sinks.redis_sink import RedisSink
from tests.sinks.rows import HOUR, KEY, LIFE, NOW, row, session
from tests.sinks.servers import cluster

pytestmark = pytest.mark.integration

BRANCHES = {
    "cart": BranchFields(frozenset({"cart_add_count"}), {"cart_add_count": 0}),
    "product": BranchFields(frozenset({"product_view_count"}), {"product_view_count": 0}),
}


def gone(of: FeatureRow, **changes) -> FeatureRow:
    """The deletion of a row's key."""
    fields = {name: getattr(of, name) for name in FeatureRow.__struct_fields__}
    return FeatureRow(**(fields | {"values": None, "until": NOW, "forgotten": True} | changes))


def test_a_key_goes_at_once_whatever_its_fence_and_leaves_nothing(redis, sink):
    sink.write([row(seen=50, at=NOW + 5), row(window="session"), session(seen=50)], LIFE)
    report = sink.write([gone(row(seen=1)), gone(row(window="session")), gone(session(seen=1))], LIFE)
    assert (report.written, report.deleted, report.refused) == (3, 3, 0)
    assert redis.keys() == []
    again = sink.write([gone(row()), gone(session())], LIFE)
    assert (again.written, again.deleted) == (2, 0)


def test_what_a_later_life_wrote_stays(redis, sink):
    sink.write([row(), session()], LIFE + 1)
    report = sink.write([gone(row(seen=9)), gone(session(seen=9))], LIFE)
    assert (report.refused, report.deleted) == (2, 0)
    assert len(redis.keys()) == 2


def test_what_an_earlier_life_wrote_goes(redis, sink):
    sink.write([row(), session()], LIFE - 1)
    assert sink.write([gone(row()), gone(session())], LIFE).deleted == 2


def test_a_session_that_another_shopper_owns_stays(redis, sink):
    sink.write([session(owner="bob", start=NOW - 2 * HOUR)], LIFE)
    assert sink.write([gone(session(seen=9))], LIFE).deleted == 0
    assert redis.hget("session:s1:features", "_owner") == "bob"


def test_a_tombstone_of_the_shopper_goes_too(redis, sink):
    sink.write([session(values={}, seen=2)], LIFE)
    ended = session(seen=3)
    ended.values = None
    sink.write([ended], LIFE)
    assert redis.hget("session:s1:features", "_gone") == "1"
    assert sink.write([gone(session(seen=4))], LIFE).deleted == 1
    assert redis.keys() == []


def test_a_foreign_type_is_left_alone(redis, sink):
    redis.lpush(KEY, "mine")
    assert sink.write([gone(row())], LIFE).foreign == 1
    assert redis.lrange(KEY, 0, -1) == ["mine"]


@pytest.mark.parametrize("order", list(itertools.permutations(BRANCHES)))
def test_the_last_branch_to_forget_deletes_the_hash(redis, server, order):
    with contextlib.ExitStack() as stack:
        sinks = {
            branch: stack.enter_context(
                contextlib.closing(RedisSink.connect(server.url, branch=branch, branches=BRANCHES))
            )
            for branch in BRANCHES
        }
        sinks["cart"].write([row({"cart_add_count": 3}, seen=50)], LIFE)
        sinks["product"].write([row({"product_view_count": 4}, seen=60)], LIFE)
        first, last = order
        assert sinks[first].write([gone(row(seen=1))], LIFE).deleted == 0
        left = redis.hgetall(KEY)
        (own,), (other,) = BRANCHES[first].zeros, BRANCHES[last].zeros
        assert (left[own], left[other] != "0") == ("0", True)
        assert sinks[last].write([gone(row(seen=1))], LIFE).deleted == 1
        assert redis.keys() == []


def test_a_branch_that_goes_on_keeps_what_came_after(redis, server):
    with (
        contextlib.closing(RedisSink.connect(server.url, branch="cart", branches=BRANCHES)) as cart,
        contextlib.closing(RedisSink.connect(server.url, branch="product", branches=BRANCHES)) as product,
    ):
        cart.write([row({"cart_add_count": 3}, seen=50)], LIFE)
        product.write([row({"product_view_count": 4}, seen=60)], LIFE)
        product.write([gone(row(seen=60)), row({"product_view_count": 1}, seen=61)], LIFE)
        cart.write([gone(row(seen=50))], LIFE)
        left = redis.hgetall(KEY)
        assert (left["product_view_count"], left["cart_add_count"]) == ("1", "0")


def test_all_keys_of_a_shopper_in_a_cluster(tmp_path):
    with cluster(tmp_path) as nodes:
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes[:2])
        with contextlib.closing(RedisSink.connect(url)) as sink:
            rows = [
                *(
                    row(entity_id=shopper, window=window)
                    for shopper in ("ada", "bob")
                    for window in ("5min", "1h")
                ),
                *(session(entity_id=f"s{number}") for number in range(8)),
            ]
            sink.write(rows, LIFE)
            report = sink.write([gone(each) for each in rows if each.entity_id != "bob"], LIFE)
            assert report.deleted == 10
            left = sorted(key for node in nodes for key in node.client().scan_iter())
            assert left == ["user:{bob}:features:1h", "user:{bob}:features:5min"]


def test_every_row_that_the_logic_forgets_can_be_sent(redis, sink):
    from features.forgetting import forgotten_rows

    logic = ShopperLogic()
    assert sink.write(forgotten_rows(logic, logic.zero(), "no: {such} %one", NOW), LIFE).written == 4
