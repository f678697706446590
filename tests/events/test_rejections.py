"""What is dead or filtered, with which reasons, and that reasons name no one."""

import json
from typing import Any

import pytest

from events.decoder import Decoder
from events.event import Event
from events.verdict import Dead, Verdict
from tests.events.recorded import (
    ECOMMERCE,
    SNOWPLOW,
    decode,
    product,
    recorded,
    sdk_object,
    told,
    tsv_line,
)

ADD: dict[str, Any] = {"action": {"type": "add_to_cart"}}
BAD_ADD = (
    product(id="ok", price=1, currency="EUR"),
    product(id=["x"], category={}, price=-5, currency="EURO", quantity=1.5),
    (ECOMMERCE.format("cart"), {"total_value": "a lot", "currency": "EUR"}),
)
BAD_TIMES = {"derived_tstamp": "2024-05-01 25:00:00.000", "dvce_created_tstamp": "ann@example.com"}


def test_all_reasons_come_at_once() -> None:
    verdict = decode(*BAD_ADD, **ADD, **BAD_TIMES, event_id=None)
    assert told(verdict) == [
        ("contexts.product[1].id", "list of 1 items"),
        ("contexts.product[1].category", "object of 0 keys"),
        ("contexts.product[1].currency", "EURO"),
        ("contexts.product[1].price", "-5"),
        ("contexts.product[1].quantity", "1.5"),
        ("contexts.cart[0].total_value", "text of 5 characters"),
        ("event_id", "absent"),
        ("derived_tstamp", "2024-05-01 25:00:00.000"),
        ("dvce_created_tstamp", "text of 15 characters"),
    ]


@pytest.mark.parametrize("year", ["1969", "2287", "9999"])
def test_a_time_that_no_clock_can_mean_is_dead(year: str) -> None:
    stamp = f"{year}-12-31 10:00:00.000"
    verdict = Decoder().decode(tsv_line(derived_tstamp=stamp, collector_tstamp=stamp))
    assert isinstance(verdict, Dead)
    assert [reason.expected for reason in verdict.reasons] == ["a time from 1970 to 2286"]


def test_reasons_say_what_was_expected() -> None:
    verdict = decode(*BAD_ADD[1:], **ADD)
    assert isinstance(verdict, Dead)
    assert verdict.wire_format == "tsv"
    assert [reason.expected for reason in verdict.reasons] == [
        "a text",
        "a text",
        "an ISO 4217 code with minor digits",
        "a number from 0 to 1e12",
        "a whole number from 0 to 1000000000",
        "a number from 0 to 1e12",
    ]


@pytest.mark.parametrize(
    ("kind", "entity", "data", "field", "value"),
    [
        ("checkout_step", "checkout_step", {"step": 0}, "step", "0"),
        ("checkout_step", "checkout_step", {"step": 91}, "step", "91"),
        ("checkout_step", "checkout_step", {"step": True}, "step", "true"),
        ("transaction", "transaction", {"revenue": 5}, "currency", "absent"),
        ("transaction", "transaction", {"revenue": 5, "currency": "eurx"}, "currency", "eurx"),
        ("transaction", "transaction", {"revenue": 1e15, "currency": "EUR"}, "revenue", "1000000000000000.0"),
        ("transaction", "transaction", {"total_quantity": -1}, "total_quantity", "-1"),
        ("transaction", "transaction", {"transaction_id": {}}, "transaction_id", "object of 0 keys"),
        ("refund", "refund", {"refund_amount": "nan", "currency": "EUR"}, "refund_amount", "nan"),
        ("product_view", "product", {"price": 5, "currency": None}, "currency", "absent"),
        ("list_view", "product", {"quantity": 10**10}, "quantity", "10000000000"),
    ],
)
def test_reasons_of_entities(kind: str, entity: str, data: Any, field: str, value: str) -> None:
    verdict = decode((ECOMMERCE.format(entity), data), action={"type": kind})
    assert told(verdict) == [(f"contexts.{entity}[0].{field}", value)]


@pytest.mark.parametrize(
    ("kind", "entity"),
    [
        ("product_view", "product"),
        ("add_to_cart", "cart"),
        ("transaction", "transaction"),
        ("refund", "refund"),
        ("checkout_step", "checkout_step"),
    ],
)
def test_an_entity_is_an_object(kind: str, entity: str) -> None:
    for data, value in ((None, "null"), ([1], "list of 1 items"), ("a@b.c", "text of 5 characters")):
        verdict = decode((ECOMMERCE.format(entity), data), action={"type": kind})
        assert told(verdict) == [(f"contexts.{entity}[0]", value)]


def test_entities_that_every_event_has_are_objects_too() -> None:
    verdict = decode((SNOWPLOW.format("web_page"), []), (SNOWPLOW.format("client_session"), 5))
    assert told(verdict) == [
        ("contexts.client_session[0]", "a number"),
        ("contexts.web_page[0]", "list of 0 items"),
    ]


@pytest.mark.parametrize(
    "contexts",
    [
        "{",
        "[]",
        "5",
        '{"data":5}',
        '{"data":[5]}',
        '{"data":[{}]}',
        '{"data":[{"schema":5}]}',
        '{"data":[{"schema":[]}]}',
    ],
)
def test_contexts_are_self_describing(contexts: str) -> None:
    assert told(decode(contexts=contexts)) == [("contexts", f"text of {len(contexts)} characters")]


