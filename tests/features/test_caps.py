"""Caps: sets keep the 1,000 values seen last, bags have room for 100, ordered histories for 64."""

import pytest

from events.event import Money
from features.aggregates import Bag, CartValue, Changes, Distinct, Engagement, Funnel, Recent, StepOrders
from features.aggregates.base import BEGINNING, KEPT, MOST_CURRENCIES, MOST_NAMES, MOST_VALUES, Accs, Reading
from features.digest import digest
from features.facts import CartFact, CategoryFact, ContextFact, ProductFact, PurchaseFact, SessionFact

SLOT = 1
CURRENCIES = ("EUR", "USD", "JPY", "GBP", "CHF", "PLN")


def a_product(at: int, name: object) -> ProductFact:
    return ProductFact(at=at, keys=(digest(str(name)),))


def test_a_set_keeps_the_values_seen_last_and_says_what_it_lost() -> None:
    distinct, accs = Distinct("keys"), Accs()
    told = [distinct.grow(accs, SLOT, a_product(n, n), 0) for n in range(1, MOST_VALUES + 3)]
    assert told == [BEGINNING] * MOST_VALUES + [1, 2]
    acc = accs[SLOT]
    assert distinct.result(acc) == MOST_VALUES
    assert distinct.result(acc, Reading(3)) == MOST_VALUES
    assert distinct.result(acc, Reading(4)) == MOST_VALUES - 1


def test_what_comes_too_late_for_a_full_set_is_lost_itself() -> None:
    distinct, accs = Distinct("keys", most=2), Accs()
    told = [distinct.grow(accs, SLOT, a_product(at, at), 0) for at in (5, 7, 3)]
    assert told == [BEGINNING, BEGINNING, 3]
    assert distinct.result(accs[SLOT], Reading(5)) == 2


def test_a_value_that_is_inside_every_window_changes_nothing() -> None:
    distinct, accs = Distinct("keys"), Accs()
    facts = [a_product(5, "a"), a_product(9, "a"), a_product(8, "a"), a_product(20, "a")]
    assert [distinct.grow(accs, SLOT, fact, 6) for fact in facts] == [BEGINNING, BEGINNING, None, None]
    assert distinct.prune(accs[SLOT], 20) == accs[SLOT]


def test_a_funnel_keeps_the_sessions_heard_of_last() -> None:
    funnel, accs = Funnel(1_000, most=2), Accs()
    facts = [PurchaseFact(at=at, session=digest(name), step=1) for at, name in ((1, "a"), (2, "b"), (3, "c"))]
    assert [funnel.grow(accs, SLOT, fact, 0) for fact in facts] == [BEGINNING, BEGINNING, 1]
    assert funnel.result(accs[SLOT]) == 2


def test_a_bag_has_room_for_a_hundred_names_until_some_leave() -> None:
    bag, names, weights = Bag("categories"), Accs(), Accs()

    def tell(at: int, name: object) -> int | None:
        fact = CategoryFact(at=at, categories=((str(name), 1),))
        lost = bag.grow(names, SLOT, fact, 0)
        bag.weigh(weights, SLOT, fact, names[SLOT])
        return lost

    assert [tell(n, n) for n in range(MOST_NAMES + 1)] == [BEGINNING] * MOST_NAMES + [MOST_NAMES]
    assert tell(500, 7) == BEGINNING
    assert (bag.result((names[SLOT], weights[SLOT])), sum(weights[SLOT].values())) == (100, 101)
    assert bag.prune(names[SLOT], 99) is names[SLOT]
    assert sorted(names[SLOT][1]) == ["7", "99"]
    assert tell(501, "new") == BEGINNING
    assert names[SLOT][1]["new"] == [MOST_NAMES, 501]


def test_a_halved_bag_keeps_the_names_seen_last() -> None:
    bag = Bag("categories")
    names = [3, {"a": [0, 5], "b": [1, 9], "c": [2, 7]}]
    assert bag.halve(names) == ([3, {"b": [1, 9]}], 7)
    assert bag.halve(names) == (None, 9)


