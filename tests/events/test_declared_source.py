"""A source that nobody wrote code for: all that a declaration can say, against values written by hand."""

import json
from random import Random
from typing import Any, Final

import pytest

from events.assemble import AHEAD_MS
from events.control import forget_record
from events.event import Event, Money, Product
from events.hashing import hashed_id, hashing_key
from events.sources.declaration import Field, Products, Source
from events.sources.decoder import SourceDecoder
from events.sources.formats import FORMATS
from events.sources.reader import Position
from events.sources.toml import read_source
from events.verdict import Dead, Filtered, Forget, Reason, Verdict

DECLARED: Final = """
name = "till"
topic = "shop.till"

[fields]
event_id = { made_from = ["no", "meta.line"] }
at = { path = "ts", unit = "microseconds", made_from = "kafka_timestamp" }
received_at = { path = "meta.received", unit = "iso" }
created_at = { path = "meta.created", unit = "seconds" }
user_id = { path = ["customer.card", "customer.mail"] }
device_id = { path = "till", type = "text" }
session_id = 'meta."visit.no"'
app_id = { constant = "shop" }
page = "meta.url"
page_id = "meta.page"
screen = "meta.screen"
list_name = "meta.list"
referrer = "meta.from"
campaign = { path = "meta.utm", default = "none" }
source = { path = "loyal", type = "boolean", values = { true = "club", false = "street" } }
medium = { path = "meta.medium", required = true }
platform = { constant = "pc" }
useragent = "meta.agent"
device = { path = "kiosk", values = { 1 = "tablet", 2 = "desktop" }, other = "other" }
country = "place[0]"
region = "place[1]"
currency = { path = "money", values = { euro = "EUR", yen = "JPY", "old euro" = "EUR" }, default = "EUR" }
cart_total = { path = "total", unit = "minor" }
revenue = { path = "total", unit = "minor", default = 100 }
refund = { path = "total", unit = "minor", required = true }
step = "step"
transaction_id = "no"
total_quantity = { path = "pieces", type = "number" }

[fields.kind]
path = "what"
default = "other"

[fields.kind.values]
sale = "transaction"
put = "add_to_cart"
taken = "refund"
look = "list_view"
pay = "checkout_step"
page = "page_view"
screen = "screen_view"

[products]
path = "lines"
id = "sku"
category = { constant = "till" }
price = { path = "price", unit = "minor" }
currency = { path = "money", values = ["EUR", "JPY"] }
quantity = { path = "n", default = 1 }

[[filters]]
name = "test_traffic"
path = "meta.test"
when = [true, "yes", 1]

[[filters]]
name = "other_shop"
path = "shop"
unless = ["berlin", 7]
"""
TILL: Final = read_source(DECLARED, "till.toml")
HERE: Final = Position("shop.till", 1, 2, 1_714_557_600_000)
AT: Final = 1_714_557_601_500

RECORD: Final[dict[str, Any]] = {
    "no": "b-7",
    "ts": AT * 1000 + 999,
    "customer": {"card": " ", "mail": "ann"},
    "till": "t1",
    "what": "sale",
    "shop": "berlin",
    "total": 2599,
    "money": "euro",
    "pieces": 3,
    "step": 2,
    "loyal": True,
    "kiosk": 1,
    "place": ["DE", "BE"],
    "lines": [{"sku": 12, "price": 999, "n": 2}, {"sku": "s", "price": "1500", "money": "JPY"}, {}],
    "meta": {
        "line": 4,
        "visit.no": "v1",
        "page": "p1",
        "url": "https://till.example/a?token=1",
        "list": "Sale",
        "screen": "Welcome",
        "from": "https://x.example/?y",
        "medium": "walk",
        "agent": "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
        "created": 1_714_557_601.25,
    },
}


def verdict_on(changes: dict[str, Any], decoder: SourceDecoder | None = None) -> Verdict:
    """The verdict on the record with changes; a key with a dot is one of `meta`, `...` leaves a key out."""
    record = {**RECORD, "meta": dict(RECORD["meta"])}
    for name, value in changes.items():
        part, _, key = name.rpartition(".")
        place = record["meta"] if part else record
        place.pop(key, None)
        if value is not ...:
            place[key] = value
    return (decoder or SourceDecoder(TILL)).decode(json.dumps(record).encode(), HERE)


