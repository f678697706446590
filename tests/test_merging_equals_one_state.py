"""States that are merged say what one state says that saw all their events."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from features.logic import ShopperLogic
from features.row import FeatureRow
from features.settings import Definitions
from features.state import ShopperState
from tests.logics import logic_of
from tests.oracle import HOUR
from tests.strategies import Arrival, arrivals, random_arrivals

pytestmark = pytest.mark.property

USER = "ann"


def told_once(arrived: Sequence[Arrival]) -> list[Arrival]:
    """The arrivals of a day, without a second event of the same id or a second order, in five sessions."""
    last = max((as_of for _, as_of in arrived), default=0)
    known: dict[str, Arrival] = {}
    for event, as_of in arrived:
        session = event.session_id and f"s{sum(event.session_id.encode()) % 5}"
        if event.at > last - 23 * HOUR and event.at <= as_of + 120_000:
            mine = replace(event, shopper=USER, session_id=session, transaction_id=event.event_id)
            known.setdefault(event.event_id, (mine, as_of))
    return list(known.values())


def state_of(logic: ShopperLogic, arrived: Sequence[Arrival]) -> ShopperState:
    state = logic.zero()
    for event, as_of in arrived:
        assert logic.apply(state, event, as_of) == "applied"
    return state


def shown(logic: ShopperLogic, state: ShopperState) -> list[FeatureRow]:
    rows = [replace(row, moved=False) for row in logic.all_rows(state, USER) if row.values is not None]
    return sorted(rows, key=lambda row: (row.entity, row.entity_id, row.window))


def merged(logic: ShopperLogic, parts: Sequence[ShopperState], as_of: int) -> ShopperState:
    """The first of the states grown by the others, as it is after its bytes were written and read."""
    state, *others = parts
    for other in others:
        logic.learn(other, USER, as_of, as_of)
        data = logic.hand_over(other)
        if data:
            logic.merge(state, data, as_of)
        state = logic.load(logic.dump(state))
    return state


def check(arrived: Sequence[Arrival], parts: int, rng: Random, step: int) -> None:
    logic = logic_of(Definitions(checkout_order_step=step))
    arrived = told_once(arrived)
    as_of = max((moment for _, moment in arrived), default=0)
    groups: list[list[Arrival]] = [[] for _ in range(parts)]
    for arrival in arrived:
        rng.choice(groups).append(arrival)
    whole = state_of(logic, arrived)
    together = merged(logic, [state_of(logic, group) for group in groups], as_of)
    for moment in (as_of, as_of + 4 * 60_000, as_of + 50 * 60_000, as_of + 25 * HOUR):
        for state in (whole, together):
            logic.advance(state, moment)
        rows = shown(logic, together)
        assert rows == shown(logic, whole)
        assert all(moment < together.next <= row.next for row in rows)
    assert together.overflow == whole.overflow == 0


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(arrivals(max_size=25, shoppers=1), st.integers(2, 4), st.randoms(), st.sampled_from([0, 2]))
def test_merged_states_equal_one_that_saw_all_events(
    arrived: list[Arrival], parts: int, rng: Random, step: int
) -> None:
    check(arrived, parts, rng, step)


@pytest.mark.parametrize("seed", range(8))
def test_over_long_streams_too(seed: int) -> None:
    arrived = random_arrivals(seed, 200, shoppers=1, pace=("calm", "rush")[seed % 2])
    check(arrived, 2 + seed % 3, Random(seed), seed % 2 * 2)
