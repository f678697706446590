"""Branches: an event goes to those that make a fact of it, and together they are the whole."""

from typing import Any

import pytest

from events.event import ADD_TO_CART, CHECKOUT_STEP, PAGE_VIEW, TRANSACTION, UNTYPED_ACTION, Event
from features.logic import ShopperLogic
from features.row import FeatureRow
from features.settings import Definitions
from features.split import Split
from features.views import BRANCHES, VIEWS, branch_views
from tests.features.one_shopper import DAY, MINUTE, SECOND, OneShopper, T
from tests.strategies import Arrival, random_arrivals


def of(kind: str, session: str | None = "s", definitions: Definitions | None = None) -> tuple[str, ...]:
    return Split(definitions).of(Event("ann", "1", 0, kind, session))


def test_the_session_branch_gets_every_event() -> None:
    assert of(PAGE_VIEW) == ("session",)
    assert of(UNTYPED_ACTION) == ("session",)
    assert of(ADD_TO_CART) == ("cart", "session")
    assert of(TRANSACTION) == ("cart", "purchase", "session")


def test_the_purchase_branch_gets_what_has_no_session_and_what_the_checkout_step_rule_reads() -> None:
    assert of(PAGE_VIEW, None) == ("purchase", "session")
    assert of(UNTYPED_ACTION, None) == ("session",)
    assert of(ADD_TO_CART, definitions=Definitions(checkout_order_step=2)) == ("cart", "purchase", "session")
    assert of(CHECKOUT_STEP) == ("purchase", "session")


def test_the_fields_of_the_branches_are_those_of_the_windows_each_once() -> None:
    split = Split()
    fields = [name for branch in BRANCHES for name in split.fields(branch).names]
    assert fields == [f.name for view in VIEWS if view.scope == "rolling" for f in view.public()]
    assert len(set(fields)) == len(fields)
    for branch in BRANCHES:
        names, zeros = split.fields(branch)
        assert zeros.keys() <= set(names)
        assert set(zeros.values()) == {0}


def test_an_emptied_window_of_a_branch_gives_a_row_of_zeros_that_has_expired() -> None:
    split = Split()
    logic = ShopperLogic(branch_views("cart"))
    assert logic.partial
    state = logic.zero()
    logic.apply(state, Event("ann", "1", T, ADD_TO_CART, "s"), T)
    logic.rows(state, "ann")
    logic.advance(state, T + 310 * SECOND)
    (row,) = logic.rows(state, "ann")
    assert row.values == split.fields("cart").zeros
    assert (row.window, row.until, row.next) == ("5min", row.at, row.at)


def test_where_all_is_hosted_an_emptied_window_gives_no_row() -> None:
    logic = ShopperLogic()
    assert not logic.partial
    ann = OneShopper(logic)
    ann.view()
    written = ann.row("5min")
    ann.wait(310 * SECOND)
    assert ann.row("5min") is written


def told_apart(arrivals: list[Arrival]) -> list[Arrival]:
    """Without events that reuse another one's id: only a host that saw the other knows."""
    known: dict[str, Event] = {}
    return [(e, at) for e, at in arrivals if known.setdefault(e.event_id, e) == e]


def together(rows: list[FeatureRow], label: str) -> dict[str, Any]:
    """The branches' rows of a window as one hash."""
    mine = [row for row in rows if row.window == label and row.entity == "user" and row.until > row.at]
    spent = [row for row in rows if row.window == label and row.entity == "user" and row.until <= row.at]
    values: dict[str, Any] = {}
    for row in (*spent, *mine):
        values |= row.values or {}
    return {
        "values": values,
        "next": min(row.next for row in mine),
        "until": max(row.until for row in mine),
        "capped": any(row.capped for row in mine),
    }


@pytest.mark.parametrize(("seed", "pace"), [(1, "calm"), (2, "wild"), (3, "rush")])
def test_the_branches_together_show_what_one_host_of_all_shows(seed: int, pace: str) -> None:
    definitions = Definitions(checkout_order_step=seed - 1)
    split = Split(definitions)
    whole = ShopperLogic(definitions=definitions)
    hosts = {branch: ShopperLogic(branch_views(branch, definitions), definitions) for branch in BRANCHES}
    state = whole.zero()
    states = {branch: host.zero() for branch, host in hosts.items()}
    for event, as_of in told_apart(random_arrivals(seed, 120, shoppers=1, pace=pace)):
        whole.apply(state, event, as_of)
        for branch in split.of(event):
            hosts[branch].apply(states[branch], event, as_of)
        rows = []
        for branch, host in hosts.items():
            host.advance(states[branch], state.at)
            rows += host.all_rows(states[branch], "ann")
        for row in whole.all_rows(state, "ann"):
            if row.entity == "user" and row.window != "session":
                shown = together(rows, row.window)
                assert shown["values"] == row.values
                assert shown["until"] == row.until
                # With the checkout-step rule the whole host looks back to the panes of all branches.
                assert (
                    row.next <= shown["next"]
                    if definitions.checkout_order_step
                    else shown["next"] == row.next
                )
                assert shown["capped"] == row.capped
            else:
                assert row in rows


def test_a_branch_that_heard_nothing_lately_still_decays() -> None:
    logic = ShopperLogic(branch_views("cart"))
    ann = OneShopper(logic)
    ann.tell(ADD_TO_CART)
    ann.wait(2 * DAY)
    assert ann.shown.at(ann.now) == {}
    assert ann.state.gone(T + DAY + 16 * MINUTE)
