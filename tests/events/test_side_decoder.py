"""A side input's record becomes a row, or is dead with every reason in the declaration's own words."""

import json
from typing import Any, Final

import msgspec
import pytest

from events.event import Money
from events.hashing import hashed_id, hashing_key
from events.sides.categories import LONGEST, MOST
from events.sides.declaration import SideInput
from events.sides.decoder import SideDecoder
from events.sides.row import SideRow
from events.sources.declaration import Field
from events.verdict import Dead, Reason
from jobs.side_inputs import side_inputs

PRODUCTS, SELLERS, PROFILES = (SideDecoder(side) for side in side_inputs(["products", "sellers", "profiles"]))
CENTS: Final = SideDecoder(
    SideInput(
        "products",
        "articles",
        {
            "key": Field("sku", type="integer"),
            "price": Field("cents", unit="minor"),
            "currency": Field("money", values={"euro": "EUR", "yen": "JPY"}),
        },
    )
)
KEYLESS: Final = SideDecoder(SideInput("sellers", "s", {"categories": Field("c")}))
SAME: Final = "the same as the record's key (text of 2 characters)"


def decoded(decoder: SideDecoder, key: str | bytes, value: Any) -> SideRow | Dead:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return decoder.decode(key if isinstance(key, bytes) else key.encode(), raw)


def reasons(decoder: SideDecoder, key: str | bytes, value: Any) -> list[Reason]:
    verdict = decoded(decoder, key, value)
    assert isinstance(verdict, Dead), verdict
    assert verdict.wire_format == f"side.{decoder.side.table}"
    assert msgspec.json.encode(verdict)
    return list(verdict.reasons)


def row(decoder: SideDecoder, key: str | bytes, value: Any) -> SideRow:
    verdict = decoded(decoder, key, value)
    assert isinstance(verdict, SideRow), verdict
    return verdict


def test_a_product() -> None:
    told = {"product_id": 12, "product_name": "A hat", "category": "wear/hats", "price": 19.5}
    more = {"description": "x" * 9000, "attributes": {"color": "red"}, "currency": "usd"}
    hat = SideRow("products", "12", name="A hat", category="wear/hats", price=Money(1950, "USD"))
    assert row(PRODUCTS, "12", told | more) == row(PRODUCTS, "", told | more) == hat
    assert row(PRODUCTS, "12", told).price == Money(1950, "EUR")
    assert row(PRODUCTS, "12", {"name": "A hat", "price": " "}) == SideRow("products", "12", name="A hat")
    assert row(PRODUCTS, "12", {}) == SideRow("products", "12")


def test_sellers_and_profiles() -> None:
    assert row(SELLERS, "s", {"id": "s", "categories": ["a", 5, "", None, "a", " b "]}) == SideRow(
        "sellers", "s", categories=("a", "5", "b")
    )
    for name in ("favourite_categories", "favorite_categories"):
        assert row(PROFILES, "", {"user_id": 7, name: ["x"]}) == SideRow("profiles", "7", categories=("x",))
    assert row(PROFILES, "7", {"id": 7}).categories == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("shoes", ("shoes",)),
        ("shoes, hats,,", ("shoes", "hats")),
        ("bed, bath|garden", ("bed, bath", "garden")),
        (5, ("5",)),
        (" ", ()),
        ("|", ()),
    ],
)
def test_categories_in_one_text(text: Any, told: tuple[str, ...]) -> None:
    assert row(SELLERS, "s", {"categories": text}).categories == told


def test_texts_are_bounded_and_hold_no_addresses() -> None:
    long = row(PRODUCTS, "1", {"name": "n" * 999, "category": "ask ann@example.com"})
    assert (len(long.name or ""), long.category) == (LONGEST, "ask ***")
    told = row(SELLERS, "s", {"categories": ["c" * 999, "ann@example.com"]}).categories
    assert told == ("c" * LONGEST, "***")
    many = [f"c{n}" for n in range(MOST + 1)]
    assert row(SELLERS, "s", {"categories": [*many[:MOST], "c0"]}).categories == tuple(many[:MOST])
    assert reasons(SELLERS, "s", {"categories": many}) == [("categories", "1001 categories", "at most 1,000")]


