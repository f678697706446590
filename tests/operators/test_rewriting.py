"""When Redis lost what it had taken, rows are written again from state: all of them, at a bounded rate."""

import json

import pytest

from operators.bucket import LOOK_MS, Bucket
from operators.ledger import Ledger
from operators.shard import REWRITE_CHUNK
from operators.writing import AGAIN_MS
from tests.operators.fakes import NOW, Instance, view

MANY = 2 * REWRITE_CHUNK + 7


def crowd(one: Instance, shoppers: int = MANY) -> None:
    one.take(*(view(str(i), f"s{i}") for i in range(shoppers)))


def held(one: Instance) -> set[str]:
    return {entity_id for entity, entity_id, _ in one.sink.hashes if entity == "user"}


def begin(one: Instance) -> None:
    """Lose everything, and let the first shoppers be written again."""
    one.sink.lose()
    while not one.counts().get("rewritten"):
        one.pass_time(min(one.timers))
    assert 0 < len(held(one)) < MANY


def test_a_silent_bucket_finds_out_by_itself_and_writes_every_row_again() -> None:
    one = Instance()
    crowd(one)
    one.pass_time(NOW + LOOK_MS + 1)
    one.sink.lose()
    one.pass_time(NOW + 3 * LOOK_MS)
    assert len(held(one)) == MANY
    assert one.counts()["losses"] == 1
    assert one.counts()["rewritten"] == MANY


def test_rows_come_back_as_they_were() -> None:
    one, two = Instance(), Instance()
    for each in (one, two):
        crowd(each)
    one.sink.lose()
    for each in (one, two):
        each.pass_time(NOW + 4 * LOOK_MS)
    there = {key: row.values for key, row in two.sink.hashes.items()}
    assert {key: row.values for key, row in one.sink.hashes.items()} == there


def test_nothing_is_written_again_while_redis_holds_everything() -> None:
    one = Instance()
    crowd(one)
    one.pass_time(NOW + 10 * LOOK_MS)
    one.restart()
    one.take(view("x"))
    one.pass_time(NOW + 20 * LOOK_MS)
    assert "losses" not in one.counts()
    assert "rewritten" not in one.counts()


def test_the_rate_is_bounded_and_new_events_do_not_wait() -> None:
    one = Instance()
    crowd(one)
    begin(one)
    assert len(held(one)) == REWRITE_CHUNK
    one.take(view("new", "zoe"))
    assert one.sink.shown("zoe")["product_view_count"] == 1
    assert len(held(one)) == REWRITE_CHUNK + 1
    one.pass_time(one.now + 1000)
    assert len(held(one)) == MANY + 1


def test_a_loss_in_the_middle_of_writing_again_begins_anew() -> None:
    one = Instance()
    crowd(one)
    begin(one)
    one.sink.lose()
    one.pass_time(NOW + 3 * LOOK_MS)
    assert len(held(one)) == MANY
    assert one.counts()["losses"] == 2


@pytest.mark.parametrize("checkpoint", ["before the loss", "in the middle"])
def test_a_crash_in_the_middle_of_writing_again_begins_anew(checkpoint: str) -> None:
    one = Instance()
    crowd(one)
    saved = dict(one.store.entries[0])
    begin(one)
    if checkpoint == "before the loss":
        one.store.entries[0] = saved
    one.restart()
    one.timers.add(one.now)
    one.pass_time(NOW + 3 * LOOK_MS)
    assert len(held(one)) == MANY


def test_a_crash_after_all_was_written_again_needs_nothing_more() -> None:
    one = Instance()
    crowd(one)
    saved = dict(one.store.entries[0])
    one.sink.lose()
    one.pass_time(NOW + 3 * LOOK_MS)
    one.store.entries[0] = saved
    one.restart()
    one.timers.add(one.now)
    one.pass_time(NOW + 5 * LOOK_MS)
    assert "losses" not in one.counts()
    assert len(held(one)) == MANY


def test_a_redis_that_is_older_is_noticed_at_the_next_write() -> None:
    one = Instance()
    crowd(one)
    older = dict(one.sink.hashes), dict(one.sink.numbers)
    one.now += 10
    one.take(view("x", "zoe"))
    one.sink.hashes, one.sink.numbers = older
    one.take(view("y", "ann"))
    assert one.counts()["losses"] == 1
    one.pass_time(one.now + 1000)
    assert "zoe" in held(one)


def test_progress_says_that_rows_are_written_again() -> None:
    one = Instance()
    crowd(one)
    one.logic.catalogue += 1
    one.restart()
    for moment in (0, 5000):
        one.now += moment
        one.take(view("x"))
    told = [json.loads(put["pipeline:job:progress"]["0"])["rewriting"] for put in one.sink.puts]
    assert told == [False, True, True]


def test_rows_that_hold_other_features_are_written_again() -> None:
    one = Instance()
    crowd(one, 3)
    one.logic.catalogue += 1
    one.restart()
    one.timers.add(one.now)
    one.pass_time(NOW + LOOK_MS)
    assert one.counts()["rewritten"] == 3
    one.restart()
    one.timers.add(one.now)
    one.pass_time(NOW + 2 * LOOK_MS)
    assert one.counts()["rewritten"] == 3


def test_a_row_that_was_refused_is_written_again_after_a_crash_too() -> None:
    one = Instance()
    one.take(view("1"))
    one.sink.refuses.add("ann")
    one.take(view("2"))
    assert one.sink.shown("ann")["product_view_count"] == 1
    assert one.counts()["rows.behind"] == 1
    one.sink.refuses.clear()
    one.restart()
    one.timers.add(one.now)
    one.pass_time(NOW + 2 * AGAIN_MS)
    assert one.sink.shown("ann")["product_view_count"] == 2


def test_who_is_out_of_the_schedule_when_the_loss_is_found_is_written_again_too() -> None:
    """A wake-up takes out whom it looks at, and its own write is what finds the loss."""
    bucket = Bucket(0, Ledger())
    bucket.schedule.add("ann", NOW)
    bucket.schedule.add("bob", NOW + 1)
    assert list(bucket.schedule.due(NOW, 9)) == ["ann"]
    bucket.rewrite(NOW)
    assert bucket.rewriting is not None
    bucket.schedule.add("ann", NOW + 5)
    assert not bucket.rewriting.over
    assert bucket.rewriting.take(9) == ["bob", "ann"]
    assert bucket.rewriting.over
