"""What a batch and a wake-up do to state, sink, accounting and timers, and what is left after a failure."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.event import Event
from features.logic import ShopperLogic
from features.row import FeatureRow
from features.settings import Definitions, Window
from features.state import FUTURE_MS, ShopperState
from operators import ledger as ledgers
from operators.backlog import IDLE_MS
from operators.batch import Batch
from operators.bucket import GATHER_MS, WAIT_MS
from operators.leading import Leading
from operators.ledger import VERDICTS
from operators.outcome import AHEAD
from operators.schedule import NEVER
from operators.shard import ALONG, CHUNK
from operators.store import LEDGER
from operators.timers import GRID_MS
from operators.turns import BREATH_MS, MOST_BREATH_MS, TURN_MS
from sinks.redis_sink import WriteReport
from tests.operators.fakes import NOW, Instance, LogicWithADefect, SinkThatRemembers, view

SHORT = Definitions(
    windows=(Window("5min", timedelta(seconds=5), timedelta(seconds=1)),),
    session_gap=timedelta(seconds=3),
    session_retention=timedelta(seconds=8),
)


def test_a_batch_is_one_round_trip_and_leaves_state_and_rows() -> None:
    one = Instance()
    one.take(view("1"), view("2", "bob"), view("3"))
    assert one.sink.round_trips == 1
    assert one.sink.shown("ann")["product_view_count"] == 2
    state = one.state("ann")
    assert state is not None
    assert state.seen == 2
    assert (one.counts()["applied"], one.counts()["batches"]) == (3, 1)


def test_rows_go_ahead_while_the_next_are_made() -> None:
    one = Instance()
    one.take(*(visit(str(number), f"shopper{number}", NOW) for number in range(AHEAD)))
    assert one.sink.aheads == [(35, NOW), (100, NOW)], "those of one shopper, which are five, go together"
    rows = 5 * AHEAD
    assert len(one.sink.hashes) == len(one.sink.rows) == rows, "each was written once"
    assert (one.sink.round_trips, one.counts()["rows.written"]) == (1, rows)


def test_what_is_told_says_how_far_it_is_in_time() -> None:
    one = Instance()
    nothing = {"rewriting": 0, "told_ms": NOW, "delay_ms": 0, "event_time_ms": 0, "kafka_time_ms": 0}
    assert one.shard.told() == nothing
    one.take(view("1", at=NOW - 400), batch=Batch(0, newest=NOW - 250, reads={0: (1, 0)}))
    moments = {"delay_ms": 250, "event_time_ms": NOW - 400, "kafka_time_ms": NOW - 250}
    assert one.shard.told() == nothing | moments | one.counts()
    # A broker whose clock is ahead, and records without a timestamp.
    for newest in (NOW + 9, 0):
        one.take(view("2"), batch=Batch(0, newest))
        assert one.shard.told()["delay_ms"] == 0


class OverABound(ShopperLogic):
    """Marks the row of an hour."""

    def rows(self, state: ShopperState, shopper: str) -> list[FeatureRow]:
        return [
            msgspec.structs.replace(row, capped=row.window == "1h") for row in super().rows(state, shopper)
        ]


def test_rows_that_lack_something_are_counted() -> None:
    one = Instance(OverABound())
    one.take(view("1"), view("2", "bob"))
    assert one.counts()["rows.capped"] == 2
    assert one.counts()["rows.written"] > 2


def test_nothing_is_kept_of_a_batch_that_the_sink_did_not_take() -> None:
    one = Instance()
    one.take(view("1"))
    before = dict(one.store.entries[0])
    one.sink.failing = True
    with pytest.raises(RuntimeError):
        one.take(view("2"))
    assert one.store.entries[0] == before


def test_nothing_is_kept_of_a_batch_with_which_anything_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Instance()
    one.take(view("1"))
    before = dict(one.store.entries[0])
    monkeypatch.delattr(Leading, "note_all")
    with pytest.raises(AttributeError):
        one.take(view("2"))
    assert one.store.entries[0] == before


def test_a_batch_that_is_applied_again_after_a_restart_gives_the_same() -> None:
    one, two = Instance(), Instance()
    for instance in (one, two):
        instance.take(view("1"))
    one.sink.failing = True
    with pytest.raises(RuntimeError):
        one.take(view("2"), view("2"))
    one.sink.failing = False
    one.restart()
    for instance in (one, two):
        instance.take(view("2"), view("2"))
    assert one.store.entries == two.store.entries
    assert one.sink.shown("ann") == two.sink.shown("ann")


@pytest.mark.property
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3), st.booleans()), max_size=20))
def test_the_cache_changes_nothing(story: list[tuple[str, int, bool]]) -> None:
    """It never holds what the state does not: with it, without it, and restarted, all is the same."""
    instances = [Instance(cached=100), Instance(cached=0), Instance(cached=1)]
    for number, (shopper, product, restarted) in enumerate(story):
        for one in instances:
            if restarted and one is instances[1]:
                one.restart()
            one.now += 1000
            one.take(view(str(number), shopper, product=str(product)), view(str(number % 7), "zoe"))
    assert instances[0].store.entries == instances[1].store.entries == instances[2].store.entries


def test_a_busy_shopper_is_read_from_the_state_once() -> None:
    one = Instance()
    one.take(view("1"))
    reads = one.store.gets
    one.take(view("2"))
    assert one.store.gets == reads


def test_a_defect_costs_one_record_of_one_shopper() -> None:
    one = Instance(LogicWithADefect("2"))
    letters = one.take(view("1"), view("2"), view("3"), view("4", "bob"))
    letter = json.loads(letters[0])
    assert len(letters) == 1
    assert (letter["kind"], letter["id"]) == ("bug", "topic/0/1")
    assert letter["bug"]["exception"].endswith("ZeroDivisionError")
    assert one.sink.shown("ann")["product_view_count"] == 2
    assert one.sink.shown("bob")["product_view_count"] == 1
    assert one.counts()["applied"] == 3
    assert one.counts()["dead"] == one.counts()["dead.bug"] == 1


def test_a_defect_among_rows_that_went_ahead_costs_one_record() -> None:
    one = Instance(LogicWithADefect("20"))
    shoppers = [f"shopper{number}" for number in range(AHEAD)]
    letters = one.take(*(visit(str(number), shopper, NOW) for number, shopper in enumerate(shoppers)))
    assert [json.loads(letter)["id"] for letter in letters] == ["topic/0/20"]
    assert sum(rows for rows, _ in one.sink.aheads) > AHEAD
    assert len(one.sink.rows) == len(one.sink.hashes) == one.counts()["rows.written"], "each was written once"
    for number, shopper in enumerate(shoppers):
        assert one.sink.shown(shopper).get("product_view_count", 0) == int(number != 20)
        state = one.state(shopper)
        assert state is not None
        assert state.seen == 1, "the fence counts the record all the same"


def test_the_fence_counts_the_record_that_met_a_defect() -> None:
    one, two = Instance(LogicWithADefect("2")), Instance()
    for instance in (one, two):
        instance.take(view("1"), view("2"), view("3"))
    states = one.state("ann"), two.state("ann")
    assert states[0] is not None
    assert states[1] is not None
    assert states[0].seen == states[1].seen == 3


def test_a_shopper_whose_every_event_fails_leaves_the_others_alone() -> None:
    one = Instance(LogicWithADefect(shopper="ann"))
    letters = one.take(view("1"), view("2", "bob"), view("3"))
    assert len(letters) == 2
    assert one.sink.shown("bob")["product_view_count"] == 1


def test_bytes_that_are_no_state_cost_that_shoppers_records() -> None:
    one = Instance()
    one.take(view("1", "bob"))
    one.store.entries[0]["ann"] = b"\x93\x01"
    assert len(one.take(view("2"), view("3", "bob"))) == 1
    assert one.store.entries[0]["ann"] == b"\x93\x01"
    assert one.sink.shown("bob")["product_view_count"] == 2


def test_an_event_of_the_future_is_a_dead_letter_with_its_bytes() -> None:
    one = Instance()
    (letter,) = one.take(view("1", at=NOW + FUTURE_MS + 1))
    assert json.loads(letter)["kind"] == "future"
    assert json.loads(letter)["raw"] == "cmF3"
    assert one.counts()["dead.future"] == 1


def test_of_branches_that_run_apart_one_tells_of_the_future() -> None:
    assert Instance(accounts=False).take(view("1", at=NOW + FUTURE_MS + 1)) == []


def test_every_record_read_ends_in_one_verdict() -> None:
    one = Instance()
    batch = Batch(0, NOW, {0: (7, 41), 1: (2, 5)}, {"robot": 2}, ["{}"])
    events = (
        view("1"),
        view("1"),
        view("2", at=NOW + FUTURE_MS + 1),
        view("3", "old", 1),
        view("4"),
        view("5"),
    )
    one.take(*events, batch=batch)
    counts = one.counts()
    assert counts["read"] == 9
    assert {name: counts[name] for name in VERDICTS} == {
        "applied": 3,
        "filtered": 2,
        "duplicate": 1,
        "late": 1,
        "dead": 2,
    }
    assert counts["read"] == sum(counts[name] for name in VERDICTS)


def test_counters_outlive_a_restart() -> None:
    one = Instance()
    one.take(view("1"), batch=Batch(0, NOW, {0: (1, 0)}))
    one.restart()
    one.take(view("2"), batch=Batch(0, NOW, {0: (1, 1)}))
    assert (one.counts()["read"], one.counts()["applied"]) == (2, 2)


def test_late_events_leave_no_state() -> None:
    one = Instance()
    one.take(view("1", at=1))
    assert set(one.store.entries[0]) == {LEDGER}


def test_as_of_never_goes_back() -> None:
    one = Instance()
    one.take(view("1"))
    one.now -= 60_000
    one.restart()
    one.take(view("2", "bob"))
    state = one.state("bob")
    assert state is not None
    assert state.at == NOW


def test_values_decay_by_timers_alone_and_nothing_is_left_at_the_end() -> None:
    one = Instance(definitions=SHORT)
    one.take(view("1"))
    one.pass_time(NOW + 9_000)
    rows = [row for row in one.sink.rows if row.window == "session" and row.entity == "user"]
    assert [(row.values or {})["session_open"] for row in rows] == [True, False]
    one.pass_time(NOW + 80_000)
    assert set(one.store.entries[0]) == {LEDGER}


def test_a_restored_bucket_goes_on_where_it_was() -> None:
    one, two = Instance(definitions=SHORT), Instance(definitions=SHORT)
    for instance in (one, two):
        instance.take(view("1"), view("2", "bob"))
        instance.pass_time(NOW + 2_000)
    one.restart()
    one.wake()
    for instance in (one, two):
        instance.pass_time(NOW + 9_000)
    assert one.sink.shown("ann", "session") == two.sink.shown("ann", "session")
    assert {k: v for k, v in one.store.entries[0].items() if k != LEDGER} == {
        k: v for k, v in two.store.entries[0].items() if k != LEDGER
    }


@pytest.mark.property
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4_000)), min_size=1, max_size=8))
def test_a_bucket_with_state_always_has_a_timer_at_its_earliest_moment_or_soon_after_it_looked(
    story: list[tuple[str, int]],
) -> None:
    one = Instance(definitions=SHORT)
    for number, (shopper, wait) in enumerate(story):
        one.pass_time(one.now + wait)
        one.take(view(str(number), shopper, one.now))
        due = [one.logic.next_of(data) for shopper, data in one.store.items() if shopper != LEDGER]
        assert min(one.timers) < max(min(due, default=NEVER), one.now + GATHER_MS) + GRID_MS


def test_a_wake_up_handles_a_chunk_and_lets_events_go_first() -> None:
    one = slow_instance(TURN_MS)
    one.take(*(view(str(n), f"shopper{n}") for n in range(CHUNK + 10)))
    one.now += 7_000
    one.wake()
    assert one.counts()["woken"] == CHUNK
    assert one.now + TURN_MS // 2 <= min(one.timers) <= one.now + MOST_BREATH_MS
    one.wake()
    assert one.counts()["woken"] == CHUNK, "Flink runs all timers of a millisecond in one go"
    one.take(view("x", "zoe", one.now))
    one.wake()
    assert one.counts()["woken"] == CHUNK + 10


def visit(event_id: str, shopper: str, at: int) -> Event:
    """A product view in a session that is the shopper's own."""
    return msgspec.structs.replace(view(event_id, shopper, at), session_id=f"session of {shopper}")


