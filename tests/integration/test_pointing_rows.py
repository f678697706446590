"""Rows that point to a user, and sessions that moved there, against real Redis servers."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.row import FeatureRow
from features.views import BRANCHES as ALL
from shopper_reader.plans import POINTING
from sinks.branch_fields import BranchFields
from sinks.codec import decode, pointed_to
from sinks.redis_sink import RedisSink
from tests.sinks.rows import HOUR, KEY, LIFE, NOW, features, row, session

pytestmark = pytest.mark.integration

BRANCHES = {
    "cart": BranchFields(frozenset({"cart_add_count"}), {"cart_add_count": 0}),
    "product": BranchFields(frozenset({"product_view_count"}), {"product_view_count": 0}),
    "purchase": BranchFields(frozenset({"order_value"})),
}
VALUES: dict[str, dict[str, Any]] = {
    "cart": {"cart_add_count": 3},
    "product": {"product_view_count": 4},
    "purchase": {"order_value": 5},
}
SESSION = "session:s1:features"


def pointer(user: str = "ann", **changes: Any) -> FeatureRow:
    """The row of a device that says whose it is."""
    return row({}, **({"seen": 5, "until": NOW + 24 * HOUR, "same_as": user} | changes))


@pytest.fixture
def sinks(server, redis) -> Iterator[dict[str, RedisSink]]:
    """A writer for each branch."""
    with ExitStack() as stack:
        yield {
            branch: stack.enter_context(
                closing(RedisSink.connect(server.url, branch=branch, branches=BRANCHES))
            )
            for branch in BRANCHES
        }


# One writer


def test_a_pointer_replaces_the_whole_row_and_lives_its_day(redis, sink):
    sink.write([row({"cart_add_count": 3}, seen=4, capped=True)], LIFE)
    assert sink.write([pointer("größe: %1")], LIFE).written == 1
    assert redis.hgetall(KEY) == {
        "_v": f"0{LIFE}.000000000005.0{NOW}",
        "_at": str(NOW),
        "_next": str(NOW + 10_000),
        "_until": str(NOW + 24 * HOUR),
        "_seen": "5",
        "_same_as": "größe: %1",
    }
    assert 23 * HOUR < redis.pttl(KEY) <= 24 * HOUR


def test_a_pointer_stands_behind_the_fence_as_any_row_does(redis, sink):
    sink.write([pointer()], LIFE)
    assert sink.write([row({"n": 1}, seen=4, at=NOW + 99)], LIFE).refused == 1
    assert sink.write([pointer("bob", seen=4)], LIFE).refused == 1
    assert pointed_to(redis.hgetall(KEY)) == "ann"
    assert sink.write([row({"n": 1}, seen=6)], LIFE).written == 1
    assert (features(redis), pointed_to(redis.hgetall(KEY))) == ({"n": "1"}, "")


def test_changes_of_a_row_are_not_written_over_a_pointer(redis, sink):
    sink.write([pointer()], LIFE)
    changed = row({"n": 2}, seen=6, base=(4, NOW))
    assert sink.write([changed], LIFE).missed == ("ada",)
    assert pointed_to(redis.hgetall(KEY)) == "ann"


def test_a_pointer_goes_when_its_shopper_is_forgotten(redis, sink):
    sink.write([pointer()], LIFE)
    gone = row(seen=1, until=NOW, forgotten=True)
    gone.values = None
    assert sink.write([gone], LIFE).deleted == 1
    assert not redis.exists(KEY)


def test_a_pointer_that_is_over_leaves_nothing(redis, sink):
    sink.write([row()], LIFE)
    assert sink.write([pointer(until=NOW)], LIFE).written == 1
    assert not redis.exists(KEY)


# Sessions that moved to the user


@pytest.mark.parametrize(("device", "user"), [("a-device", "zoe"), ("z-device", "ann")])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_part_that_moved_owns_the_session_whatever_the_ids(redis, sink, device, user, order):
    parts = [
        session({"n": 1}, owner=device, seen=3),
        session({"n": 2}, owner=device, seen=4),
        session({"n": 9}, owner=user, seen=1, moved=True),
    ]
    for number in order:
        sink.write([parts[number]], LIFE)
    assert (features(redis, SESSION), redis.hget(SESSION, "_owner")) == ({"n": "9"}, user)
    assert redis.hget(SESSION, "_moved") == "1"
    assert sink.write([parts[1]], LIFE).refused == 1


def test_a_moved_session_goes_on_by_changes(redis, sink):
    sink.write([session({"n": 1}, owner="a-device")], LIFE)
    sink.write([session({"n": 2}, owner="zoe", moved=True)], LIFE)
    sink.write([session({"n": 3}, owner="zoe", moved=True, seen=2, base=(1, NOW))], LIFE)
    assert sink.write([session({"n": 1}, owner="a-device", seen=9)], LIFE).refused == 1
    assert features(redis, SESSION) == {"n": "3"}


def test_the_part_that_began_first_owns_the_session_though_it_did_not_move(redis, sink):
    sink.write([session({"n": 1}, owner="zoe", moved=True)], LIFE)
    assert sink.write([session({"n": 2}, owner="eve", start=NOW - 2 * HOUR)], LIFE).written == 1
    assert sink.write([session({"n": 3}, owner="zoe", moved=True, seen=2)], LIFE).refused == 1
    assert features(redis, SESSION) == {"n": "2"}


def test_of_two_parts_that_moved_the_lesser_owner_has_the_session(redis, sink):
    for owner in ("zoe", "ann", "bob"):
        sink.write([session({"n": owner}, owner=owner, moved=True)], LIFE)
    assert features(redis, SESSION) == {"n": "ann"}


def test_a_later_life_that_knows_no_logins_is_not_kept_out(redis, sink):
    sink.write([session({"n": 1}, owner="zoe", moved=True)], LIFE)
    assert sink.write([session({"n": 2}, owner="a-device")], LIFE + 1).written == 1
    assert sink.write([session({"n": 3}, owner="zoe", moved=True)], LIFE + 1).written == 1
    assert features(redis, SESSION) == {"n": "3"}


def test_a_device_can_neither_delete_nor_forget_what_moved(redis, sink):
    sink.write([session({"n": 1}, owner="zoe", moved=True)], LIFE)
    gone = session(owner="a-device", seen=9)
    gone.values = None
    forgotten = session(owner="a-device", seen=9, forgotten=True, until=NOW)
    forgotten.values = None
    assert sink.write([gone, forgotten], LIFE).refused == 2
    assert features(redis, SESSION) == {"n": "1"}


def test_only_the_sessions_own_key_says_that_it_moved(redis, sink):
    sink.write([row({"n": 1}, window="session", owner="ada", moved=True)], LIFE)
    assert "_moved" not in redis.hgetall("user:ada:features:session")


# Branches that share a hash


@pytest.mark.parametrize("first", BRANCHES)
def test_the_first_branch_that_points_takes_all_fields_away(redis, sinks, first):
    for branch, sink in sinks.items():
        sink.write([row(VALUES[branch], seen=9, capped=True)], LIFE)
    assert sinks[first].write([pointer(seen=10)], LIFE).written == 1
    held = redis.hgetall(KEY)
    assert all(name.startswith("_") for name in held)
    assert (pointed_to(held), decode(held), held["_until"]) == ("ann", None, str(NOW + 24 * HOUR))
    assert (held["_seen"], held["_at"], held["_v"]) == ("10", str(NOW), f"0{LIFE}.000000000010.0{NOW}")


def test_a_row_that_all_branches_point_with_is_short_enough_for_readers_to_look(redis, server):
    owned = {branch: BranchFields(frozenset({f"{branch}_count"}), {f"{branch}_count": 0}) for branch in ALL}
    for branch in ALL:
        sink = RedisSink.connect(server.url, branch=branch, branches=owned)
        sink.write([pointer()], LIFE)
        sink.close()
    assert (pointed_to(redis.hgetall(KEY)), redis.hlen(KEY)) == ("ann", 26)
    assert redis.hlen(KEY) <= POINTING


def test_a_branch_that_has_not_come_as_far_does_not_bring_its_fields_back(redis, sinks):
    sinks["product"].write([row(VALUES["product"], seen=2)], LIFE)
    sinks["cart"].write([pointer()], LIFE)
    before = redis.hgetall(KEY)
    report = sinks["product"].write([row(VALUES["product"], seen=99, at=NOW + 9)], LIFE)
    assert (report.refused, report.behind) == (1, ("ada",))
    assert redis.hgetall(KEY) == before
    assert sinks["product"].write([pointer(seen=100, at=NOW + 10)], LIFE).written == 1
    held = redis.hgetall(KEY)
    assert (pointed_to(held), held["_seen"], held["_at"]) == ("ann", "100", str(NOW + 10))
    assert sinks["product"].write([row(VALUES["product"], seen=99)], LIFE).refused == 1


def test_a_branch_without_anything_inside_leaves_the_pointer(redis, sinks):
    sinks["cart"].write([pointer()], LIFE)
    assert sinks["product"].write([row({"product_view_count": 0}, until=NOW)], LIFE).written == 1
    assert sinks["purchase"].write([pointer(until=NOW)], LIFE).written == 1
    assert pointed_to(redis.hgetall(KEY)) == "ann"


def test_times_of_what_was_there_do_not_go_back(redis, sinks):
    sinks["product"].write([row(VALUES["product"], seen=50, at=NOW + 70)], LIFE)
    sinks["purchase"].write([row(VALUES["purchase"], seen=2, at=NOW + 90)], LIFE)
    sinks["cart"].write([pointer(seen=3)], LIFE)
    held = redis.hgetall(KEY)
    assert (held["_seen"], held["_at"]) == ("50", str(NOW + 90))


def test_the_hash_lives_as_long_as_one_branch_points(redis, sinks):
    sinks["cart"].write([pointer(next=NOW + 7, until=NOW + HOUR)], LIFE)
    sinks["product"].write([pointer(next=NOW + 5, until=NOW + 2 * HOUR)], LIFE)
    held = redis.hgetall(KEY)
    assert (held["_next"], held["_until"]) == (str(NOW + 5), str(NOW + 2 * HOUR))
    assert HOUR < redis.pttl(KEY) <= 2 * HOUR


def test_branches_that_were_told_of_two_users_give_the_latest(redis, server, sinks):
    told = {"cart": ("bob", 5), "product": ("ann", 7), "purchase": ("zoe", 3)}
    for order in itertools.permutations(told):
        redis.flushall()
        for branch in order:
            user, later = told[branch]
            sinks[branch].write([pointer(user, at=NOW + later)], LIFE)
        assert pointed_to(redis.hgetall(KEY)) == "ann", order
    sinks["cart"].write([pointer("zoe", at=NOW + 7, seen=6)], LIFE)
    assert pointed_to(redis.hgetall(KEY)) == "zoe"


def test_the_one_branch_that_points_may_take_it_back(redis, sinks):
    sinks["cart"].write([pointer()], LIFE)
    assert sinks["cart"].write([row(VALUES["cart"], seen=6)], LIFE).written == 1
    held = redis.hgetall(KEY)
    assert (features(redis), pointed_to(held)) == ({"cart_add_count": "3", "product_view_count": "0"}, "")
    sinks["cart"].write([pointer(seen=7)], LIFE)
    assert sinks["cart"].write([row({"cart_add_count": 0}, seen=8, until=NOW)], LIFE).written == 1
    assert not redis.exists(KEY)


@pytest.mark.parametrize("order", list(itertools.permutations(BRANCHES)))
def test_the_last_branch_to_forget_deletes_the_pointer(redis, sinks, order):
    gone = row(seen=1, until=NOW, forgotten=True)
    gone.values = None
    for branch in order:
        sinks[branch].write([pointer()], LIFE)
    for branch in order[:-1]:
        assert sinks[branch].write([gone], LIFE).deleted == 0
        assert pointed_to(redis.hgetall(KEY)) == "ann"
    assert sinks[order[-1]].write([gone], LIFE).deleted == 1
    assert redis.keys() == []


def test_a_pointer_of_an_earlier_life_or_of_the_fused_job_does_not_stay(redis, sink, sinks):
    sinks["cart"].write([pointer()], LIFE)
    assert sinks["product"].write([row(VALUES["product"])], LIFE + 1).written == 1
    assert features(redis) == {"cart_add_count": "0", "product_view_count": "4"}
    assert sinks["cart"].write([pointer(seen=99)], LIFE).refused == 1
    redis.flushall()
    sink.write([pointer()], LIFE)
    sinks["product"].write([row(VALUES["product"])], LIFE)
    assert features(redis) == {"cart_add_count": "0", "product_view_count": "4"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(sorted(BRANCHES)), st.integers(0, 3), min_size=1), st.randoms())
def test_in_whatever_order_branches_come_to_the_login_the_row_points(redis, sinks, before, chance):
    """Each branch writes some rows and then points; writes overtake each other, and repeat after a crash."""
    redis.flushall()
    writes = {
        branch: [row(VALUES[branch], seen=seen, at=NOW + seen) for seen in range(1, rows + 1)]
        + [pointer(seen=rows + 1, at=NOW + rows + 1)]
        for branch, rows in before.items()
    }
    pending = [(branch, made) for branch, own in writes.items() for made in own]
    for branch, made in chance.sample(pending, len(pending)) + pending[: chance.randrange(len(pending) + 1)]:
        sinks[branch].write([made], LIFE)
    held = redis.hgetall(KEY)
    assert pointed_to(held) == "ann"
    assert all(name.startswith("_") for name in held)
    assert int(held["_seen"]) == max(before.values()) + 1
