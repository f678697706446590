"""Declarations by name and by file: what is wrong with several is told together."""

from pathlib import Path

import pytest

from events.sources.problems import SourceError
from jobs.inputs import shipped, sources

MINE = """
name = "mine"
topic = "mine"
[fields]
event_id = "id"
at = { path = "ts", unit = "iso" }
kind = { constant = "page_view" }
user_id = "user"
"""


def test_shipped_ones_go_by_name_and_others_by_their_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(MINE)
    found = sources(["interactions", str(file)])
    assert [(source.name, source.topic) for source in found] == [
        ("interactions", "interactions"),
        ("mine", "mine"),
    ]
    assert sources([]) == ()
    assert {source.topic for source in sources(shipped())} == {
        "clickstream-events",
        "purchase-events",
        "interactions",
        "events",
    }


def test_what_is_wrong_with_several_comes_at_once(tmp_path: Path) -> None:
    broken, binary = tmp_path / "broken.toml", tmp_path / "binary.toml"
    broken.write_text(MINE.replace('"iso"', '"days"').replace('"page_view"', '"page"'))
    binary.write_bytes(b"\xff")
    with pytest.raises(SourceError) as caught:
        sources(["interaction", str(broken), str(binary), str(tmp_path / "none.toml"), str(tmp_path)])
    told = str(caught.value)
    assert "for 6 reasons:" in told
    for part in (
        "name = 'interaction'; expected one of clickstream-events, interactions, purchase-events,",
        f"{broken}: fields.at.unit = 'days'; expected one of seconds,",
        f"{broken}: fields.kind.constant = 'page'; expected one of add_to_cart,",
        f"path = {str(binary)!r}; expected a readable file of TOML in UTF-8",
        "none.toml'; expected a readable file of TOML",
    ):
        assert part in told


def test_two_sources_share_neither_name_nor_topic(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(MINE.replace('topic = "mine"', 'topic = "interactions"'))
    with pytest.raises(SourceError, match=r"source 'mine': topic = 'interactions'; expected another"):
        sources(["interactions", str(file)])
    with pytest.raises(SourceError, match=r"(?s)name = 'interactions'.*topic = 'interactions'"):
        sources(["interactions", "interactions"])
