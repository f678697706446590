"""docs/side-inputs.md: its examples do what it says there, and it knows every word of a declaration."""

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

from events.money import DIGITS
from events.sides.categories import LONGEST, MOST
from events.sides.declaration import SideInput
from events.sides.decoder import SideDecoder
from events.sides.row import TABLES, SideRow
from events.sides.targets import KEY_SAYS, ROW
from events.sides.toml import read_side_input
from events.sources.formats import FORMATS
from events.sources.problems import SourceError
from events.sources.targets import MONEY_UNITS
from events.values import LONGEST_ID
from events.verdict import Dead
from jobs.package import ROOT
from jobs.settings import load
from jobs.side_inputs import shipped, side_inputs
from jobs.side_inputs.sheet import read_sheet

PAGE: Final = (ROOT / "docs" / "side-inputs.md").read_text()
BLOCKS: Final = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
RECORDS, DECLARED, SAID, WRONG, _, SHEET, _, SETTINGS = (text for _, text in BLOCKS)
_KEY: Final = re.compile(r'(\{.*?\}|"[^"]*"|\S+) ?(.*)')


def worded(verdict: SideRow | Dead) -> str:
    """A verdict as the page tells it."""
    if isinstance(verdict, Dead):
        return "dead: " + "; ".join(f"{r.field} is {r.value}, expected {r.expected}" for r in verdict.reasons)
    price = verdict.price
    costs = f"{price.minor / 10 ** DIGITS[price.currency]} {price.currency}" if price else None
    told = [
        each for each in ("gone" if verdict.gone else None, verdict.name, verdict.category, costs) if each
    ]
    return f"{verdict.table} {verdict.key}: {', '.join(told)}"


def test_the_example_does_what_the_page_says() -> None:
    decoder = SideDecoder(read_side_input(DECLARED, "articles.toml"))
    pairs = [_KEY.fullmatch(line) for line in RECORDS.splitlines()]
    verdicts = [decoder.decode(pair[1].encode(), pair[2].encode()) for pair in pairs if pair]
    assert [worded(verdict) for verdict in verdicts] == SAID.splitlines()


def test_mistakes_in_the_example_are_told_as_the_page_says() -> None:
    broken = DECLARED.replace('"products"', '"product"').replace('type = "integer"', "default = 1")
    with pytest.raises(SourceError) as caught:
        read_side_input(broken, "articles.toml")
    assert [str(problem) for problem in caught.value.problems] == WRONG.splitlines()


def test_the_file_of_the_page_is_one_for_the_declaration(tmp_path: Path) -> None:
    file = tmp_path / "articles.csv"
    file.write_text(SHEET)
    found = read_sheet(file, read_side_input(DECLARED, "articles.toml"))
    assert found.refused == []
    assert {key: line.value for key, line in found.rows.items()} == {
        "4711": {
            "article": {"no": "4711", "title": "A hat", "group": "wear/hats"},
            "cents": "1950",
            "colour": "red",
        },
        "4712": {"article": {"no": "4712", "title": "A cap, blue"}, "cents": "700"},
    }


def test_the_settings_of_the_page_are_settings(nowhere: Path) -> None:
    (nowhere / "articles.toml").write_text(DECLARED)
    (nowhere / "shopper.toml").write_text(SETTINGS)
    settings = load().settings
    assert [side.topic for side in settings.declared_sides] == ["shop.articles", "sellers"]
    assert settings.side_wait_s == 10


def test_the_page_knows_every_word_of_a_declaration_and_every_bound() -> None:
    words = {*TABLES, *KEY_SAYS, *MONEY_UNITS, *FORMATS, *SideInput.__dataclass_fields__}
    words |= {name for fields in ROW.values() for name in fields}
    told = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", PAGE))))
    assert words - told == set()
    for bound in (
        f"up to {LONGEST} characters",
        f"most {LONGEST_ID:,} characters",
        f"most {MOST:,} categories",
    ):
        assert bound in PAGE


def test_each_field_is_told_with_its_tables() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (all|`[^|]+`) \|", PAGE, re.MULTILINE))
    for name in {name for fields in ROW.values() for name in fields}:
        tables = [table for table in TABLES if name in ROW[table]]
        assert rows[name] == ("all" if len(tables) == len(TABLES) else ", ".join(f"`{t}`" for t in tables))


def test_the_page_lists_what_is_shipped() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| `([\w.-]+)` \| (`\{.*) \|$", PAGE, re.MULTILINE)
    assert [(name, topic) for name, topic, _ in rows] == [(side, side) for side in TABLES]
    assert {*TABLES} == {*shipped()}
    for name, _, said in rows:
        (side,) = side_inputs([name])
        for each in side.fields.values():
            paths = (each.path,) if isinstance(each.path, str) else each.path
            assert all(re.search(rf"\b{path}\b", said) for path in paths), (name, paths)


def test_the_blocks_are_what_they_are_taken_for() -> None:
    languages = [language for language, _ in BLOCKS]
    assert languages == ["text", "toml", "text", "text", "sh", "csv", "sh", "toml"]
    assert tomllib.loads(DECLARED)["table"] == "products"