def test_a_batch_takes_along_whose_moment_has_come() -> None:
    one = Instance(definitions=SHORT)
    one.take(visit("1", "ann", NOW), visit("2", "bob", NOW))
    one.now += 6_000
    one.take(visit("3", "bob", one.now))
    assert one.sink.round_trips == 2
    assert one.counts()["woken"] == 1, "bob's event has brought him up to date"
    assert one.sink.hashes["user", "ann", "session"].at == one.now
    assert one.sink.shown("bob")["product_view_count"] == 1


def test_a_batch_takes_along_so_many_and_the_rest_have_their_turn_at_once() -> None:
    one = Instance(definitions=SHORT)
    one.take(*(visit(str(n), f"shopper{n}", NOW) for n in range(ALONG + 20)))
    one.now += 7_000
    one.take(visit("x", "zoe", one.now))
    assert one.counts()["woken"] == ALONG + 1
    one.wake()
    assert one.counts()["woken"] == ALONG + 20


def test_many_events_take_along_no_more_than_a_wake_up() -> None:
    one = Instance(definitions=SHORT)
    one.take(*(visit(str(n), f"shopper{n}", NOW) for n in range(CHUNK + 20)))
    one.now += 7_000
    one.take(*(visit(f"x{n}", "zoe", one.now) for n in range(CHUNK)))
    assert one.counts()["woken"] == CHUNK


