"""The stream that benchmarks send: repeatable, and what it says of itself is so."""

from collections import Counter
from itertools import islice

import pytest

from bench.traffic import BROKEN, DUPLICATES, Sent, census, device_of, shopper_id, traffic
from events.decoder import Decoder
from events.event import Event

START_MS = 1_700_000_000_000
COUNT = 4_000


def some(seed: int = 7, shoppers: int = 500) -> list[Sent]:
    return list(islice(traffic(seed, shoppers, START_MS, 1000), COUNT))


@pytest.fixture(scope="module")
def sent() -> list[Sent]:
    return some()


def test_the_same_seed_gives_the_same_records(sent: list[Sent]) -> None:
    assert some() == sent
    assert some(seed=8) != sent


def test_who_it_says_is_who_the_decoder_finds_and_what_is_broken_cannot_be_used(sent: list[Sent]) -> None:
    decode = Decoder().decode
    for each in sent:
        event = decode(each.record)
        assert isinstance(event, Event) == bool(each.shopper)
        if isinstance(event, Event):
            assert event.shopper == each.shopper
            assert 0 <= each.at - event.at <= 180_000


def events_of(sent: list[Sent]) -> list[Event]:
    """Those that are not broken; some are that a decoder can use all the same."""
    verdicts = map(Decoder().decode, (each.record for each in sent if each.shopper))
    return [verdict for verdict in verdicts if isinstance(verdict, Event)]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.8])
def test_so_many_carry_a_user_and_all_else_is_the_same(share: float) -> None:
    whole, some = (list(islice(traffic(7, 5_000, START_MS, 1000, part), COUNT)) for part in (1.0, share))
    events = events_of(some)
    users = [event.user_id for event in events if event.user_id is not None]
    assert abs(len(users) / len(events) - share) < 0.04
    assert all(event.device_id == device_of(event.user_id) for event in events if event.user_id)
    assert [event.shopper for event in events] == [each.shopper for each in some if each.shopper]
    assert [each.at for each in some] == [each.at for each in whole]
    told = [(event.event_id, event.device_id, event.kind) for event in events_of(whole)]
    assert [(event.event_id, event.device_id, event.kind) for event in events] == told


def test_no_two_shoppers_have_one_device(sent: list[Sent]) -> None:
    told = {(event.user_id, event.device_id) for event in events_of(sent)}
    assert len({device for _, device in told}) == len({user for user, _ in told}) == len(told)


def test_records_are_of_about_2_kb(sent: list[Sent]) -> None:
    assert 1_800 < sum(len(each.record) for each in sent) / COUNT < 2_500


def test_moments_keep_the_rate_and_never_fall(sent: list[Sent]) -> None:
    assert [each.at for each in sent] == [START_MS + number for number in range(COUNT)]


def test_event_times_are_out_of_order(sent: list[Sent]) -> None:
    decode = Decoder().decode
    times = [event.at for each in sent if isinstance(event := decode(each.record), Event)]
    assert times != sorted(times)


def test_a_share_is_sent_twice_and_a_share_is_broken(sent: list[Sent]) -> None:
    broken = sum(not each.shopper for each in sent) / COUNT
    again = sum(each.again for each in sent) / COUNT
    records = Counter(each.record for each in sent if not each.again)
    assert BROKEN / 3 < broken < BROKEN * 3
    assert 0 < again < DUPLICATES * 2
    assert all(records[each.record] for each in sent if each.again)


def test_few_shoppers_come_often(sent: list[Sent]) -> None:
    visits = Counter(each.shopper for each in sent if each.shopper)
    assert visits[shopper_id(0)] > 5 * COUNT / 500


def test_in_a_census_everybody_has_as_many_records() -> None:
    told = list(census(7, 50, START_MS, each=3))
    assert Counter(each.shopper for each in told) == {shopper_id(number): 3 for number in range(50)}
    assert [each.shopper for each in told[:50]] != sorted(each.shopper for each in told[:50])
    assert [each.at for each in told] == sorted(each.at for each in told)
    assert told[-1].at <= START_MS
