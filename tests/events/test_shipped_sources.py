"""Each shipped declaration against plain rules written by hand, over records of every kind, sound or not."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.event import Event
from events.sources.decoder import SourceDecoder
from events.sources.reader import Position
from events.verdict import Dead
from jobs.inputs import shipped, sources
from tests.events.source_oracle import BROKEN, KAFKA_MS, MISSING, POOLS, meaning_of

DECODERS = {source.name: SourceDecoder(source) for source in sources(shipped())}
HERE = Position("some-topic", 3, 17, KAFKA_MS)

drawn = st.sampled_from(sorted(POOLS)).flatmap(
    lambda name: st.tuples(
        st.just(name), st.fixed_dictionaries({k: st.sampled_from(pool) for k, pool in POOLS[name].items()})
    )
)


def record_of(sent: dict[str, tuple[Any, Any]]) -> bytes:
    return json.dumps({name: value for name, (value, _) in sent.items() if value != MISSING}).encode()


def fields_of(verdict: Dead) -> set[str]:
    return {reason.field for reason in verdict.reasons}


def check(name: str, sent: dict[str, tuple[Any, Any]]) -> bool:
    """Compare the verdict with the oracle's; returns whether the record is an event."""
    expected, bad = meaning_of(name, sent)
    verdict = DECODERS[name].decode(record_of(sent), HERE)
    if bad:
        assert isinstance(verdict, Dead), verdict
        assert (verdict.wire_format, fields_of(verdict)) == (name, bad)
        assert len(verdict.reasons) == len(set(verdict.reasons))
        return False
    assert isinstance(verdict, Event), verdict
    product = expected["product"]
    assert [one.id for one in verdict.products] == ([] if product is None else [product])
    assert {key: getattr(verdict, key) for key in expected if key != "product"} == {
        key: value for key, value in expected.items() if key != "product"
    }
    return True


def test_every_shipped_source_has_an_oracle() -> None:
    assert set(POOLS) == set(shipped()) == set(DECODERS)


@pytest.mark.property
@given(drawn)
def test_records_mean_what_the_plain_rules_say(drawn_: tuple[str, dict[str, tuple[Any, Any]]]) -> None:
    check(*drawn_)


@pytest.mark.parametrize("name", sorted(POOLS))
def test_a_long_run_of_mostly_sound_records(name: str) -> None:
    rng, sound = Random(name), 0
    for _ in range(1_000):
        sent = {
            key: rng.choice(pool if rng.random() < 0.1 else [(v, m) for v, m in pool if m != BROKEN])
            for key, pool in POOLS[name].items()
        }
        sound += check(name, sent)
    assert 100 < sound < 1_000


@pytest.mark.parametrize("name", sorted(POOLS))
def test_each_value_of_each_field_in_an_otherwise_sound_record(name: str) -> None:
    sound = {key: next((v, m) for v, m in pool if m != BROKEN) for key, pool in POOLS[name].items()}
    assert check(name, sound)
    verdicts = [check(name, sound | {key: one}) for key, pool in POOLS[name].items() for one in pool]
    assert True in verdicts
    assert False in verdicts


@pytest.mark.parametrize("name", ["clickstream-events", "purchase-events", "shop-events"])
def test_records_without_an_id_are_told_apart_by_their_place(name: str) -> None:
    sound = {key: pool[0] for key, pool in POOLS[name].items()}
    raw = record_of(sound)
    places = [Position(t, p, o, KAFKA_MS) for t in ("a", "b") for p in (0, 1) for o in (9, 10)]
    ids = [event_id(name, raw, place) for place in places]
    assert len(set(ids)) == len(places)
    assert ids == [event_id(name, raw, place) for place in places]
    # Of two records of one millisecond the later is the later one, whatever its number of digits.
    assert event_id(name, raw, places[0]) < event_id(name, raw, places[1])


def test_an_interaction_sent_again_elsewhere_is_the_same_event() -> None:
    raw = b'{"id":"i1","user_id":"u","seller_id":"s","interaction_kind":"VIEW","ingestion_time":1714557601}'
    assert event_id("interactions", raw, HERE) == event_id("interactions", raw, Position("t", 0, 1, None))
    assert event_id("interactions", raw, HERE) == "i1/interactions"


def event_id(name: str, raw: bytes, place: Position) -> str:
    event = DECODERS[name].decode(raw, place)
    assert isinstance(event, Event), event
    return event.event_id


def test_without_any_time_a_record_is_dead() -> None:
    raw = b'{"userId":"u","productId":"p","eventType":"view"}'
    verdict = DECODERS["shop-events"].decode(raw, Position("events", 0, 1))
    assert isinstance(verdict, Dead)
    assert [tuple(reason) for reason in verdict.reasons] == [
        ("timestamp", "absent", "a time, here or in Kafka's timestamp")
    ]


KEYS = ("id", "user_id", "userId", "productId", "event_type", "metadata", "timestamp", "interaction_kind")
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=12,
)


@pytest.mark.property
@given(st.binary(max_size=60) | anything.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_has_a_verdict(raw: bytes) -> None:
    for name, decoder in DECODERS.items():
        verdict = decoder.decode(raw, HERE)
        assert isinstance(verdict, Event) or (isinstance(verdict, Dead) and verdict.wire_format == name)
        if isinstance(verdict, Dead):
            assert all(not reason.expected.startswith("a record that") for reason in verdict.reasons)