def test_a_session_holds_a_thousand_pages_and_heartbeats() -> None:
    engagement, accs = Engagement(most=2), Accs()

    def tell(page: str, beat: int | None = None) -> int | None:
        fact = SessionFact(at=9, page_key=digest(page), viewed=True, beat=beat)
        return engagement.grow(accs, SLOT, fact, BEGINNING)

    told = [
        tell("a"),
        tell("b"),
        tell("c"),
        tell("a", 1),
        tell("a", 2),
        tell("a", 2),
        tell("b", 1),
        tell("a"),
    ]
    assert told == [BEGINNING, BEGINNING, 9, BEGINNING, BEGINNING, None, 9, None]
    assert (engagement.result(accs[SLOT]), engagement.pages(accs[SLOT])) == (15, 2)
    half, _ = engagement.halve(accs[SLOT])
    assert (engagement.result(half), engagement.pages(half)) == (0, 1)


def test_of_a_view_by_another_page_only_that_it_told_an_id_is_kept() -> None:
    engagement: Engagement = Engagement()
    accs: Accs = {}
    fact = SessionFact(page_key=digest("a"))
    assert [engagement.grow(accs, SLOT, fact, 0) for _ in range(2)] == [BEGINNING, None]
    assert (engagement.result(accs[SLOT]), engagement.result(engagement.zero())) == (0, None)


def test_trails_keep_the_last_sixty_four_entries() -> None:
    changes = Changes("location")
    acc = changes.zero()
    for n in range(100, 0, -1):
        acc = changes.add(acc, ContextFact(at=n, event_id=str(n), location=str(n)))
    assert changes.result(acc) == KEPT - 1
    assert [value for value, _ in acc[1]] == [str(n) for n in range(37, 101)]
    assert [changes.result(acc, Reading(start)) for start in (37, 38, 100, 101)] == [63, 62, 0, 0]


def test_changes_with_one_value_change_nothing() -> None:
    changes, accs = Changes("location", keep=2), Accs()
    facts = [ContextFact(at=at, event_id="x", location=name) for at, name in enumerate("aabbb")]
    assert [changes.grow(accs, SLOT, fact, 0) for fact in facts] == [None, None, BEGINNING, BEGINNING, None]


def test_a_cart_remembers_the_last_totals_of_four_currencies() -> None:
    cart = CartValue()
    acc = cart.zero()
    for at, currency in enumerate(CURRENCIES):
        acc = cart.add(acc, CartFact(at=at, event_id=str(at), change=1, total=Money(at, currency)))
    told = [cart.result(acc, Reading(currency=currency)) for currency in CURRENCIES]
    assert told == [Money(minor, c) for minor, c in zip((0, 0, 2, 3, 4, 5), CURRENCIES, strict=True)]


def test_a_step_remembers_four_currencies_of_an_add() -> None:
    moved = tuple(Money(1, currency) for currency in CURRENCIES)
    (entry,) = StepOrders(2).add([], PurchaseFact(change=1, moved=moved))
    assert list(entry[4]) == list(CURRENCIES[:MOST_CURRENCIES])


@pytest.mark.parametrize(("most", "kept"), [(2, ["c", "a"]), (3, ["c", "a", "b"])])
def test_recent_values_are_the_last_by_time_then_alphabet(most: int, kept: list[str]) -> None:
    recent = Recent("places", most)
    acc = recent.zero()
    for at, name in ((1, "a"), (2, "b"), (3, "c"), (2, "a"), (2, "d")):
        acc = recent.add(acc, ContextFact(at=at, places=(name,)))
    assert recent.result(acc) == kept


def test_halves_of_histories_are_the_last_entries() -> None:
    steps = StepOrders(2)
    acc = steps.zero()
    for at in range(3):
        acc = steps.add(acc, PurchaseFact(at=at, event_id=str(at), change=1))
    assert [entry[0] for entry in steps.halve(acc)[0] or ()] == [2]
    cart = CartValue()
    assert cart.halve(cart.zero()) == (cart.zero(), BEGINNING)
