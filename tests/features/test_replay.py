"""Replay: the same logic over recorded events, with event time for a clock."""

import pytest

from events.event import ADD_TO_CART, PAGE_VIEW, PRODUCT_VIEW, Event
from features.identity import FORWARD, MERGE, OFF
from features.logic import ShopperLogic
from features.replay import Replay
from features.row import FeatureRow
from features.settings import Definitions
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


def linked(device: str, at: int, user: str | None = None) -> Event:
    name = f"{device} {at}"
    return Event(user or device, name, T + at, PRODUCT_VIEW, "s", user_id=user, device_id=device)


def viewers(*events: Event, identity: str = MERGE) -> dict[str, int]:
    """Product views of each shopper in 24 hours."""
    replay = Replay(ShopperLogic(definitions=Definitions(identity=identity)))
    replay.feed(events)
    return views(replay)


def views(replay: Replay) -> dict[str, int]:
    rows = [row for row in replay.rows() if row.window == "24h"]
    counts = {row.entity_id: (row.values or {})["product_view_count"] for row in rows}
    assert len(counts) == len(rows)
    return {shopper: count for shopper, count in counts.items() if isinstance(count, int)}


STORY = (linked("d", 0), linked("d", 1, "ann"), linked("d", 2), linked("e", 3), linked("e", 4, "ann"))


@pytest.mark.parametrize(
    ("identity", "expected"),
    [(OFF, {"d": 2, "ann": 2, "e": 1}), (FORWARD, {"ann": 3, "d": 1, "e": 1}), (MERGE, {"ann": 5})],
)
def test_what_a_login_changes_is_a_setting(identity: str, expected: dict[str, int]) -> None:
    assert viewers(*STORY, identity=identity) == expected


def test_each_of_two_users_of_a_device_keeps_what_happened_while_logged_in() -> None:
    told = [linked("d", at) for at in (0, 15, 25)]
    logins = [linked("d", 10, "ann"), linked("d", 20, "bob")]
    assert viewers(told[0], logins[0], told[1], logins[1], told[2]) == {"ann": 3, "bob": 2}
    assert viewers(*logins, *told) == {"ann": 3, "bob": 2}
    assert viewers(*told, *logins[::-1]) == {"bob": 4, "ann": 1}


def test_a_user_without_a_device_and_a_device_of_the_users_name_are_users_too() -> None:
    alone = Event("ann", "1", T, PRODUCT_VIEW, "s", user_id="ann")
    assert viewers(alone) == {"ann": 1}
    assert viewers(linked("ann", 0), linked("ann", 1, "ann"), linked("ann", 2)) == {"ann": 3}


def test_a_login_may_be_told_without_an_event() -> None:
    replay = Replay(ShopperLogic())
    replay.feed([linked("d", 0)])
    replay.login("d", "ann", T)
    replay.feed([linked("d", 1)])
    assert (views(replay), replay.verdicts["applied"]) == ({"ann": 2}, 2)


def test_a_forgotten_user_is_forgotten_on_every_device() -> None:
    replay = Replay(ShopperLogic())
    replay.feed([*STORY, linked("e", 5, "bob")])
    replay.forget("ann")
    replay.feed([linked("d", 6), linked("e", 7)])
    assert views(replay) == {"bob": 2, "d": 1}


def test_a_forgotten_device_is_itself_again() -> None:
    replay = Replay(ShopperLogic())
    replay.feed(STORY)
    replay.forget("d")
    replay.feed([linked("d", 6), linked("e", 7)])
    assert views(replay) == {"ann": 6, "d": 1}


@pytest.mark.parametrize(("identity", "devices"), [(OFF, set()), (FORWARD, set()), (MERGE, {"d", "e"})])
def test_devices_point_to_the_user_who_was_last_logged_in(identity: str, devices: set[str]) -> None:
    replay = Replay(ShopperLogic(definitions=Definitions(identity=identity)))
    replay.feed([*STORY, linked("d", 5, "bob"), linked("f", 6)])
    pointers = {row.entity_id: row.same_as for row in replay.rows(pointers=True) if row.same_as}
    assert pointers == {device: {"d": "bob", "e": "ann"}[device] for device in devices}
    assert not any(row.same_as for row in replay.rows())


def test_of_parts_that_began_together_the_one_that_moved_shows_the_session() -> None:
    replay = Replay(ShopperLogic())
    replay.feed([linked("d", 0), Event("aaa", "other", T, PRODUCT_VIEW, "s", user_id="aaa")])
    replay.login("d", "zoe", T)
    (row,) = [row for row in replay.rows() if row.entity == "session"]
    assert (row.owner, row.moved) == ("zoe", True)
