"""Whatever the bytes are, the decoder gives a verdict, soon, and the same one again."""

import json
import time
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.decoder import Decoder
from events.event import DEVICES, ECOMMERCE_ACTIONS, Event
from events.fields import FIELDS, INDEX
from events.masking import SHOWN_CHARS
from events.verdict import Dead, Filtered
from tests.events.recorded import ECOMMERCE, FILES, SNOWPLOW, recorded, sdk_object, tsv_line

pytestmark = pytest.mark.property

DECODERS = [
    Decoder(),
    Decoder("tsv"),
    Decoder("sdk_json"),
    Decoder("live_shopper"),
    Decoder(exclude_robots=True),
]

texts = st.text("ab1.,-:TZ \t\n\x00é٣😀{}[]\"'~", max_size=12)
scalars = st.none() | st.booleans() | st.integers(-(10**25), 10**25) | st.floats() | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
records = st.sampled_from([raw for name in FILES for raw in recorded(name)[::40]])
objects = st.sampled_from([raw for name in ("sdk_json", "live_shopper") for raw in recorded(name)[::40]])


def check(raw: bytes) -> None:
    for decoder in DECODERS:
        verdict = decoder.decode(raw)
        assert decoder.decode(raw) == verdict
        if isinstance(verdict, Event):
            assert verdict.shopper
            assert verdict.event_id
            assert verdict.device in (*DEVICES, None)
            assert msgspec.msgpack.decode(msgspec.msgpack.encode(verdict), type=Event) == verdict
        elif isinstance(verdict, Dead):
            assert verdict.reasons
            assert all(len(reason.value) <= SHOWN_CHARS for reason in verdict.reasons)
            assert not any("Error" in reason.value for reason in verdict.reasons), verdict
        else:
            assert isinstance(verdict, Filtered)


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_random_bytes(raw: bytes) -> None:
    check(raw)


@given(values)
@settings(max_examples=60, deadline=None)
def test_random_json(value: Any) -> None:
    check(json.dumps(value).encode())


@given(records, st.data())
@settings(max_examples=80, deadline=None)
def test_recorded_events_with_bytes_changed(raw: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(raw)))
    length = data.draw(st.integers(0, 20))
    check(raw[:at] + data.draw(st.binary(max_size=6)) + raw[at + length :])


@given(st.sampled_from(recorded("tsv")[::40]), st.sampled_from(FIELDS), texts | values.map(json.dumps))
@settings(max_examples=100, deadline=None)
def test_recorded_lines_with_a_field_changed(raw: bytes, name: str, value: str) -> None:
    fields = raw.split(b"\t")
    fields[INDEX[name]] = value.encode()
    check(b"\t".join(fields))


@given(objects, st.data())
@settings(max_examples=150, deadline=None)
def test_recorded_objects_with_a_value_changed(raw: bytes, data: st.DataObject) -> None:
    record = orjson.loads(raw)
    place: Any = record
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not (isinstance(place[key], (dict, list)) and place[key] and data.draw(st.integers(0, 3))):
            break
        place = place[key]
    place[key] = data.draw(values)
    check(json.dumps(record).encode())


plain = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**13)
    | st.floats(0, 1e13)
    | texts
    | st.lists(texts, max_size=1)
)
amounts = st.sampled_from([0, 7, 12.5, 42.99, "3", "0.005", None]) | plain
currencies = st.sampled_from(["EUR", "EUR", "JPY", "KWD", "usd", None]) | plain
SCHEMAS = [
    *map(ECOMMERCE.format, ("product", "cart", "transaction", "refund", "checkout_step")),
    *map(SNOWPLOW.format, ("web_page", "client_session", "ua_parser_context")),
    "iglu:nl.basjes/yauaa_context/jsonschema/1-0-4",
    "iglu:com.example/product/jsonschema/2-0-0",
    "iglu:org.schema/WebPage/jsonschema/1-0-0",
    "iglu:com.example/loyalty/jsonschema/1-0-0",
]
AMOUNTS = ("price", "total_value", "revenue", "refund_amount", "quantity", "total_quantity", "step")
PLAIN = ("id", "category", "transaction_id", "userId", "sessionId", "deviceClass", "deviceFamily")
data_objects = st.fixed_dictionaries(
    {"currency": currencies}, optional=dict.fromkeys(AMOUNTS, amounts) | dict.fromkeys(PLAIN, texts | plain)
)
kinds = st.sampled_from([*sorted(ECOMMERCE_ACTIONS), None, "new"])


@given(kinds, st.lists(st.tuples(st.sampled_from(SCHEMAS), data_objects | plain), max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_entities_give_the_same_verdict_in_both_of_snowplows_formats(
    kind: str | None, entities: list[tuple[str, Any]]
) -> None:
    line = tsv_line(*entities, action={"type": kind, "name": "Sale"})
    full = Decoder().decode(line)
    flat = Decoder().decode(json.dumps(sdk_object(line)).encode())
    if isinstance(full, Dead):
        assert isinstance(flat, Dead)
        assert [reason[1:] for reason in flat.reasons] == [reason[1:] for reason in full.reasons]
    else:
        assert flat == full


BIG = 1_000_000
FIRST = recorded("tsv")[0]


def line_with(name: str, value: bytes) -> bytes:
    fields = FIRST.split(b"\t")
    fields[INDEX[name]] = value
    return b"\t".join(fields)


HUGE = {
    "tabs": b"\t" * BIG,
    "spaces": b" " * BIG,
    "zeros": b"\x00" * BIG,
    "a user agent": line_with("useragent", b"Mozilla/5.0 (Linux; Android " + b"1;" * (BIG // 2)),
    "an id": line_with("user_id", b"x" * BIG),
    "a blank id": line_with("user_id", b" " * BIG),
    "a time": line_with("derived_tstamp", b"2" * BIG),
    "a query": line_with("page_url", b"https://a.example/?" + b"q=&" * (BIG // 3)).replace(
        b"snowplow_ecommerce_action\tjson", b"page_view\tjson"
    ),
    "entities": line_with("contexts", b'{"data":[' + b"[]," * (BIG // 3) + b"[]]}"),
    "a number": b'{"event_id":' + b"9" * BIG + b"}",
    "digits of a price": recorded("sdk_json")[0].replace(b'"price":15.0', b'"price":"' + b"9" * BIG + b'"'),
    "keys": b"{" + b",".join(b'"contexts_%d_product_1":1' % n for n in range(30_000)) + b"}",
    "depth": b'{"payload":' * 10_000 + b"1" + b"}" * 10_000,
}


@pytest.mark.parametrize("what", HUGE)
def test_a_megabyte_of_anything_takes_bounded_time(what: str) -> None:
    before = time.process_time()
    verdict = Decoder().decode(HUGE[what])
    assert time.process_time() - before < 20
    assert not isinstance(verdict, Dead) or not any("Error" in r.value for r in verdict.reasons)
