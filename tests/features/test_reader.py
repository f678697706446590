"""Programs: what is read when some accumulators changed, and in which order."""

from typing import Any

import pytest

from events.event import Money
from features.aggregates import Count, Latest, MoneySum
from features.aggregates.base import Reading
from features.compile import source_of
from features.definition import Derived, Feature, FeatureView
from features.facts import CartFact, ProductFact
from features.reader import ALL, Reader, read
from features.views import VIEWS

EUROS = (Money(500, "EUR"),)


def reader(*views: FeatureView) -> tuple[Reader, dict[int, int]]:
    slots = [view.slot(feature) for view in views for feature in view.accumulated()]
    bits = {slot: 1 << number for number, slot in enumerate(dict.fromkeys(slots))}
    return Reader(views, bits), bits


def double(_clicks: int) -> int:
    return 2 * _clicks


def test_ingredients_are_read_and_not_written() -> None:
    view = FeatureView(
        "test", "product", ProductFact.of, (Feature("_clicks", Count(), ""), Derived("twice", double, ""))
    )
    programs, bits = reader(view)
    (slot,) = bits
    assert read(programs.program(ALL), ({slot: 3},), {}, Reading()) == ({"twice": 6}, [])
    assert read(programs.program(ALL), (), {}, Reading()) == ({"twice": 0}, [])
    assert read(programs.program(bits[slot]), ({slot: 3}, {slot: 4}), {}, Reading()) == ({"twice": 14}, [])
    assert programs.program(0).parts == ()


def test_the_first_currency_with_a_value_is_chosen_for_what_comes_after_it() -> None:
    value = MoneySum("values")
    features = (
        Feature("near", Latest("currency"), "", ("a",), type="str"),
        Feature("far", Latest("currency"), "", ("b",), type="str"),
        Feature("value", value, "", type="money"),
    )
    view = FeatureView("test", "cart", CartFact.of, features, currency=("near", "far"))
    programs, _ = reader(view)
    near, far, sums = (view.slot(feature) for feature in view.accumulated())
    totals = ({sums: value.add(value.zero(), CartFact(values=EUROS))},)
    dollars, euros = [5, "1", "USD"], [7, "2", "EUR"]

    def told(trails: dict[int, Any], start: int = 0) -> object:
        return read(programs.program(ALL), totals, trails, Reading(start))[0].get("value")

    assert told({near: euros, far: dollars}) == Money(500, "EUR")
    assert told({near: dollars, far: euros}) is None
    assert told({near: dollars, far: euros}, start=6) == Money(500, "EUR")
    assert told({}) is None


def touched(view_name: str, *features: str) -> set[str]:
    """What is written when these features' accumulators changed."""
    view = next(view for view in VIEWS if view.name == view_name)
    programs, bits = reader(view)
    program = programs.program(sum({bits[view.slot(f)] for f in view.accumulated() if f.name in features}))
    return {name for part in program.parts for name in part.names}


def test_what_is_derived_changes_with_what_it_is_derived_from() -> None:
    assert touched("product", "product_view_count") == {"product_view_count", "return_view_count"}
    assert touched("product", "promo_view_count") == {"promo_view_count", "promo_click_rate"}
    assert touched("session", "_commerce_count") == {"bounce"}
    assert touched("session") == set()


def test_another_currency_changes_all_money_of_the_view() -> None:
    assert touched("cart", "cart_added_value") == {"cart_added_value"}
    assert touched("cart", "cart_currency") == {
        "cart_currency",
        "cart_added_value",
        "cart_removed_value",
        "cart_value",
    }
    assert {"order_value", "avg_order_value", "refund_value"} <= touched("purchase", "_money_told")
    assert "refund_count" not in touched("purchase", "_money_told")


def test_money_is_read_in_the_currency_that_did_not_change() -> None:
    view = next(view for view in VIEWS if view.name == "cart")
    programs, bits = reader(view)
    slots = {feature.name: view.slot(feature) for feature in view.accumulated()}
    added = slots["cart_added_value"]
    trails = {slots["cart_currency"]: [1, "", "EUR"]}
    values, absent = read(programs.program(bits[added]), ({added: {"EUR": [7, 1]}},), trails, Reading())
    assert (values, absent) == ({"cart_added_value": Money(7, "EUR")}, [])
    values, absent = read(programs.program(bits[added]), (), trails, Reading())
    assert (values, absent) == ({}, ["cart_added_value"])


def test_programs_are_made_anew_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    programs, bits = reader(*VIEWS)
    every = [programs.program(bit) for bit in bits.values()]
    monkeypatch.setattr("features.reader.MOST_PROGRAMS", 1)
    assert programs.program(ALL).parts
    assert [programs.program(bit).parts for bit in bits.values()] == [each.parts for each in every]


def test_a_program_is_python_without_a_table() -> None:
    view = FeatureView(
        "test", "product", ProductFact.of, (Feature("_clicks", Count(), ""), Derived("twice", double, ""))
    )
    programs, bits = reader(view)
    (slot,) = bits
    names: dict[str, Any] = {}
    assert (
        source_of(programs.program(ALL).parts[0], names)
        == f"""\
def run(values, absent, totals, trails, reading):
    reading.currency = None
    v0 = 0
    for total in totals:
        v0 += total.get({slot}, 0)
    v1 = f0(v0)
    if v1 is None:
        absent.append('twice')
    else:
        values['twice'] = v1
"""
    )
    assert names == {"f0": double}
