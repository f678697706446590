"""State as bytes: small, bounded, and the same shopper after a restart as before."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import asdict

from events.event import ADD_TO_CART, PAGE_VIEW, PRODUCT_VIEW, TRANSACTION, Event, Money, Product
from features.logic import ShopperLogic
from features.settings import Definitions, Window
from features.state import (
    REMEMBERED_IDS,
    Level,
    ShopperState,
    accs_of,
    dump,
    load,
    next_of,
    pane_of,
    panes_of,
    total_of,
    trail_of,
)
from features.views import VIEWS, branch_views
from tests.features.one_shopper import DAY, MINUTE, SECOND, OneShopper, T
from tests.strategies import random_arrivals

LOGIC = ShopperLogic()


def shopped() -> ShopperState:
    """A state with a bit of everything in it."""
    ann = OneShopper()
    ann.view(0)
    ann.tell(PAGE_VIEW, SECOND, session_id=None, location="DE/BE")
    ann.tell(ADD_TO_CART, 2 * SECOND, Product("hat", "hats", Money(2_000, "EUR")))
    ann.tell(TRANSACTION, 3 * SECOND, transaction_id="t1", revenue=Money(2_000, "EUR"))
    return ann.state


def test_bytes_restore_to_the_same_bytes() -> None:
    data = dump(shopped())
    assert dump(load(data)) == data


@pytest.mark.parametrize("pace", ["calm", "wild"])
def test_a_shopper_restored_after_every_event_shows_the_same_rows(pace: str) -> None:
    definitions = Definitions(checkout_order_step=2)
    logic = ShopperLogic(definitions=definitions)
    kept, restored = OneShopper(logic), OneShopper(logic, packed=True)
    for event, as_of in random_arrivals(3, 150, shoppers=1, pace=pace):
        mine = msgspec.structs.replace(event, shopper="ann")
        assert kept.apply(mine, as_of) == restored.apply(mine, as_of)
        assert kept.shown.rows == restored.shown.rows
    assert kept.shown.deleted == restored.shown.deleted
    assert asdict(logic.load(dump(kept.state))) == asdict(restored.state)


def test_the_next_moment_can_be_read_from_the_bytes_alone() -> None:
    state = shopped()
    assert next_of(dump(state)) == state.next == T + 310 * SECOND
    assert LOGIC.next_of(LOGIC.dump(LOGIC.zero())) == 0


def test_bytes_that_are_no_state_are_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        LOGIC.load(b"\xc1")


def test_fields_that_an_older_release_did_not_write_have_their_defaults() -> None:
    short = msgspec.msgpack.encode([T, 0, 0, T, 3])
    state = load(short)
    assert (state.next, state.at, state.seen) == (T, T, 3)
    assert (state.levels, state.current) == ([], "")


def test_what_nothing_touches_stays_packed() -> None:
    data = dump(shopped())
    state = load(data)
    level, session, slot = state.levels[0], state.sessions[0], next(iter(state.trails))
    packed = (level.total, level.panes, session.accs, state.trails[slot], state.orders)
    assert {type(each) for each in packed} == {msgspec.Raw}
    (number,) = panes_of(level)
    assert type(panes_of(level)[number]) is msgspec.Raw
    assert pane_of(panes_of(level), number) is pane_of(panes_of(level), number)
    assert total_of(level) is total_of(level)
    assert accs_of(session) is accs_of(session)
    assert trail_of(state.trails, slot) is trail_of(state.trails, slot)
    assert dump(state) == data


def test_with_other_windows_the_panes_start_empty_and_the_rest_stays() -> None:
    data = dump(shopped())
    half = Definitions(windows=(Window("half", timedelta(minutes=30), timedelta(minutes=1)),))
    logic = ShopperLogic(definitions=half)
    state = logic.load(data)
    assert state.levels == [Level()]
    assert state.sessions[0].events == 3
    shown = OneShopper(logic)
    shown.state = state
    shown.shown.write(logic.all_rows(state, "ann"))
    assert shown.apply(Event("ann", "e1", T, PRODUCT_VIEW, "s"), T + MINUTE) == "duplicate"
    assert shown.apply(Event("ann", "new", T + MINUTE, PRODUCT_VIEW, "s"), T + MINUTE) == "applied"
    assert (shown.window("half") or {})["product_view_count"] == 1
    assert (shown.session("s") or {})["product_view_count"] == 2
    assert dump(logic.load(dump(state))) == dump(state)


def without(name: str) -> ShopperLogic:
    """The logic of a release that lacks a feature, and what is derived from it."""
    mine = []
    for view in VIEWS:
        kept = [f for f in view.features if name not in (f.name, *getattr(f, "inputs", ()))]
        mine.append(replace(view, features=tuple(kept)))
    return ShopperLogic(mine)


@pytest.mark.parametrize("name", ["unique_products_viewed", "last_product_viewed"])
def test_a_release_without_a_feature_drops_it_and_the_next_one_with_it_begins_anew(name: str) -> None:
    before, between = ShopperLogic(), without(name)
    ann = OneShopper(before)
    ann.view(0, "a")
    ann.view(20 * SECOND, "b")
    ann.view(40 * SECOND, "c")
    ann.logic, ann.state = between, between.load(dump(ann.state))
    ann.view(310 * SECOND, "d")
    assert (ann.window() or {})["product_view_count"] == 3
    assert name not in (ann.window() or {})
    ann.logic, ann.state = before, before.load(dump(ann.state))
    ann.view(311 * SECOND, "e")
    shown = []
    for at in (330, 350, 620, 630):
        ann.wait(at * SECOND)
        shown.append((ann.window() or {}).get(name))
    assert shown == ([1, 1, None, None] if name.startswith("unique") else ["e", "e", None, None])


def test_a_state_is_gone_a_minute_after_its_last_row() -> None:
    ann = OneShopper()
    ann.view(0)
    last = max(row.until for row in ann.shown.rows.values())
    assert not ann.state.gone(last + MINUTE - 1)
    assert ann.state.gone(last + MINUTE)
    assert LOGIC.zero().gone(T)


def test_a_shopper_who_comes_back_after_that_is_a_new_one() -> None:
    ann = OneShopper()
    ann.view(0, event_id="again")
    ann.tell(TRANSACTION, 0, transaction_id="t1")
    later = 3 * DAY
    ann.view(later, event_id="again")
    assert ann.state.seen == 1
    ann.tell(TRANSACTION, later, transaction_id="t1")
    assert (ann.window() or {})["orders_count"] == 1
    assert (ann.session("s") or {})["event_count"] == 2


def test_a_wake_up_after_that_leaves_nothing() -> None:
    ann = OneShopper()
    ann.view(0)
    LOGIC.advance(ann.state, T + 3 * DAY)
    assert ann.state.gone(ann.state.at)
    assert LOGIC.rows(ann.state, "ann") == []
    assert len(dump(ann.state)) < 100


def test_the_state_of_a_heavy_shopper_stays_bounded() -> None:
    ann = OneShopper()
    sizes = []
    for event, as_of in random_arrivals(5, 1_200, shoppers=1, variety=50_000, pace="rush"):
        ann.apply(msgspec.structs.replace(event, shopper="ann"), as_of)
        sizes.append(len(ann.state.ids))
    assert max(sizes) <= REMEMBERED_IDS * 8
    assert len(dump(ann.state)) < 64_000


def test_a_branch_s_host_keeps_only_what_it_hosts() -> None:
    cart = ShopperLogic(branch_views("cart"))
    state = cart.zero()
    assert cart.apply(state, Event("ann", "e1", T, ADD_TO_CART, "s"), T) == "applied"
    assert state.sessions == []
    assert len(state.levels) == 3


def test_a_branch_s_host_takes_over_from_all_of_them_what_is_its_own() -> None:
    cart, fused = ShopperLogic(branch_views("cart")), OneShopper()
    fused.view()
    fused.tell(ADD_TO_CART, SECOND)
    state = cart.load(dump(fused.state))
    (window, *_) = cart.all_rows(state, "ann")
    assert window.values is not None
    assert (window.values["cart_add_count"], "product_view_count" in window.values) == (1, False)