def event_of(**changes: Any) -> Event:
    verdict = verdict_on(changes)
    assert isinstance(verdict, Event), verdict
    return verdict


def reasons_of(changes: dict[str, Any]) -> list[tuple[str, ...]]:
    verdict = verdict_on(changes)
    assert isinstance(verdict, Dead), verdict
    assert verdict.wire_format == "till"
    return [tuple(reason) for reason in verdict.reasons]


def test_a_sale_has_everything() -> None:
    event = event_of()
    assert len(event.event_id) == 32
    assert event == Event(
        shopper="ann",
        event_id=event.event_id,
        at=AT,
        kind="transaction",
        session_id="v1",
        page_id="p1",
        page="https://till.example/a",
        referrer="https://x.example/",
        campaign="none",
        source="club",
        medium="walk",
        platform="pc",
        device="tablet",
        location="DE/BE",
        created_at=1_714_557_601_250,
        products=(
            Product("12", "till", Money(999, "EUR"), 2),
            Product("s", "till", Money(1500, "JPY"), 1),
            Product(None, "till", None, 1),
        ),
        transaction_id="b-7",
        revenue=Money(2599, "EUR"),
        total_quantity=3,
        user_id="ann",
        device_id="t1",
    )


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"ts": ...}, "at", HERE.at),
        ({"ts": None}, "at", HERE.at),
        ({"ts": "1714557601500000"}, "at", AT),
        ({"meta.received": "2024-05-01T09:00:00Z"}, "at", 1_714_554_000_000),
        ({"meta.received": "2024-05-01T10:00:00Z"}, "at", AT),
        ({"customer": {"card": 77, "mail": "ann"}}, "user_id", "77"),
        ({"customer": None}, "shopper", "t1"),
        ({"customer": ...}, "user_id", None),
        ({"meta.utm": "spring"}, "campaign", "spring"),
        ({"loyal": False}, "source", "street"),
        ({"loyal": None}, "source", None),
        ({"kiosk": 2.0}, "device", "desktop"),
        ({"kiosk": "2"}, "device", "desktop"),
        ({"kiosk": "no such"}, "device", "other"),
        ({"kiosk": ...}, "device", "tablet"),
        ({"kiosk": ..., "meta.agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/1.0"}, "device", "desktop"),
        ({"place": ["DE"]}, "location", "DE"),
        ({"place": []}, "location", None),
        ({"money": ...}, "revenue", Money(2599, "EUR")),
        ({"money": "yen"}, "revenue", Money(2599, "JPY")),
        ({"total": ...}, "revenue", Money(100, "EUR")),
        ({"total": "7"}, "revenue", Money(7, "EUR")),
        ({"total": 5.0}, "revenue", Money(5, "EUR")),
        ({"total": 0}, "revenue", Money(0, "EUR")),
        ({"lines": ...}, "products", ()),
        ({"lines": []}, "products", ()),
        ({"what": "put"}, "cart_total", Money(2599, "EUR")),
        ({"what": "put", "total": None}, "cart_total", None),
        ({"what": "taken"}, "refund", Money(2599, "EUR")),
        ({"what": "look"}, "list_name", "Sale"),
        ({"what": "pay"}, "step", 2),
        ({"what": "pay", "lines": 5, "total": []}, "kind", "checkout_step"),
        ({"what": "screen"}, "page", "Welcome"),
        ({"what": "page", "lines": 5}, "products", ()),
        ({"what": ...}, "kind", "other"),
        ({"meta.url": "https://till.example/search?q=tea", "what": "page"}, "search", True),
        ({"no": None}, "transaction_id", None),
    ],
)
def test_single_changes_of_the_record(changes: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(event_of(**changes), field) == value


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"ts": "soon"}, [("ts", "text of 4 characters", "microseconds since 1970")]),
        ({"ts": -5_000}, [("ts", "-5 ms", "a time from 1970 to 2286")]),
        ({"meta.received": 5}, [("meta.received", "a number", "yyyy-MM-dd HH:mm:ss.SSS or RFC 3339")]),
        ({"meta.created": "2024-05-01"}, [("meta.created", "2024-05-01", "seconds since 1970")]),
        ({"till": 5}, [("till", "a number", "a text")]),
        ({"customer": "ann"}, [("customer", "text of 3 characters", "an object")]),
        ({"customer": {"mail": ["ann"]}}, [("customer.card or customer.mail", "list of 1 items", "a text")]),
        ({"meta.visit.no": {}}, []),
        ({"meta.medium": ...}, [("meta.medium", "absent", "a value; the source is declared to have one")]),
        ({"loyal": "true"}, [("loyal", "text of 4 characters", "true or false")]),
        ({"kiosk": [1]}, [("kiosk", "list of 1 items", "one of 1, 2")]),
        ({"place": "DE"}, [("place", "text of 2 characters", "a list")]),
        (
            {"what": "stolen"},
            [("what", "text of 6 characters", "one of sale, put, taken, look, pay, page, screen")],
        ),
        ({"money": "dollar"}, [("money", "text of 6 characters", "one of euro, yen, old euro")]),
        ({"total": 5.5}, [("total", "5.5", "a whole number of minor units")]),
        ({"total": -5}, [("total", "-0.05", "a number from 0 to 1e12")]),
        ({"pieces": "many"}, [("pieces", "text of 4 characters", "a number")]),
        ({"pieces": 1.5}, [("pieces", "1.5", "a whole number from 0 to 1000000000")]),
        (
            {"what": "taken", "total": ...},
            [("total", "absent", "a value; the source is declared to have one")],
        ),
        ({"what": "pay", "step": 91}, [("step", "91", "a whole number from 1 to 90")]),
        ({"what": "look", "meta.list": []}, [("meta.list", "list of 0 items", "a text")]),
        ({"what": "screen", "meta.screen": []}, [("meta.screen", "list of 0 items", "a text")]),
        ({"lines": {"sku": 1}}, [("lines", "object of 1 keys", "a list")]),
        ({"lines": [{"sku": 1}, "x"]}, [("lines[1]", "text of 1 characters", "an object")]),
        (
            {"lines": [{"sku": [], "price": "x", "n": -1, "money": "USD"}]},
            [
                ("lines[0].money", "text of 3 characters", "one of EUR, JPY"),
                ("lines[0].price", "text of 1 characters", "a whole number of minor units"),
                ("lines[0].sku", "list of 0 items", "a text"),
                ("lines[0].n", "-1", "a whole number from 0 to 1000000000"),
            ],
        ),
        ({"meta": "x"}, None),
        (
            {"no": ..., "meta.line": ..., "till": 1, "meta.page": []},
            [
                ("no, meta.line", "absent", "one of them at least, to make an id of"),
                ("till", "a number", "a text"),
                ("meta.page", "list of 0 items", "a text"),
            ],
        ),
    ],
)
def test_what_does_not_fit_is_told_in_the_sources_words(
    changes: dict[str, Any], reasons: list[tuple[str, ...]] | None
) -> None:
    if reasons is None:
        told = reasons_of(changes)
        assert told[0] == ("meta", "text of 1 characters", "an object")
        assert len(told) == len(set(told))
    elif not reasons:
        assert isinstance(verdict_on(changes), Event)
    else:
        assert sorted(reasons_of(changes)) == sorted(reasons)


