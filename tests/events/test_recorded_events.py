"""What is known of the recorded events, from their publishers or by counting, is what is decoded."""

import json
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Final

import pytest

from events import event as kinds
from events.decoder import Decoder
from events.event import Event, Money
from events.verdict import Filtered
from tests.events.recorded import (
    DATA,
    decoded,
    expected,
    recorded,
    sdk_object,
    usable,
)

ABSENT_FROM_LIVE_SHOPPER: Final = {"location", "page_id"}
"""The transformer leaves out `geo_*` and the `web_page` entity."""

ALSO_ABSENT: Final = {
    kinds.ADD_TO_CART: {"products"},
    kinds.TRANSACTION: {"products", "transaction_id", "revenue", "total_quantity"},
    kinds.REFUND: {"products"},
}
"""Adds keep their first product only; transactions and refunds arrive without payload."""


@pytest.mark.parametrize("wire_format", ["tsv", "sdk_json", "live_shopper"])
def test_every_recorded_event_is_used_save_the_one_without_a_shopper(wire_format: str) -> None:
    verdicts = decoded(wire_format)
    assert len(verdicts) == 833
    assert [v for v in verdicts if not isinstance(v, Event)] == [Filtered("no_shopper_id")]


def test_tsv_and_sdk_json_give_the_same_events() -> None:
    assert decoded("tsv") == decoded("sdk_json")


def test_live_shopper_differs_in_what_its_transformer_leaves_out_and_nowhere_else() -> None:
    differing = defaultdict(set)
    for full, live in zip(usable(), usable("live_shopper"), strict=True):
        for name in Event.__struct_fields__:
            if getattr(full, name) != getattr(live, name):
                differing[full.kind].add(name)
    for kind, names in differing.items():
        assert names <= ABSENT_FROM_LIVE_SHOPPER | ALSO_ABSENT.get(kind, set()), kind
    assert differing[kinds.TRANSACTION] == ABSENT_FROM_LIVE_SHOPPER | ALSO_ABSENT[kinds.TRANSACTION]


def test_live_shopper_adds_keep_the_first_of_their_products() -> None:
    for full, live in zip(usable(), usable("live_shopper"), strict=True):
        if full.kind in (kinds.ADD_TO_CART, kinds.REMOVE_FROM_CART):
            assert live.products == full.products[:1]


def test_snowplows_own_sdk_makes_the_same_events_of_the_lines() -> None:
    for raw in recorded("tsv"):
        assert Decoder().decode(json.dumps(sdk_object(raw)).encode()) == Decoder().decode(raw)


def test_kinds_of_the_recorded_events() -> None:
    assert Counter(event.kind for event in usable()) == {
        kinds.UNTYPED_ACTION: 410,
        kinds.PRODUCT_VIEW: 179,
        kinds.LIST_VIEW: 100,
        kinds.CHECKOUT_STEP: 38,
        kinds.ADD_TO_CART: 38,
        kinds.LIST_CLICK: 35,
        kinds.REMOVE_FROM_CART: 15,
        kinds.TRANSACTION: 14,
        kinds.PROMO_CLICK: 1,
        kinds.PROMO_VIEW: 1,
        kinds.REFUND: 1,
    }


def test_revenue_of_the_recorded_events() -> None:
    revenue: Counter[str] = Counter()
    for event in usable():
        if event.revenue is not None:
            revenue[event.revenue.currency] += event.revenue.minor
    assert revenue == {"EUR": 123_486_389, "USD": 23_123_100}


def cents(amount: str) -> int:
    return int(Decimal(amount) * 100)


def test_products_are_those_that_snowplows_package_finds() -> None:
    want, got = defaultdict(list), defaultdict(list)
    for row in expected("product_interactions"):
        if row["ecommerce_action_type"]:
            money = Money(cents(row["product_price"]), row["product_currency"])
            want[row["event_id"]].append((row["product_id"], row["product_category"], money))
    for event in usable():
        for each in event.products:
            got[event.event_id].append((each.id, each.category, each.price))
    assert {key: sorted(rows, key=str) for key, rows in got.items()} == {
        key: sorted(rows, key=str) for key, rows in want.items()
    }


