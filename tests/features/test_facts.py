"""Facts: what an event says to each view, and nothing that could grow without bounds."""

import pytest

from events.event import (
    ADD_TO_CART,
    LIST_CLICK,
    PAGE_PING,
    PAGE_VIEW,
    PRODUCT_VIEW,
    REFUND,
    REMOVE_FROM_CART,
    SCREEN_VIEW,
    TRANSACTION,
    Event,
    Money,
    Product,
)
from features.digest import digest
from features.facts import (
    TEXT_BYTES,
    CartFact,
    CategoryFact,
    ContextFact,
    LiveShopperFact,
    ProductFact,
    PurchaseFact,
    SessionFact,
    cut,
)
from features.settings import Definitions

SHOP = Definitions()
LONG = "x" * 1_000
HAT = Product("hat", "hats", Money(2_000, "EUR"), 2)
PEN = Product("pen", None, Money(300, "USD"))
LOST = Product(None, "gifts", None)


def event(kind: str, *products: Product, **fields: object) -> Event:
    return Event("ann", "1", 5, kind, products=products, **fields)  # type: ignore[arg-type]


def test_text_that_is_kept_is_cut() -> None:
    assert cut(None) is None
    assert cut("short") == "short"
    assert cut(LONG) == "x" * TEXT_BYTES
    assert cut("ß" * 200) == "ß" * 127  # a character is not torn


@pytest.mark.parametrize(
    "fact", [ProductFact, CategoryFact, CartFact, PurchaseFact, ContextFact, SessionFact, LiveShopperFact]
)
@pytest.mark.parametrize("kind", [PRODUCT_VIEW, ADD_TO_CART, TRANSACTION])
def test_no_fact_holds_more_text_than_is_kept(fact: type[ProductFact], kind: str) -> None:
    texts = ("session_id", "page_id", "page", "referrer", "campaign", "source", "medium", "platform")
    long = Event(
        "ann",
        LONG,
        5,
        kind,
        location=LONG,
        products=(Product(LONG, LONG),),
        **dict.fromkeys(texts, LONG),  # type: ignore[arg-type]
    )
    made = fact.of(long, True, SHOP)
    assert "x" * (TEXT_BYTES + 1) not in repr(made)


def test_products_without_an_id_or_price_are_passed_over() -> None:
    fact = ProductFact.of(event(PRODUCT_VIEW, LOST, PEN, HAT), False, SHOP)
    assert (fact.keys, fact.first_id) == ((digest("pen"), digest("hat")), "pen")
    assert fact.prices == (Money(300, "USD"), Money(2_000, "EUR"))
    assert (fact.currency, fact.currencies) == ("USD", ("USD", "EUR"))
    nothing = ProductFact.of(event(PRODUCT_VIEW, LOST), False, SHOP)
    assert (nothing.keys, nothing.first_id, nothing.currency) == ((), None, None)


@pytest.mark.parametrize(
    ("name", "recommended"),
    [("Recommended for you", True), ("You may ALSO BE interested in", True), ("Top", False), (None, False)],
)
def test_a_list_is_a_recommendation_by_its_name(name: str | None, recommended: bool) -> None:
    assert ProductFact.of(event(LIST_CLICK, list_name=name), False, SHOP).recommended is recommended


def test_categories_count_entities_and_orders_count_pieces() -> None:
    seen = CategoryFact.of(event(PRODUCT_VIEW, HAT, PEN, LOST), False, SHOP)
    assert (seen.categories, seen.entities) == ((("hats", 1), ("gifts", 1)), 2)
    bought = PurchaseFact.of(event(TRANSACTION, HAT, PEN, LOST), True, SHOP)
    assert bought.categories == (("hats", 2), ("gifts", 1))


