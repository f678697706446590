"""Rolling windows: what enters a pane leaves with it, by itself and exactly once."""

import pytest

from events.event import PRODUCT_VIEW, UNTYPED_ACTION, Event, Money, Product
from features.settings import FIVE_MINUTES, ONE_DAY, ONE_HOUR, Window
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


def test_an_untyped_action_makes_no_window() -> None:
    ann = OneShopper()
    ann.tell(UNTYPED_ACTION, 0, Product("hat", "hats"))
    assert ann.window("24h") is None
    assert (ann.session() or {})["event_count"] == 1


def test_a_row_is_marked_while_it_reaches_back_to_what_found_no_room() -> None:
    ann = OneShopper()
    for number in range(101):
        ann.tell(PRODUCT_VIEW, 0, Product(f"p{number}", f"c{number}"))
    ann.view(20 * SECOND)
    assert ann.row("5min").capped
    assert (ann.window() or {})["unique_categories"] == 100
    assert (ann.window() or {})["product_view_count"] == 102
    ann.wait(310 * SECOND)
    assert not ann.row("5min").capped
    assert ann.row("1h").capped
    assert (ann.window() or {})["unique_products_viewed"] == 1


def test_a_window_holds_a_thousand_values() -> None:
    ann = OneShopper()
    for pane in range(18):
        ids = [f"{pane}/{number}" for number in range(60)]
        at = T + pane * 10 * SECOND
        ann.feed(Event("ann", name, at, PRODUCT_VIEW, "s", products=(Product(name),)) for name in ids)
    assert (ann.window() or {})["unique_products_viewed"] == 1_000
    assert ann.row("5min").capped
    assert ann.state.overflow == 80
    ann.wait(350 * SECOND)
    assert (ann.window() or {})["unique_products_viewed"] == 780
    assert not ann.row("5min").capped
    ann.wait(2 * DAY)
    assert ann.state.gone(ann.now)


def test_amounts_of_a_fifth_currency_are_as_if_they_were_not_there() -> None:
    ann = OneShopper()
    for number, currency in enumerate(("EUR", "USD", "JPY", "GBP", "CHF")):
        ann.tell(PRODUCT_VIEW, number, Product("hat", price=Money(100, currency)))
    shown = ann.window()
    assert shown is not None
    assert (shown["product_currency"], shown["max_viewed_price"]) == ("GBP", Money(100, "GBP"))
    assert ann.row().capped
    ann.tell(PRODUCT_VIEW, 9, Product("hat", price=Money(50, "CHF")), Product("cap", price=Money(70, "USD")))
    assert (ann.window() or {})["max_viewed_price"] == Money(100, "USD")
