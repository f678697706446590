"""What every aggregate promises: it finds them all by itself, and fails for one that has no facts here."""

import importlib
import inspect
import pkgutil
from collections.abc import Sequence
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import features.aggregates
from features.aggregates import StepOrders
from features.aggregates.base import BEGINNING, REBUILD, Accs, Aggregate, Reading, Trail
from tests.features.aggregate_samples import DRAWN, SAMPLES, Drawn, Sample
from tests.features.fact_pools import LAST

pytestmark = pytest.mark.property

SLOT = 7
WIDTH = 3_000
CURRENCIES = (None, "EUR", "USD")

PANED = [sample for sample in SAMPLES if not sample.aggregate.trail]
TRAILS = [sample for sample in SAMPLES if sample.aggregate.trail]

every_aggregate = pytest.mark.parametrize("sample", SAMPLES, ids=repr)
every_paned_one = pytest.mark.parametrize("sample", PANED, ids=repr)
every_trail = pytest.mark.parametrize("sample", TRAILS, ids=repr)
a_few = settings(max_examples=10, deadline=None)


def folded(aggregate: Aggregate, facts: Sequence[Any]) -> Any:
    """The accumulator of the facts."""
    acc = aggregate.zero()
    for fact in facts:
        acc = aggregate.add(acc, fact)
    return acc


def merged(aggregate: Aggregate, accs: Sequence[Any]) -> Any:
    """The accumulators in one; they stay as they are."""
    whole = aggregate.zero()
    for acc in accs:
        whole = aggregate.merge(whole, acc)
    return whole


def meaning(aggregate: Aggregate, acc: Any, start: int = BEGINNING) -> dict[tuple[str, str | None], Any]:
    """Every read-out in every currency."""
    session = SimpleNamespace(events=3)
    reads = [
        name
        for name, method in inspect.getmembers(type(aggregate), inspect.isfunction)
        if "reading" in inspect.signature(method).parameters and not name.startswith("_")
    ]
    return {
        (name, currency): getattr(aggregate, name)(acc, Reading(start, currency, session))
        for name in reads
        for currency in CURRENCIES
    }


def found() -> set[type[Aggregate]]:
    """Every aggregate of the package that can be used as it is."""
    package = features.aggregates
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    every, known = set(), [Aggregate]
    while known:
        one = known.pop()
        known += one.__subclasses__()
        if not inspect.isabstract(one) and one.__module__.startswith(package.__name__):
            every.add(one)
    return every


def test_every_aggregate_is_under_these_laws_and_exported() -> None:
    assert {type(aggregate) for aggregate, _ in SAMPLES} == found()
    assert {one.__name__ for one in found()} <= set(features.aggregates.__all__)
    assert features.aggregates.__all__ == sorted(features.aggregates.__all__)


@every_aggregate
@a_few
@given(DRAWN)
def test_zero_is_the_identity_of_merge(sample: Sample, drawn: Drawn) -> None:
    aggregate = sample.aggregate
    facts = sample.all(drawn)
    assert aggregate.merge(aggregate.zero(), folded(aggregate, facts)) == folded(aggregate, facts)
    assert aggregate.merge(folded(aggregate, facts), aggregate.zero()) == folded(aggregate, facts)


@every_aggregate
@a_few
@given(DRAWN)
def test_merge_is_commutative_and_associative_and_folds(sample: Sample, drawn: Drawn) -> None:
    aggregate = sample.aggregate
    xs, ys, zs = sample.facts(drawn)
    a, b, c = (folded(aggregate, facts) for facts in (xs, ys, zs))
    whole = folded(aggregate, [*xs, *ys, *zs])
    assert aggregate.merge(deepcopy(a), b) == aggregate.merge(deepcopy(b), a)
    assert aggregate.merge(aggregate.merge(deepcopy(a), b), c) == whole
    assert aggregate.merge(deepcopy(a), aggregate.merge(deepcopy(b), c)) == whole


