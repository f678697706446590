"""Caps: 64 values a pane, 1,000 a window or session, 4 currencies; what is refused is never subtracted."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from events.event import Money
from features.aggregates import Bag, CartValue, Changes, Distinct, Engagement, Funnel, MoneySpread, MoneySum
from features.aggregates.base import (
    MOST_CURRENCIES,
    MOST_IN_PANE,
    MOST_IN_TOTAL,
    Accs,
    Aggregate,
    Reading,
)
from features.facts import CartFact, CategoryFact, ContextFact, ProductFact, PurchaseFact, SessionFact

SLOT = 1
CURRENCIES = ("EUR", "USD", "JPY", "GBP", "CHF", "PLN")


def a_product(pane: int, n: int) -> ProductFact:
    return ProductFact(at=pane, ids=(f"{pane}/{n}",))


def a_category(pane: int, n: int) -> CategoryFact:
    return CategoryFact(at=pane, categories=((f"{pane}/{n}", 1),))


def a_checkout(pane: int, n: int) -> PurchaseFact:
    return PurchaseFact(at=pane, session=f"{pane}/{n}", step=1)


def prices(pane: int, n: int) -> ProductFact:
    return ProductFact(at=pane, prices=(Money(n, CURRENCIES[n % 6]), Money(n, CURRENCIES[n % 5])))


SETS: Sequence[tuple[Aggregate, Callable[[int, int], Any]]] = (
    (Distinct("ids"), a_product),
    (Bag("categories"), a_category),
    (Funnel(1_000), a_checkout),
)
MONEY: Sequence[Aggregate] = (MoneySum("prices"), MoneySpread("prices"))


def filled(aggregate: Aggregate, fact: Callable[[int, int], Any], panes: int, each: int) -> tuple[Any, ...]:
    """Panes and total after so many facts in each pane, and how many found no room."""
    held: list[Accs] = [{} for _ in range(panes)]
    total: Accs = {}
    refused = [
        aggregate.fold(held[pane], total, SLOT, fact(pane, n)) for pane in range(panes) for n in range(each)
    ]
    return [pane[SLOT] for pane in held if SLOT in pane], total[SLOT], sum(refused)


@pytest.mark.parametrize(("aggregate", "fact"), SETS, ids=repr)
def test_a_pane_holds_sixty_four_values(aggregate: Aggregate, fact: Callable[[int, int], Any]) -> None:
    (pane,), total, refused = filled(aggregate, fact, 1, MOST_IN_PANE + 3)
    assert aggregate.result(pane) == aggregate.result(total) == MOST_IN_PANE
    assert refused == 3


@pytest.mark.parametrize(("aggregate", "fact"), SETS, ids=repr)
def test_a_window_holds_a_thousand_values(aggregate: Aggregate, fact: Callable[[int, int], Any]) -> None:
    panes, total, refused = filled(aggregate, fact, 20, MOST_IN_PANE)
    assert aggregate.result(total) == MOST_IN_TOTAL
    assert refused == 20 * MOST_IN_PANE - MOST_IN_TOTAL
    assert sum(aggregate.result(pane) for pane in panes) == MOST_IN_TOTAL


@pytest.mark.parametrize(("aggregate", "fact"), SETS, ids=repr)
def test_a_value_that_is_in_the_pane_is_always_taken(
    aggregate: Aggregate, fact: Callable[[int, int], Any]
) -> None:
    panes, total, _ = filled(aggregate, fact, 20, MOST_IN_PANE)
    assert not aggregate.fold({SLOT: panes[0]}, {SLOT: total}, SLOT, fact(0, 0))


@pytest.mark.parametrize(("aggregate", "fact"), [*SETS[:2], *((one, prices) for one in MONEY)], ids=repr)
def test_panes_that_refused_leave_nothing_behind(
    aggregate: Aggregate, fact: Callable[[int, int], Any]
) -> None:
    panes, total, refused = filled(aggregate, fact, 20, MOST_IN_PANE)
    assert refused
    for number, pane in enumerate(panes):
        left = aggregate.remove(total, pane)
        if not isinstance(left, dict) and left is not None:
            left = aggregate.zero()
            for other in panes[number + 1 :]:
                left = aggregate.merge(left, other)
        total = left
    assert total is None


@pytest.mark.parametrize("aggregate", MONEY, ids=repr)
def test_amounts_of_a_fifth_currency_are_refused(aggregate: Aggregate) -> None:
    (pane,), total, refused = filled(aggregate, prices, 1, 12)
    assert pane.keys() == total.keys() == set(CURRENCIES[:MOST_CURRENCIES])
    assert refused == 5
    accs: Accs = {}
    assert [aggregate.grow(accs, SLOT, prices(0, n)) for n in range(6)] == [False] * 4 + [True] * 2
    assert accs[SLOT].keys() == set(CURRENCIES[:MOST_CURRENCIES])


@pytest.mark.parametrize(
    ("aggregate", "fact"),
    [(Distinct("ids"), a_product), (Engagement(), lambda _, n: SessionFact(page_id=str(n), viewed=True))],
    ids=repr,
)
def test_a_session_holds_a_thousand_values(aggregate: Any, fact: Callable[[int, int], Any]) -> None:
    accs: Accs = {}
    refused = [aggregate.grow(accs, SLOT, fact(0, n)) for n in range(MOST_IN_TOTAL + 2)]
    assert refused == [False] * MOST_IN_TOTAL + [True] * 2
    assert not aggregate.grow(accs, SLOT, fact(0, 7))


def test_trails_keep_the_last_sixty_four_entries() -> None:
    changes = Changes("location")
    acc = changes.zero()
    for n in range(100, 0, -1):
        acc = changes.add(acc, ContextFact(at=n, event_id=str(n), location=str(n)))
    assert changes.result(acc) == 63
    assert [entry[0] for entry in acc] == list(range(37, 101))


def test_a_cart_remembers_the_last_totals_of_four_currencies() -> None:
    cart = CartValue()
    acc = cart.zero()
    for at, currency in enumerate(CURRENCIES):
        acc = cart.add(acc, CartFact(at=at, event_id=str(at), change=1, total=Money(at, currency)))
    told = [cart.result(acc, Reading(currency=currency)) for currency in CURRENCIES]
    assert told == [Money(minor, c) for minor, c in zip((0, 0, 2, 3, 4, 5), CURRENCIES, strict=True)]
