"""Whose an event is, as the demo and its page reckon it: as the live job does."""

import time
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.event import OTHER, PRODUCT_VIEW, Event
from features.identity import FORWARD, MERGE, MODES, OFF
from features.logic import ShopperLogic
from features.replay import Replay
from features.settings import Definitions
from jobs.attribution import Attributed, Attribution
from jobs.demo.feed import Feed
from jobs.settings import Settings
from jobs.shop.assortment import Assortment
from jobs.shop.guest import Guest

T = 1_709_640_000_000
HOUR = 3_600_000


def event(at: int, device: str | None = "phone", user: str | None = None, **more: object) -> Event:
    told = {"kind": PRODUCT_VIEW, "session_id": "s", "user_id": user, "device_id": device} | more
    return Event(user or device or "", f"{at} {device} {user}", T + at, **told)  # type: ignore[arg-type]


def attribution(mode: str = MERGE, most: int = 10) -> Attribution:
    return Attribution(Definitions(identity=mode), most)


def test_what_a_device_does_is_its_users_from_the_login_on() -> None:
    one = attribution()
    assert one.of(event(1), T + 1) == Attributed("phone")
    assert one.of(event(5, user="ann"), T + 5) == Attributed("ann", (("phone", "ann"),))
    assert one.of(event(6), T + 6) == Attributed("ann")
    assert one.of(event(2), T + 7) == Attributed("ann")
    assert one.of(event(8, "pad"), T + 8) == Attributed("pad")
    assert one.of(event(9, None, "eve"), T + 9) == Attributed("eve")


@pytest.mark.parametrize(("mode", "before"), [(OFF, "phone"), (FORWARD, "phone"), (MERGE, "ann")])
def test_modes_differ_in_what_came_before(mode: str, before: str) -> None:
    one = attribution(mode)
    moves = one.of(event(5, user="ann"), T + 5).moves
    assert bool(moves) == (mode == MERGE)
    assert one.of(event(1), T + 6).shopper == before
    assert one.of(event(6), T + 7).shopper == ("phone" if mode == OFF else "ann")


def test_identity_merges_are_logins_on_every_device_they_name() -> None:
    one = attribution()
    told = event(5, "phone", kind=OTHER, merged=("pad", "tv"), merged_into="ann")
    assert dict(one.of(told, T + 5).moves) == {"pad": "ann", "tv": "ann"}, "what ann's own id holds stays"
    assert one.of(event(6, "tv"), T + 6).shopper == "ann"


def test_a_login_of_a_broken_clock_is_not_believed() -> None:
    one = attribution()
    assert one.of(event(HOUR, user="ann"), T).moves == ()
    assert one.of(event(HOUR), T + 1).shopper == "phone"


def test_who_is_forgotten_is_logged_in_nowhere_and_a_device_is_itself_again() -> None:
    one = attribution()
    for number, (device, user) in enumerate(
        (("phone", "ann"), ("pad", "ann"), ("pad", "bob"), ("tv", "eve"))
    ):
        one.of(event(number, device, user), T + number)
    one.forget("ann")
    one.forget("tv")
    owners = [one.of(event(9, device), T + 9).shopper for device in ("phone", "pad", "tv")]
    assert owners == ["phone", "bob", "tv"]


def test_logins_are_known_as_long_as_an_event_can_count_and_of_so_many_devices() -> None:
    one = attribution(most=2)
    one.of(event(0, user="ann"), T)
    assert one.of(event(23 * HOUR), T + 23 * HOUR).shopper == "ann"
    assert one.of(event(46 * HOUR), T + 46 * HOUR).shopper == "ann", "heard of in between"
    assert one.of(event(72 * HOUR), T + 72 * HOUR).shopper == "phone"
    for device in ("a", "b", "c"):
        one.of(event(72 * HOUR, device, "ann"), T + 72 * HOUR)
    assert [one.of(event(72 * HOUR, each), T + 72 * HOUR).shopper for each in "abc"] == ["a", "ann", "ann"]


def test_the_demo_counts_a_device_as_its_user_from_the_login_on() -> None:
    feed, guest = Feed(Settings(), 1, 1), Guest(Random(3), Assortment(Random(1)), "you")
    device = guest.shopper

    def do(deed: str) -> None:
        for record in guest.act(deed, guest.shelf[0].id, round(time.time() * 1000)):
            feed._remember(record)

    do("view")
    before = feed.of_shopper[device]
    assert before > 1
    assert feed.latest is not None
    assert (feed.latest.shopper, feed.latest.number) == (device, before)
    do("login")
    assert dict(feed.of_shopper) == {"you": before + 1}
    assert (feed.latest.shopper, feed.latest.number) == ("you", before + 1)


STORY = st.lists(
    st.tuples(st.integers(0, 50), st.sampled_from(["a", "b", None]), st.sampled_from(["x", "y", None])),
    max_size=25,
)


@given(st.sampled_from(MODES), STORY)
def test_it_is_the_rule_of_the_logic(mode: str, story: list[tuple[int, str | None, str | None]]) -> None:
    definitions = Definitions(identity=mode)
    replay, one, counted = Replay(ShopperLogic(definitions=definitions)), attribution(mode), Counter[str]()
    now = T
    for at, device, user in story:
        if device is None and user is None:
            continue
        told = event(at * 1000, device, user)
        now = max(now, told.at)
        replay.feed([told])
        whose = one.of(told, now)
        for moved, into in whose.moves:
            counted[into] += counted.pop(moved, 0)
        counted[whose.shopper] += 1
    assert {name: state.seen for name, state in replay._states.items()} == {
        name: number for name, number in (+counted).items() if name in replay._states
    }
    assert set(+counted) - set(replay._states) <= set(replay._devices)
