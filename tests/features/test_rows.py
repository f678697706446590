"""What is written when something changed is all there is to know, at every moment."""

import pytest
from msgspec.structs import replace

from features.logic import ShopperLogic
from features.settings import Definitions
from tests.features.one_shopper import DAY, OneShopper, T
from tests.strategies import START, random_arrivals

STREAMS = [(1, "calm", 0), (2, "calm", 2), (3, "wild", 2), (4, "rush", 0)]


def everything(ann: OneShopper) -> dict[tuple[str, str, str], object]:
    """All rows read afresh, from a copy of the state."""
    logic, state = ann.logic, ann.logic.load(ann.logic.dump(ann.state))
    logic.advance(state, ann.now)
    rows = logic.all_rows(state, "ann")
    return {(r.entity, r.entity_id, r.window): r.values for r in rows if r.values is not None}


@pytest.mark.parametrize(("seed", "pace", "step"), STREAMS)
def test_rows_written_on_change_are_the_rows_read_afresh(seed: int, pace: str, step: int) -> None:
    ann = OneShopper(ShopperLogic(definitions=Definitions(checkout_order_step=step)))
    for event, as_of in random_arrivals(seed, 100, shoppers=1, pace=pace):
        ann.apply(replace(event, shopper="ann"), as_of)
        shown, afresh = ann.shown.at(ann.now), everything(ann)
        assert {place: shown[place] for place in afresh} == afresh
        assert all(place[0] == "session" for place in shown.keys() - afresh.keys())


@pytest.mark.parametrize(("seed", "pace", "step"), STREAMS)
def test_a_row_is_right_until_the_moment_that_it_names(seed: int, pace: str, step: int) -> None:
    ann = OneShopper(ShopperLogic(definitions=Definitions(checkout_order_step=step)))
    for event, as_of in random_arrivals(seed, 100, shoppers=1, pace=pace):
        ann.apply(replace(event, shopper="ann"), as_of)
    while not ann.state.gone(ann.now):
        soon = ann.state.next
        places, values = ann.shown.at(ann.now), everything(ann)
        for place in places:
            row = ann.shown.rows[place]
            if row.next > ann.now:
                moment = OneShopper(ann.logic)
                moment.state = ann.logic.load(ann.logic.dump(ann.state))
                moment.now = row.next - 1
                assert everything(moment)[place] == values.get(place, row.values)
        ann.wait(soon - T)
    assert ann.now - START < 400 * DAY


def test_rows_are_given_once() -> None:
    ann = OneShopper()
    ann.view()
    assert ann.logic.rows(ann.state, "ann") == []


def test_all_rows_are_given_whether_they_changed_or_not() -> None:
    ann = OneShopper()
    ann.view()
    rows = ann.logic.all_rows(ann.state, "ann")
    assert [(r.entity, r.window) for r in rows] == [
        ("user", "5min"),
        ("user", "1h"),
        ("user", "24h"),
        ("session", "session"),
        ("user", "session"),
    ]
    assert ann.logic.all_rows(ann.state, "ann") == rows
