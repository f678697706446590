"""Ten thousand shoppers through a replay: logins, logouts, shared devices, disorder; no value differs."""

from collections.abc import Iterator
from random import Random

import pytest
from msgspec.structs import replace

from events.event import Event
from features.logic import ShopperLogic
from features.replay import Replay
from tests.oracle import HOUR, Oracle
from tests.shown import differences, shown
from tests.strategies import random_people

pytestmark = pytest.mark.property

HOUSEHOLDS = 3_000
EVENTS = 11
SPAN = 20 * HOUR


def household(number: int, rng: Random) -> Iterator[tuple[int, Event]]:
    """What three devices send that three users share, and when it comes; ids are the household's own."""
    offset = rng.randrange(SPAN)

    def own(name: str | None) -> str | None:
        return name and f"{number}.{name}"

    for event, as_of in random_people(number, EVENTS, devices=3, pace=rng.choice(("calm", "rush"))):
        moved = replace(
            event,
            shopper=f"{number}.{event.shopper}",
            user_id=own(event.user_id),
            device_id=own(event.device_id),
            session_id=own(event.session_id),
            at=min(event.at, as_of) + offset,
        )
        yield as_of + offset, moved


def arrivals() -> list[Event]:
    """The events of all households, in the order in which they come."""
    rng = Random(10_000)
    told = [each for number in range(HOUSEHOLDS) for each in household(number, rng)]
    return [event for _, event in sorted(told, key=lambda each: each[0])]


def test_ten_thousand_shoppers_have_the_values_of_the_oracle() -> None:
    events = arrivals()
    replay, oracle = Replay(ShopperLogic()), Oracle()
    clock = 0
    verdicts: dict[str, int] = {"future": 0, "left out": 0}
    for event in events:
        clock = max(clock, event.at)
        verdict = oracle.arrive(event, clock)
        verdicts[verdict] = verdicts.get(verdict, 0) + 1
    replay.feed(events)
    assert replay.verdicts == verdicts
    rows = replay.rows(pointers=True)
    assert differences(shown(row for row in rows if not row.same_as), oracle.rows(clock)) == []
    people = {event.user_id for event in events} | {event.device_id for event in events}
    assert len(people) > 10_000
    assert sum(row.same_as != "" for row in rows) > 10_000
    assert min(verdicts["applied"] // 10, verdicts["duplicate"], verdicts["late"]) > 500, verdicts
