"""Partial rows on top of the stored ones are the whole rows: any order, duplicates, time, bytes."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.event import PRODUCT_VIEW, Event
from features.logic import ShopperLogic
from features.row import FeatureRow
from features.settings import Definitions
from features.state import ShopperState
from features.views import BRANCHES, branch_views
from tests.features.one_shopper import applied
from tests.logics import logic_of
from tests.strategies import START, Arrival, arrivals, random_arrivals, telling_moments

pytestmark = pytest.mark.property

Place = tuple[str, str, str]


class Store:
    """Rows as Redis would hold them: partial ones on top of their base, until they expire."""

    def __init__(self) -> None:
        self.rows: dict[Place, FeatureRow] = {}
        self.partial = 0

    def write(self, rows: Sequence[FeatureRow]) -> None:
        for row in rows:
            place = row.entity, row.entity_id, row.window
            former = self.rows.pop(place, None)
            if row.values is not None:
                self.partial += row.base is not None
                self.rows[place] = row if row.base is None else applied(former, row)
            assert row.base is not None or not row.absent


def told(row: FeatureRow) -> tuple[Any, ...]:
    """What a row says, but for when and as what it was written."""
    return (
        row.entity,
        row.entity_id,
        row.window,
        row.values,
        row.next,
        row.until,
        row.capped,
        row.owner,
        row.start,
    )


def run(arrived: Sequence[Arrival], every: int, packed: bool, definitions: Definitions) -> int:
    """Drive shoppers, look after every few events, and compare; returns how many rows were partial."""
    logic = logic_of(definitions)
    states: dict[str, ShopperState] = {}
    stores: dict[str, Store] = {}

    def look(shopper: str) -> None:
        state, store = states[shopper], stores[shopper]
        store.write(logic.rows(state, shopper))
        afresh = logic.all_rows(logic.load(logic.dump(state)), shopper)
        assert all(row.base is None and row.absent == () for row in afresh)
        for row in afresh:
            if row.values is not None and row.until > row.at:
                assert told(store.rows[row.entity, row.entity_id, row.window]) == told(row)
        if packed:
            states[shopper] = logic.load(logic.dump(state))

    for number, (event, as_of) in enumerate(arrived):
        state = states.setdefault(event.shopper, logic.zero())
        store = stores.setdefault(event.shopper, Store())
        while state.next <= as_of and state.seen and not state.gone(state.at):
            logic.advance(state, max(state.next, state.at))
            store.write(logic.rows(state, event.shopper))
        logic.apply(state, event, as_of)
        if number % every == 0:
            look(event.shopper)
    for moment in telling_moments(arrived)[::5]:
        for shopper in list(states):
            logic.advance(states[shopper], moment)
            look(shopper)
    return sum(store.partial for store in stores.values())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(arrivals(max_size=25), st.integers(1, 4), st.booleans(), st.sampled_from([0, 2]))
def test_partial_rows_applied_are_whole_rows(
    arrived: list[Arrival], every: int, packed: bool, step: int
) -> None:
    run(arrived, every, packed, Definitions(checkout_order_step=step, live_shopper=step > 0))


@pytest.mark.parametrize("pace", ["calm", "wild", "rush"])
@pytest.mark.parametrize(("seed", "every", "keys"), [(1, 1, True), (2, 3, True), (3, 2, False)])
def test_over_long_streams_too(pace: str, seed: int, every: int, keys: bool) -> None:
    arrived = random_arrivals(seed, 150, shoppers=2, pace=pace)
    definitions = Definitions(checkout_order_step=seed % 2 * 2, session_keys=keys, live_shopper=keys)
    assert run(arrived, every, packed=seed % 2 == 0, definitions=definitions) > 50


def test_most_of_a_row_is_left_out() -> None:
    logic, state = ShopperLogic(), ShopperLogic().zero()
    whole = written = 0
    for event, as_of in random_arrivals(5, 200, shoppers=1):
        logic.apply(state, event, as_of)
        written += sum(len(row.values or ()) for row in logic.rows(state, event.shopper))
        afresh = logic.load(logic.dump(state))
        whole += sum(len(row.values or ()) for row in logic.all_rows(afresh, event.shopper))
    assert written < whole / 3


@pytest.mark.parametrize(
    "logic", [ShopperLogic(whole=True), *(ShopperLogic(branch_views(b)) for b in BRANCHES)]
)
def test_where_asked_for_or_where_branches_share_a_row_all_rows_are_whole(logic: ShopperLogic) -> None:
    state = logic.zero()
    for event, as_of in random_arrivals(6, 60, shoppers=1):
        logic.apply(state, event, as_of)
        assert all(row.base is None for row in logic.rows(state, event.shopper))


def test_all_rows_are_whole_and_what_comes_next_is_on_top_of_them() -> None:
    logic, state = ShopperLogic(), ShopperLogic().zero()
    first, second = (Event("ann", str(n), START + n, PRODUCT_VIEW, "s") for n in range(2))
    logic.apply(state, first, START)
    logic.rows(state, "ann")
    once = logic.all_rows(state, "ann")
    assert once == logic.all_rows(state, "ann")
    logic.apply(state, second, START + 1)
    assert {row.base for row in logic.rows(state, "ann")} == {(once[0].seen, once[0].at)}
