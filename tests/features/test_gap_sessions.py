"""Gap sessions: where the tracker gave no id, runs of events no further apart than the gap."""

from datetime import timedelta

from events.event import (
    PAGE_VIEW,
    PRODUCT_VIEW,
    Event,
)
from features.logic import ShopperLogic
from features.row import NEVER_AGAIN
from features.settings import Definitions
from tests.features.one_shopper import DAY, HOUR, MINUTE, SECOND, OneShopper, T

GAP = 30 * MINUTE


def gap_event(ann: OneShopper, at: int, as_of: int | None = None, kind: str = PAGE_VIEW) -> str:
    """An event without a session id."""
    now = T + (at if as_of is None else as_of)
    return ann.apply(Event("ann", f"at {at} {kind}", T + at, kind), now)


def gap_ids(ann: OneShopper) -> list[str]:
    """Ids of the gap sessions that are shown."""
    places = ann.shown.at(ann.now)
    return sorted(entity_id for entity, entity_id, _ in places if entity == "session")


def named(at: int) -> str:
    return f"ann~{T + at}"


def test_without_an_id_a_pause_of_the_gap_still_joins_and_a_longer_one_parts() -> None:
    ann = OneShopper()
    gap_event(ann, 0)
    gap_event(ann, GAP)
    gap_event(ann, 2 * GAP + 1)
    assert gap_ids(ann) == [named(0), named(2 * GAP + 1)]
    assert (ann.session(named(0)) or {})["event_count"] == 2


def test_an_event_that_comes_before_moves_the_id_and_deletes_the_former_row() -> None:
    ann = OneShopper()
    gap_event(ann, 0)
    gap_event(ann, -MINUTE, as_of=SECOND)
    assert gap_ids(ann) == [named(-MINUTE)]
    assert ann.shown.deleted == [named(0)]
    assert (ann.session() or {})["session_id"] == named(-MINUTE)


def test_an_event_that_bridges_two_gap_sessions_makes_them_one() -> None:
    ann = OneShopper()
    gap_event(ann, 0, kind=PRODUCT_VIEW)
    gap_event(ann, HOUR, kind=PAGE_VIEW)
    gap_event(ann, HOUR, kind=PRODUCT_VIEW)
    assert gap_ids(ann) == [named(0), named(HOUR)]
    gap_event(ann, GAP, as_of=HOUR + SECOND)
    assert gap_ids(ann) == [named(0)]
    assert ann.shown.deleted == [named(HOUR)]
    session = ann.session()
    assert session is not None
    assert (session["event_count"], session["product_view_count"], session["page_count"]) == (4, 2, 2)
    assert (session["session_start"], session["session_duration"]) == (T, HOUR)


def test_a_bridge_that_comes_first_of_all_deletes_both_rows() -> None:
    ann = OneShopper()
    gap_event(ann, 0)
    ann.apply(Event("ann", "mail", T + HOUR, PAGE_VIEW, source="mail"), T + HOUR)
    for at in (-GAP + 1, GAP):
        gap_event(ann, at, as_of=HOUR + SECOND)
    assert gap_ids(ann) == [named(-GAP + 1)]
    assert sorted(ann.shown.deleted) == sorted([named(0), named(HOUR)])


def test_what_was_deleted_and_is_there_again_before_it_was_told_is_not_deleted() -> None:
    logic = ShopperLogic()
    state = logic.zero()
    for event_id, at in (("a", 0), ("b", -1), ("c", -2)):
        logic.apply(state, Event("ann", event_id, T + at, PAGE_VIEW), T)
    deleted = [row.entity_id for row in logic.rows(state, "ann") if row.values is None]
    assert deleted == [named(0), named(-1)]
    logic.apply(state, Event("ann", "d", T + GAP, PAGE_VIEW), T + GAP)
    assert all(row.values is not None or row.if_there for row in logic.rows(state, "ann"))


def test_a_tombstone_lives_as_long_as_the_row_would_have() -> None:
    logic = ShopperLogic()
    state = logic.zero()
    logic.apply(state, Event("ann", "a", T, PAGE_VIEW), T)
    logic.apply(state, Event("ann", "b", T - 5, PAGE_VIEW), T + 7)
    (gone,) = (row for row in logic.rows(state, "ann") if row.values is None)
    assert (gone.entity, gone.entity_id, gone.window) == ("session", named(0), "session")
    assert (gone.at, gone.until, gone.seen, gone.owner, gone.start) == (T + 7, T + DAY, NEVER_AGAIN, "ann", T)


def test_gap_sessions_and_the_tracker_s_do_not_mix() -> None:
    ann = OneShopper()
    gap_event(ann, 0)
    ann.tell(PAGE_VIEW, SECOND)
    gap_event(ann, 2 * SECOND)
    assert gap_ids(ann) == [named(0), "s"]
    assert [(ann.session(each) or {})["event_count"] for each in gap_ids(ann)] == [2, 1]


def test_a_session_that_merges_with_a_capped_one_is_capped() -> None:
    ann = OneShopper()
    ids = [f"w{number}" for number in range(1_001)]
    ann.feed(Event("ann", page_id, T, PAGE_VIEW, page_id=page_id) for page_id in ids)
    gap_event(ann, HOUR)
    assert not ann.row("session").capped
    gap_event(ann, GAP, as_of=HOUR)
    assert ann.row("session").capped


def test_rows_by_session_id_can_be_switched_off() -> None:
    ann = OneShopper(ShopperLogic(definitions=Definitions(session_keys=False)))
    gap_event(ann, 0)
    gap_event(ann, -1, as_of=1)
    assert gap_ids(ann) == []
    assert ann.shown.deleted == []
    assert (ann.session() or {})["session_id"] == named(-1)


def test_gap_and_retention_are_settings() -> None:
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    ann = OneShopper(ShopperLogic(definitions=Definitions(session_gap=minute, session_retention=hour)))
    gap_event(ann, 0)
    gap_event(ann, MINUTE + 1)
    assert gap_ids(ann) == [named(0), named(MINUTE + 1)]
    ann.wait(HOUR)
    assert gap_ids(ann) == [named(MINUTE + 1)]


def test_where_every_row_is_told_again_so_are_deletions_until_their_rows_would_have_expired() -> None:
    ann = OneShopper()
    gap_event(ann, 0)
    gap_event(ann, -MINUTE, as_of=MINUTE)

    def deleted(as_of: int) -> list[str]:
        state = ann.logic.load(ann.logic.dump(ann.state))
        ann.logic.advance(state, T + as_of)
        return [row.entity_id for row in ann.logic.all_rows(state, "ann") if row.values is None]

    assert deleted(2 * MINUTE) == [named(0)]
    assert deleted(DAY - MINUTE) == [named(0)]
    for number in range(1, 12):
        gap_event(ann, number * HOUR, as_of=number * HOUR)
        gap_event(ann, number * HOUR - MINUTE, as_of=number * HOUR)
    assert deleted(11 * HOUR) == [named(number * HOUR) for number in range(4, 12)]
    gap_event(ann, 3 * DAY)
    gap_event(ann, 3 * DAY - MINUTE, as_of=3 * DAY)
    assert deleted(3 * DAY) == [named(3 * DAY)]
