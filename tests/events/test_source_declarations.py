"""What is wrong with a declaration is told all at once, each with its file, place, value and expectation."""

from copy import deepcopy
from typing import Any, Final

import msgspec
import pytest

from events.sources.declaration import Field, Filter, Products, Source
from events.sources.problems import SourceError
from events.sources.toml import read_source
from jobs.inputs import shipped, sources

SOUND: Final[dict[str, Any]] = {
    "name": "s",
    "topic": "t",
    "fields": {
        "event_id": "id",
        "at": {"path": "ts", "unit": "seconds"},
        "kind": {"path": "k", "values": {"v": "product_view"}, "other": "other"},
        "user_id": "u",
        "currency": {"constant": "EUR"},
    },
    "products": {"path": "items", "id": "sku", "price": "price"},
    "filters": [{"name": "tests", "path": "test", "when": [True]}],
}


def problems_of(table: dict[str, Any]) -> list[tuple[str, str, str]]:
    with pytest.raises(SourceError) as caught:
        Source.of(table, "some.toml")
    assert all(problem.file == "some.toml" for problem in caught.value.problems)
    return [problem[1:] for problem in caught.value.problems]


def changed(place: str, value: Any) -> dict[str, Any]:
    """The sound declaration with one value set, or left out where it is `...`."""
    table = deepcopy(SOUND)
    *way, last = place.split(".")
    part: Any = table
    for key in way:
        if isinstance(part.get(key), str):
            part[key] = {"path": part[key]}
        part = part.setdefault(key, {})
    if value is ...:
        del part[last]
    else:
        part[last] = value
    return table


A_PATH: Final = 'a place such as user.id, items[0].sku or metadata."utm.source"'

