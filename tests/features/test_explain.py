"""Why a value is what it is: what is told of it adds up to what the live logic says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.event import (
    ADD_TO_CART,
    CHECKOUT_STEP,
    PAGE_VIEW,
    PRODUCT_VIEW,
    TRANSACTION,
    Event,
    Money,
    Product,
)
from features.catalogue import entries
from features.explain import Explainer, Heard
from features.logic import ShopperLogic
from features.settings import Definitions
from tests.features.one_shopper import HOUR, MINUTE, SECOND, T

EXPLAINER = Explainer()


def heard(
    number: int, at: int, kind: str = PRODUCT_VIEW, session: str | None = "s", later: int = 100
) -> Heard:
    event = Event(
        "ann", str(number), T + at, kind, session, products=(Product("p", "Shoes", Money(500, "EUR")),)
    )
    return Heard(event, T + at + later)


def test_each_event_tells_the_value_with_it() -> None:
    story = [heard(1, 0), heard(2, SECOND, PAGE_VIEW), heard(3, 2 * SECOND)]
    why = EXPLAINER.explain(story, "5min", "product_view_count", T + 3 * SECOND)
    assert why.value == 2
    assert [(step.event.event_id, step.part, step.value) for step in why.steps] == [
        ("1", "counts", 1),
        ("3", "counts", 2),
    ]


def test_panes_leave_in_their_order_and_say_what_is_left() -> None:
    story = [heard(1, 0), heard(2, 15 * SECOND), heard(3, 16 * SECOND), heard(4, 40 * SECOND)]
    why = EXPLAINER.explain(story, "5min", "product_view_count", T + MINUTE)
    assert [(pane.start - T, pane.end - T, pane.events, pane.after) for pane in why.panes] == [
        (0, 10_000, 1, 3),
        (10_000, 20_000, 2, 1),
        (40_000, 50_000, 1, None),
    ]
    assert [pane.leaves - pane.end for pane in why.panes] == [5 * MINUTE] * 3


def test_what_has_left_counts_in_longer_windows_only() -> None:
    story = [heard(1, 0), heard(2, 10 * MINUTE)]
    at = T + 11 * MINUTE
    assert [
        step.event.event_id for step in EXPLAINER.explain(story, "5min", "product_view_count", at).steps
    ] == ["2"]
    assert EXPLAINER.explain(story, "1h", "product_view_count", at).value == 2


def test_an_older_event_that_changes_the_value_is_told_though_it_has_left() -> None:
    """Where a checkout step is an order, it buys what was put into the cart before the window."""
    step = Heard(Event("ann", "1", T + 10 * MINUTE, CHECKOUT_STEP, "s", step=2), T + 10 * MINUTE)
    added = heard(2, 8 * MINUTE, ADD_TO_CART, later=3 * MINUTE)
    early = heard(3, 4 * MINUTE, ADD_TO_CART, later=7 * MINUTE)
    why = Explainer(Definitions(checkout_order_step=2)).explain(
        [step, added, early], "5min", "order_value", T + 12 * MINUTE
    )
    assert why.value == Money(1000, "EUR")
    assert [(step.event.event_id, step.part) for step in why.steps][-1] == ("3", "left")


def test_duplicates_and_events_of_the_future_are_told_and_not_counted() -> None:
    story = [heard(1, 0), heard(1, 0), heard(2, HOUR, later=-HOUR)]
    why = EXPLAINER.explain(story, "24h", "product_view_count", T + 2 * HOUR)
    assert [(step.part, step.value) for step in why.steps] == [("counts", 1), ("duplicate", 1), ("future", 1)]


def test_a_derived_value_is_about_the_events_of_what_it_is_made_of() -> None:
    story = [heard(1, 0), heard(2, 1, ADD_TO_CART), heard(3, 2)]
    why = EXPLAINER.explain(story, "5min", "return_view_count", T + SECOND)
    assert [(step.event.event_id, step.value) for step in why.steps] == [("1", 0), ("3", 1)]
    ratio = EXPLAINER.explain(story, "session", "bounce", T + SECOND)
    assert {step.event.event_id for step in ratio.steps} >= {"1", "2", "3"}


def test_a_session_is_explained_by_its_own_events() -> None:
    story = [
        heard(1, 0, session="old"),
        heard(2, MINUTE),
        heard(3, 2 * MINUTE, ADD_TO_CART),
        heard(4, 3 * MINUTE),
    ]
    why = EXPLAINER.explain(story, "session", "product_view_count", T + HOUR)
    assert why.value == 2
    assert [(step.event.event_id, step.value) for step in why.steps] == [("2", 1), ("4", 2)]
    assert why.panes == ()
    assert {step.leaves for step in why.steps} == {T + 3 * MINUTE + 24 * HOUR}


def test_a_session_made_of_pauses_has_events_without_an_id() -> None:
    why = EXPLAINER.explain([heard(1, 0, session=None)], "session", "event_count", T + SECOND)
    assert (why.value, len(why.steps)) == (1, 1)


def test_without_events_there_is_nothing_to_tell() -> None:
    for window in ("5min", "session"):
        feature = "product_view_count"
        why = EXPLAINER.explain([], window, feature, T)
        assert (why.value, why.steps, why.panes) == (None, (), ())


@pytest.mark.parametrize(
    ("window", "feature", "said"),
    [("6min", "cart_value", "window '6min' is none of 5min, 1h, 24h"), ("1h", "bounce", "feature 'bounce'")],
)
def test_what_is_not_in_the_catalogue_is_named(window: str, feature: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        EXPLAINER.explain([], window, feature, T)


def test_history_rises_with_events_and_falls_with_time() -> None:
    story = [heard(1, 0), heard(2, 20 * SECOND)]
    moments = [T - SECOND, T + SECOND, T + 30 * SECOND, T + 5 * MINUTE + 10 * SECOND, T + 6 * MINUTE]
    samples = EXPLAINER.history(story, "5min", moments)
    assert [sample.at for sample in samples] == moments
    assert [sample.values.get("product_view_count") for sample in samples] == [None, 1, 2, 1, None]
    assert EXPLAINER.history([], "5min", [T])[0].values == {}


KINDS = st.sampled_from([PRODUCT_VIEW, ADD_TO_CART, TRANSACTION, PAGE_VIEW])
ALL = [(window, entry.name) for entry in entries() for window in entry.windows]
STORIES = st.lists(st.tuples(st.integers(0, 400), KINDS, st.sampled_from(["s", "t", None])), max_size=12)


@pytest.mark.property
@given(STORIES, st.integers(0, 200), st.lists(st.sampled_from(ALL), min_size=1, max_size=4))
def test_every_value_is_what_the_live_logic_says(
    told: list[tuple[int, str, str | None]], more: int, asked: list[tuple[str, str]]
) -> None:
    told = sorted(told, key=lambda each: each[0])
    story = [heard(i, at * SECOND, kind, session) for i, (at, kind, session) in enumerate(told)]
    at = (story[-1].came if story else T) + more * SECOND
    logic = ShopperLogic()
    state = logic.zero()
    for each in story:
        logic.apply(state, each.event, each.came)
    logic.advance(state, at)
    rows = {
        row.window: row for row in logic.all_rows(state, "ann") if row.entity == "user" and row.until > at
    }
    values = {window: row.values or {} for window, row in rows.items()}
    assert EXPLAINER.values(story, at) == values
    for window, feature in asked:
        why = EXPLAINER.explain(story, window, feature, at)
        assert why.value == values.get(window, {}).get(feature), (window, feature)
