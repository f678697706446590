"""Compiled views: they read what their definitions say, and an empty view costs nothing."""

import pytest

from events.event import PAGE_VIEW, PRODUCT_VIEW, UNTYPED_ACTION, Event, Money
from features.aggregates import Count, Latest, MoneySum
from features.aggregates.base import Reading
from features.definition import Derived, Feature, FeatureView
from features.facts import CartFact, ProductFact
from features.plan import Plan, ViewPlan
from features.settings import Definitions
from features.views import VIEWS

DEFINITIONS = Definitions()
EUROS = (Money(500, "EUR"),)


def test_views_whose_accumulators_share_a_slot_are_refused() -> None:
    view = VIEWS[0]
    with pytest.raises(ValueError, match=r"view 'product': its slots \[.*\] are another view's; rename it"):
        Plan((view, view), DEFINITIONS)


def test_an_event_goes_to_the_rolling_views_that_want_it() -> None:
    plan = Plan(VIEWS, DEFINITIONS)

    def wanted(kind: str, session: str | None = "s") -> list[str]:
        return [each.view.name for each in plan.wanted(Event("ann", "1", 0, kind, session))]

    assert wanted(PRODUCT_VIEW) == ["product", "category", "context"]
    assert wanted(PAGE_VIEW) == ["context"]
    assert wanted(PAGE_VIEW, None) == ["purchase", "context"]
    assert wanted(UNTYPED_ACTION) == []


def test_a_kind_touches_the_accumulators_that_count_it() -> None:
    for view in VIEWS:
        plan = ViewPlan(view, DEFINITIONS)
        for kind in view.kinds or (PAGE_VIEW,):
            paned, trails = plan.touches(kind)
            slots = {
                view.slot(f)
                for f in view.accumulated()
                if (not f.on or kind in f.on) and not f.aggregate.idle
            }
            assert {touch.slot for touch in (*paned, *trails)} == slots
            assert not any(touch.aggregate.trail for touch in paned)
            assert all(touch.aggregate.trail for touch in trails)
            assert plan.touches(kind) is plan.touches(kind)


@pytest.mark.parametrize("view", [view for view in VIEWS if view.scope == "rolling"], ids=lambda v: v.name)
def test_an_empty_view_says_its_zeros(view: FeatureView) -> None:
    plan = ViewPlan(view, DEFINITIONS)
    zeros = plan.read({}, {}, Reading())
    assert zeros == plan.empty
    assert set(zeros.values()) <= {0}
    counts = {f.name for f in view.public() if f.type == "int" and "step" not in f.name}
    assert zeros.keys() == counts


def double(_clicks: int) -> int:
    return 2 * _clicks


def test_a_view_without_money_reads_each_value_and_hides_the_ingredients() -> None:
    features = (Feature("_clicks", Count(), ""), Derived("twice", double, ""))
    view = FeatureView("test", "product", ProductFact.of, features)
    plan = ViewPlan(view, DEFINITIONS)
    slot = view.slot(view.accumulated()[0])
    assert plan.read({slot: 3}, {}, Reading()) == {"twice": 6}
    assert plan.empty == {"twice": 0}


def test_the_first_currency_with_a_value_is_chosen_for_what_comes_after_it() -> None:
    value = MoneySum("values")
    features = (
        Feature("near", Latest("currency"), "", ("a",), type="str"),
        Feature("far", Latest("currency"), "", ("b",), type="str"),
        Feature("value", value, "", type="money"),
    )
    view = FeatureView("test", "cart", CartFact.of, features, currency=("near", "far"))
    plan = ViewPlan(view, DEFINITIONS)
    near, far, sums = (view.slot(feature) for feature in view.accumulated())
    totals = {sums: value.add(value.zero(), CartFact(values=EUROS))}
    dollars, euros = [5, "1", "USD"], [7, "2", "EUR"]

    def read(trails: dict[int, list[object]], start: int = 0) -> object:
        return plan.read(totals, trails, Reading(start)).get("value")

    assert read({near: euros, far: dollars}) == Money(500, "EUR")
    assert read({near: dollars, far: euros}) is None
    assert read({near: dollars, far: euros}, start=6) == Money(500, "EUR")
    assert read({}) is None
