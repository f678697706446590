"""What Snowplow's first trackers say of orders and carts, in both formats that carry it."""

import json
from typing import Any

import pytest

from events.decoder import Decoder
from events.event import Event, Money, Product
from tests.events.recorded import SNOWPLOW, event_of, product, sdk_object, told, tsv_line

ORDER: dict[str, Any] = {
    "event": "transaction",
    "event_name": "transaction",
    "event_vendor": "com.snowplowanalytics.snowplow",
    "tr_orderid": "o-1",
    "tr_total": "40.50",
    "tr_tax": "6.47",
    "tr_currency": "EUR",
}
LINE: dict[str, Any] = {
    "event": "transaction_item",
    "event_name": "transaction_item",
    "event_vendor": "com.snowplowanalytics.snowplow",
    "ti_orderid": "o-1",
    "ti_sku": "1001",
    "ti_name": "Blue shirt",
    "ti_category": "clothes/shirts",
    "ti_price": "20.25",
    "ti_quantity": "2",
    "ti_currency": "EUR",
}
BODY = {"sku": "1001", "name": "Tie", "category": "ties", "unitPrice": 3.49, "quantity": 2, "currency": "GBP"}


def change(name: str, body: Any, vendor: str = "com.snowplowanalytics.snowplow") -> dict[str, Any]:
    """Fields of a cart change."""
    data = {"schema": f"iglu:{vendor}/{name}/jsonschema/1-0-0", "data": body}
    unstruct = json.dumps({"schema": SNOWPLOW.format("unstruct_event"), "data": data})
    return {"event_name": name, "event_vendor": vendor, "unstruct_event": unstruct}


def both(*entities: Any, **fields: Any) -> list[list[tuple[str, str]]]:
    """Field and value of the reasons, in enriched TSV and in SDK JSON."""
    line = tsv_line(*entities, **fields)
    return [told(Decoder().decode(raw)) for raw in (line, json.dumps(sdk_object(line)).encode())]


def test_an_order_has_its_id_and_its_total() -> None:
    event = event_of(**ORDER)
    assert (event.kind, event.transaction_id, event.revenue) == ("transaction", "o-1", Money(4050, "EUR"))
    assert (event.products, event.total_quantity) == ((), None)


def test_a_line_of_an_order_is_an_event_of_its_own() -> None:
    event = event_of(**LINE)
    assert (event.kind, event.transaction_id, event.revenue) == ("transaction_item", "o-1", None)
    assert event.products == (Product("1001", "clothes/shirts", Money(2025, "EUR"), 2),)


@pytest.mark.parametrize("name", ["add_to_cart", "remove_from_cart"])
def test_a_cart_change_has_its_product_in_the_body(name: str) -> None:
    page = (SNOWPLOW.format("web_page"), {"id": "page-1"})
    event = event_of(page, product(id="not this one"), **change(name, BODY))
    assert (event.kind, event.page_id, event.cart_total) == (name, "page-1", None)
    assert event.products == (Product("1001", "ties", Money(349, "GBP"), 2),)


def test_what_is_absent_stays_absent() -> None:
    assert event_of(event="transaction").revenue is None
    assert event_of(event="transaction_item", event_name="").products == (Product(),)
    assert event_of(**change("add_to_cart", {"sku": "1", "quantity": None})).products == (Product("1"),)


@pytest.mark.parametrize("name", ["add_to_cart", "transaction", "transaction_item"])
def test_a_schema_of_that_name_by_another_vendor_is_another_event(name: str) -> None:
    event = event_of(**change(name, {"sku": "1"}, vendor="com.example"))
    assert (event.kind, event.products) == ("other", ())


def test_reasons_name_the_fields_of_the_wire() -> None:
    assert both(**ORDER | {"tr_total": "-1", "tr_currency": "EURO"}) == [
        [("tr_currency", "EURO"), ("tr_total", "-1")],
        [("tr_currency", "EURO"), ("tr_total", "-1.0")],
    ]
    assert both(**LINE | {"ti_price": "-1", "ti_currency": "", "ti_orderid": "x" * 1001}) == [
        [("ti_currency", "absent"), ("ti_price", "-1"), ("ti_orderid", "text of 1001 characters")],
        [("ti_currency", "absent"), ("ti_price", "-1.0"), ("ti_orderid", "text of 1001 characters")],
    ]
    bad = change("add_to_cart", BODY | {"sku": ["1"], "quantity": -1})
    assert both(**bad, derived_tstamp="soon", collector_tstamp="2024-05-01 10:00:01.250")[0] == [
        ("unstruct_event.sku", "list of 1 items"),
        ("unstruct_event.quantity", "-1"),
        ("derived_tstamp", "text of 4 characters"),
    ]
    assert both(**bad)[1] == [
        ("unstruct_event_*.sku", "list of 1 items"),
        ("unstruct_event_*.quantity", "-1"),
    ]
    tsv, sdk = both(**change("add_to_cart", 5))
    assert [field for field, _ in tsv] == ["unstruct_event"]
    assert sdk == [("unstruct_event_*", "a number")]


def test_json_of_an_odd_kind_is_another_event() -> None:
    record = sdk_object(tsv_line()) | {"event": ["transaction"], "event_name": ["add_to_cart"]}
    event = Decoder().decode(json.dumps(record).encode())
    assert isinstance(event, Event)
    assert event.kind == "other"
