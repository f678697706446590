"""What every aggregate promises: it finds them all by itself, and fails for one that has no facts here."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import features.aggregates
from features.aggregates import Bag, CartValue, Changes, Distinct, Engagement, Funnel, StepOrders
from features.aggregates.base import BEGINNING, REBUILD, Accs, Aggregate, Reading, Trail
from tests.features.aggregate_samples import DRAWN, SAMPLES, Drawn, Sample
from tests.features.fact_pools import LAST

pytestmark = pytest.mark.property

SLOT = 7
WIDTH = 3_000
CURRENCIES = (None, "EUR", "USD")

NAMED = [sample for sample in SAMPLES if sample.aggregate.named]
PANED = [sample for sample in SAMPLES if not sample.aggregate.trail and not sample.aggregate.named]
TRAILS = [sample for sample in SAMPLES if sample.aggregate.trail]
PLAIN = [*PANED, *TRAILS]
HALVED = [
    sample for sample in TRAILS if isinstance(sample.aggregate, Distinct | Funnel | Changes | CartValue)
]

Test = Callable[..., None]


def law(samples: Sequence[Sample], *more: st.SearchStrategy[Any]) -> Callable[[Test], Test]:
    """What holds for each of the samples, whatever its facts are."""

    def over(test: Test) -> Test:
        drawn: Test = settings(max_examples=10, deadline=None)(given(DRAWN, *more)(test))
        each: Test = pytest.mark.parametrize("sample", samples, ids=repr)(drawn)
        return each

    return over


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


def plain(aggregate: Aggregate, acc: Any) -> Any:
    """The accumulator in an order that does not tell how it came about."""
    return aggregate.merge(aggregate.zero(), deepcopy(acc))


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


@law(SAMPLES)
def test_zero_is_the_identity_of_merge(sample: Sample, drawn: Drawn) -> None:
    aggregate = sample.aggregate
    facts = sample.all(drawn)
    acc = folded(aggregate, facts)
    assert aggregate.merge(deepcopy(acc), aggregate.zero()) == plain(aggregate, acc)
    assert plain(aggregate, plain(aggregate, acc)) == plain(aggregate, acc)
    if not aggregate.named:
        assert meaning(aggregate, plain(aggregate, acc)) == meaning(aggregate, acc)


@law(SAMPLES)
def test_merge_is_commutative_and_associative_and_folds(sample: Sample, drawn: Drawn) -> None:
    aggregate = sample.aggregate
    xs, ys, zs = sample.facts(drawn)
    a, b, c = (folded(aggregate, facts) for facts in (xs, ys, zs))
    whole = folded(aggregate, [*xs, *ys, *zs])
    assert aggregate.merge(deepcopy(a), b) == aggregate.merge(deepcopy(b), a)
    assert aggregate.merge(aggregate.merge(deepcopy(a), b), c) == plain(aggregate, whole)
    assert aggregate.merge(deepcopy(a), aggregate.merge(deepcopy(b), c)) == plain(aggregate, whole)


@law(SAMPLES)
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


@law(SAMPLES)
def test_to_unite_is_to_merge_and_to_tell_what_is_not_said_any_more(sample: Sample, drawn: Drawn) -> None:
    aggregate = sample.aggregate
    xs, ys, _ = sample.facts(drawn)
    a, b = folded(aggregate, xs), folded(aggregate, ys)
    united, lost = aggregate.united(deepcopy(a), b)
    assert united == aggregate.merge(deepcopy(a), b)
    if isinstance(aggregate, Distinct) and lost > BEGINNING:
        roomy = Distinct(aggregate.field)
        assert aggregate.result(united) < roomy.result(roomy.merge(a, b))
        assert roomy.result(roomy.merge(a, b), Reading(lost + 1)) == aggregate.result(
            united, Reading(lost + 1)
        )


@law(SAMPLES)
def test_an_accumulator_survives_messagepack(sample: Sample, drawn: Drawn) -> None:
    aggregate = sample.aggregate
    xs, ys, _ = sample.facts(drawn)
    acc = folded(aggregate, xs)
    restored = msgspec.msgpack.decode(msgspec.msgpack.encode(acc))
    assert restored == acc
    more = folded(aggregate, ys)
    assert aggregate.merge(restored, more) == aggregate.merge(acc, more)


def grown(aggregate: Aggregate, facts: Sequence[Any]) -> tuple[Any, list[int | None]]:
    """The accumulator that has grown by the facts, and what was told of each."""
    accs: Accs = {}
    told = [aggregate.grow(accs, SLOT, fact, 0) for fact in facts]
    return accs.get(SLOT, aggregate.zero()), told


@law(PLAIN)
def test_to_grow_is_to_add_while_no_cap_is_met(sample: Sample, drawn: Drawn) -> None:
    aggregate = sample.aggregate
    facts = sample.all(drawn)
    acc, told = grown(aggregate, facts)
    if not any(lost is not None and lost > BEGINNING for lost in told):
        assert acc == folded(aggregate, facts)


@law(PLAIN, st.integers(0, LAST))
def test_what_is_said_not_to_change_does_not_change_in_any_window(
    sample: Sample, drawn: Drawn, start: int
) -> None:
    aggregate = sample.aggregate
    accs: Accs = {}
    for fact in sample.all(drawn):
        windows = (start, start // 2, BEGINNING) if aggregate.trail else (BEGINNING,)
        before = [meaning(aggregate, accs.get(SLOT, aggregate.zero()), each) for each in windows]
        if aggregate.grow(accs, SLOT, fact, start) is None:
            acc = accs.get(SLOT, aggregate.zero())
            assert [meaning(aggregate, acc, each) for each in windows] == before


@law(PANED)
def test_the_total_is_the_merge_of_the_panes_whatever_leaves(sample: Sample, drawn: Drawn) -> None:
    aggregate = sample.aggregate
    panes: dict[int, Any] = {}
    for fact in sample.all(drawn):
        number = fact.at // WIDTH
        panes[number] = aggregate.add(panes.get(number, aggregate.zero()), fact)
    total = merged(aggregate, list(panes.values()))
    for number in sorted(panes):
        total = aggregate.remove(total, panes.pop(number))
        left = merged(aggregate, list(panes.values()))
        if total is REBUILD:
            total = left
        if total is None:
            total = aggregate.zero()
        assert meaning(aggregate, total) == meaning(aggregate, left)


@law(NAMED, st.integers(0, LAST // WIDTH))
def test_names_and_the_weights_of_the_panes_that_stay_are_what_a_window_holds(
    sample: Sample, drawn: Drawn, first: int
) -> None:
    bag = sample.aggregate
    assert isinstance(bag, Bag)
    names: Accs = {}
    panes: dict[int, Accs] = {}
    total: Accs = {}
    taken: list[tuple[str, int, int]] = []
    for fact in sample.all(drawn):
        if bag.grow(names, SLOT, fact, 0) is not None:
            for accs in (panes.setdefault(fact.at // WIDTH, {}), total):
                bag.weigh(accs, SLOT, fact, names[SLOT])
            known = names[SLOT][1]
            taken += [(name, weight, fact.at) for name, weight in fact.categories if name in known]
    for number in [number for number in panes if number < first]:
        left = bag.remove(total[SLOT], panes.pop(number)[SLOT])
        total[SLOT] = left if left is not None else {}
    inside = [each for each in taken if each[2] >= first * WIDTH]
    acc, reading = (names.get(SLOT, [0, {}]), total.get(SLOT, {})), Reading(first * WIDTH)
    weights: dict[str, int] = {}
    last: dict[str, int] = {}
    for name, weight, at in inside:
        weights[name], last[name] = weights.get(name, 0) + weight, max(last.get(name, 0), at)
    heaviest = min(weights, key=lambda name: (-weights[name], -last[name], name), default=None)
    assert (bag.result(acc, reading), bag.top(acc, reading)) == (len(weights), heaviest)
    assert bag.top_share(acc, reading) == (
        max(weights.values()) / sum(weights.values()) if any(weights.values()) else None
    )
    assert len(names.get(SLOT, [0, {}])[1]) <= bag.most


@law(PANED)
def test_what_is_no_set_is_never_halved(sample: Sample, drawn: Drawn) -> None:
    aggregate = sample.aggregate
    acc = folded(aggregate, sample.all(drawn))
    if not isinstance(aggregate, Engagement):
        assert aggregate.halve(deepcopy(acc)) == (acc, BEGINNING)


@law(HALVED)
def test_a_half_says_the_same_of_windows_that_begin_after_what_was_lost(sample: Sample, drawn: Drawn) -> None:
    aggregate = sample.aggregate
    acc = folded(aggregate, sample.all(drawn))
    while acc != aggregate.zero():
        half, lost = aggregate.halve(deepcopy(acc))
        half = aggregate.zero() if half is None else half
        if half == acc:
            break
        assert meaning(aggregate, half, lost + 1) == meaning(aggregate, acc, lost + 1)
        assert len(msgspec.msgpack.encode(half)) < len(msgspec.msgpack.encode(acc))
        acc = half


@law(TRAILS, st.tuples(st.integers(0, LAST), st.integers(0, LAST)))
def test_a_pruned_trail_is_one_without_the_older_facts(
    sample: Sample, drawn: Drawn, moments: tuple[int, int]
) -> None:
    aggregate = sample.aggregate
    assert isinstance(aggregate, Trail)
    facts = sample.all(drawn)
    start, later = sorted(moments)
    pruned = aggregate.prune(folded(aggregate, facts), start)
    pruned = aggregate.zero() if pruned is None else pruned
    younger = folded(aggregate, [fact for fact in facts if fact.at >= start])
    assert meaning(aggregate, pruned, later) == meaning(aggregate, younger, later)
    if not isinstance(aggregate, StepOrders):
        # A step looks back to its adds, so a shorter window sees what is older than itself.
        unpruned = folded(aggregate, facts)
        assert meaning(aggregate, pruned, later) == meaning(aggregate, unpruned, later)


@pytest.mark.parametrize("sample", TRAILS, ids=repr)
def test_a_trail_that_ends_before_the_window_is_gone(sample: Sample) -> None:
    aggregate = sample.aggregate
    assert isinstance(aggregate, Trail)
    assert aggregate.prune(folded(aggregate, sample.pool), LAST) is None
