"""Levels: an event lies in one pane, which moves into wider ones and leaves for good, exactly once."""

from datetime import timedelta
from typing import Any

from events.event import CHECKOUT_STEP
from features.aggregates import Count, Greatest, MoneySpread
from features.aggregates.base import Aggregate
from features.facts import PurchaseFact
from features.levels import drop_unknown, enter, leave, level_of
from features.settings import Window
from features.state import Level, pane_of, panes_of, total_of
from tests.features.one_shopper import SECOND, OneShopper

COUNT, STEP = 1, 3
AGGREGATES: dict[int, Aggregate] = {COUNT: Count(), STEP: Greatest("step")}
MS = timedelta(milliseconds=1)
WINDOWS = (Window("3", 3 * MS, MS), Window("10", 10 * MS, 2 * MS))


def told(*facts: Any) -> list[Level]:
    """Levels with the facts in the panes of the first."""
    levels = [Level(), Level()]
    for fact in facts:
        enter(levels[0], fact.at)
        for accs in (pane_of(panes_of(levels[0]), fact.at), total_of(levels[0])):
            for slot, aggregate in AGGREGATES.items():
                aggregate.grow(accs, slot, fact, 0)
    return levels


def steps(*pairs: tuple[int, int]) -> list[Level]:
    return told(*[PurchaseFact(at=at, step=step) for at, step in pairs])


def test_the_shortest_window_that_holds_a_moment_is_its_level() -> None:
    assert [level_of(WINDOWS, at, 20) for at in (25, 20, 17, 16, 10, 9)] == [0, 0, 0, 1, 1, 2]


def test_what_leaves_a_window_is_in_the_next_one_only() -> None:
    levels = steps((1, 2), (2, 1))
    passed = leave(levels, WINDOWS, 5, AGGREGATES)
    assert (passed.changed, passed.slots) == (0b01, {COUNT, STEP})
    assert [(level.first, level.last, level.total) for level in levels] == [
        (2, 2, {COUNT: 1, STEP: 1}),
        (0, 0, {COUNT: 1, STEP: 2}),
    ]
    assert leave(levels, WINDOWS, 5, AGGREGATES).changed == 0
    assert leave(levels, WINDOWS, 6, AGGREGATES).changed == 0b01
    assert levels[0].empty
    assert levels[1].panes == {0: {COUNT: 1, STEP: 2}, 1: {COUNT: 1, STEP: 1}}
    assert leave(levels, WINDOWS, 12, AGGREGATES).changed == 0b10
    assert levels[1].total == {COUNT: 1, STEP: 1}


def test_what_is_too_old_for_every_window_is_gone_at_once() -> None:
    levels = steps((1, 2), (2, 1))
    assert leave(levels, WINDOWS, 50, AGGREGATES).changed == 0b11
    assert levels == [Level(), Level()]


def test_panes_and_totals_share_nothing() -> None:
    levels = [Level(), Level()]
    spread = {7: MoneySpread("prices")}
    levels[0].total = {7: {"EUR": [5, 1, 5, 5]}}
    levels[0].panes = {1: {7: {"EUR": [5, 1, 5, 5]}}}
    levels[0].first = levels[0].last = 1
    leave(levels, WINDOWS, 5, dict(spread))
    assert levels[0] == Level()
    levels[1].total[7]["EUR"][0] += 1
    assert levels[1].panes == {0: {7: {"EUR": [5, 1, 5, 5]}}}


def test_a_pane_of_the_past_may_come_last() -> None:
    level = Level()
    for number in (5, 3, 5, 4):
        enter(level, number)
    assert (level.first, level.last, list(level.panes)) == (3, 5, [5, 3, 4])


def test_when_the_greatest_leaves_the_other_panes_are_asked() -> None:
    levels = steps((1, 3), (1, 1), (2, 2), (3, 1))
    levels[0].panes[4] = {}
    levels[0].last = 4
    totals = []
    for at in (5, 6, 7):
        leave(levels, WINDOWS, at, AGGREGATES)
        totals.append(levels[0].total.get(STEP))
    assert totals == [2, 1, None]


def test_the_greatest_of_panes_that_leave_together_is_asked_for_once() -> None:
    ann = OneShopper()
    for at, step in ((0, 3), (10, 3), (20, 2)):
        ann.tell(CHECKOUT_STEP, at * SECOND, step=step)
    ann.wait(320 * SECOND)
    assert (ann.window() or {})["checkout_furthest_step"] == 2
    assert (ann.window("1h") or {})["checkout_furthest_step"] == 3
    both = steps((1, 3), (2, 3))
    enter(both[0], 3)
    leave(both, WINDOWS, 6, AGGREGATES)
    assert both[0].total == {}


def test_a_feature_that_left_the_catalogue_is_dropped_from_panes_and_total() -> None:
    level = steps((1, 1), (2, 1))[0]
    drop_unknown(level, {COUNT})
    assert (level.total, level.panes) == ({COUNT: 2}, {1: {COUNT: 1}, 2: {COUNT: 1}})
    drop_unknown(level, {COUNT})