def test_amounts_in_minor_units_and_words_of_the_shops_own() -> None:
    assert row(CENTS, "", {"sku": "7", "cents": 1950, "money": "euro"}).price == Money(1950, "EUR")
    assert row(CENTS, "7", {"sku": 7.0, "cents": "1950", "money": "yen"}).price == Money(1950, "JPY")
    assert row(CENTS, "7", {"money": "pound"}).price is None
    assert reasons(CENTS, "7", {"cents": 1.5, "money": "pound"}) == [
        ("cents", "1.5", "a whole number of minor units"),
        ("money", "text of 5 characters", "one of euro, yen"),
    ]
    assert reasons(CENTS, "7", {"cents": 15, "money": "pound"}) == [
        ("money", "text of 5 characters", "one of euro, yen"),
    ]
    assert reasons(CENTS, "7", {"cents": 15}) == [
        ("money", "absent", "an ISO 4217 code with minor digits"),
    ]


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("a-1", "a-1"),
        ('"a-1"', "a-1"),
        (' "a-1"', "a-1"),
        ("12", "12"),
        ("007", "007"),
        ('{"product_id": 12}', "12"),
        ('{"id": "a-1", "region": "eu"}', "a-1"),
        ('"', '"'),
        ("{a}", "{a}"),
        ("[1]", "[1]"),
        ("Grüße", "Grüße"),
    ],
)
def test_a_tombstone_names_its_row_by_the_records_key(key: str, named: str) -> None:
    assert decoded(PRODUCTS, key, b"") == SideRow("products", named, gone=True)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (b"", ("the record's key", "absent", "the id of the row that is gone")),
        (b"  ", ("the record's key", "absent", "the id of the row that is gone")),
        (b'""', ("the record's key", "absent", "the id of the row that is gone")),
        (b"\x00\xff", ("the record's key", "2 bytes", "text in UTF-8, or JSON")),
        (b"k" * 1001, ("the record's key", "text of 1001 characters", "at most 1,000 characters")),
        (b'{"sku": 1}', ("product_id or id in the record's key", "absent", "an id")),
        (b'{"id": [1]}', ("product_id or id in the record's key", "list of 1 items", "a text")),
    ],
)
def test_a_tombstone_without_a_key_is_dead(key: bytes, expected: tuple[str, str, str]) -> None:
    assert reasons(PRODUCTS, key, b"") == [expected]


def test_a_key_in_an_object_is_read_as_the_values_is() -> None:
    assert decoded(CENTS, '{"sku": "12"}', b"") == SideRow("products", "12", gone=True)
    assert reasons(CENTS, '{"sku": "a"}', b"") == [
        ("sku in the record's key", "text of 1 characters", "a whole number")
    ]


def test_the_key_of_a_record_and_of_its_value_are_one() -> None:
    assert reasons(PRODUCTS, "13", {"product_id": "0012"}) == [
        ("product_id or id", "text of 4 characters", SAME)
    ]
    assert reasons(PRODUCTS, "", {"name": "A hat"}) == [
        ("product_id or id or the record's key", "absent", "the id of the row")
    ]
    assert reasons(KEYLESS, "", {"c": "a"}) == [("the record's key", "absent", "the id of the row")]
    needed = SideDecoder(SideInput("sellers", "s", {"key": Field("id", required=True)}))
    assert reasons(needed, "s", {}) == [("id", "absent", "a value; the source is declared to have one")]


def test_a_table_may_have_its_key_in_the_records_alone() -> None:
    assert row(KEYLESS, "s", {"c": "a", "key": "t"}) == SideRow("sellers", "s", categories=("a",))
    assert reasons(KEYLESS, '{"id": 1}', b"") == [
        ("the record's key", "object of 1 keys", "a text or a number, for no path of the key is declared")
    ]


def test_all_reasons_come_at_once_and_name_no_person() -> None:
    value = {"product_id": "ann@example.com", "name": ["Ann"], "category": {}, "price": -1, "currency": "ABC"}
    assert reasons(PRODUCTS, "p1", value) == [
        ("product_id or id", "text of 15 characters", SAME),
        ("product_name or name", "list of 1 items", "a text"),
        ("category", "object of 0 keys", "a text"),
        ("currency", "ABC", "an ISO 4217 code with minor digits"),
        ("price", "-1", "a number from 0 to 1e12"),
    ]
    assert reasons(PROFILES, "", {"id": 7, "favourite_categories": ["a", [], True]}) == [
        ("favourite_categories or favorite_categories[1]", "list of 0 items", "a text"),
        ("favourite_categories or favorite_categories[2]", "true", "a text"),
    ]
    assert reasons(SELLERS, "s", {"categories": {"a": 1}}) == [
        ("categories", "object of 1 keys", "a list of texts, or one text")
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"{", ("record", "1 bytes", "valid JSON in UTF-8")),
        (b"\x00\x00\x00\x00\x01", ("record", "5 bytes", "valid JSON in UTF-8")),
        (b" ", ("record", "1 bytes", "valid JSON in UTF-8")),
        (b"null", ("record", "null", "a JSON object")),
        (b"[]", ("record", "list of 0 items", "a JSON object")),
    ],
)
def test_values_that_are_no_object(value: bytes, expected: tuple[str, str, str]) -> None:
    assert reasons(PRODUCTS, "1", value) == [expected]
    assert reasons(PRODUCTS, b"\xff", value)[1:] == [expected]


def test_ids_of_users_are_hashed_as_those_of_events_and_no_others() -> None:
    key = hashing_key("a secret of the shop's own")
    profiles, sellers = (SideDecoder(each.side, key) for each in (PROFILES, SELLERS))
    ann = hashed_id("ann@example.com", key)
    assert row(profiles, "", {"id": "ann@example.com"}).key == ann
    assert decoded(profiles, "ann@example.com", b"") == SideRow("profiles", ann, gone=True)
    assert row(sellers, "s", {}).key == "s"
    assert "secret" not in repr(profiles)


def test_a_fault_in_the_decoder_is_a_dead_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("events.sides.decoder.record_key", broken)
    assert reasons(PRODUCTS, "1", {}) == [
        ("record", "ZeroDivisionError", "a record that the decoder can read")
    ]
