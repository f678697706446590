"""What is wrong with a side input's declaration is told all at once; what is right travels as it is."""

from copy import deepcopy
from typing import Any, Final

import msgspec
import pytest

from events.sides.declaration import SideInput
from events.sides.row import TABLES
from events.sides.targets import ROW
from events.sides.toml import read_side_input
from events.sources.declaration import Field
from events.sources.problems import SourceError
from jobs.side_inputs import shipped, side_inputs

SOUND: Final[dict[str, Any]] = {
    "table": "products",
    "topic": "t",
    "fields": {
        "key": {"path": ["sku", "id"], "type": "text"},
        "name": "title",
        "category": {"path": "group", "values": {"g1": "shoes"}, "other": "rest"},
        "price": {"path": "cents", "unit": "minor"},
        "currency": {"constant": "EUR"},
    },
}
A_PATH: Final = 'a place such as user.id, items[0].sku or metadata."utm.source"'
CURRENCY: Final = 'the currency of the prices: a path, or { constant = "EUR" }'
KEY: Final = "nothing but path, type, required"


def changed(place: str, value: Any) -> dict[str, Any]:
    """The sound declaration with one value set, or left out where it is `...`."""
    table = deepcopy(SOUND)
    *way, last = place.split(".")
    part: Any = table
    for key in way:
        part = part[key]
    if value is ...:
        del part[last]
    else:
        part[last] = value
    return table


def problems_of(table: dict[str, Any]) -> list[tuple[str, str, str]]:
    with pytest.raises(SourceError) as caught:
        SideInput.of(table, "some.toml")
    assert all(problem.file == "some.toml" for problem in caught.value.problems)
    return [problem[1:] for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("place", "value", "field", "expected"),
    [
        ("table", ..., "table", "one of products, sellers, profiles"),
        ("table", "shops", "table", "one of products, sellers, profiles"),
        ("table", ["products"], "table", "one of products, sellers, profiles"),
        ("topic", ..., "topic", "a Kafka topic's name"),
        ("topic", "a b", "topic", "a Kafka topic's name"),
        ("format", "avro", "format", "one of json"),
        ("name", "n", "name", "one of table, topic, format, fields"),
        ("fields", ..., "fields", "a table"),
        ("fields", ["key"], "fields", "a table"),
        ("fields.categories", "c", "fields.categories", "category, perhaps"),
        ("fields.name", 5, "fields.name", "a path, or a table with one"),
        ("fields.key.path", "a..b", "fields.key.path", A_PATH),
        ("fields.key.default", "x", "fields.key.default", KEY),
        ("fields.key.values", ["x"], "fields.key.values", KEY),
        ("fields.key", {"constant": "x"}, "fields.key.constant", KEY),
        ("fields.price.unit", "cents", "fields.price.unit", "one of major, minor"),
        ("fields.currency", ..., "fields.currency", CURRENCY),
        ("fields.price.default", 1.5, "fields.price.default", "a whole number of minor units"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_problem(place: str, value: Any, field: str, expected: str) -> None:
    (problem,) = problems_of(changed(place, value))
    assert (problem[0], problem[2]) == (field, expected)


def test_categories_have_neither_unit_nor_words() -> None:
    table = {"table": "sellers", "topic": "t", "fields": {"categories": {"path": "c", "values": ["a"]}}}
    assert problems_of(table) == [
        ("fields.categories.values", "['a']", "nothing: a list of texts has no words of yours")
    ]


def test_all_mistakes_are_told_at_once() -> None:
    table = {"table": "product", "topic": "", "fields": {"key": {"other": "x"}, "price": "p"}}
    with pytest.raises(SourceError) as caught:
        SideInput.of(table, "mine.toml")
    assert str(caught.value).splitlines() == [
        "what is declared of side inputs cannot be used, for 4 reasons:",
        "  mine.toml: topic = ''; expected a Kafka topic's name",
        "  mine.toml: table = 'product'; expected one of products, sellers, profiles",
        f"  mine.toml: fields.key.other = 'x'; expected {KEY}",
        f"  mine.toml: fields.currency is missing; expected {CURRENCY}",
    ]


def test_text_that_is_no_toml_and_a_declaration_in_python() -> None:
    with pytest.raises(SourceError, match=r"some.toml: the file = "):
        read_side_input("table = ", "some.toml")
    with pytest.raises(SourceError, match=r"side input 'shops': table = 'shops'; expected one of products"):
        SideInput("shops", "t", {"key": Field("id")})
    with pytest.raises(msgspec.ValidationError, match=r"topic = 'a b'; expected a Kafka topic's name"):
        msgspec.json.decode(b'{"table":"sellers","topic":"a b","fields":{}}', type=SideInput)


def test_python_says_what_toml_says() -> None:
    declared = SideInput(
        table="products",
        topic="t",
        fields={
            "key": Field(("sku", "id"), type="text"),
            "name": Field("title"),
            "category": Field("group", values={"g1": "shoes"}, other="rest"),
            "price": Field("cents", unit="minor"),
            "currency": Field(constant="EUR"),
        },
    )
    assert SideInput.of(SOUND, "some.toml") == declared
    assert SideInput.of(declared.as_table(), "again") == declared


@pytest.mark.parametrize("name", shipped())
def test_shipped_ones_are_of_the_table_they_are_named_after(name: str) -> None:
    (side,) = side_inputs([name])
    assert (side.table, side.topic) == (name, name)
    assert side.fields.keys() == ROW[name].keys()
    assert msgspec.json.decode(msgspec.json.encode(side), type=SideInput) == side
    assert SideInput.of(side.as_table(), "again") == side


def test_each_table_is_shipped() -> None:
    assert set(shipped()) == set(TABLES) == set(ROW)
