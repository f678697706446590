"""The catalogue says what the code does, because it is read from it."""

from datetime import timedelta

from features.catalogue import CONVENTIONS, entries, render
from features.settings import Definitions, Window
from features.views import VIEWS

ODD = Definitions(
    windows=(
        Window("blink", timedelta(milliseconds=1500), timedelta(milliseconds=500)),
        Window("90s", timedelta(seconds=90), timedelta(seconds=30)),
    )
)


def test_every_public_feature_is_an_entry_in_the_order_of_the_views() -> None:
    names = [(entry.view, entry.name) for entry in entries()]
    assert names == [(view.name, feature.name) for view in VIEWS for feature in view.public()]
    assert not any(name.startswith("_") for _, name in names)


def test_an_entry_names_its_windows() -> None:
    windows = {entry.view: entry.windows for entry in entries(ODD)}
    assert windows["product"] == windows["context"] == ("blink", "90s")
    assert windows["session"] == ("session",)


def test_no_two_features_write_the_same_field_of_a_row() -> None:
    rolling = [entry.name for entry in entries() if entry.windows != ("session",)]
    assert len(set(rolling)) == len(rolling)


def test_the_page_has_a_line_for_every_feature_and_key() -> None:
    page = render()
    for entry in entries():
        assert f"| `{entry.name}` | {entry.type} | {entry.unit or '–'} |" in page
    for label in ("5min", "1h", "24h", "session"):
        assert f"`user:<id>:features:{label}`" in page
    assert CONVENTIONS in page
    assert "## context, part of the session branch (in the rolling windows)" in page


def test_the_page_tells_the_resolution_of_each_window() -> None:
    assert "| the last 5 min | panes of 10 s |" in render()
    assert "| the last 1500 ms | panes of 500 ms |" in render(ODD)
    assert "| the last 90 s | panes of 30 s |" in render(ODD)


def test_what_would_end_a_cell_is_escaped() -> None:
    cells = [line.replace("\\|", "").count("|") for line in render().splitlines() if line.startswith("| `")]
    assert set(cells) == {4, 5}
