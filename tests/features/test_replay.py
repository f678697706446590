"""Replay: the same logic over recorded events, with event time for a clock."""

from events.event import ADD_TO_CART, PAGE_VIEW, PRODUCT_VIEW, Event
from features.logic import ShopperLogic
from features.replay import Replay
from features.row import FeatureRow
from tests.features.one_shopper import DAY, HOUR, MINUTE, SECOND, T


def event(shopper: str, at: int, kind: str = PRODUCT_VIEW, session: str | None = "s") -> Event:
    return Event(shopper, f"{shopper} {at} {kind}", T + at, kind, session and f"{shopper} {session}")


def replayed(*events: Event, as_of: int | None = None) -> dict[tuple[str, str, str], FeatureRow]:
    replay = Replay(ShopperLogic(), as_of if as_of is None else T + as_of)
    replay.feed(events)
    return {(row.entity, row.entity_id, row.window): row for row in replay.rows()}


def test_the_clock_is_the_greatest_event_time_of_all_shoppers() -> None:
    rows = replayed(event("ann", 0), event("bob", 10 * MINUTE))
    assert ("user", "ann", "5min") not in rows
    assert rows["user", "ann", "1h"].at == T + 10 * MINUTE


def test_an_event_that_comes_after_later_ones_may_be_late() -> None:
    replay = Replay(ShopperLogic())
    replay.feed([event("bob", 2 * DAY), event("ann", 0)])
    replay.feed([event("bob", 2 * DAY)])
    assert replay.verdicts == {"applied": 1, "late": 1, "duplicate": 1, "future": 0, "left out": 0}
    assert {row.entity_id for row in replay.rows() if row.entity == "user"} == {"bob"}


def test_as_of_leaves_out_what_comes_after_it_and_is_when_rows_are_read() -> None:
    replay = Replay(ShopperLogic(), T + HOUR)
    replay.feed([event("ann", 0), event("ann", HOUR, ADD_TO_CART), event("ann", HOUR + 1)])
    assert replay.verdicts["left out"] == 1
    assert all(row.at == T + HOUR for row in replay.rows())
    (day,) = (row.values for row in replay.rows() if row.window == "24h")
    assert day is not None
    assert (day["product_view_count"], day["cart_add_count"]) == (1, 1)


def test_rows_that_have_expired_are_not_there() -> None:
    assert replayed(event("ann", 0), as_of=2 * DAY) == {}
    assert {window for _, _, window in replayed(event("ann", 0), as_of=23 * HOUR)} == {"24h", "session"}


def test_former_gap_sessions_are_not_there() -> None:
    rows = replayed(event("ann", 0, session=None), event("ann", -SECOND, session=None))
    sessions = [entity_id for entity, entity_id, _ in rows if entity == "session"]
    assert sessions == [f"ann~{T - SECOND}"]


def test_a_session_of_two_shoppers_is_shown_by_the_part_that_began_it() -> None:
    ann, bob = Event("ann", "2", T + 2, PAGE_VIEW, "s"), Event("bob", "1", T + 1, PAGE_VIEW, "s")
    for told in ((ann, bob), (bob, ann)):
        assert replayed(*told)["session", "s", "session"].owner == "bob"
    same = Event("ann", "3", T + 1, PAGE_VIEW, "s")
    assert replayed(bob, same)["session", "s", "session"].owner == "ann"


def test_rows_may_be_asked_for_again() -> None:
    replay = Replay(ShopperLogic())
    replay.feed([event("ann", 0)])
    assert replay.rows() == replay.rows()
    replay.feed([event("ann", SECOND)])
    assert next(iter(replay.rows())).seen == 2


def test_without_events_there_are_no_rows() -> None:
    assert replayed() == {}
    assert replayed(as_of=0) == {}
