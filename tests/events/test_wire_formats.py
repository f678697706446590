"""The three wire formats of one event give one `Event`."""

import json
from typing import Any

import msgspec
import pytest

from events import event as kinds
from events.decoder import Decoder
from events.event import Event, Money
from events.verdict import Dead
from tests.events.recorded import (
    ECOMMERCE,
    SNOWPLOW,
    decoded,
    event_of,
    product,
    recorded,
    sdk_object,
    tsv_line,
    usable,
)


def test_events_travel_as_messagepack() -> None:
    for event in usable():
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=Event) == event


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_line_end_after_the_record_changes_nothing(end: bytes) -> None:
    line = tsv_line(true_tstamp="2024-05-01 10:00:01.000")
    assert Decoder().decode(line + end) == Decoder().decode(line)
    raw = recorded("sdk_json")[0]
    assert Decoder().decode(b" \n" + raw + end) == Decoder().decode(raw)


@pytest.mark.parametrize("wire_format", ["tsv", "sdk_json", "live_shopper"])
def test_a_set_format_reads_what_auto_reads(wire_format: Any) -> None:
    decoder = Decoder(wire_format)
    assert [decoder.decode(raw) for raw in recorded(wire_format)] == decoded(wire_format)


def test_a_set_format_reads_nothing_else() -> None:
    assert isinstance(Decoder("sdk_json").decode(tsv_line()), Dead)
    assert isinstance(Decoder("tsv").decode(recorded("sdk_json")[0]), Dead)


def flavoured(change: str) -> dict[str, Any]:
    """SDK JSON of one event as another SDK would write it."""
    line = tsv_line(
        product(id="p", price=12.0, currency="EUR", quantity=2),
        action={"type": "product_view"},
        derived_tstamp="2024-05-01 10:00:01.700",
    )
    fields = sdk_object(line)
    key = "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1"
    match change:
        case "go":
            fields[key][0] |= {"price": 12}
            fields["derived_tstamp"] = "2024-05-01T10:00:01.7Z"
        case "scala":
            fields[key][0] |= {"_schema_version": "1-0-0", "quantity": 2.0}
            fields |= {"geo_country": None, "contexts_com_snowplowanalytics_snowplow_web_page_1": None}
        case "bare object":
            fields[key] = fields[key][0]
        case "next model":
            fields[key.replace("_1", "_2")] = fields.pop(key)
        case "unknown entities":
            fields |= {"contexts_com_example_loyalty_1": [{"points": 3}], "contexts_odd": [], "x": {}}
        case "long key":
            fields |= {f"contexts_{'x' * 1000}_product_1": [{"id": "no"}]}
    return fields


@pytest.mark.parametrize(
    "change", ["go", "scala", "bare object", "next model", "unknown entities", "long key"]
)
def test_flavours_of_the_sdk_json_are_one(change: str) -> None:
    plain, other = flavoured("python"), flavoured(change)
    assert plain != other
    assert Decoder().decode(json.dumps(other).encode()) == Decoder().decode(json.dumps(plain).encode())


def test_the_vendor_of_the_event_does_not_matter() -> None:
    sent = {"action": {"type": "list_view", "name": "Sale"}}
    plain = event_of(**sent)
    assert event_of(event_vendor="ecommerce.tracking", **sent) == plain
    assert (plain.kind, plain.list_name) == (kinds.LIST_VIEW, "Sale")


def test_lists_have_a_name_and_others_have_none() -> None:
    names = {
        kind: event_of(action={"type": kind, "name": "Sale"}).list_name for kind in kinds.ECOMMERCE_ACTIONS
    }
    assert {kind for kind, name in names.items() if name} == {kinds.LIST_VIEW, kinds.LIST_CLICK}


def test_another_vendors_entity_is_read_where_snowplows_is_absent() -> None:
    foreign = ("iglu:com.example/product/jsonschema/3-0-0", {"id": "theirs"})
    own = product(id="ours")
    sent: Any = {"action": {"type": "product_view"}}
    assert [p.id for p in event_of(foreign, **sent).products] == ["theirs"]
    assert [p.id for p in event_of(foreign, own, foreign, **sent).products] == ["ours"]


def test_schema_org_web_page_does_not_hide_snowplows() -> None:
    event = event_of(
        ("iglu:org.schema/WebPage/jsonschema/1-0-0", {"genre": "blog"}),
        (SNOWPLOW.format("web_page"), {"id": "page-1"}),
    )
    assert event.page_id == "page-1"


def test_a_schema_name_beyond_all_measure_is_nobodys() -> None:
    assert event_of((f"iglu:com.{'x' * 1000}/product/jsonschema/1-0-0", {"id": "no"})).products == ()


def test_two_models_of_an_entity_are_read_together() -> None:
    event = event_of(
        product(id="a"),
        (ECOMMERCE.format("product").replace("1-0-0", "2-0-0"), {"id": "b"}),
        action={"type": "product_view"},
    )
    assert [p.id for p in event.products] == ["a", "b"]


def test_what_enrich_derived_stands_above_what_the_tracker_sent() -> None:
    schema = SNOWPLOW.format("ua_parser_context")
    event = event_of((schema, {"deviceFamily": "iPad"}), derived=((schema, {"deviceFamily": "iPhone"}),))
    assert event.device == "phone"


def test_live_shopper_reads_entities_that_a_later_transformer_may_add() -> None:
    payload = {
        "products": [{"id": "p"}],
        "transaction": {"transaction_id": "t", "revenue": 5, "currency": "EUR"},
    }
    event = Decoder().decode(live(type="transaction", payload=payload))
    assert isinstance(event, Event)
    assert (event.transaction_id, event.revenue) == ("t", Money(500, "EUR"))


def test_live_shopper_names_what_is_not_an_action() -> None:
    for sent, kind in {
        "unstruct": kinds.OTHER,
        "page_ping": kinds.PAGE_PING,
        "unknown_ecommerce": kinds.UNTYPED_ACTION,
        "brand_new": kinds.OTHER,
        None: kinds.OTHER,
    }.items():
        event = Decoder().decode(live(type=sent))
        assert isinstance(event, Event)
        assert event.kind == kind


def test_live_shopper_is_known_by_payload_or_enrich() -> None:
    whole = json.loads(live())
    for missing, kept in (("payload", "enrich"), ("enrich", "payload")):
        record = {key: part for key, part in whole.items() if key != missing}
        record["session"] = {"userId": "install-1"}
        event = Decoder().decode(json.dumps(record).encode())
        assert isinstance(event, Event), kept
        assert event.shopper == ("device-1" if kept == "enrich" else "install-1")


def live(**fields: Any) -> bytes:
    record: dict[str, Any] = {
        "id": "e1",
        "type": "page_view",
        "timestamp": "2024-05-01T10:00:01Z",
        "payload": {"page_url": "https://shop.example/search?q=shoes", "referrer": "https://a.example/?x"},
        "enrich": {"user": {"domain_userid": "device-1"}, "marketing": None},
        "session": {"domain_sessionid": "session-1"},
    }
    return json.dumps(record | fields).encode()


def test_live_shopper_page_view_has_its_page_in_the_payload() -> None:
    event = Decoder().decode(live())
    assert isinstance(event, Event)
    assert (event.page, event.search, event.referrer, event.session_id) == (
        "https://shop.example/search",
        True,
        "https://a.example/",
        "session-1",
    )
