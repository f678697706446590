"""Panes: facts enter a pane and the total together, and leave both together."""

from typing import Any

from events.event import CHECKOUT_STEP
from features.aggregates import Count, Distinct, Greatest
from features.aggregates.base import Aggregate
from features.facts import ProductFact, PurchaseFact
from features.logic import ShopperLogic
from features.plan import CAPPED, Touch
from features.settings import FIVE_MINUTES, Window
from features.state import WindowState, dump
from features.windows import drop_unknown, fold, leave
from tests.features.one_shopper import SECOND, OneShopper

COUNT, IDS, STEP = 1, 2, 3
AGGREGATES: dict[int, Aggregate] = {COUNT: Count(), IDS: Distinct("ids"), CAPPED: Count()}


def told(*facts: Any, aggregates: dict[int, Aggregate] | None = None) -> WindowState:
    """A window with the facts in panes of a second."""
    state = WindowState()
    touches = tuple(Touch(slot, one) for slot, one in (aggregates or AGGREGATES).items() if slot != CAPPED)
    for fact in facts:
        fold(state, fact.at, [(*touch, fact) for touch in touches])
    return state


SECONDS = Window("3s", FIVE_MINUTES.pane * 3, FIVE_MINUTES.pane)


def gone_before(pane: int) -> int:
    """As of when exactly the panes before `pane` have left."""
    return SECONDS.leaves_at(pane - 1)


def test_what_leaves_is_taken_from_the_total() -> None:
    state = told(ProductFact(at=1, ids=("a", "b")), ProductFact(at=2, ids=("b",)))
    assert leave(state, SECONDS, gone_before(2), AGGREGATES)
    assert state.total == {COUNT: 1, IDS: {"b": 1}}
    assert not leave(state, SECONDS, gone_before(2), AGGREGATES)


def test_packed_panes_leave_as_well() -> None:
    logic = ShopperLogic()
    shopper = logic.zero()
    shopper.windows = [told(ProductFact(at=1, ids=("a", "b")), ProductFact(at=2, ids=("b",)))]
    dump(shopper)
    (state,) = shopper.windows
    assert leave(state, SECONDS, gone_before(2), AGGREGATES)
    assert state.total == {COUNT: 1, IDS: {"b": 1}}


def test_when_the_greatest_leaves_the_other_panes_are_asked() -> None:
    aggregates: dict[int, Aggregate] = {STEP: Greatest("step")}
    steps = (PurchaseFact(at=1, step=3), PurchaseFact(at=1, step=1), PurchaseFact(at=2, step=2))
    state = told(*steps, PurchaseFact(at=3, step=1), PurchaseFact(at=4), aggregates=aggregates)
    totals = []
    for pane in (2, 3, 4):
        leave(state, SECONDS, gone_before(pane), aggregates)
        totals.append(state.total.get(STEP))
    assert totals == [2, 1, None]


def test_the_greatest_of_panes_that_leave_together_is_asked_for_once() -> None:
    ann = OneShopper()
    for at, step in ((0, 3), (10, 3), (20, 2)):
        ann.tell(CHECKOUT_STEP, at * SECOND, step=step)
    ann.wait(320 * SECOND)
    assert (ann.window() or {})["checkout_furthest_step"] == 2
    both = told(PurchaseFact(at=1, step=3), PurchaseFact(at=2, step=3), aggregates={STEP: Greatest("step")})
    fold(both, 3, [(IDS, Distinct("ids"), ProductFact(at=3, ids=("a",)))])
    leave(both, SECONDS, gone_before(3), {STEP: Greatest("step"), IDS: Distinct("ids")})
    assert both.total == {IDS: {"a": 1}}


def test_a_feature_that_left_the_catalogue_is_dropped_from_panes_and_total() -> None:
    state = told(ProductFact(at=1, ids=("a",)), ProductFact(at=2, ids=("b",)))
    known: dict[int, Aggregate] = {COUNT: Count(), CAPPED: Count()}
    drop_unknown(state, known.keys())
    assert state.total == {COUNT: 2}
    assert list(state.panes.values()) == [{COUNT: 1}, {COUNT: 1}]
    leave(state, SECONDS, gone_before(2), known)
    assert state.total == {COUNT: 1}
