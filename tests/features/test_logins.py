"""What a device's state knows of its users, and for how long."""

import pytest

from events.event import PRODUCT_VIEW, Event, Product
from features.identity import FORWARD, MERGE, MODES, MOST_RUNS, OFF, learn, unlearn
from features.logic import ShopperLogic
from features.settings import Definitions
from features.state import FUTURE_MS, GRACE_MS, ShopperState
from tests.features.one_shopper import DAY, HOUR, MINUTE, T

QUARTER = 15 * MINUTE


def told(*logins: tuple[str, int], mode: str = MERGE) -> tuple[ShopperLogic, ShopperState]:
    """A device and the logins it was told of, each at its own time."""
    logic = ShopperLogic(definitions=Definitions(identity=mode))
    state = logic.zero()
    for user, at in logins:
        logic.learn(state, user, T + at, T + at)
    return logic, state


def test_an_event_counts_for_who_logged_in_last_before_it() -> None:
    logic, state = told(("ann", 10), ("bob", 20))
    assert [logic.owner(state, T + at) for at in (10, 19, 20, 99)] == ["ann", "ann", "bob", "bob"]


def test_a_login_that_arrives_late_is_put_in_its_place() -> None:
    logic, state = told(("ann", 10), ("ann", 30))
    assert logic.learn(state, "bob", T + 20, T + 30)
    assert [logic.owner(state, T + at) for at in (10, 20, 30)] == ["ann", "bob", "ann"]


@pytest.mark.parametrize(("mode", "owner"), [(OFF, None), (FORWARD, None), (MERGE, "ann")])
def test_what_is_older_than_every_login_moves_only_where_history_does(mode: str, owner: str | None) -> None:
    logic, state = told(("ann", 10), ("bob", 20), mode=mode)
    assert logic.owner(state, T) == owner


@pytest.mark.parametrize("mode", MODES)
def test_a_device_without_logins_is_itself(mode: str) -> None:
    logic, state = told(mode=mode)
    assert logic.owner(state, T) is None


def test_with_identity_off_nothing_is_learned_or_kept() -> None:
    logic, state = told(("ann", 0), mode=OFF)
    assert (state.logins, state.gone(T)) == ([], True)
    assert logic.owner(state, T) is None


def test_a_login_from_a_clock_that_is_far_ahead_is_not_believed() -> None:
    logic, state = told()
    assert not logic.learn(state, "ann", T + FUTURE_MS + 1, T) or not state.logins
    assert logic.owner(state, T) is None
    assert logic.learn(state, "ann", T + FUTURE_MS, T)
    assert logic.owner(state, T + FUTURE_MS) == "ann"


def test_only_the_last_runs_of_logins_are_remembered() -> None:
    logic, state = told(*((f"user {n}", n) for n in range(MOST_RUNS + 2)))
    assert [user for _, _, user in state.logins] == [f"user {n}" for n in range(2, MOST_RUNS + 2)]
    assert logic.owner(state, T) == "user 2"


def test_what_is_known_already_changes_nothing_for_a_quarter_of_an_hour() -> None:
    logic, state = told(("ann", 0))
    data = logic.dump(state)
    assert not logic.learn(state, "ann", T, T + QUARTER - 1)
    assert not logic.remember(state, T + QUARTER - 1)
    state.at = T
    assert logic.dump(state) == data
    assert logic.remember(state, T + QUARTER)
    assert not logic.remember(state, T + QUARTER)


@pytest.mark.parametrize("heard", [0, 1, QUARTER - 1, QUARTER, 7 * HOUR + 1])
def test_logins_are_remembered_as_long_as_an_event_can_count_after_the_last_contact(heard: int) -> None:
    logic, state = told(("ann", 0))
    logic.remember(state, T + heard)
    reach = logic.definitions.reach_ms
    logic.advance(state, T + heard + reach)
    assert logic.owner(state, T) == "ann"
    end = T + heard - heard % QUARTER + QUARTER + reach + GRACE_MS
    assert state.next == end
    logic.advance(state, end - 1)
    assert not state.gone(state.at)
    logic.advance(state, end)
    assert state.gone(state.at)
    assert (logic.owner(state, T), state.logins) == (None, [])


def test_a_contact_after_the_logins_were_forgotten_does_not_bring_them_back() -> None:
    logic, state = told(("ann", 0))
    state.pointed = T + DAY
    assert logic.remember(state, T + 2 * DAY)
    assert (state.logins, state.pointed, state.gone(state.at)) == ([], 0, True)
    assert logic.learn(state, "bob", T + 2 * DAY, T + 2 * DAY)
    assert logic.owner(state, T) == "bob"


def test_learning_lets_time_pass_for_what_the_device_holds_itself() -> None:
    logic, state = told(mode=FORWARD)
    logic.apply(state, Event("d", "1", T, PRODUCT_VIEW, "s"), T)
    logic.rows(state, "d")
    assert logic.learn(state, "ann", T + HOUR, T + HOUR)
    assert {row.window for row in logic.rows(state, "d")} == {"session"}
    assert state.next < T + 2 * HOUR
    before = state.next
    assert logic.learn(state, "ann", T + HOUR, before)


def test_a_users_logins_can_be_forgotten() -> None:
    logic, state = told(("ann", 10), ("bob", 20), ("ann", 30))
    assert logic.unlearn(state, "bob")
    assert state.logins == [(T + 10, T + 30, "ann")]
    assert not logic.unlearn(state, "bob")
    assert logic.unlearn(state, "ann")
    assert logic.owner(state, T + 30) is None


def test_runs_of_others_stay_as_they_are() -> None:
    runs = [(1, 2, "ann"), (3, 3, "bob"), (4, 4, "eve")]
    assert unlearn(runs, "ann")
    assert runs == [(3, 3, "bob"), (4, 4, "eve")]
    assert not learn(runs, "bob", 3)


def test_logins_count_among_the_bytes_of_a_state() -> None:
    logic, state = told(*(("ü" * 900 + str(n), n) for n in range(MOST_RUNS)), mode=FORWARD)
    assert 60_000 - state.room > len(logic.dump(state)) > 8 * 1_800


def test_a_login_for_which_there_is_no_room_makes_something_give_way() -> None:
    logic, state = told(mode=FORWARD)
    for number in range(300):
        products = tuple(Product(f"{number}/{i}", "ü" * 120 + str(number)) for i in range(10))
        event = Event("d", str(number), T + number, PRODUCT_VIEW, "s", products=products)
        logic.apply(state, event, T + number)
    logic.rows(state, "d")
    size = len(logic.dump(state))
    for number in range(MOST_RUNS):
        logic.learn(state, "\N{GRINNING FACE}" * 990 + str(number), T + number, T + 300)
    assert size < 60_000 < size + MOST_RUNS * 3_960
    assert len(logic.dump(state)) <= 60_000
    assert {row.base for row in logic.rows(state, "d")} == {None}


def test_a_login_that_is_known_changes_nothing() -> None:
    runs = [(1, 5, "ann")]
    assert (learn(runs, "ann", 5), learn(runs, "ann", 3), runs) == (False, False, [(1, 5, "ann")])