def test_a_currency_that_no_product_names_is_the_events() -> None:
    declared = Source(
        "s",
        "t",
        {
            "event_id": Field(made_from="position"),
            "at": Field(made_from="kafka_timestamp"),
            "kind": Field(constant="product_view"),
            "user_id": Field("u"),
            "currency": Field("c"),
        },
        Products({"id": Field("p"), "price": Field("price")}),
    )
    decoder = SourceDecoder(declared)
    event = decoder.decode(b'{"u":1,"p":2,"price":9.99,"c":"eur"}', HERE)
    assert isinstance(event, Event)
    assert event.products == (Product("2", None, Money(999, "EUR"), 1),)
    assert event.at == HERE.at
    for record, reason in {
        b'{"u":1,"price":9.99}': ("c", "absent", "an ISO 4217 code with minor digits"),
        b'{"u":1,"price":"x","c":"EUR"}': ("price", "text of 1 characters", "a number from 0 to 1e12"),
    }.items():
        verdict = decoder.decode(record, HERE)
        assert isinstance(verdict, Dead)
        assert [tuple(each) for each in verdict.reasons] == [reason]
    bare = decoder.decode(b'{"u":1}', HERE)
    assert isinstance(bare, Event)
    assert bare.products == ()


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"meta.test": True}, "test_traffic"),
        ({"meta.test": "yes"}, "test_traffic"),
        ({"meta.test": 1}, "test_traffic"),
        ({"meta.test": True, "shop": "rome"}, "test_traffic"),
        ({"shop": "rome"}, "other_shop"),
        ({"shop": ...}, "other_shop"),
        ({"shop": [7]}, "other_shop"),
        ({"meta.test": False}, None),
        ({"shop": 7}, None),
        ({"shop": "7"}, None),
    ],
)
def test_filters_leave_out_by_name_before_anything_is_checked(
    changes: dict[str, Any], name: str | None
) -> None:
    verdict = verdict_on(changes | ({"ts": "broken"} if name else {}))
    assert verdict == Filtered(name) if name else isinstance(verdict, Event)


