"""One golden row at least for every feature: what it is worth in a shopping trip that a reader can follow."""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from features.catalogue import entries
from features.logic import ShopperLogic
from features.replay import Replay
from sinks.codec import fields_of
from tests.golden.stories import STORIES, T

ABSENT = "-"


class Golden(NamedTuple):
    """A line of `features.csv`."""

    view: str
    feature: str
    window: str
    story: str
    expected: str


def golden_rows() -> list[Golden]:
    path = Path(__file__).parent.parent / "golden" / "features.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        return [Golden(**line) for line in csv.DictReader(lines)]


@cache
def told(story: str) -> dict[str, dict[str, str]]:
    """Fields of the shopper's rows at the end of the story, by window."""
    events, definitions = STORIES[story]
    replay = Replay(ShopperLogic(definitions=definitions), T)
    replay.feed(events)
    return {row.window: fields_of(row) for row in replay.rows() if row.entity == "user"}


@pytest.mark.parametrize("row", golden_rows(), ids=lambda row: f"{row.feature}-{row.window}-{row.story}")
def test_the_feature_is_worth(row: Golden) -> None:
    assert told(row.story).get(row.window, {}).get(row.feature, ABSENT) == row.expected


def test_every_feature_of_the_catalogue_has_a_golden_value() -> None:
    valued = {(row.view, row.feature) for row in golden_rows() if row.expected != ABSENT}
    assert valued == {(entry.view, entry.name) for entry in entries()}


def test_a_golden_row_names_a_window_of_its_feature_and_a_story() -> None:
    windows = {(entry.view, entry.name): entry.windows for entry in entries()}
    for row in golden_rows():
        assert row.window in windows[row.view, row.feature]
        assert row.story in STORIES
    assert {row.story for row in golden_rows()} == STORIES.keys()
