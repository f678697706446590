"""Compiled views: they read what their definitions say, and an empty view costs nothing."""

import pytest

from events.event import ADD_TO_CART, PAGE_VIEW, PRODUCT_VIEW, UNTYPED_ACTION, Event, Money
from features.aggregates import Bag
from features.definition import Feature, FeatureView
from features.facts import CartFact, SessionFact
from features.plan import Plan, ViewPlan, limited
from features.settings import Definitions
from features.views import VIEWS

DEFINITIONS = Definitions()


def test_views_whose_accumulators_share_a_slot_are_refused() -> None:
    view = VIEWS[0]
    with pytest.raises(ValueError, match=r"view 'product': its slots \[.*\] are another view's; rename it"):
        Plan((view, view), DEFINITIONS)


def test_an_event_goes_to_the_rolling_views_that_want_it() -> None:
    plan = Plan(VIEWS, DEFINITIONS)

    def wanted(kind: str, session: str | None = "s") -> list[str]:
        makers = [maker for maker, _ in plan.wanted(Event("ann", "1", 0, kind, session))]
        return [each.view.name for each in plan.rolling if each.view.fact in makers]

    assert wanted(PRODUCT_VIEW) == ["product", "category", "context"]
    assert wanted(PAGE_VIEW) == ["context"]
    assert wanted(PAGE_VIEW, None) == ["purchase", "context"]
    assert wanted(UNTYPED_ACTION) == []


def test_a_kind_touches_the_accumulators_that_count_it() -> None:
    for view in VIEWS:
        plan = ViewPlan(view, DEFINITIONS)
        for kind in view.kinds or (PAGE_VIEW,):
            touches = plan.touches(kind)
            slots = {
                view.slot(f)
                for f in view.accumulated()
                if (not f.on or kind in f.on) and not f.aggregate.idle
            }
            assert {touch.slot for touch in (*touches.trails, *touches.panes)} | {
                slot for slot, _ in touches.named
            } == slots
            last = {slot for slot, each in plan.aggregates.items() if each.trail or each.named}
            assert last.issuperset(touch.slot for touch in touches.trails)
            assert last.isdisjoint(touch.slot for touch in touches.panes)
            assert plan.touches(kind) is plan.touches(kind)


def test_each_accumulator_of_a_host_has_a_bit_of_its_own() -> None:
    bits = Plan(VIEWS, DEFINITIONS).bits
    assert sorted(bits.values()) == [1 << number for number in range(len(bits))]


@pytest.mark.parametrize("view", [view for view in VIEWS if view.scope == "rolling"], ids=lambda v: v.name)
def test_an_empty_view_says_its_zeros(view: FeatureView) -> None:
    zeros = ViewPlan(view, DEFINITIONS).empty()
    assert set(zeros.values()) <= {0}
    counts = {f.name for f in view.public() if f.type == "int" and "step" not in f.name}
    assert zeros.keys() == counts


def test_a_session_keeps_no_names() -> None:
    view = FeatureView(
        "test", "session", SessionFact.of, (Feature("top", Bag("places"), ""),), scope="session"
    )
    with pytest.raises(
        ValueError, match="view 'test': a session has no panes for a Bag; count with Distinct"
    ):
        ViewPlan(view, DEFINITIONS)


def test_amounts_in_a_currency_without_room_are_left_out() -> None:
    touches = next(ViewPlan(v, DEFINITIONS) for v in VIEWS if v.name == "cart").touches(ADD_TO_CART)
    names = ("USD", "CHF", "PLN")
    values = tuple(Money(5, name) for name in names)
    fact = CartFact(values=values, total=values[1], currency="CHF", currencies=("CHF", "USD", "PLN"))
    full = {touches.mixed: {"EUR": 1, "USD": 1, "GBP": 1, "JPY": 1}}
    left = limited(fact, touches, full)
    assert (left.values, left.total, left.currency, left.currencies) == (values[:1], None, "USD", ("USD",))
    roomy = limited(fact, touches, {touches.mixed: {"EUR": 1, "USD": 1, "GBP": 1}})
    assert (roomy.values, roomy.total, roomy.currency) == (values[:2], values[1], "CHF")
    assert limited(fact, touches, {}) is fact
    assert limited(fact, touches, {touches.mixed: dict.fromkeys(names, 1)}) is fact
