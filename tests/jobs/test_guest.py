"""A shopper whom somebody steers: sound records, in the order of the deeds."""

from random import Random

import pytest

from events.decoder import Decoder
from events.event import ADD_TO_CART, PAGE_VIEW, PRODUCT_VIEW, REMOVE_FROM_CART, TRANSACTION, Event, Money
from events.verdict import Dead
from jobs.shop.assortment import Assortment
from jobs.shop.guest import MOST_OF_A_PRODUCT, SHELF, CannotError, Guest

NOW = 1_709_640_000_000
DECODER = Decoder()


@pytest.fixture
def guest() -> Guest:
    return Guest(Random(7), Assortment(Random(1)), "you-1")


def events(guest: Guest, deed: str, product: int = 0) -> list[Event]:
    found = [DECODER.decode(record) for record in guest.act(deed, guest.shelf[product].id, NOW)]
    assert all(isinstance(each, Event) for each in found), found
    return [each for each in found if isinstance(each, Event)]


def test_deeds_are_the_events_of_one_session_that_just_happened(guest: Guest) -> None:
    told = [event for deed in ("view", "add", "buy") for event in events(guest, deed)]
    assert [event.kind for event in told] == [
        *(PAGE_VIEW, PAGE_VIEW, PRODUCT_VIEW, ADD_TO_CART, PAGE_VIEW, TRANSACTION),
    ]
    assert len({event.session_id for event in told}) == 1
    assert {event.shopper for event in told} == {guest.shopper}
    assert all(0 <= NOW - event.at < 100 for event in told)


def test_the_cart_is_worth_what_is_in_it(guest: Guest) -> None:
    prices = [product.minor("EUR") for product in guest.shelf]
    totals = [events(guest, "add", product)[-1].cart_total for product in (0, 1, 1)]
    assert totals == [
        Money(total, "EUR") for total in (prices[0], prices[0] + prices[1], prices[0] + 2 * prices[1])
    ]
    (removed,) = events(guest, "remove", 1)
    assert (removed.kind, removed.cart_total) == (REMOVE_FROM_CART, Money(prices[0] + prices[1], "EUR"))
    events(guest, "remove", 0)
    assert guest.cart == {guest.shelf[1].id: 1}
    bought = events(guest, "buy")[-1]
    assert (bought.revenue, bought.total_quantity) == (Money(prices[1], "EUR"), 1)
    assert guest.cart == {}


def test_logging_in_makes_another_shopper_of_the_same_session(guest: Guest) -> None:
    before = events(guest, "view")[-1]
    after = events(guest, "login")[-1]
    assert (guest.logged_in, after.shopper, after.session_id) == (True, "you-1", before.session_id)
    assert after.device_id == before.shopper


@pytest.mark.parametrize(
    ("deed", "said"), [("buy", "the cart is empty"), ("remove", "is not in the cart"), ("login", "already")]
)
def test_what_makes_no_sense_is_said(guest: Guest, deed: str, said: str) -> None:
    if deed == "login":
        events(guest, deed)
    with pytest.raises(CannotError, match=said):
        guest.act(deed, guest.shelf[0].id, NOW)


def test_a_cart_has_room_for_so_many(guest: Guest) -> None:
    for _ in range(MOST_OF_A_PRODUCT):
        events(guest, "add")
    with pytest.raises(CannotError, match="remove or buy"):
        guest.act("add", guest.shelf[0].id, NOW)


def test_only_what_is_on_the_shelf_can_be_had(guest: Guest) -> None:
    assert len(guest.shelf) == SHELF
    assert guest.price(guest.shelf[0]).endswith(" EUR")
    with pytest.raises(CannotError, match="no product 'x' is on the shelf"):
        guest.act("view", "x", NOW)


def test_poison_says_what_is_wrong_with_it(guest: Guest) -> None:
    dead = DECODER.decode(guest.poison(NOW))
    assert isinstance(dead, Dead)
    assert [reason.field for reason in dead.reasons] == ["contexts.product[0].price"]