def test_what_the_shop_leaves_out_it_leaves_out_here_too() -> None:
    assert verdict_on({"customer": ..., "till": ...}) == Filtered("no_shopper_id")
    assert verdict_on({}, SourceDecoder(TILL, app_ids=frozenset({"web"}))) == Filtered("app_id")
    robots = SourceDecoder(TILL, exclude_robots=True)
    robot = {"kiosk": ..., "meta.agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}
    assert verdict_on(robot, robots) == Filtered("robot")


def test_ids_of_people_become_hashes_and_control_records_are_read() -> None:
    key = hashing_key("a secret of some length")
    decoder = SourceDecoder(TILL, id_key=key)
    event = verdict_on({}, decoder)
    assert isinstance(event, Event)
    assert event.shopper == event.user_id == hashed_id("ann", key)
    assert decoder.decode(forget_record("ann"), HERE) == Forget(event.shopper)
    assert decoder.decode(forget_record(event.shopper, stored=True), HERE) == Forget(
        event.shopper, stored=True
    )
    assert SourceDecoder(TILL).decode(forget_record("ann"), HERE) == Forget("ann")
    assert isinstance(decoder.decode(b'{"shopper_features_control":5}', HERE), Dead)


def test_the_made_id_depends_on_the_named_fields_and_the_source_only() -> None:
    ids = [event_of(**c).event_id for c in ({}, {"total": 1}, {"no": "b-8"}, {"meta.line": 5}, {"no": ...})]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    other = SourceDecoder(read_source(DECLARED.replace('"till"\ntopic', '"other"\ntopic'), "other.toml"))
    event = verdict_on({}, other)
    assert isinstance(event, Event)
    assert event.event_id not in ids


def test_no_reason_shows_what_may_be_personal() -> None:
    person = "ann.lee@example.com"
    for name in (
        "ts",
        "till",
        "what",
        "loyal",
        "place",
        "total",
        "pieces",
        "lines",
        "customer",
        "meta.created",
    ):
        for value in (person, [person], {person: person}):
            verdict = verdict_on({name: value})
            if isinstance(verdict, Dead):
                assert all(person not in part for reason in verdict.reasons for part in reason)


def test_a_record_without_a_sound_frame_has_that_reason_only() -> None:
    decoder = SourceDecoder(TILL)
    for raw, reason in {
        b"": ("record", "0 bytes", "valid JSON in UTF-8"),
        b"\xff{}": ("record", "3 bytes", "valid JSON in UTF-8"),
        b"[1]": ("record", "list of 1 items", "a JSON object"),
    }.items():
        assert decoder.decode(raw, HERE) == Dead("till", (Reason(*reason),))


def test_a_defect_in_a_format_costs_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(raw: bytes) -> dict[str, Any]:
        raise ZeroDivisionError

    monkeypatch.setitem(FORMATS, "json", broken)
    verdict = verdict_on({})
    assert isinstance(verdict, Dead)
    assert verdict.reasons[0].value == "ZeroDivisionError"


def test_an_event_time_far_ahead_of_the_collectors_is_the_collectors() -> None:
    rng = Random(5)
    for _ in range(100):
        received = AT // 1000 - rng.randrange(-90, 90)
        stamp = f"2024-05-01T{received // 3600 % 24:02}:{received // 60 % 60:02}:{received % 60:02}Z"
        expected = received * 1000 if received * 1000 + AHEAD_MS < AT else AT
        assert event_of(**{"meta.received": stamp}).at == expected