def test_carts_and_orders_are_those_that_snowplows_package_finds() -> None:
    events = {event.event_id: event for event in usable()}
    for row in expected("cart_interactions"):
        if row["cart_total_value"] and row["ecommerce_action_type"]:
            total = Money(cents(row["cart_total_value"]), row["cart_currency"])
            assert events[row["event_id"]].cart_total == total
    for row in expected("transaction_interactions"):
        event = events[row["event_id"]]
        assert event.transaction_id == row["transaction_id"]
        assert event.revenue == Money(cents(row["transaction_revenue"]), row["transaction_currency"])
        assert event.total_quantity == int(row["transaction_total_quantity"])


def test_mobile_events_take_shopper_and_session_from_client_session() -> None:
    mobile = [event for event in usable() if event.platform == "mob"]
    assert len(mobile) == 10
    assert {event.shopper for event in mobile} == {"a16349a5-b57e-4afe-9737-87cd074b9edd"}
    assert {event.session_id for event in mobile} == {"c04bddd7-81ad-4f02-a468-f53a47079637"}
    assert {(event.device, event.page) for event in mobile} == {("phone", None)}


@pytest.mark.parametrize("name", ["python_sdk_0.2.3", "golang_sdk_0.4.0"])
def test_fixtures_of_the_analytics_sdks(name: str) -> None:
    folder = DATA / "analytics-sdk-fixtures"
    line = (folder / f"{name}.tsv").read_bytes()
    (answer,) = folder.glob(f"{name}.expected*.json")
    event = Decoder().decode(line)
    assert isinstance(event, Event)
    assert event == Decoder().decode(answer.read_bytes())
    assert (event.kind, event.device, event.location) == (kinds.OTHER, "desktop", "US/TX")


def example() -> list[Event]:
    lines = (DATA / "live-shopper-example" / "successful_checkout.jsonl").read_bytes().splitlines()
    events = [Decoder().decode(line) for line in lines]
    return [event for event in events if isinstance(event, Event)]


def test_example_session_of_the_live_shopper() -> None:
    events = example()
    assert Counter(event.kind for event in events) == {
        kinds.PAGE_VIEW: 8,
        kinds.LIST_VIEW: 9,
        kinds.CHECKOUT_STEP: 3,
        kinds.PROMO_VIEW: 3,
        kinds.PRODUCT_VIEW: 1,
        kinds.LIST_CLICK: 1,
        kinds.ADD_TO_CART: 1,
    }
    assert {event.session_id for event in events} == {"c9727c0f-0f83-4a70-9eca-a415cf9ea52b"}
    assert max(e.at for e in events) - min(e.at for e in events) == 127_419
    assert [event.step for event in events if event.step] == [1, 1, 2]
    assert not any(event.search for event in events)


def test_example_shopper_is_anonymous_until_the_login() -> None:
    events = example()
    device = "67430c52-68fb-4277-baeb-b6033403094a"
    assert [event.shopper for event in events] == [device] * 13 + ["shopper@example.com"] * 13
    assert {event.device_id for event in events} == {device}


def test_example_carries_campaign_product_and_cart() -> None:
    events = {event.kind: event for event in example()}
    first = example()[0]
    assert (first.campaign, first.source, first.medium) == ("google-ads-winter-sale-24", "google", "cpc")
    assert first.page == "http://localhost:3000/"
    assert first.products == ()
    viewed = events[kinds.PRODUCT_VIEW]
    assert [(p.id, p.price) for p in viewed.products] == [("5", Money(4299, "USD"))]
    assert viewed.referrer == "http://localhost:3000/"
    assert events[kinds.ADD_TO_CART].cart_total == Money(0, "USD")


def test_single_example_event() -> None:
    raw = (DATA / "live-shopper-example" / "product_view.json").read_bytes()
    event = Decoder().decode(raw)
    assert isinstance(event, Event)
    assert (event.shopper, event.at, event.created_at) == (
        "shopper@example.com",
        1_743_777_219_968,
        1_743_777_219_960,
    )
