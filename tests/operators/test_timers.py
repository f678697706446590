"""For which moments timers are registered; that Flink then has one trigger is seen in `test_turns`."""

from operators.bucket import Bucket
from operators.ledger import Ledger
from operators.schedule import NEVER
from operators.timers import GRID_MS, NEAR_MS, Timers


def buckets() -> tuple[Bucket, Bucket]:
    return Bucket(1, Ledger(1, 1)), Bucket(2, Ledger(1, 1))


def test_a_timer_that_is_about_to_go_off_or_has_gone_off_is_not_preceded() -> None:
    for now in (10_000 - NEAR_MS, 9_999, 10_000, 10_100):
        timers, (ann, bob) = Timers(), buckets()
        assert timers.add(ann, 10_000, now=1_000) == 10_000
        assert timers.add(bob, 9_000, now) == max(10_000, now)


def test_one_that_is_far_ahead_is_preceded() -> None:
    timers, (ann, bob) = Timers(), buckets()
    timers.add(ann, 10_000, now=1_000)
    assert timers.add(bob, 9_600, now=9_500) == 9_600
    assert NEAR_MS < 10_000 - 9_500


def test_what_has_fired_is_not_waited_for_and_what_is_behind_it_still_stands() -> None:
    timers, (ann, bob) = Timers(), buckets()
    assert timers.earliest == NEVER
    timers.add(ann, 10_000, now=1_000)
    timers.add(bob, 20_000, now=1_000)
    timers.add(bob, 15_000, now=1_000)
    timers.fired(ann, 10_000)
    assert timers.earliest == 15_000
    timers.fired(bob, 15_000)
    assert (bob.timers, timers.earliest) == ([20_000], 20_000)
    assert timers.add(bob, 30_000, now=16_000) is None, "it will be asked when that one fires"


def test_what_is_due_already_fires_after_those_that_are_firing_and_not_with_them() -> None:
    timers, (ann, bob) = Timers(), buckets()
    timers.add(ann, 10_000, now=1_000)
    timers.fired(ann, 10_000)
    assert timers.add(ann, 9_000, now=10_001) == 10_000 + GRID_MS
    assert timers.add(bob, 10_000, now=10_001) == 10_000 + GRID_MS


def test_what_is_due_already_is_not_registered_before_now_where_an_element_has_its_turn() -> None:
    timers, (ann, bob) = Timers(), buckets()
    assert timers.add(ann, 0, now=10_001) == 10_010, "timers from a checkpoint may have gone off"
    timers.fired(ann, 99_990)
    assert timers.add(ann, 0, now=10_001) == 100_000, "after the one that fires, though the clock went back"
    timers.element()
    assert timers.add(bob, 0, now=10_001) == 10_010, "whatever the clock was before"
