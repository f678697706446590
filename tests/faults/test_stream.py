"""The known stream: repeatable, flawed as promised, and with verdicts that do not depend on the moment."""

from collections import Counter, defaultdict

import pytest

from events.decoder import Decoder
from events.event import Event
from events.verdict import Dead
from tests.faults.stream import HOUR, MINUTE, Sent, Stream, is_keyed
from tests.oracle import expected_rows, verdicts

pytestmark = pytest.mark.property

START = 1_800_000_000_000
STEP_MS = 16
COUNT = 12_000
RUN_MS = HOUR
PARTITIONS = 4


@pytest.fixture(scope="module")
def sent() -> list[Sent]:
    return list(Stream(5, 1_000, PARTITIONS).records(COUNT, START, STEP_MS))


@pytest.fixture(scope="module")
def by_shopper(sent: list[Sent]) -> dict[str, list[tuple[int, Event]]]:
    decode, found = Decoder().decode, defaultdict(list)
    for number, (_, record) in enumerate(sent):
        verdict = decode(record)
        if isinstance(verdict, Event):
            found[verdict.shopper].append((number, verdict))
    return found


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


def test_it_is_as_flawed_as_promised(
    sent: list[Sent], by_shopper: dict[str, list[tuple[int, Event]]]
) -> None:
    decode = Decoder().decode
    dead = sum(isinstance(decode(record), Dead) for _, record in sent)
    assert 0.006 < dead / COUNT < 0.014
    twice = sum(number - 1 for number in Counter(record for _, record in sent).values() if number > 1)
    assert 0.012 < twice / COUNT < 0.03
    ages = [START + number * STEP_MS - event.at for own in by_shopper.values() for number, event in own]
    assert sum(MINUTE < age <= 2 * MINUTE for age in ages) > 10
    assert sum(2 * HOUR <= age <= 21 * HOUR for age in ages) > 50
    assert sum(age > 26 * HOUR for age in ages) > 20
    assert sum(age < -2 * MINUTE for age in ages) > 5
    assert any(event.session_id is None for own in by_shopper.values() for _, event in own)


def test_no_verdict_depends_on_the_moment_of_processing(
    by_shopper: dict[str, list[tuple[int, Event]]],
) -> None:
    seen = Counter[str]()
    for own in by_shopper.values():
        at_once = [(event, START + number * STEP_MS) for number, event in own]
        at_the_end = [(event, START + RUN_MS) for _, event in own]
        assert verdicts(at_once) == verdicts(at_the_end)
        assert not any("_capped" in row for row in expected_rows(at_once, START + RUN_MS).values())
        seen.update(verdicts(at_once))
    assert min(seen[verdict] for verdict in ("applied", "duplicate", "late", "future")) > 3


def test_values_of_spread_shoppers_do_not_depend_on_the_order(
    by_shopper: dict[str, list[tuple[int, Event]]],
) -> None:
    moment = START + COUNT * STEP_MS
    spread = [own for shopper, own in by_shopper.items() if not is_keyed(shopper)]
    assert len(spread) > 200
    for own in spread:
        told = expected_rows([(event, moment) for _, event in own], moment)
        mixed = expected_rows([(event, moment) for _, event in own[1::2] + own[::2]], moment)
        assert mixed == told


def test_keyed_shoppers_keep_to_a_partition(sent: list[Sent]) -> None:
    decode, places = Decoder().decode, defaultdict(set)
    for partition, record in sent:
        verdict = decode(record)
        if isinstance(verdict, Event):
            places[verdict.shopper].add(partition)
    keyed = [len(found) for shopper, found in places.items() if is_keyed(shopper)]
    assert set(keyed) == {1}
    assert len(keyed) > 200
    assert max(len(found) for shopper, found in places.items() if not is_keyed(shopper)) == PARTITIONS
