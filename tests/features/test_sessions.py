"""Sessions: the tracker's own, which is current, when they close, and how many are kept."""

import pytest

from events.event import (
    ADD_TO_CART,
    PAGE_PING,
    PAGE_VIEW,
    TRANSACTION,
    UNTYPED_ACTION,
    Event,
    Money,
    Product,
)
from features.logic import ShopperLogic
from features.sessions import MOST_KEPT, MOST_OPEN
from features.state import ShopperState, accs_of
from features.views import branch_views
from tests.features.one_shopper import DAY, HOUR, MINUTE, SECOND, OneShopper, T

GAP = 30 * MINUTE


def test_a_tracker_s_session_lasts_whatever_the_pauses_in_it() -> None:
    ann = OneShopper()
    for at in (0, 20 * HOUR, 40 * HOUR):
        ann.tell(PAGE_VIEW, at)
    session = ann.session("s")
    assert session is not None
    assert (session["session_start"], session["session_duration"]) == (T, 40 * HOUR)
    assert session["event_count"] == 3


def test_a_session_is_open_until_the_gap_after_its_last_event() -> None:
    ann = OneShopper()
    ann.tell(PAGE_VIEW)
    states = []
    for at in (GAP - 1, GAP, DAY - 1, DAY):
        ann.wait(at)
        session = ann.session()
        states.append(session["session_open"] if session else None)
    assert states == [True, False, False, None]


def test_closing_changes_nothing_but_session_open() -> None:
    ann = OneShopper()
    ann.tell(PAGE_VIEW)
    ann.view(SECOND)
    before = ann.session()
    ann.wait(HOUR)
    after = ann.session()
    assert before is not None
    assert after == before | {"session_open": False}


def test_an_event_opens_a_closed_session_again() -> None:
    ann = OneShopper()
    ann.tell(PAGE_VIEW)
    ann.wait(HOUR)
    ann.tell(PAGE_VIEW, HOUR)
    assert (ann.session() or {})["session_open"] is True
    ann.wait(HOUR + GAP)
    assert (ann.session() or {})["session_open"] is False


def test_a_late_event_does_not_open_a_session() -> None:
    ann = OneShopper()
    ann.tell(PAGE_VIEW, session_id="now")
    ann.apply(Event("ann", "late", T - GAP, PAGE_VIEW, "then"), T)
    assert (ann.session("then") or {})["session_open"] is False
    ann.apply(Event("ann", "later", T - GAP + 1, PAGE_VIEW, "then"), T)
    assert (ann.session("then") or {})["session_open"] is True


def test_a_session_that_came_late_is_dropped_at_its_own_time() -> None:
    ann = OneShopper()
    ann.tell(PAGE_VIEW, session_id="now")
    ann.wait(HOUR)
    ann.apply(Event("ann", "late", T + HOUR - DAY + MINUTE, PAGE_VIEW, "then"), T + HOUR)
    ann.wait(HOUR + MINUTE)
    assert [session.key for session in ann.state.sessions] == ["now"]


def test_the_current_session_is_the_one_with_the_latest_event() -> None:
    ann = OneShopper()
    ann.tell(PAGE_VIEW, 2, session_id="new")
    ann.apply(Event("ann", "x", T + 1, PAGE_VIEW, "old"), T + 3)
    assert (ann.session() or {})["session_id"] == "new"
    ann.apply(Event("ann", "z", T + 2, UNTYPED_ACTION, "old"), T + 4)
    assert (ann.session() or {})["session_id"] == "old"  # at the same moment the greater event id is later


def test_of_more_than_eight_open_sessions_the_oldest_gives_way_and_its_row_stays() -> None:
    ann = OneShopper()
    for number in range(MOST_OPEN + 1):
        ann.tell(PAGE_VIEW, number, session_id=f"s{number}")
    assert [session.key for session in ann.state.sessions] == [f"s{n}" for n in range(1, MOST_OPEN + 1)]
    assert (ann.session("s0") or {})["event_count"] == 1
    assert ann.state.overflow == 1


def test_at_most_sixty_four_sessions_are_kept() -> None:
    ann = OneShopper()
    for number in range(MOST_KEPT + 2):
        at = T - 20 * HOUR + number * SECOND
        ann.apply(Event("ann", f"e{number}", at, PAGE_VIEW, f"s{number}"), T)
    assert len(ann.state.sessions) == MOST_KEPT
    assert {session.key for session in ann.state.sessions}.isdisjoint({"s0", "s1"})
    assert ann.state.overflow == 2


def test_a_session_marks_what_did_not_fit() -> None:
    ann = OneShopper()
    ids = [f"w{number}" for number in range(1_000)]
    ann.feed(Event("ann", page_id, T, PAGE_VIEW, "s", page_id) for page_id in ids)
    assert not ann.row("session").capped
    ann.tell(PAGE_VIEW, 1_000, page_id="one too many")
    assert ann.row("session").capped
    assert (ann.session() or {})["page_count"] == 1_000


def test_a_session_counts_at_most_a_thousand_heartbeats() -> None:
    ann = OneShopper()
    beats = [T + number * 10 * SECOND for number in range(1_002)]
    ann.feed(Event("ann", f"e{at}", T, PAGE_PING, "s", "w", created_at=at) for at in beats)
    assert (ann.session() or {})["engaged_time"] == 10 * 999 + 5
    assert ann.row("session").capped


def test_a_session_keeps_four_currencies() -> None:
    ann = OneShopper()
    for at, currency in enumerate(("EUR", "USD", "JPY", "GBP", "CHF")):
        ann.tell(TRANSACTION, at, revenue=Money(100, currency))
    session = ann.session()
    assert session is not None
    assert session["session_currency_mixed"] is True
    assert (session["session_currency"], session.get("order_value")) == ("GBP", Money(100, "GBP"))
    assert ann.row("session").capped


def test_a_session_drops_what_only_another_release_accumulated() -> None:
    logic = ShopperLogic()
    state: ShopperState = logic.zero()
    logic.apply(state, Event("ann", "a", T, PAGE_VIEW), T)
    before = dict(state.sessions[0].accs)
    state.sessions[0].accs[1] = 5
    state.edition += 1
    assert accs_of(logic.load(logic.dump(state)).sessions[0]) == before


@pytest.mark.parametrize("quantity", [1, 2])
def test_an_add_creates_the_cart_if_its_unit_prices_are_all_that_is_in_it(quantity: int) -> None:
    ann = OneShopper()
    hat = Product("hat", price=Money(2_000, "EUR"), quantity=quantity)
    ann.tell(ADD_TO_CART, 0, hat, cart_total=Money(2_000, "EUR"))
    ann.tell(ADD_TO_CART, 1, hat)
    ann.tell(ADD_TO_CART, 2, cart_total=Money(2_000, "EUR"))
    session = ann.session()
    assert session is not None
    assert (session["carts_created"], session["cart_abandoned"]) == (1, True)


def test_the_state_of_a_branch_without_sessions_comes_back_from_its_bytes() -> None:
    logic = ShopperLogic(branch_views("cart"))
    state = logic.zero()
    logic.apply(state, Event("ann", "a", T, ADD_TO_CART), T)
    assert logic.dump(logic.load(logic.dump(state))) == logic.dump(state)
