"""The synthetic shop: repeatable, sound in shape, and of the mix that it promises."""

from collections import Counter
from itertools import islice

import pytest

from events.decoder import Decoder
from events.event import ECOMMERCE_ACTIONS, PAGE_PING, PAGE_VIEW, SCREEN_VIEW, SITE_SEARCH, Event
from events.verdict import Dead, Filtered, Verdict
from jobs.shop import sdk_json, shop_events

pytestmark = pytest.mark.property

START = 1_800_000_000_000
COUNT = 12_000


@pytest.fixture(scope="module")
def sent() -> list[tuple[int, bytes]]:
    return list(islice(shop_events(7, 400, START, 100), COUNT))


@pytest.fixture(scope="module")
def verdicts(sent: list[tuple[int, bytes]]) -> list[Verdict]:
    decode = Decoder().decode
    return [decode(record) for _, record in sent]


@pytest.fixture(scope="module")
def events(verdicts: list[Verdict]) -> list[Event]:
    return [verdict for verdict in verdicts if isinstance(verdict, Event)]


def test_the_same_seed_gives_the_same_records(sent: list[tuple[int, bytes]]) -> None:
    assert list(islice(shop_events(7, 400, START, 100), 500)) == sent[:500]
    assert list(islice(shop_events(8, 400, START, 100), 500)) != sent[:500]


def test_its_sdk_json_is_the_same_to_the_job(sent: list[tuple[int, bytes]], verdicts: list[Verdict]) -> None:
    decode = Decoder().decode
    for (_, record), verdict in zip(sent[:3000], verdicts, strict=False):
        other = decode(sdk_json(record))
        assert other == verdict if isinstance(verdict, Event) else type(other) is type(verdict)


def test_records_come_at_the_rate_and_in_the_order_of_sending(sent: list[tuple[int, bytes]]) -> None:
    times = [at for at, _ in sent]
    assert times == sorted(times)
    assert times[0] == START
    assert times[-1] - START == pytest.approx(COUNT / 100 * 1000, rel=0.01)


def test_every_kind_of_event_occurs(events: list[Event]) -> None:
    kinds = {event.kind for event in events}
    assert kinds >= ECOMMERCE_ACTIONS | {PAGE_VIEW, PAGE_PING, SCREEN_VIEW, SITE_SEARCH}


def test_about_one_percent_is_broken_in_many_ways(verdicts: list[Verdict]) -> None:
    dead = [verdict for verdict in verdicts if isinstance(verdict, Dead)]
    assert 0.005 < len(dead) / COUNT < 0.015
    assert len({(verdict.reasons[0].field, verdict.reasons[0].expected) for verdict in dead}) >= 6
    assert any(isinstance(verdict, Filtered) for verdict in verdicts)


def test_about_two_percent_come_twice(events: list[Event]) -> None:
    twice = len(events) - len({(event.shopper, event.event_id) for event in events})
    assert 0.01 < twice / COUNT < 0.025


def test_events_are_up_to_two_minutes_out_of_order(
    sent: list[tuple[int, bytes]], verdicts: list[Verdict]
) -> None:
    firsts: dict[str, int] = {}
    for (at, _), verdict in zip(sent, verdicts, strict=True):
        if isinstance(verdict, Event):
            firsts.setdefault(verdict.event_id, at - verdict.at)
    assert min(firsts.values()) > 0
    assert 30_000 < max(firsts.values()) <= 120_000
    assert sorted(firsts.values())[len(firsts) // 2] < 1000


def test_a_few_regulars_make_much_of_the_traffic(events: list[Event]) -> None:
    counts = [count for _, count in Counter(event.shopper for event in events).most_common()]
    assert sum(counts[: len(counts) // 10]) > 0.2 * sum(counts)


def test_shoppers_log_in_within_a_session(events: list[Event]) -> None:
    names: dict[str | None, set[str]] = {}
    for event in events:
        names.setdefault(event.session_id, set()).add(event.shopper)
    assert sum(len(shoppers) > 1 for session, shoppers in names.items() if session) > 10


def test_many_devices_places_and_campaigns_take_part(events: list[Event]) -> None:
    assert {event.device for event in events} >= {"desktop", "phone", "tablet"}
    assert {event.platform for event in events} == {"web", "mob"}
    assert len({event.location for event in events}) > 6
    assert {event.campaign for event in events} >= {"winter-sale", "weekly-42", None}


def test_prices_are_mostly_in_euro(events: list[Event]) -> None:
    currencies = Counter(p.price.currency for event in events for p in event.products if p.price)
    assert currencies["EUR"] > 0.6 * currencies.total()
    assert len(currencies) > 1


def test_the_cart_holds_what_was_put_in(events: list[Event]) -> None:
    """The cart's value is that after the change, so never less than what was just added."""
    adds = [event for event in events if event.kind == "add_to_cart"]
    assert adds
    for event in adds:
        assert event.cart_total
        assert event.products[0].price
        assert event.cart_total.minor >= event.products[0].price.minor * event.products[0].quantity
