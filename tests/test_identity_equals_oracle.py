"""Users and their devices: the logic says what the brute-force oracle says, whenever who logs in."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.event import Event
from features.identity import FORWARD, MERGE, MODES, Move
from features.logic import ShopperLogic
from features.pointing import pointing_rows
from features.row import FeatureRow
from features.settings import Definitions
from features.state import ShopperState
from sinks.codec import fields_of
from sinks.keys import key_of
from tests.features.one_shopper import applied
from tests.logics import logic_of
from tests.oracle import Oracle, OracleDefinitions
from tests.shown import Rows, differences, hold, shown
from tests.strategies import Arrival, people, random_people, telling_moments
from tests.test_logic_equals_oracle import SHORT, both

pytestmark = pytest.mark.property

Name = tuple[str, str]
"""`user` or `device`, and the id."""


class Store:
    """Rows as a store would hold them: partial ones on top of their base, pointers instead of a device's.

    Of sessions only those by gap, whose keys have one writer whatever the order.
    """

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], FeatureRow] = {}

    def write(self, rows: Sequence[FeatureRow]) -> None:
        for row in rows:
            place = row.entity, row.entity_id, row.window
            former = self.rows.get(place)
            if former is not None and former.until <= row.at:
                former = self.rows.pop(place)
            self.rows.pop(place, None)
            if is_stored(row) and row.values is not None and row.until > row.at:
                self.rows[place] = row if row.base is None else applied(former, row)


def is_stored(row: FeatureRow) -> bool:
    return row.entity == "user" or f"{row.owner}~" in row.entity_id


class Identified:
    """Users' and devices' states driven through the logic, as two operators would do it."""

    def __init__(self, logic: ShopperLogic) -> None:
        self.logic = logic
        self.states: dict[Name, ShopperState] = {}
        self.store = Store()

    def arrive(self, arrival: Arrival) -> str:
        event, as_of = arrival
        name = self._receiver(event, as_of)
        state = self._state(name)
        verdict = self.logic.apply(state, event, as_of)
        self._keep(name, state)
        return verdict

    def rows(self, as_of: int) -> Rows:
        """Every row, and a look at the store: it holds the same."""
        held: dict[str, FeatureRow] = {}
        for (_, shopper), state in self.states.items():
            self.logic.advance(state, as_of)
            self.store.write(self.logic.rows(state, shopper))
            rows = self.logic.all_rows(self.logic.load(self.logic.dump(state)), shopper)
            hold(held, rows, state.at)
        live = [row for row in self.store.rows.values() if as_of < row.until and not row.same_as]
        stored = {key_of(row): fields_of(row) for row in live if is_stored(row)}
        assert stored == {key: fields_of(row) for key, row in held.items() if is_stored(row)}
        return shown(held.values())

    def _receiver(self, event: Event, as_of: int) -> Name:
        if self.logic.definitions.identity == "off":
            return "user", event.shopper
        if event.user_id is not None:
            if event.device_id is not None:
                self._log_in(event.device_id, event.user_id, event.at, as_of)
            return "user", event.user_id
        name = "device", event.shopper
        device = self._state(name)
        if self.logic.remember(device, as_of):
            self._keep(name, device)
        user = self.logic.owner(device, event.at)
        return name if user is None else ("user", user)

    def _log_in(self, device: str, user: str, at: int, as_of: int) -> None:
        name, receiver = ("device", device), ("user", user)
        state = self._state(name)
        known = self.logic.learn(state, user, at, as_of)
        data = self.logic.hand_over(state)
        if known or data:
            self._keep(name, state)
        if data:
            taking = self._state(receiver)
            self.logic.merge(taking, data, as_of)
            self.store.write(pointing_rows(self.logic, Move(device, user, state.seen, data), as_of))
            self._keep(receiver, taking)

    def _state(self, name: Name) -> ShopperState:
        state = self.states.get(name)
        return self.logic.zero() if state is None else self.logic.load(self.logic.dump(state))

    def _keep(self, name: Name, state: ShopperState) -> None:
        self.store.write(self.logic.rows(state, name[1]))
        self.states[name] = state


def assert_equal(
    arrived: Sequence[Arrival],
    moments: Sequence[int],
    ours: Definitions,
    theirs: OracleDefinitions,
    left_out: tuple[str, ...] = (),
) -> None:
    driven, oracle = Identified(logic_of(ours)), Oracle(theirs)
    for arrival in arrived:
        assert driven.arrive(arrival) == oracle.arrive(*arrival), arrival
    assert not any(state.overflow for state in driven.states.values()), "a bound was met: take fewer sessions"
    for moment in moments:
        got, expected = driven.rows(moment), oracle.rows(moment)
        assert [each for each in differences(got, expected) if each[1] not in left_out] == [], moment


def modes(identity: str) -> tuple[Definitions, OracleDefinitions]:
    return Definitions(identity=identity), OracleDefinitions(identity=identity)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(people(shared=True), st.sampled_from([MERGE, MERGE, *MODES]), st.data())
def test_any_logins_order_duplicates_and_moments(
    arrived: list[Arrival], identity: str, data: st.DataObject
) -> None:
    if arrived:
        moments = sorted(data.draw(st.lists(st.sampled_from(telling_moments(arrived)), max_size=6)))
        assert_equal(arrived, [max(moment for _, moment in arrived), *moments], *modes(identity))


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(people(), st.sampled_from([MERGE, FORWARD]))
def test_checkout_step_orders_and_short_windows(arrived: list[Arrival], identity: str) -> None:
    if arrived:
        ours, theirs = both(SHORT, checkout_order_step=2, identity=identity, live_shopper=True)
        # The rule looks back beyond a window, so a row may be due earlier than its own panes say.
        assert_equal(arrived, telling_moments(arrived, theirs)[:8], ours, theirs, left_out=("_next",))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pace", ["calm", "wild", "rush"])
@pytest.mark.parametrize("identity", [MERGE, FORWARD])
def test_long_streams(seed: int, pace: str, identity: str) -> None:
    arrived = random_people(seed, 200, devices=3, pace=pace)
    moments = telling_moments(arrived)
    assert_equal(
        arrived, [max(m for _, m in arrived), *moments[:: max(1, len(moments) // 4)]], *modes(identity)
    )