def test_whose_moment_comes_just_after_a_look_waits_for_the_next() -> None:
    one = Instance(definitions=SHORT)
    for number in range(4):
        one.take(visit(str(number), f"shopper{number}", one.now))
        one.now += 30
    ends = NOW + SHORT.session_gap_ms
    one.pass_time(ends)
    looked, trips = one.counts()["woken"], one.sink.round_trips
    one.pass_time(ends + GATHER_MS - 1)
    assert one.counts()["woken"] == looked
    one.pass_time(ends + GATHER_MS)
    assert (one.counts()["woken"], one.sink.round_trips) == (looked + 3, trips + 1)


def test_whose_moment_comes_while_batches_wait_waits_for_them_but_not_for_long() -> None:
    one = Instance(definitions=SHORT, buckets=2)
    one.take(visit("1", "ann", NOW))
    one.pass_time(NOW + SHORT.session_gap_ms - 100)
    one.take(visit("2", "bob", one.now), batch=Batch(0, one.now - 60_000))
    last = NOW + SHORT.session_gap_ms + WAIT_MS - 1
    while one.now < last:
        one.take(batch=Batch(1, one.now - 60_000), bucket=1)
        one.pass_time(min(one.now + IDLE_MS - 1, last))
    assert "woken" not in one.counts()
    one.pass_time(NOW + SHORT.session_gap_ms + WAIT_MS)
    assert one.counts()["woken"] == 1
    assert one.sink.shown("bob") == {}


