"""Rolling windows: what enters a pane leaves with it, by itself and exactly once."""

from datetime import timedelta

import pytest

from events.event import PAGE_VIEW, PRODUCT_VIEW, UNTYPED_ACTION, Event, Money, Product
from features.logic import ShopperLogic
from features.settings import FIVE_MINUTES, ONE_DAY, ONE_HOUR, Definitions, Window
from tests.features.one_shopper import DAY, HOUR, MINUTE, SECOND, OneShopper, T


@pytest.mark.parametrize("window", [FIVE_MINUTES, ONE_HOUR, ONE_DAY], ids=lambda window: window.label)
@pytest.mark.parametrize("into_the_pane", [0, 1, SECOND, -1])
def test_an_event_leaves_when_its_pane_has_been_over_for_the_size_of_the_window(
    window: Window, into_the_pane: int
) -> None:
    ann = OneShopper()
    ann.view(into_the_pane)
    pane = (T + into_the_pane) // window.pane_ms
    leaves = (pane + 1) * window.pane_ms + window.size_ms - T
    ann.wait(leaves - 1)
    shown = ann.window(window.label)
    assert shown is not None
    assert shown["product_view_count"] == 1
    ann.wait(leaves)
    assert ann.window(window.label) is None


def test_a_silent_shopper_decays_view_by_view_and_is_gone() -> None:
    ann = OneShopper()
    for at in (0, 20 * SECOND, 40 * SECOND):
        ann.view(at)
    counts = []
    for at in (300, 309, 310, 329, 330, 349, 350):
        ann.wait(at * SECOND)
        shown = ann.window()
        counts.append(shown["product_view_count"] if shown else None)
    assert counts == [3, 3, 2, 2, 1, 1, None]
    ann.wait(2 * DAY)
    assert ann.state.gone(ann.now)
    assert ann.shown.at(ann.now) == {}


def test_a_row_says_when_it_changes_next_and_until_when_it_lives() -> None:
    ann = OneShopper()
    ann.view(0)
    ann.view(25 * SECOND)
    row = ann.row("5min")
    assert (row.at, row.next, row.until) == (T + 25_000, T + 310_000, T + 330_000)
    ann.wait(310 * SECOND)
    row = ann.row("5min")
    assert (row.at, row.next, row.until) == (T + 310_000, T + 330_000, T + 330_000)


def test_the_next_moment_is_never_after_anything_that_changes() -> None:
    ann = OneShopper()
    ann.view(0)
    assert ann.state.next == T + 310 * SECOND
    ann.wait(310 * SECOND)
    assert ann.state.next == T + 30 * MINUTE  # the session closes
    ann.wait(30 * MINUTE)
    assert ann.state.next == T + HOUR + MINUTE
    ann.wait(HOUR + MINUTE)
    assert ann.state.next == T + DAY  # the session's row expires
    ann.wait(DAY)
    assert ann.state.next == T + DAY + 15 * MINUTE
    ann.wait(DAY + 15 * MINUTE)
    assert ann.state.next == T + DAY + 16 * MINUTE  # a minute later nothing is kept
    assert not ann.state.gone(T + DAY + 16 * MINUTE - 1)
    assert ann.state.gone(T + DAY + 16 * MINUTE)


def test_an_event_lands_in_the_pane_of_its_own_time() -> None:
    ann = OneShopper()
    ann.view(0)
    late = Event("ann", "late", T - 4 * MINUTE, PRODUCT_VIEW, "s")
    assert ann.apply(late, T + SECOND) == "applied"
    assert (ann.window() or {})["product_view_count"] == 2
    ann.wait(MINUTE + 10 * SECOND)
    assert (ann.window() or {})["product_view_count"] == 1


def test_an_event_older_than_a_window_counts_in_the_longer_ones() -> None:
    ann = OneShopper()
    ann.view(0)
    ann.apply(Event("ann", "late", T - 2 * HOUR, PRODUCT_VIEW, "s"), T + SECOND)
    counts = [(ann.window(label) or {})["product_view_count"] for label in ("5min", "1h", "24h")]
    assert counts == [1, 1, 2]


def test_the_latest_value_lives_as_long_as_any_window_holds_it() -> None:
    """With panes of an hour, the window that is the longest on paper may let go before the other."""
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    definitions = Definitions(windows=(Window("1h", hour, hour), Window("90min", 90 * minute, minute)))
    ann = OneShopper(ShopperLogic(definitions=definitions), packed=True)
    ann.view(59 * MINUTE)
    ann.tell(PAGE_VIEW, 60 * MINUTE, page_id="w")
    ann.wait(150 * MINUTE - 1)
    assert ann.window("1h") is not None
    ann.tell(PAGE_VIEW, 150 * MINUTE - 1)
    assert (ann.window("90min") or {})["last_product_viewed"] == "hat"


def test_an_untyped_action_makes_no_window() -> None:
    ann = OneShopper()
    ann.tell(UNTYPED_ACTION, 0, Product("hat", "hats"))
    assert ann.window("24h") is None
    assert (ann.session() or {})["event_count"] == 1


def test_a_view_that_had_no_room_marks_the_row_until_its_pane_leaves() -> None:
    ann = OneShopper()
    for number in range(65):
        ann.view(0, f"p{number}")
    ann.view(20 * SECOND)
    assert ann.row("5min").capped
    assert (ann.window() or {})["unique_products_viewed"] == 65
    assert (ann.window() or {})["product_view_count"] == 66
    ann.wait(310 * SECOND)
    assert not ann.row("5min").capped
    assert ann.row("1h").capped
    assert (ann.window() or {})["unique_products_viewed"] == 1


def test_a_window_holds_a_thousand_values_and_four_currencies() -> None:
    ann = OneShopper()
    for pane in range(18):
        ids = [f"{pane}/{number}" for number in range(60)]
        at = T + pane * 10 * SECOND
        ann.feed(Event("ann", name, at, PRODUCT_VIEW, "s", products=(Product(name),)) for name in ids)
    assert (ann.window() or {})["unique_products_viewed"] == 1_000
    assert ann.state.overflow > 0
    for currency in ("EUR", "USD", "JPY", "GBP", "CHF"):
        priced = Product("hat", price=Money(100, currency))
        ann.tell(PRODUCT_VIEW, 180 * SECOND, priced)
    ann.wait(8 * MINUTE)
    shown = ann.window()
    assert shown is not None
    assert shown["product_currency"] == "CHF"
    assert "avg_viewed_price" not in shown
    ann.wait(2 * DAY)
    assert ann.state.gone(ann.now)
