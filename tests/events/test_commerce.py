"""What each kind of event reads of its entities and fields."""

from typing import Any

import pytest

from events import event as kinds
from events.event import Money, Product
from tests.events.recorded import (
    ECOMMERCE,
    SNOWPLOW,
    event_of,
    product,
)


@pytest.mark.parametrize(
    "kind", ["product_view", "list_view", "list_click", "add_to_cart", "transaction", "refund"]
)
def test_every_product_entity_is_kept_in_order(kind: str) -> None:
    event = event_of(
        product(id="a", category="x/y", price=1, currency="EUR", quantity=3),
        product(id="a", category="x/y", price=1, currency="EUR", quantity=None),
        product(),
        action={"type": kind},
    )
    assert event.products == (
        Product("a", "x/y", Money(100, "EUR"), 3),
        Product("a", "x/y", Money(100, "EUR"), 1),
        Product(None, None, None, 1),
    )


SENT: list[Any] = [
    product(id="p", price="broken", currency="EUR"),
    (ECOMMERCE.format("cart"), {"total_value": -1, "currency": "?"}),
    (ECOMMERCE.format("transaction"), {"revenue": True}),
    (ECOMMERCE.format("refund"), {"refund_amount": []}),
    (ECOMMERCE.format("checkout_step"), {"step": 0}),
]


@pytest.mark.parametrize("kind", ["promo_view", "promo_click", "trns_error", "who knows", None, 5, ["a"], ""])
def test_entities_that_a_kind_does_not_need_are_not_looked_at(kind: object) -> None:
    event = event_of(*SENT, action={"type": kind, "name": ["not looked at either"]})
    assert event.kind == (
        kind if kind in ("promo_view", "promo_click", "trns_error") else kinds.UNTYPED_ACTION
    )
    assert event.products == ()


def test_checkout_step_reads_its_step_only() -> None:
    event = event_of(
        *SENT[:4], (ECOMMERCE.format("checkout_step"), {"step": 2.0}), action={"type": "checkout_step"}
    )
    assert (event.step, event.products) == (2, ())


def test_cart_transaction_and_refund() -> None:
    cart = (ECOMMERCE.format("cart"), {"total_value": "7.5", "currency": "EUR"})
    late = (ECOMMERCE.format("cart"), {"total_value": 9, "currency": "EUR"})
    assert event_of(cart, late, action={"type": "remove_from_cart"}).cart_total == Money(750, "EUR")
    order = {"transaction_id": 17, "revenue": 20.5, "currency": "EUR", "total_quantity": 3}
    event = event_of((ECOMMERCE.format("transaction"), order), action={"type": "transaction"})
    assert (event.transaction_id, event.revenue, event.total_quantity) == ("17", Money(2050, "EUR"), 3)
    back = {"transaction_id": "17", "refund_amount": 5, "currency": "EUR"}
    event = event_of((ECOMMERCE.format("refund"), back), action={"type": "refund"})
    assert (event.refund, event.transaction_id) == (Money(500, "EUR"), None)


@pytest.mark.parametrize(
    "kind", ["add_to_cart", "transaction", "refund", "checkout_step", "list_click", "product_view"]
)
def test_absent_entities_leave_their_values_none(kind: str) -> None:
    event = event_of(action={"type": kind})
    absent = (
        event.cart_total,
        event.revenue,
        event.refund,
        event.step,
        event.transaction_id,
        event.list_name,
    )
    assert (event.kind, event.products, absent) == (kind, (), (None,) * 6)


def test_entities_without_values_are_fine() -> None:
    for name, kind in {"cart": "add_to_cart", "transaction": "transaction", "refund": "refund",
                       "checkout_step": "checkout_step"}.items():  # fmt: skip
        assert event_of((ECOMMERCE.format(name), {}), action={"type": kind}).kind == kind


def test_ids_and_campaign_are_kept_as_sent() -> None:
    event = event_of(
        (SNOWPLOW.format("client_session"), {"userId": "install-1", "sessionId": "mobile-session"}),
        user_id=" Ann ", mkt_campaign="winter", mkt_source="google", mkt_medium="cpc",
        geo_country="DE", geo_region="BE",
    )  # fmt: skip
    assert (event.shopper, event.user_id, event.device_id) == (" Ann ", " Ann ", "device-1")
    assert (event.session_id, event.location) == ("mobile-session", "DE/BE")
    assert (event.campaign, event.source, event.medium) == ("winter", "google", "cpc")


def test_shopper_is_user_then_device_then_install() -> None:
    session = (SNOWPLOW.format("client_session"), {"userId": "install-1"})
    assert event_of(session, user_id="ann").shopper == "ann"
    assert event_of(session, user_id=" ").shopper == "device-1"
    event = event_of(session, domain_userid=None)
    assert (event.shopper, event.device_id, event.session_id) == ("install-1", "install-1", "session-1")


def test_location_is_the_country_where_there_is_no_region() -> None:
    assert event_of(geo_country="DE").location == "DE"
    assert event_of(geo_region="BE").location is None
