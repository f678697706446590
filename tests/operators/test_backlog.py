"""Batches that wait while a bucket is behind: applied once, together, in order, whatever comes between."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.state import FUTURE_MS
from operators.backlog import BEHIND_MS, IDLE_MS, MOST_BYTES, MOST_MS, PART
from operators.batch import Batch, Forgetting
from operators.ledger import VERDICTS
from operators.store import LEDGER
from sinks.redis_sink import WriteReport
from tests.operators.fakes import NOW, Instance, record, view

LATE = Batch(0, NOW - 4_000)
"""Half a second is how long it may wait."""
HOUR_LATE = Batch(0, NOW - 3_600_000)


def reads(batch: Batch, offset: int) -> Batch:
    return Batch(batch.bucket, batch.newest, {0: (1, offset)})


def test_a_batch_that_is_not_late_is_applied_at_once() -> None:
    one = Instance()
    one.take(view("1"), batch=Batch(0, NOW - BEHIND_MS + 1))
    assert one.state("ann") is not None
    assert one.waiting.entries.get(0, {}) == {}


def test_late_batches_wait_in_the_state_and_are_applied_together() -> None:
    one = Instance()
    one.wake()
    until, come = NOW + 4_000 // PART, 0
    while one.now < until:
        one.take(view(str(come)), batch=reads(LATE, come))
        come += 1
        assert (one.sink.rows, len(one.waiting.entries[0])) == ([], come)
        one.pass_time(min(one.now + IDLE_MS - 1, until))
    assert one.sink.shown("ann")["product_view_count"] == come
    assert one.waiting.entries[0] == {}
    names = ("read", "applied", "batches", "batches.waited")
    assert [one.counts()[name] for name in names] == [come] * 4


def test_nobody_waits_for_batches_that_do_not_come() -> None:
    one = Instance()
    one.wake()
    one.take(view("1"), batch=HOUR_LATE)
    one.pass_time(NOW + IDLE_MS - 1)
    assert one.sink.rows == []
    one.pass_time(NOW + IDLE_MS)
    assert one.sink.shown("ann")["product_view_count"] == 1
    assert one.waiting.entries[0] == {}


def test_batches_of_any_bucket_of_the_instance_are_batches_that_come() -> None:
    one = Instance(buckets=2)
    one.take(view("1"), batch=HOUR_LATE)
    one.now += IDLE_MS - 1
    one.take(view("2", "bob"), bucket=1, batch=Batch(1, HOUR_LATE.newest))
    one.now += 1
    one.wake()
    assert one.sink.rows == []
    one.now += IDLE_MS - 1
    one.wake()
    assert one.sink.shown("ann")["product_view_count"] == 1


def test_what_came_while_a_bucket_was_applied_has_its_turn_before_the_next_bucket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Instance(buckets=2)
    one.take(view("1"), batch=HOUR_LATE)
    one.take(view("2", "bob"), bucket=1, batch=Batch(1, HOUR_LATE.newest))
    one.now += IDLE_MS
    write = one.sink.write

    def slow(*rows: Any, **others: Any) -> WriteReport:
        one.now += 300
        return write(*rows, **others)

    monkeypatch.setattr(one.sink, "write", slow)
    one.wake()
    one.wake(bucket=1)
    assert (one.sink.shown("ann")["product_view_count"], one.sink.shown("bob")) == (1, {})
    one.now += IDLE_MS
    one.wake(bucket=1)
    assert one.sink.shown("bob")["product_view_count"] == 1


def test_nothing_waits_longer_than_that() -> None:
    one = Instance()
    one.wake()
    one.take(view("1"), batch=HOUR_LATE)
    assert max(one.timers) <= NOW + MOST_MS
    one.now += MOST_MS
    one.take(view("2"), batch=HOUR_LATE)
    assert one.sink.shown("ann")["product_view_count"] == 2, "its timer may be late"


def test_a_batch_that_is_not_late_takes_along_those_that_wait() -> None:
    one = Instance()
    one.take(view("1"), batch=LATE)
    one.take(view("2"))
    assert one.sink.shown("ann")["product_view_count"] == 2
    assert one.sink.round_trips == 1
    assert one.waiting.entries[0] == {}


def test_no_more_waits_than_a_checkpoint_should_carry() -> None:
    one = Instance()
    for number in range(3):
        raw = Random(number).randbytes(MOST_BYTES // 3)  # what cannot be compressed
        batch = Batch(0, LATE.newest, records=[record(view(str(number)), number, raw)])
        one.take(batch=batch)
    assert one.sink.shown("ann")["product_view_count"] == 3
    assert one.sink.round_trips == 1
    assert one.waiting.entries[0] == {}


def test_the_order_of_batches_and_of_control_records_is_kept() -> None:
    one = Instance()
    one.take(view("1"), view("2"), batch=LATE)
    forget = Batch(0, LATE.newest, {0: (2, 3)}, forgets=[Forgetting(0, 3, "ann", 1)])
    one.take(view("3"), view("4"), batch=forget)
    one.pass_time(NOW + MOST_MS)
    state = one.state("ann")
    assert state is not None
    assert one.sink.shown("ann")["product_view_count"] == 1
    assert one.counts()["forgotten"] == 1


def test_dead_letters_of_batches_that_waited_come_with_the_timer() -> None:
    one = Instance()
    future = view("1", at=NOW + FUTURE_MS + MOST_MS + 1)
    assert one.take(future, batch=Batch(0, LATE.newest, {0: (2, 1)}, {}, ['"undecodable"'])) == []
    one.now += MOST_MS
    letters = one.wake()
    assert json.loads(letters[0]) == "undecodable"
    assert json.loads(letters[1])["kind"] == "future"
    counts = one.counts()
    assert counts["read"] == sum(counts.get(name, 0) for name in VERDICTS) == 2


def test_what_waited_outlives_a_restart() -> None:
    one = Instance()
    for number in range(12):
        one.take(view(str(number)), batch=reads(LATE, number))
    one.restart()
    one.pass_time(NOW + MOST_MS)
    assert one.sink.shown("ann")["product_view_count"] == 12
    assert one.counts()["read"] == 12
    assert one.waiting.entries[0] == {}


def test_what_waited_goes_on_waiting_if_the_sink_fails() -> None:
    one = Instance()
    one.take(view("1"), batch=LATE)
    one.sink.failing = True
    one.now += MOST_MS
    with pytest.raises(RuntimeError):
        one.wake()
    assert len(one.waiting.entries[0]) == 1
    one.sink.failing = False
    one.restart()
    one.take(view("2"))
    assert one.sink.shown("ann")["product_view_count"] == 2


def test_records_that_are_read_again_find_applied_what_waited() -> None:
    one = Instance()
    one.take(view("1"), batch=reads(LATE, 0))
    one.migrate()
    again = Batch(0, NOW - 9_000, {0: (1, 0)}, again=True)
    one.take(view("1"), batch=again)
    fresh = Batch(0, NOW - 9_000, {0: (1, 1)}, again=True)
    one.take(view("2"), batch=fresh)
    assert one.sink.shown("ann")["product_view_count"] == 2
    assert (one.counts()["read"], one.counts().get("duplicate", 0)) == (2, 0)


@pytest.mark.property
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from((0, 900, 2_000, 60_000)),
            st.integers(0, 900),
            st.booleans(),
        ),
        min_size=1,
        max_size=14,
    )
)
def test_waiting_changes_no_value_and_no_count(story: list[tuple[str, int, int, bool]]) -> None:
    """Late or not, restarted or not: the same events give the same features and the same accounting."""
    waits, goes = Instance(), Instance()
    for number, (shopper, late, pause, restarted) in enumerate(story):
        for one, lateness in ((waits, late), (goes, 0)):
            if restarted:
                one.restart()
            one.pass_time(one.now + pause)
            batch = Batch(0, one.now - lateness, {0: (1, number)})
            one.take(view(str(number % 11), shopper, at=one.now), batch=batch)
    end = max(waits.now, goes.now) + MOST_MS + 1
    for one in (waits, goes):
        one.pass_time(end)
        one.take(view("last", "zoe", at=one.now))
    assert {name: waits.counts().get(name) for name in ("read", *VERDICTS)} == {
        name: goes.counts().get(name) for name in ("read", *VERDICTS)
    }
    assert set(waits.store.entries[0]) == set(goes.store.entries[0])
    for shopper in set(waits.store.entries[0]) - {LEDGER}:
        for window in ("5min", "1h", "24h", "session"):
            shown, expected = waits.sink.shown(shopper, window), goes.sink.shown(shopper, window)
            assert shown == expected
