"""The known stream: repeatable, flawed as promised, and with verdicts that do not depend on the moment."""

from collections import Counter, defaultdict
from functools import partial

import pytest

from events.decoder import Decoder
from events.event import Event
from events.verdict import Dead
from tests.faults.expected import folded
from tests.faults.persons import Person, Persons
from tests.faults.stream import HOUR, MINUTE, Sent, Stream, is_keyed
from tests.oracle import expected_rows, verdicts

pytestmark = pytest.mark.property

START = 1_800_000_000_000
STEP_MS = 16
COUNT = 12_000
RUN_MS = HOUR
PARTITIONS = 4
WAVE = 40


@pytest.fixture(scope="module")
def sent() -> list[Sent]:
    """A wave of logins is in the middle of it."""
    stream = Stream(5, 1_000, PARTITIONS)
    first = list(stream.records(COUNT // 2, START, STEP_MS))
    assert stream.log_in(WAVE) == WAVE
    return first + list(stream.records(COUNT // 2, START + COUNT // 2 * STEP_MS, STEP_MS))


@pytest.fixture(scope="module")
def persons(sent: list[Sent]) -> list[Person]:
    """Everybody with their events; when one was sent, told by its number."""
    decode, found = Decoder().decode, Persons()
    for number, (partition, record) in enumerate(sent):
        verdict = decode(record)
        if isinstance(verdict, Event):
            found.of_event(verdict).add(verdict, START + number * STEP_MS, partition, number)
    return list(found)


def test_the_same_seed_sends_the_same(sent: list[Sent]) -> None:
    assert list(Stream(5, 1_000, PARTITIONS).records(500, START, STEP_MS)) == sent[:500]
    assert list(Stream(6, 1_000, PARTITIONS).records(500, START, STEP_MS)) != sent[:500]


def test_times_follow_the_moment_of_sending_and_nothing_else_does(sent: list[Sent]) -> None:
    later = list(Stream(5, 1_000, PARTITIONS).records(500, START + HOUR, STEP_MS))
    decode = Decoder().decode
    for (partition, record), (other_partition, other) in zip(sent, later, strict=False):
        one, two = decode(record), decode(other)
        assert partition == other_partition
        if isinstance(one, Event):
            assert isinstance(two, Event)
            assert (one.event_id, one.kind, one.at) == (two.event_id, two.kind, two.at - HOUR)


def test_it_is_as_flawed_as_promised(sent: list[Sent], persons: list[Person]) -> None:
    decode = Decoder().decode
    dead = sum(isinstance(decode(record), Dead) for _, record in sent)
    assert 0.006 < dead / COUNT < 0.014
    twice = sum(number - 1 for number in Counter(record for _, record in sent).values() if number > 1)
    assert 0.012 < twice / COUNT < 0.03
    events = [arrival for person in persons for arrival in person.arrivals()]
    ages = [sent_at - event.at for event, sent_at in events]
    assert sum(MINUTE < age <= 2 * MINUTE for age in ages) > 10
    assert sum(2 * HOUR <= age <= 21 * HOUR for age in ages) > 50
    assert sum(age > 26 * HOUR for age in ages) > 20
    assert sum(age < -2 * MINUTE for age in ages) > 5
    assert any(event.session_id is None for event, _ in events)


def test_people_log_in_and_out_on_several_devices_and_share_some(
    sent: list[Sent], persons: list[Person]
) -> None:
    kinds = Counter[str]()
    for person in persons:
        who = [event.user_id for event, _ in person.arrivals() if event.device_id is not None]
        kinds["anonymous"] += not any(who)
        kinds["at a counter"] += not who
        kinds["share"] += person.shares
        kinds["several devices"] += not person.shares and len(person.logins) > 1
        for device in person.logins:
            own = [event.user_id for event, _ in person.arrivals() if event.device_id == device]
            kinds["in, later"] += own[0] is None
            kinds["out again"] += None in own[own.index(next(filter(None, own))) :]
    assert min(kinds[kind] for kind in ("anonymous", "at a counter", "in, later", "out again")) > 30
    assert min(kinds["share"], kinds["several devices"]) > 5
    decode = Decoder().decode
    wave = [verdict for _, raw in sent[COUNT // 2 :][:WAVE] if isinstance(verdict := decode(raw), Event)]
    assert len({event.user_id for event in wave}) > WAVE / 2, "several may be of one user"
    assert None not in {event.user_id for event in wave}


def test_no_verdict_depends_on_the_moment_of_processing(persons: list[Person]) -> None:
    seen = Counter[str]()
    for person in persons:
        at_once = list(person.arrivals())
        at_the_end = [(event, START + RUN_MS) for event, _ in at_once]
        assert verdicts(at_once) == verdicts(at_the_end)
        assert not any("_capped" in row for row in expected_rows(at_once, START + RUN_MS).values())
        seen.update(verdicts(at_once))
    assert min(seen[verdict] for verdict in ("applied", "duplicate", "late", "future")) > 3


def test_values_of_unordered_shoppers_do_not_depend_on_the_order(persons: list[Person]) -> None:
    moment = START + COUNT * STEP_MS
    alone = [person for person in persons if not person.shares]
    unordered = [person for person in alone if not any(map(is_keyed, person.ids))]
    customers = [person for person in alone if person.logins]
    assert min(len(unordered), len(customers)) > 100
    for person in {*unordered, *customers}:
        events = [event for event, _ in person.arrivals()]
        told, *others = (
            told_of([(event, moment) for event in each], moment, person)
            for each in (events, events[1::2] + events[::2], sorted(events, key=lambda e: e.user_id is None))
        )
        assert others == [told, told]


def test_totals_of_those_who_share_a_device_do_not_depend_on_the_order(persons: list[Person]) -> None:
    moment = START + COUNT * STEP_MS
    for person in [person for person in persons if person.shares]:
        events = [(event, moment) for event, _ in person.arrivals()]
        told, mixed = (
            folded(expected_rows(each, moment), partial(whose, person))
            for each in (events, events[1::2] + events[::2])
        )
        assert told == mixed
        assert Counter(verdicts(events)) == Counter(verdicts(events[1::2] + events[::2]))


def whose(person: Person, _key: str) -> Person:
    return person


def told_of(arrivals: list[tuple[Event, int]], moment: int, person: Person) -> dict[str, dict[str, str]]:
    """The rows; they count all records, whatever order these came in."""
    rows = expected_rows(arrivals, moment)
    assert not [key for key in rows if key.startswith(tuple(f"user:{each}:" for each in person.points))]
    return rows


def test_who_keeps_an_order_keeps_to_a_partition(sent: list[Sent]) -> None:
    decode, places = Decoder().decode, defaultdict(set)
    for partition, record in sent:
        verdict = decode(record)
        if isinstance(verdict, Event):
            for name in {verdict.shopper, verdict.device_id or verdict.shopper}:
                places[name].add(partition)
    keyed = [len(found) for shopper, found in places.items() if is_keyed(shopper)]
    assert set(keyed) == {1}
    assert len(keyed) > 200
    assert max(len(found) for shopper, found in places.items() if not is_keyed(shopper)) == PARTITIONS
