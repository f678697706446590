"""Nothing of a person is kept: no IP address, no e-mail but the shopper's own id, or that as a hash."""

import json
from typing import Any

import msgspec
import pytest

from events.control import forget_record
from events.decoder import Decoder
from events.event import Event
from events.fields import FIELDS
from events.hashing import hashed_id, hashing_key
from events.verdict import Forget
from features.logic import ShopperLogic
from sinks.codec import fields_of, key_of, meta_of
from tests.events.recorded import ECOMMERCE, EVENT, SNOWPLOW, product, recorded, sdk_object, tsv_line

EMAIL = "ann.smith+shop@mail.example"
IP = "203.0.113.77"
IP6 = "2001:db8::77"
IDS = {"user_id", "domain_userid", "domain_sessionid", "event_id"}
"""Fields that are ids: what a tracker puts there is the id, whatever it looks like."""
CHECKED = {
    "collector_tstamp",
    "derived_tstamp",
    "dvce_created_tstamp",
    "contexts",
    "unstruct_event",
    "derived_contexts",
}
"""What cannot hold any text, or is a document of its own."""
FREE = {"geo_country", "geo_region", "mkt_campaign", "mkt_medium", "mkt_source", "platform"}
"""Words that the shop or Enrich chose."""
KEY = hashing_key("a secret of the shop's own")


def kept(raw: bytes, decoder: Decoder | None = None) -> bytes:
    """All that is kept of a record: the event, the state, and the rows."""
    event = (decoder or Decoder()).decode(raw)
    assert isinstance(event, Event), event
    logic = ShopperLogic()
    state = logic.zero()
    assert logic.apply(state, event, event.at) == "applied"
    rows = logic.rows(state, event.shopper)
    assert rows
    texts = [repr((key_of(row), fields_of(row), meta_of(row, 0))) for row in rows]
    return msgspec.msgpack.encode(event) + logic.dump(state) + "".join(texts).encode()


def both(raw: bytes) -> list[bytes]:
    """The record in two formats."""
    return [raw, json.dumps(sdk_object(raw)).encode()]


@pytest.mark.parametrize("field", sorted(set(FIELDS) - IDS - CHECKED))
@pytest.mark.parametrize("kind", ["page_view", "screen_view"])
def test_no_field_of_a_record_puts_an_email_into_what_is_kept(field: str, kind: str) -> None:
    encoded = EMAIL.replace("@", "%40")
    for text in (EMAIL, encoded, f"https://{EMAIL}:pw@shop.example/{encoded}?mail={EMAIL}#{EMAIL}"):
        told = kept(line(EVENT | {"event_name": kind, "event": kind, field: text}))
        assert EMAIL.encode() not in told
        assert encoded.encode() not in told


@pytest.mark.parametrize("field", sorted(set(FIELDS) - IDS - CHECKED - FREE))
def test_no_field_that_holds_an_ip_is_kept(field: str) -> None:
    ip = f"https://shop.example/?ip={IP}" if field in ("page_url", "page_referrer") else IP
    assert IP.encode() not in kept(line(EVENT | {field: ip}))


def line(fields: dict[str, Any]) -> bytes:
    return tsv_line(**fields)


def personal_line(**fields: str) -> bytes:
    """A record with an address and an IP wherever Snowplow has a place for one."""
    person = {"email": EMAIL, "ip": IP, "ipAddress": IP6, "name": EMAIL, "id": EMAIL, "userId": EMAIL}
    entities = [
        product(id="shoe", name=EMAIL, category=f"hats/{EMAIL}", creative_id=EMAIL, price=1, currency="EUR"),
        (ECOMMERCE.format("user"), person | {"id": "u1", "is_guest": True}),
        (SNOWPLOW.format("http_header"), {"name": "X-Forwarded-For", "value": IP}),
        (SNOWPLOW.format("http_cookie"), {"name": "mail", "value": EMAIL}),
        ("iglu:com.acme/customer/jsonschema/1-0-0", person),
        (SNOWPLOW.format("web_page"), {"id": "5a8e3c7c-6c2b-4b43-9d6c-1b2f0c7e7a11", "owner": EMAIL}),
    ]
    url = f"https://{EMAIL}:pw@shop.example/account/{EMAIL}/orders?email={EMAIL}&ip={IP}#{EMAIL}"
    given = {
        "user_ipaddress": IP,
        "ip_domain": IP,
        "user_fingerprint": IP6,
        "network_userid": EMAIL,
        "page_url": url,
        "page_referrer": url,
        "page_title": EMAIL,
        "page_urlquery": EMAIL,
        "mkt_campaign": f"to {EMAIL}",
        "mkt_source": EMAIL,
        "mkt_medium": EMAIL,
        "mkt_term": EMAIL,
        "event_name": "snowplow_ecommerce_action",
        "useragent": f"Agent/1.0 ({EMAIL}; {IP})",
        "refr_urlquery": f"email={EMAIL}",
        "tr_city": EMAIL,
        "se_label": EMAIL,
        "user_id": "u1",
    }
    both_given: dict[str, Any] = given | fields
    return tsv_line(*entities, action={"type": "list_view", "name": f"for {EMAIL}"}, **both_given)


def test_an_event_full_of_personal_data_keeps_none() -> None:
    for raw in both(personal_line()):
        assert EMAIL.encode() in raw
        told = kept(raw)
        assert EMAIL.encode() not in told
        assert EMAIL.split("@", maxsplit=1)[0].encode() not in told
        assert IP.encode() not in told
        assert IP6.encode() not in told
        assert b"https://shop.example/account/***/orders" in told
        assert b"hats/***" in told


def test_recorded_events_keep_no_ip() -> None:
    seen = 0
    for raw in recorded("tsv"):
        ip = raw.split(b"\t")[FIELDS.index("user_ipaddress")]
        event = Decoder().decode(raw)
        if ip and isinstance(event, Event):
            seen += 1
            assert ip not in msgspec.msgpack.encode(event)
    assert seen > 800


def test_an_email_that_is_the_id_is_kept_unless_ids_are_hashed() -> None:
    raw = personal_line(user_id=EMAIL, domain_userid="device-1")
    assert EMAIL.encode() in kept(raw)
    for form in both(raw):
        told = kept(form, Decoder(id_key=KEY))
        assert EMAIL.encode() not in told
        assert b"device-1" not in told
        assert hashed_id(EMAIL, KEY).encode() in told


def test_one_id_is_one_hash_wherever_it_stands() -> None:
    decoder = Decoder(id_key=KEY)
    by_user = decoder.decode(personal_line(user_id="ann", domain_userid="d"))
    by_device = decoder.decode(personal_line(user_id="", domain_userid="ann"))
    assert isinstance(by_user, Event)
    assert isinstance(by_device, Event)
    assert (
        by_user.shopper == by_user.user_id == by_device.shopper == by_device.device_id == decoder.id_of("ann")
    )
    assert by_user.device_id == decoder.id_of("d")
    assert by_device.user_id is None
    assert decoder.decode(forget_record("ann")) == Forget(decoder.id_of("ann"))


def test_another_key_gives_other_hashes_and_no_key_none() -> None:
    assert Decoder().id_of("ann") == "ann"
    assert len({hashed_id(name, key) for name in ("ann", "bob") for key in (KEY, hashing_key("x"))}) == 4
    assert hashed_id("\ud800", KEY) != hashed_id("?", KEY)


def test_a_decoder_shows_no_key() -> None:
    assert KEY.hex() not in repr(Decoder(id_key=KEY))
    assert repr(KEY) not in repr(Decoder(id_key=KEY))