def test_derived_contexts_are_read_only_where_they_tell_the_device() -> None:
    assert isinstance(decode(derived_contexts="{ broken"), Event)
    assert told(decode(derived_contexts="{ yauaa_context")) == [("derived_contexts", "text of 15 characters")]


@pytest.mark.parametrize(
    ("unstruct", "value"),
    [
        ("{", "text of 1 characters"),
        ("[]", "text of 2 characters"),
        ('{"data":{}}', "text of 11 characters"),
        ('{"data":{"data":[1]}}', "list of 1 items"),
    ],
)
def test_the_event_itself_is_self_describing(unstruct: str, value: str) -> None:
    assert told(decode(unstruct_event=unstruct)) == [("unstruct_event", value)]
    assert isinstance(decode(unstruct_event=unstruct, event_name="link_click"), Event)
    assert isinstance(decode(unstruct_event='{"data":{"data":null}}'), Event)


def test_a_list_name_is_a_text() -> None:
    assert told(decode(action={"type": "list_view", "name": []})) == [
        ("unstruct_event.name", "list of 0 items")
    ]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"", "1 fields"),
        (b"\t" * 129, "130 fields"),
        (b"\t" * 131, "132 fields"),
        (b"[]", "1 fields"),
        (b"\x00\xff", "byte 1 of 2"),
        (b"a\tb", "2 fields"),
    ],
)
def test_a_line_has_131_fields(raw: bytes, value: str) -> None:
    assert told(Decoder().decode(raw)) == [("record", value)]


def test_the_frame_of_json_is_an_object() -> None:
    assert told(Decoder().decode(b'{"a":')) == [("record", "5 bytes")]
    assert told(Decoder().decode(b'{"a":"\xff"}')) == [("record", "9 bytes")]
    assert told(Decoder().decode(b'{"a":NaN}')) == [("record", "9 bytes")]
    assert told(Decoder("sdk_json").decode(b"[1,2]")) == [("record", "list of 2 items")]
    for wire_format in ("sdk_json", "live_shopper"):
        verdict = Decoder(wire_format).decode(b"nonsense")
        assert isinstance(verdict, Dead)
        assert verdict.wire_format == wire_format


@pytest.mark.parametrize("raw", [b"{}", b'{"payload":{}}', b"\t" * 130, b'{"schema":"iglu:a/b","data":{}}'])
def test_what_has_neither_id_nor_time_is_no_event(raw: bytes) -> None:
    assert told(Decoder().decode(raw)) == [("record", "no id and no time")]


def test_depth_is_bounded() -> None:
    for raw in (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b'{"a":' + b"[" * 10_000):
        assert isinstance(Decoder().decode(raw), Dead)
    assert isinstance(decode(contexts='{"data":' + "[" * 10_000), Dead)


def sdk(**changes: Any) -> Verdict:
    return Decoder().decode(json.dumps(sdk_object(tsv_line(**ADD)) | changes).encode())


def test_reasons_of_sdk_json_are_in_its_words() -> None:
    key = "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1"
    assert told(sdk(**{key: [{"price": 1, "currency": "??"}]}, platform=[], derived_tstamp="now")) == [
        ("platform", "list of 0 items"),
        ("contexts_*_product_*[0].currency", "text of 2 characters"),
        ("derived_tstamp", "text of 3 characters"),
    ]
    unstruct = "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1"
    assert told(sdk(**{unstruct: [1]})) == [("unstruct_event_*", "list of 1 items")]
    assert told(sdk(**{unstruct: {"type": "list_view", "name": True}})) == [("unstruct_event_*.name", "true")]


def live(**changes: Any) -> Verdict:
    record: dict[str, Any] = json.loads(recorded("live_shopper")[0])
    return Decoder().decode(json.dumps(record | changes).encode())


def test_reasons_of_live_shopper_are_in_its_words() -> None:
    payload = {"product": {"price": "x", "currency": "EUR"}, "cart": {"total_value": 1}}
    assert told(live(payload=payload, id=None, timestamp="then", session={"sessionId": []})) == [
        ("session.sessionId", "list of 0 items"),
        ("payload.product[0].price", "text of 1 characters"),
        ("payload.cart[0].currency", "absent"),
        ("id", "absent"),
        ("timestamp", "text of 4 characters"),
    ]
    assert told(live(payload=[], enrich=5, metadata="m", type="page_view")) == [
        ("payload", "list of 0 items"),
        ("enrich", "a number"),
        ("metadata", "text of 1 characters"),
    ]
    assert told(live(session={"sessionId": "s", "userId": "x" * 1001}, enrich={})) == [
        ("session.userId", "text of 1001 characters")
    ]
    assert told(live(payload={"products": [3]})) == [("payload.product[0]", "a number")]


@pytest.mark.parametrize("raw", [None, 5, "text", ["list"], object()])
def test_a_bug_is_a_verdict_too(raw: Any) -> None:
    verdict = Decoder().decode(raw)
    assert isinstance(verdict, Dead)
    assert [(r.field, r.value in ("TypeError", "AttributeError")) for r in verdict.reasons] == [
        ("record", True)
    ]