@every_aggregate
@a_few
@given(DRAWN)
def test_the_right_side_of_merge_stays_as_it_is(sample: Sample, drawn: Drawn) -> None:
    aggregate = sample.aggregate
    xs, ys, zs = sample.facts(drawn)
    right = folded(aggregate, ys)
    before = deepcopy(right)
    joined = aggregate.merge(folded(aggregate, xs), right)
    for fact in zs:
        joined = aggregate.add(joined, fact)
    aggregate.merge(joined, folded(aggregate, zs))
    assert right == before


@every_aggregate
@a_few
@given(DRAWN)
def test_an_accumulator_survives_messagepack(sample: Sample, drawn: Drawn) -> None:
    aggregate = sample.aggregate
    xs, ys, _ = sample.facts(drawn)
    acc = folded(aggregate, xs)
    restored = msgspec.msgpack.decode(msgspec.msgpack.encode(acc))
    assert meaning(aggregate, restored) == meaning(aggregate, acc)
    more = folded(aggregate, ys)
    assert aggregate.merge(restored, more) == aggregate.merge(acc, more)


@every_aggregate
@a_few
@given(DRAWN)
def test_a_session_grows_as_facts_are_added_while_no_cap_is_met(sample: Sample, drawn: Drawn) -> None:
    aggregate = sample.aggregate
    facts = sample.all(drawn)
    accs: Accs = {}
    refused = [aggregate.grow(accs, SLOT, fact) for fact in facts]
    grown = accs.get(SLOT)
    if not any(refused):
        assert (aggregate.zero() if grown is None else grown) == folded(aggregate, facts)


def in_panes(aggregate: Aggregate, facts: Sequence[Any]) -> tuple[dict[int, Accs], Accs]:
    """Panes by number and the total, as a window holds them."""
    panes: dict[int, Accs] = {}
    total: Accs = {}
    for fact in facts:
        aggregate.fold(panes.setdefault(fact.at // WIDTH, {}), total, SLOT, fact)
    return panes, total


@every_paned_one
@a_few
@given(DRAWN)
def test_the_total_is_the_merge_of_the_panes_whatever_leaves_or_is_refused(
    sample: Sample, drawn: Drawn
) -> None:
    aggregate = sample.aggregate
    facts = sample.all(drawn)
    panes, totals = in_panes(aggregate, facts)
    accs = {number: pane[SLOT] for number, pane in panes.items() if SLOT in pane}
    total = totals.get(SLOT, aggregate.zero())
    assert meaning(aggregate, total) == meaning(aggregate, merged(aggregate, list(accs.values())))
    for number in sorted(accs):
        total = aggregate.remove(total, accs.pop(number))
        left = merged(aggregate, list(accs.values()))
        if total is REBUILD:
            total = left
        if total is None:
            total = aggregate.zero()
        assert meaning(aggregate, total) == meaning(aggregate, left)


@every_trail
@a_few
@given(DRAWN, st.tuples(st.integers(0, LAST), st.integers(0, LAST)))
def test_a_pruned_trail_is_one_without_the_older_facts(
    sample: Sample, drawn: Drawn, moments: tuple[int, int]
) -> None:
    aggregate = sample.aggregate
    assert isinstance(aggregate, Trail)
    facts = sample.all(drawn)
    start, later = sorted(moments)
    pruned = aggregate.prune(folded(aggregate, facts), start)
    pruned = aggregate.zero() if pruned is None else pruned
    assert pruned == folded(aggregate, [fact for fact in facts if fact.at >= start])
    if not isinstance(aggregate, StepOrders):
        # A step looks back to its adds, so a shorter window sees what is older than itself.
        unpruned = folded(aggregate, facts)
        assert meaning(aggregate, pruned, later) == meaning(aggregate, unpruned, later)


@every_trail
def test_a_trail_that_ends_before_the_window_is_gone(sample: Sample) -> None:
    aggregate = sample.aggregate
    assert isinstance(aggregate, Trail)
    assert aggregate.prune(folded(aggregate, sample.pool), LAST) is None
