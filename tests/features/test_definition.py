"""Declaring features: what is wrong is said at once, by name, with the way out."""

from typing import Any

import pytest

from events.event import PRODUCT_VIEW, UNTYPED_ACTION, Event
from features import definition
from features.aggregates import Count, Latest, Recent
from features.definition import Derived, Feature, FeatureView
from features.facts import ProductFact
from features.views import BRANCHES, VIEWS, branch_views, views


def a_view(*features: Feature | Derived, **more: Any) -> FeatureView:
    return FeatureView("test", "product", ProductFact.of, features, **more)


def test_a_feature_has_a_known_type() -> None:
    with pytest.raises(ValueError, match="feature 'clicks': type 'integer' is none of"):
        Feature("clicks", Count(), "Clicks.", type="integer")


def test_a_feature_reads_what_its_aggregate_gives() -> None:
    with pytest.raises(ValueError, match="feature 'clicks': Count has no read-out 'top'"):
        Feature("clicks", Count(), "Clicks.", read="top")


def test_a_derived_feature_is_fed_by_its_function_s_parameters() -> None:
    def half(clicks: int) -> float:
        return clicks / 2

    assert Derived("half", half, "Half of them.", "float").inputs == ("clicks",)
    with pytest.raises(ValueError, match=r"view 'test': feature 'half' reads \['clicks'\], which come later"):
        a_view(Derived("half", half, "Half of them.", "float"), Feature("clicks", Count(), "Clicks."))


def test_a_name_comes_once_in_a_view() -> None:
    clicks = Feature("clicks", Count(), "Clicks.")
    with pytest.raises(ValueError, match="feature 'clicks' comes twice"):
        a_view(clicks, clicks)


def test_accumulators_that_would_share_a_slot_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definition, "crc32", lambda _: 7)
    with pytest.raises(ValueError, match="view 'test': two accumulators share a slot; rename the view"):
        a_view(Feature("clicks", Recent("ids"), ""), Feature("lists", Latest("cats"), "", on=("l",)))


def test_the_same_aggregate_over_the_same_kinds_is_accumulated_once() -> None:
    ids = Recent("ids")
    one, two = Feature("known", ids, "Ids."), Feature("list", ids, "Ids.", read="listed", type="list")
    other = Feature("seen", ids, "Ids.", on=(PRODUCT_VIEW,))
    view = a_view(one, two, other)
    assert view.slot(one) == view.slot(two) != view.slot(other)


def test_a_slot_survives_a_new_name_but_not_a_new_meaning() -> None:
    old, renamed = Feature("clicks", Count(), "Clicks."), Feature("taps", Count(), "Taps.", type="float")
    meant = Feature("clicks", Count("recommended"), "Clicks.")
    assert a_view(old).slot(old) == a_view(renamed).slot(renamed) != a_view(meant).slot(meant)


def test_a_view_wants_its_kinds_and_if_it_says_so_what_has_no_session() -> None:
    seen, told = Event("ann", "1", 0, PRODUCT_VIEW, "s"), Event("ann", "2", 0, "other", "s")
    lost = Event("ann", "3", 0, "other")
    everything = a_view()
    views_only = a_view(kinds=frozenset({PRODUCT_VIEW}))
    sessionless = a_view(kinds=frozenset({PRODUCT_VIEW}), sessionless=True)
    assert [everything.wants(event) for event in (seen, told, lost)] == [True, True, True]
    assert [views_only.wants(event) for event in (seen, told, lost)] == [True, False, False]
    assert [sessionless.wants(event) for event in (seen, told, lost)] == [True, False, True]


def test_ingredients_are_not_public() -> None:
    shown, hidden = Feature("clicks", Count(), "Clicks."), Feature("_clicks", Count("recommended"), "")
    assert list(a_view(shown, hidden).public()) == [shown]


def test_every_feature_has_a_sentence_and_a_unit_where_it_has_a_type_that_needs_one() -> None:
    for view in VIEWS:
        for feature in view.public():
            assert feature.doc[0].isupper() or feature.doc[0].isdigit()
            assert feature.doc.endswith(".")
            if feature.type == "money":
                assert feature.unit in {each.name for each in view.features}


def test_every_branch_has_its_views_and_no_other_exists() -> None:
    assert [view for branch in BRANCHES for view in branch_views(branch)] == list(VIEWS)
    assert [view.name for view in views()] == [view.name for view in VIEWS]
    with pytest.raises(ValueError, match="branch 'prodcut' is none of product, category, cart"):
        branch_views("prodcut")


def test_no_view_lists_untyped_actions_among_its_kinds() -> None:
    assert all(UNTYPED_ACTION not in (view.kinds or ()) for view in VIEWS)