@pytest.mark.property
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 2_500)), min_size=1, max_size=12))
def test_no_moment_passes_unseen_for_longer_than_a_bucket_gathers(story: list[tuple[str, int]]) -> None:
    one = Instance(definitions=SHORT)
    for number, (shopper, wait) in enumerate(story):
        one.take(visit(str(number), shopper, one.now))
        one.pass_time(one.now + GATHER_MS + wait)
        for name, data in one.store.items():
            if name == LEDGER:
                continue
            assert one.logic.next_of(data) > one.now - GATHER_MS
            for row in one.logic.all_rows(one.logic.load(data), name):
                if row.until > one.now and row.values:
                    assert one.sink.hashes[row.entity, row.entity_id, row.window].values == row.values


def test_buckets_whose_moments_come_together_have_their_turns_soon_after_each_other() -> None:
    one = slow_instance(TURN_MS // 2, buckets=4)
    for bucket, shopper in enumerate(("ann", "bob", "cat", "dan")):
        one.take(visit(shopper, shopper, NOW), bucket=bucket)
    one.now += 7_000
    for bucket in range(3):
        one.wake(bucket)
    assert one.counts()["woken"] == 3, "so long that is no pause is worth its while"
    one.wake(3)
    assert one.counts()["woken"] == 3, "Flink runs all timers of a millisecond in one go"
    one.now = min(timer for timer in one.timers if timer >= one.now)
    one.wake(3)
    assert one.counts()["woken"] == 4


@pytest.mark.parametrize(("batches", "pause"), [(False, BREATH_MS), (True, 20)])
def test_the_pause_after_a_wake_up_is_for_events(batches: bool, pause: int) -> None:
    one = slow_instance(40)
    one.take(*(visit(str(n), f"shopper{n}", NOW) for n in range(3 * CHUNK)))
    one.now += 7_000
    one.wake()
    if batches:
        one.take(batch=Batch(0, one.now))
    woken = one.counts()["woken"]
    one.now += 2 * MOST_BREATH_MS
    one.wake()
    assert one.counts()["woken"] > woken
    asked = min(timer for timer in one.timers if timer >= one.now)
    assert one.now + pause <= asked < one.now + pause + GRID_MS


class SlowSink(SinkThatRemembers):
    """Redis is away for a while, in which the clock goes on."""

    def __init__(self, one: Instance, takes_ms: int = 18_000) -> None:
        super().__init__()
        self._one = one
        self._takes_ms = takes_ms

    def write(self, *given: Any) -> WriteReport:
        self._one.now += self._takes_ms
        return super().write(*given)


def slow_instance(takes_ms: int, buckets: int = 1) -> Instance:
    """One whose writes take so long."""
    one = Instance(definitions=SHORT, buckets=buckets)
    one.sink = SlowSink(one, takes_ms)
    one.restart()
    return one


def test_after_a_restart_who_lets_another_go_first_has_a_timer_all_the_same() -> None:
    one = slow_instance(TURN_MS, buckets=3)
    for bucket, shopper in enumerate(("ann", "bob", "cat")):
        one.take(visit(shopper, shopper, one.now), bucket=bucket)
    one.now += 7_000
    one.restart()
    for bucket in range(2):
        one.wake(bucket)
    one.now += MOST_BREATH_MS
    one.wake(2)
    assert one.counts()["woken"] == 1, "bob has waited longer than cat"
    assert one.shard._buckets[2].armed <= one.now + MOST_BREATH_MS


def test_a_wake_up_that_waited_for_redis_does_not_keep_the_next_waiting_as_long() -> None:
    one = Instance(definitions=SHORT)
    one.take(visit("1", "ann", NOW))
    one.sink = SlowSink(one)
    one.restart()
    one.now += 7_000
    one.wake()
    assert min(timer for timer in one.timers if timer >= one.now) <= one.now + MOST_BREATH_MS


def test_a_wake_up_that_fails_is_tried_again_later() -> None:
    one = Instance(LogicWithADefect(definitions=SHORT))
    one.take(view("1"), view("2", "bob"))
    one.logic._shopper = "ann"  # type: ignore[attr-defined]
    one.now += 7_000
    one.wake()
    assert one.counts()["wake_bugs"] == 1
    assert one.state("ann") is not None
    one.logic._shopper = ""  # type: ignore[attr-defined]
    one.pass_time(NOW + 200_000)
    assert set(one.store.entries[0]) == {LEDGER}


def test_progress_is_told_once_a_second_in_the_same_round_trip_and_goes_on_in_silence() -> None:
    one = Instance()
    for number in range(3):
        one.take(view(str(number)), batch=Batch(0, NOW - 5, {2: (1, number)}))
    assert len(one.sink.puts) == 1
    assert one.timers == {NOW + 1000}
    one.pass_time(NOW + 1000)
    assert len(one.sink.puts) == 2
    progress = orjson.loads(one.sink.puts[1]["pipeline:job:progress"]["0"])
    assert progress["partitions"] == {"2": {"read": 3, "offset": 2}}
    assert progress["at"] == NOW + 1000
    assert progress["event_time"] == NOW
    assert progress["kafka_time"] == NOW - 5
    assert progress["covers_from"] == NOW - 1
    assert progress["counts"]["applied"] == 3
    assert (progress["rewriting"], progress["buckets"]) == (False, 1)


def test_a_ledger_of_the_last_release_can_be_read() -> None:
    ledger = ledgers.load(ledgers.dump(ledgers.Ledger(7, 5))[:0] + b"\x92\x07\x05")
    assert (ledger.life, ledger.covers_from, ledger.counts) == (7, 5, {})