KEYS: Final = "one of path, type, unit, constant, default, values, other, required, made_from"
DEVICES: Final = "one of desktop, phone, tablet, tv, watch, robot, other"
NAMED: Final = "a name that no other reason for leaving out has"
EITHER: Final = "either when or unless, not both"


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        ("name", ..., "letters, digits, dashes and underscores"),
        ("name", "a/b", "letters, digits, dashes and underscores"),
        ("topic", 5, "a Kafka topic's name"),
        ("topic", "a b", "a Kafka topic's name"),
        ("format", "avro", "one of json"),
        ("format", ["json"], "one of json"),
        ("fields.event_id", ..., "a field, for every event has it"),
        ("fields.at", ..., "a field, for every event has it"),
        ("fields.kind", ..., "a field, for every event has it"),
        ("fields.user_id", ..., "who the shopper is: user_id, device_id or both"),
        ("fields.user_id", 5, "a path, or a table with one"),
        ("fields.user_id", "", A_PATH),
        ("fields.user_id", "a..b", A_PATH),
        ("fields.user_id", "[0].a", A_PATH),
        ("fields.user_id.path", [], A_PATH),
        ("fields.user_id.path", ["u", "v."], A_PATH),
        ("fields.user_id.type", "string", "one of text, integer, number, boolean"),
        ("fields.user_id.type", "boolean", "values beside it, which say what true and false mean"),
        ("fields.user_id.unit", "seconds", "nothing: an id has no unit"),
        ("fields.user_id.required", "yes", "true or false"),
        ("fields.user_id.made_from", "position", "nothing: only event_id and at can be made"),
        ("fields.user_id.default", 1.5, "a text or a whole number"),
        ("fields.user_id.values", {}, "a list of texts, or a table of them"),
        ("fields.user_id.values", [1], "a list of texts, or a table of them"),
        ("fields.user_id.values", "a", "a list of texts, or a table of them"),
        ("fields.user_id.other", "x", "values beside it"),
        ("fields.user_id.requird", True, "required, perhaps"),
        ("fields.user_id.zzzzzz", 1, KEYS),
        ("fields.event_id.made_from", "offset", '"position", or a list of the places that are hashed'),
        ("fields.event_id.made_from", ["a", ""], '"position", or a list of the places that are hashed'),
        ("fields.event_id.made_from", [], '"position", or a list of the places that are hashed'),
        ("fields.event_id.default", "x", "nothing: each event has an id of its own"),
        ("fields.at.unit", ..., "one of seconds, milliseconds, microseconds, nanoseconds, iso, auto"),
        ("fields.at.unit", "days", "one of seconds, milliseconds, microseconds, nanoseconds, iso, auto"),
        ("fields.at.default", 0, "no fixed time: an event has its own"),
        ("fields.at.values", ["1"], "nothing: a time has no words of yours"),
        ("fields.at.made_from", "clock", '"kafka_timestamp"'),
        ("fields.kind.other", 7, None),
        ("fields.kind.other", "watch", None),
        ("fields.kind.values", {"v": "watched"}, None),
        ("fields.kind.default", ["other"], None),
        ("fields.device", {"path": "d", "values": {"a": "phablet"}}, DEVICES),
        ("fields.currency", {"constant": "EURO"}, "an ISO 4217 code with minor digits"),
        ("fields.currency", {"path": "c", "default": 978}, "an ISO 4217 code with minor digits"),
        ("fields.step", {"path": "s", "default": 91}, "a whole number from 1 to 90"),
        ("fields.step", {"path": "s", "default": True}, "a whole number from 1 to 90"),
        ("fields.total_quantity", {"path": "s", "default": -1}, "a whole number from 0 to 1000000000"),
        ("fields.revenue", {"path": "r", "unit": "cents"}, "one of major, minor"),
        ("fields.revenue", {"path": "r", "default": -1}, "a number from 0 to 1000000000000"),
        ("fields.revenue", {"path": "r", "default": "5"}, "a number from 0 to 1000000000000"),
        ("fields.revenue", {"path": "r", "unit": "minor", "default": 1.5}, "a whole number of minor units"),
        ("fields.revenue", {"path": "r", "other": "5"}, "nothing: an amount has no words of yours"),
        ("fields.page", {"constant": "a", "required": True}, "nothing beside a constant"),
        ("fields.page", {"constant": ""}, "a text or a whole number"),
        ("fields.page", {"type": "text"}, A_PATH),
        ("fields.page", {"path": "p", "required": True, "default": "x"}, None),
        ("fields.at", {"path": "p", "unit": "iso", "made_from": "kafka_timestamp", "required": True}, None),
        ("fields.pages", "p", "page, perhaps"),
        ("products", [], "a table"),
        ("products.path", "a[", A_PATH),
        ("products.name", "n", None),
        ("products.quantity", {"path": "q", "type": "int"}, "one of text, integer, number, boolean"),
        ("filters", {}, "tables, each beginning with [[filters]]"),
        ("filters", ["x"], "a table"),
        ("filters", [{"name": "A", "path": "p", "when": [1]}], "small letters, digits and underscores"),
        ("filters", [{"name": "robot", "path": "p", "when": [1]}], NAMED),
        ("filters", [{"name": "a", "path": "", "when": [1]}], A_PATH),
        ("filters", [{"name": "a", "path": "p"}], EITHER),
        ("filters", [{"name": "a", "path": "p", "when": [1], "unless": [2]}], EITHER),
        ("filters", [{"name": "a", "path": "p", "when": []}], "a list of texts, numbers or booleans"),
        ("filters", [{"name": "a", "path": "p", "unless": [[1]]}], "a list of texts, numbers or booleans"),
        ("filters", [{"name": "a", "path": "p", "when": [1], "whn": 1}], "when, perhaps"),
        ("filter", [], "filters, perhaps"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_problem(place: str, value: Any, expected: str | None) -> None:
    (problem,) = problems_of(changed(place, value))
    assert problem[0].startswith(place.split(".", maxsplit=1)[0])
    assert expected is None or problem[2] == expected
    assert len(problem[2]) > 5


def test_amounts_need_a_currency() -> None:
    expected = 'the currency of the amounts: a path, or { constant = "EUR" }'
    assert problems_of(changed("fields.currency", ...)) == [("products.currency", "", expected)]
    revenue = changed("fields.currency", ...) | {"products": {"price": "p", "currency": "c"}}
    revenue["fields"]["revenue"] = "total"
    assert problems_of(revenue) == [("fields.currency", "", expected)]
    del revenue["fields"]["revenue"]
    assert Source.of(revenue, "some.toml").products


def test_all_mistakes_are_told_at_once() -> None:
    table = {
        "topic": "a b",
        "fields": {
            "at": {"path": "ts", "unit": "days"},
            "kind": {"path": "k", "other": "watch"},
            "usr_id": "u",
        },
        "products": {"price": "p"},
        "filters": [{"name": "a", "path": "p", "when": [1]}, {"name": "a", "path": "p", "when": [1]}],
    }
    with pytest.raises(SourceError) as caught:
        Source.of(table, "mine.toml")
    told = str(caught.value).splitlines()
    assert told[0] == "what is declared of sources cannot be used, for 9 reasons:"
    assert told[1] == "  mine.toml: name is missing; expected letters, digits, dashes and underscores"
    assert told[2] == "  mine.toml: topic = 'a b'; expected a Kafka topic's name"
    assert told[3] == "  mine.toml: fields.usr_id = 'u'; expected user_id, perhaps"
    assert [line.split(" = ")[0].split(" is ")[0] for line in told[4:]] == [
        "  mine.toml: fields.at.unit",
        "  mine.toml: fields.kind.other",
        "  mine.toml: fields.event_id",
        "  mine.toml: fields.user_id",
        "  mine.toml: products.currency",
        "  mine.toml: filters[1].name",
    ]


def test_fields_that_are_no_table_and_text_that_is_no_toml() -> None:
    assert ("fields", "5", "a table") in problems_of({**SOUND, "fields": 5})
    with pytest.raises(SourceError) as caught:
        read_source("name = ", "some.toml")
    assert "cannot be used, for 1 reason:\n  some.toml: the file = " in str(caught.value)


def test_python_says_what_toml_says() -> None:
    declared = Source(
        name="s",
        topic="t",
        fields={
            "event_id": Field("id"),
            "at": Field("ts", unit="seconds"),
            "kind": Field("k", values={"v": "product_view"}, other="other"),
            "user_id": Field("u"),
            "currency": Field(constant="EUR"),
        },
        products=Products({"id": Field("sku"), "price": Field("price")}, path="items"),
        filters=(Filter("tests", "test", when=(True,)),),
    )
    assert Source.of(SOUND, "some.toml") == declared
    assert Source.of(declared.table(), "again") == declared


def test_python_is_told_what_is_wrong_just_the_same() -> None:
    with pytest.raises(SourceError, match=r"source 's': fields.at.unit is missing; expected one of seconds"):
        Source("s", "t", {name: Field("x") for name in ("event_id", "at", "kind", "user_id")})


@pytest.mark.parametrize("name", shipped())
def test_declarations_travel_as_json_and_as_tables(name: str) -> None:
    (source,) = sources([name])
    assert msgspec.json.decode(msgspec.json.encode(source), type=Source) == source
    assert Source.of(source.table(), "again") == source


def test_every_part_of_a_field_is_in_its_table() -> None:
    whole = Field(("a", "b"), "text", "", None, 0, {"x": "y"}, "z", True, ("c",))
    assert whole.table() == {
        "path": ("a", "b"),
        "type": "text",
        "default": 0,
        "values": {"x": "y"},
        "other": "z",
        "required": True,
        "made_from": ("c",),
    }
    assert Field(constant=False).table() == {"constant": False}


def test_json_of_a_broken_declaration_says_what_is_wrong() -> None:
    broken = msgspec.json.encode({"name": "s", "topic": "t", "fields": {}})
    with pytest.raises(msgspec.ValidationError, match=r"fields.event_id is missing"):
        msgspec.json.decode(broken, type=Source)


def test_the_sound_one_is_sound() -> None:
    assert Source.of(deepcopy(SOUND), "some.toml").name == "s"