def test_the_cart_s_own_currency_comes_before_its_products() -> None:
    fact = CartFact.of(event(ADD_TO_CART, HAT, cart_total=Money(5, "USD")), False, SHOP)
    assert (fact.change, fact.currency, fact.currencies) == (1, "USD", ("USD", "EUR"))
    assert fact.values == (Money(4_000, "EUR"),)
    fact = CartFact.of(event(REMOVE_FROM_CART, PEN), False, SHOP)
    assert (fact.change, fact.currency, fact.total) == (-1, "USD", None)
    assert CartFact.of(event(REMOVE_FROM_CART), False, SHOP).currency is None
    assert CartFact.of(event(TRANSACTION, HAT), True, SHOP) == CartFact(at=5, event_id="1")


def test_an_order_holds_its_total_quantity_else_its_products() -> None:
    told = event(TRANSACTION, HAT, total_quantity=7, revenue=Money(1, "EUR"))
    counted = event(TRANSACTION, HAT, PEN)
    assert [PurchaseFact.of(each, True, SHOP).items for each in (told, counted)] == [7, 3]
    assert [SessionFact.of(each, True, SHOP).items for each in (told, counted)] == [7, 3]


@pytest.mark.parametrize("fact", [PurchaseFact, SessionFact])
def test_a_repeated_transaction_says_nothing_of_money_or_items(fact: type[PurchaseFact]) -> None:
    again = fact.of(event(TRANSACTION, HAT, total_quantity=7, revenue=Money(1, "EUR")), False, SHOP)
    assert (again.order, again.items, again.revenue, again.currency) == (False, 0, (), None)


def test_only_a_refund_refunds() -> None:
    refund = PurchaseFact.of(event(REFUND, refund=Money(5, "EUR")), False, SHOP)
    assert (refund.refunds, refund.currency) == ((Money(5, "EUR"),), "EUR")
    assert PurchaseFact.of(event(PAGE_VIEW, refund=Money(5, "EUR")), False, SHOP).refunds == ()


@pytest.mark.parametrize("fact", [PurchaseFact, SessionFact])
def test_the_cart_is_kept_for_the_checkout_step_rule_only(fact: type[PurchaseFact]) -> None:
    add = event(ADD_TO_CART, HAT, PEN)
    assert fact.of(add, False, SHOP).change == 0
    kept = fact.of(add, False, Definitions(checkout_order_step=2))
    assert (kept.change, kept.quantity) == (1, 3)
    assert kept.moved == (Money(4_000, "EUR"), Money(300, "USD"))


def test_a_page_event_is_a_view_or_ping_with_a_page() -> None:
    def is_page(kind: str, **fields: object) -> bool:
        return SessionFact.of(event(kind, **fields), False, SHOP).page_event

    assert is_page(PAGE_VIEW, page="/")
    assert is_page(SCREEN_VIEW, page="Home")
    assert is_page(PAGE_PING, page_id="w")
    assert not is_page(PAGE_VIEW)
    assert not is_page(ADD_TO_CART, page="/", page_id="w")


def test_a_heartbeat_needs_a_page_id_and_the_device_s_clock() -> None:
    def beat(kind: str, **fields: object) -> int | None:
        return SessionFact.of(event(kind, **fields), False, SHOP).beat

    assert beat(PAGE_PING, page_id="w", created_at=29_999) == 2
    assert beat(PAGE_PING, page_id="w", created_at=0) == 0
    assert beat(PAGE_PING, page_id="w") is None
    assert beat(PAGE_PING, created_at=29_999) is None
    assert beat(PAGE_VIEW, page_id="w", created_at=29_999) is None


def test_context_takes_what_the_event_tells() -> None:
    told = ContextFact.of(event(PAGE_VIEW, location="DE/BE", device="phone", platform="mob"), False, SHOP)
    assert (told.places, told.location, told.devices) == (("DE/BE",), "DE/BE", ("phone",))
    nothing = ContextFact.of(event(PAGE_VIEW), False, SHOP)
    assert (nothing.places, nothing.location, nothing.devices) == ((), None, ())
