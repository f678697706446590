"""What a shop may set, and what it may not."""

from datetime import timedelta

import pytest

from features.settings import FIVE_MINUTES, ONE_DAY, ONE_HOUR, Definitions, Window

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("size", "pane"),
    [(MINUTE, MINUTE * 2), (MINUTE, timedelta(seconds=7)), (MINUTE, timedelta(0)), (MINUTE, -MINUTE)],
)
def test_a_pane_divides_its_window(size: timedelta, pane: timedelta) -> None:
    with pytest.raises(ValueError, match=r"window 'w': a pane of .* does not divide the size"):
        Window("w", size, pane)


@pytest.mark.parametrize("window", [FIVE_MINUTES, ONE_HOUR, ONE_DAY, Window("w", MINUTE, MINUTE)])
def test_the_first_pane_inside_is_the_oldest_that_has_not_left(window: Window) -> None:
    for as_of in (0, 1, 10_000, 1_709_640_000_123, -1):
        first = window.first_pane(as_of)
        assert window.leaves_at(first) > as_of >= window.leaves_at(first - 1)


def test_lengths_are_kept_in_milliseconds() -> None:
    assert (ONE_HOUR.size_ms, ONE_HOUR.pane_ms) == (3_600_000, 60_000)
    definitions = Definitions(session_gap=MINUTE, session_retention=timedelta(hours=1))
    assert (definitions.session_gap_ms, definitions.session_retention_ms) == (60_000, 3_600_000)


@pytest.mark.parametrize("labels", [(), ("w", "w"), ("session",)])
def test_windows_have_labels_of_their_own(labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="give at least one, each with a label of its own"):
        Definitions(windows=tuple(Window(label, MINUTE, MINUTE) for label in labels))


@pytest.mark.parametrize(
    ("size", "pane"),
    [
        (MINUTE, MINUTE / 6),
        (MINUTE, MINUTE / 60),
        (MINUTE * 7 / 6 - MINUTE / 60, MINUTE / 60),
        (MINUTE * 3, MINUTE / 4),
    ],
)
def test_windows_nest(size: timedelta, pane: timedelta) -> None:
    first = Window("first", MINUTE, MINUTE / 6)
    with pytest.raises(
        ValueError, match="windows 'first' and 'then' do not nest: list them from the shortest"
    ):
        Definitions(windows=(first, Window("then", size, pane)))
    nested = Definitions(windows=(first, Window("then", MINUTE * 7 / 6, MINUTE / 6)))
    assert [window.label for window in nested.windows] == ["first", "then"]


def test_there_are_three_identity_rules() -> None:
    with pytest.raises(ValueError, match="identity is 'on'; it must be one of off, forward, merge"):
        Definitions(identity="on")
