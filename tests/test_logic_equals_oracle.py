"""The logic, with its panes and running totals, says what the brute-force oracle says."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from events import event as kinds
from events.event import Event
from features.logic import ShopperLogic
from features.row import FeatureRow
from features.settings import Definitions, Window
from features.split import Split
from features.state import ShopperState
from features.views import BRANCHES
from tests.logics import logic_of
from tests.oracle import Oracle, OracleDefinitions
from tests.oracle import Window as OracleWindow
from tests.shown import Rows, differences, hold, shown
from tests.strategies import Arrival, arrivals, random_arrivals, telling_moments

pytestmark = pytest.mark.property

SHORT = (("5s", 5_000, 1_000), ("1min", 60_000, 10_000), ("10min", 600_000, 60_000))


class Driven:
    """Shoppers' states driven through the logic, each taken from its bytes again before every event."""

    def __init__(self, logic: ShopperLogic, through_bytes: bool = True) -> None:
        self.logic = logic
        self.states: dict[str, ShopperState] = {}
        self.through_bytes = through_bytes

    def arrive(self, arrival: Arrival) -> str:
        event, moment = arrival
        state = self.states.get(event.shopper) or self.logic.zero()
        if self.through_bytes:
            state = self.logic.load(self.logic.dump(state))
        self.states[event.shopper] = state
        return self.logic.apply(state, event, moment)

    def rows(self, as_of: int) -> Rows:
        held: dict[str, FeatureRow] = {}
        for shopper, state in self.states.items():
            self.logic.advance(state, as_of)
            hold(held, self.logic.all_rows(state, shopper), state.at)
        return shown(held.values())


def both(
    definitions: tuple[tuple[str, int, int], ...], **rules: object
) -> tuple[Definitions, OracleDefinitions]:
    """The same settings for the logic and for the oracle."""
    windows = tuple(
        Window(label, timedelta(milliseconds=size), timedelta(milliseconds=pane))
        for label, size, pane in definitions
    )
    ours = Definitions(windows=windows, **rules)  # type: ignore[arg-type]
    theirs = OracleDefinitions(windows=tuple(OracleWindow(*each) for each in definitions), **rules)  # type: ignore[arg-type]
    return ours, theirs


def assert_equal(
    arrived: Sequence[Arrival],
    moments: Sequence[int],
    ours: Definitions | None = None,
    theirs: OracleDefinitions | None = None,
    left_out: tuple[str, ...] = (),
) -> None:
    driven, oracle = Driven(logic_of(ours)), Oracle(theirs)
    for arrival in arrived:
        assert driven.arrive(arrival) == oracle.arrive(*arrival), arrival
    evicted = any(state.overflow for state in driven.states.values())
    for moment in moments:
        got, expected = driven.rows(moment), oracle.rows(moment)
        if evicted:  # rows of sessions that gave way stay in Redis, but not in state
            expected = {key: row for key, row in expected.items() if "_at" in row}
        assert [each for each in differences(got, expected) if each[1] not in left_out] == [], moment


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(arrivals(max_size=30, shared=True), st.data())
def test_any_order_duplicates_and_moments(arrived: list[Arrival], data: st.DataObject) -> None:
    if arrived:
        moments = sorted(data.draw(st.lists(st.sampled_from(telling_moments(arrived)), max_size=6)))
        assert_equal(arrived, [max(moment for _, moment in arrived), *moments])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(arrivals(max_size=25))
def test_checkout_step_orders_and_short_windows(arrived: list[Arrival]) -> None:
    if arrived:
        ours, theirs = both(SHORT, checkout_order_step=2, live_shopper=True)
        # The rule looks back beyond a window, so a row may be due earlier than its own panes say.
        assert_equal(arrived, telling_moments(arrived, theirs)[:8], ours, theirs, left_out=("_next",))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pace", ["calm", "wild", "rush"])
def test_long_streams(seed: int, pace: str) -> None:
    arrived = random_arrivals(seed, 250, shoppers=3, variety=5000 if pace == "rush" else 20, pace=pace)
    moments = telling_moments(arrived)
    assert_equal(arrived, [max(moment for _, moment in arrived), *moments[:: max(1, len(moments) // 4)]])


@pytest.mark.parametrize("seed", range(12))
def test_orders_of_the_checkout_step_rule_among_transactions(seed: int) -> None:
    """Each event with a session id: the rule parts carts without one by the pauses between their entries."""
    steps = (kinds.CHECKOUT_STEP, kinds.ADD_TO_CART)
    arrived = [
        (
            replace(event, session_id=event.session_id or "some", kind=kind, step=(1, 2)[number % 2]),
            as_of,
        )
        for number, (event, as_of) in enumerate(random_arrivals(seed, 80, shoppers=1, pace="rush"))
        for kind in ((event.kind, *steps)[number % 3],)
    ]
    ours, theirs = both(SHORT, checkout_order_step=2)
    assert_equal(arrived, telling_moments(arrived, theirs)[:6], ours, theirs, left_out=("_next",))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(arrivals(max_size=20))
def test_branches_apart_give_the_fields_of_the_fused_host(arrived: list[Arrival]) -> None:
    split = Split()
    fused = Driven(logic_of())
    apart = {branch: Driven(logic_of(branch=branch)) for branch in BRANCHES}
    first: dict[str, Event] = {}
    for event, moment in arrived:
        if first.setdefault(event.event_id, event) != event:
            continue  # a branch cannot know an id that another kind of event has used
        fused.arrive((event, moment))
        for branch in split.of(event):
            apart[branch].arrive((event, moment))
    now = max((moment for _, moment in arrived), default=0)
    for key, fields in fused.rows(now).items():
        wanted = {name: value for name, value in fields.items() if name[0] != "_"}
        together: dict[str, str] = {}
        if "session" not in key:
            for branch in BRANCHES:
                zeros = split.fields(branch).zeros
                together |= {name: str(value) for name, value in zeros.items()}
        for driven in apart.values():
            together |= driven.rows(now).get(key, {})
        assert {name: value for name, value in together.items() if name[0] != "_"} == wanted, key
