"""docs/inputs.md: its example does what it says there, and it knows every word that a declaration may say."""

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from events.event import DEVICES, KINDS, Event
from events.money import DIGITS
from events.sources.declaration import Field, Source
from events.sources.decoder import SourceDecoder
from events.sources.formats import FORMATS
from events.sources.problems import SourceError
from events.sources.reader import Position
from events.sources.targets import EVENT, KAFKA_TIMESTAMP, MONEY_UNITS, POSITION, PRODUCT, TIME_UNITS, TYPES
from events.sources.toml import read_source
from events.verdict import Filtered, Verdict
from jobs.inputs import shipped, sources
from jobs.package import ROOT
from jobs.settings import load

PAGE: Final = (ROOT / "docs" / "inputs.md").read_text()
BLOCKS: Final = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
RECORDS, DECLARED, SAID, WRONG, _, SETTINGS = (text for _, text in BLOCKS)


def worded(verdict: Verdict) -> str:
    """A verdict as the page tells it."""
    if isinstance(verdict, Filtered):
        return f"filtered: {verdict.reason}"
    if not isinstance(verdict, Event):
        assert not isinstance(verdict, str)
        reasons = getattr(verdict, "reasons", ())
        return "dead: " + "; ".join(f"{r.field} is {r.value}, expected {r.expected}" for r in reasons)
    at = datetime.fromtimestamp(verdict.at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = []
    for product in verdict.products:
        price = product.price
        paid = f" for {price.minor / 10 ** DIGITS[price.currency]} {price.currency}" if price else ""
        lines.append(f"{product.quantity} × {product.id}{paid}")
    return f"{verdict.kind} of {verdict.shopper} at {at}: {', '.join(lines)}"


def test_the_example_does_what_the_page_says() -> None:
    decoder = SourceDecoder(read_source(DECLARED, "tills.toml"))
    verdicts = [
        decoder.decode(line.encode(), Position("shop.tills", 0, number))
        for number, line in enumerate(RECORDS.splitlines())
    ]
    assert [worded(verdict) for verdict in verdicts] == SAID.splitlines()


def test_mistakes_in_the_example_are_told_as_the_page_says() -> None:
    broken = DECLARED.replace('"seconds"', '"minutes"').replace('SALE = "transaction"', 'SALE = "sale"')
    with pytest.raises(SourceError) as caught:
        read_source(broken, "tills.toml")
    assert [str(problem) for problem in caught.value.problems] == WRONG.splitlines()


def test_the_settings_of_the_page_are_settings(nowhere: Path) -> None:
    (nowhere / "tills.toml").write_text(DECLARED)
    (nowhere / "shopper.toml").write_text(SETTINGS)
    assert set(load().settings.topics()) == {"interactions", "shop.tills"}


def test_the_page_knows_every_word_of_a_declaration() -> None:
    words = {*EVENT, *PRODUCT, *TYPES, *TIME_UNITS, *MONEY_UNITS, *KINDS, *DEVICES, *FORMATS}
    words |= {*Field.__dataclass_fields__, *Source.__dataclass_fields__, POSITION, KAFKA_TIMESTAMP}
    told = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", PAGE)))) | {"fields"}
    assert words - told == set()


def test_the_page_lists_what_is_shipped() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| `([\w.-]+)` \| (.*) \|$", PAGE, re.MULTILINE)
    assert {(name, topic) for name, topic, _ in rows} == {(s.name, s.topic) for s in sources(shipped())}
    for name, _, said in (row for row in rows if row[2] != "the same"):
        (source,) = sources([name])
        paths = {field.path for field in source.fields.values() if field.path}
        paths |= {field.path for field in source.products.fields.values()} if source.products else set()
        assert all(str(path) in said for path in paths), name


def test_the_blocks_are_what_they_are_taken_for() -> None:
    assert [language for language, _ in BLOCKS] == ["json", "toml", "text", "text", "sh", "toml"]
    assert tomllib.loads(DECLARED)["name"] == "tills"
    assert all(json.loads(line) for line in RECORDS.splitlines())
