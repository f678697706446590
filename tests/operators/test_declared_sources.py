"""Topics beside Snowplow's: places of their own, decoding by place, verdicts and dead letters by source."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.control import forget_record
from events.decoder import Decoder
from events.event import Event
from events.sources.decoder import SourceDecoder
from features.split import Split
from jobs.inputs import sources
from operators.batch import Batch, decode
from operators.decode import DecodeOptions
from operators.gauges import Gauges
from operators.ledger import VERDICTS, Ledger
from operators.outcome import Outcome
from operators.places import SNOWPLOWS, number_of, place_of, topic_and_partition
from operators.rereading import Rereading
from operators.routing import Router
from tests.operators.fakes import NOW, Instance
from tests.operators.test_functions import Runtime, settled
from tests.operators.test_routing import sdk

(SHOP,) = sources(["shop-events"])
NUMBER = number_of("events")
RECORDS = [
    json.dumps({"userId": "ann", "productId": 1, "eventType": "view"}).encode(),
    json.dumps({"userId": "ann", "productId": 2, "eventType": "view"}).encode(),
    b"{",
    json.dumps({"productId": 2, "eventType": "view"}).encode(),
    forget_record("bob"),
]
PARTITIONS, OFFSETS = [0, 1, 0, 1, 2], [10, 11, 12, 13, 14]
TIMES = [NOW - 5, NOW - 4, NOW - 3, NOW - 2, None]


def router(split: Split | None = None) -> Router:
    return Router(SourceDecoder(SHOP), "events", 4, split, number=NUMBER)


def batches(routing: Router | Rereading) -> list[Batch]:
    routed = routing.route(PARTITIONS, OFFSETS, RECORDS, NOW, NOW, TIMES)
    return [decode(payload) for _, _, payload in routed]


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**20 - 1))
def test_a_place_says_which_topic_and_which_partition(number: int, partition: int) -> None:
    place = place_of(number, partition)
    assert topic_and_partition(place) == (number, partition)
    assert (place > SNOWPLOWS) == (number > 0)


def test_snowplows_partitions_keep_their_numbers() -> None:
    assert [place_of(0, partition) for partition in (0, 7)] == [0, 7]
    assert len({number_of(f"topic-{n}") for n in range(1000)} | {0}) == 1001


@pytest.mark.parametrize("split", [None, Split()])
def test_records_are_read_where_they_lie_and_counted_by_place(split: Split | None) -> None:
    made = batches(router(split))
    events = {record.offset: record for batch in made for record in batch.records}
    assert {offset: topic_and_partition(r.partition) for offset, r in events.items()} == {
        10: (NUMBER, 0),
        11: (NUMBER, 1),
    }
    assert [(r.event.at, r.event.event_id) for r in events.values()] == [
        (NOW - 5, "000000000010/0/events"),
        (NOW - 4, "000000000011/1/events"),
    ]
    letters = [json.loads(text) for batch in made for text in batch.letters]
    assert {(letter["id"], letter["wire_format"]) for letter in letters} == {
        ("events/0/12", "shop-events"),
        ("events/1/13", "shop-events"),
    }
    reads: dict[int, int] = {}
    for batch in made:
        for place, (number, _) in batch.reads.items():
            reads[place] = reads.get(place, 0) + number
    assert reads == {place_of(NUMBER, 0): 2, place_of(NUMBER, 1): 2, place_of(NUMBER, 2): 1}


def test_after_a_migration_each_record_of_a_source_knows_its_time() -> None:
    again = batches(Rereading(router(), {0: 11, 1: 99}))
    straight = batches(router())
    found = [sorted((r.offset, r.event.at) for b in made for r in b.records) for made in (again, straight)]
    assert found[0] == found[1]
    assert {batch.again for batch in again if any(r.offset in (10, 11) for r in batch.records)} == {True}


def test_each_source_has_counters_of_its_own_that_add_up() -> None:
    ledger = Ledger()
    for batch in batches(router()):
        ledger.take(batch)
        outcome = Outcome()
        for record in batch.records:
            outcome.judge("applied", record)
        for (place, verdict), number in outcome.sources.items():
            ledger.add_of(place, verdict, number)
    counts = {name: ledger.counts.get(f"source.{NUMBER}.{name}", 0) for name in ("read", *VERDICTS)}
    # One record is dead for not being JSON, one for having no user; a control record counts as applied.
    assert counts == {"read": 5, "applied": 3, "filtered": 0, "duplicate": 0, "late": 0, "dead": 2}
    ledger.give_away(place_of(NUMBER, 1))
    assert ledger.counts[f"source.{NUMBER}.read"] == 4


def test_snowplows_records_are_of_no_source() -> None:
    plain = Router(Decoder(), "topic", 1)
    ledger, outcome = Ledger(), Outcome()
    for _, _, payload in plain.route([0, 0], [0, 1], [sdk("ann"), b"{"], NOW, NOW):
        batch = decode(payload)
        ledger.take(batch)
        for record in batch.records:
            outcome.judge("applied", record)
    assert outcome.sources == {}
    assert not [name for name in ledger.counts if name.startswith("source.")]


def test_what_is_judged_on_behalf_of_others_keeps_its_source() -> None:
    (batch,) = [batch for batch in batches(router()) if batch.records]
    mine, theirs = Outcome(), Outcome()
    for record in batch.records:
        mine.judge("applied", record)
        theirs.judge("late", record)
    mine.judge_like(theirs)
    places = [record.partition for record in batch.records]
    assert mine.sources == {(p, v): 1 for p in places for v in ("applied", "late")}


def test_the_shop_leaves_out_of_a_source_what_it_leaves_out_elsewhere() -> None:
    shop = Decoder(app_ids=frozenset({"web"}), exclude_robots=True, id_key=b"k")
    reading = DecodeOptions("events", 4, shop, source=SHOP).reading()
    assert isinstance(reading, SourceDecoder)
    assert (reading.source, reading.app_ids, reading.exclude_robots, reading.id_key) == (
        SHOP,
        frozenset({"web"}),
        True,
        b"k",
    )
    assert DecodeOptions("events", 4, shop).reading() is shop


def test_a_record_that_is_dead_later_names_its_topic_and_counts_for_its_source() -> None:
    one = Instance()
    one.sources = {NUMBER: "events"}
    one.restart()
    letters = [
        json.loads(text)
        for times in ([NOW + 10**7], [NOW])
        for _, bucket, payload in router().route([1], [20], RECORDS[:1], NOW, NOW, times)
        for text in one.give(payload, bucket)
    ]
    assert [(letter["id"], letter["kind"]) for letter in letters] == [("events/1/20", "future")]
    counts = one.counts()
    assert counts[f"source.{NUMBER}.dead"] == 1
    assert counts[f"source.{NUMBER}.read"] == 2


def test_gauges_of_a_source_are_told_by_whoever_accounts() -> None:
    counts = {f"source.{NUMBER}.applied": 3}
    for accounts in (True, False):
        runtime = Runtime()
        settled(Gauges(runtime, lambda: counts, "session", accounts, {NUMBER: "events"}))
        told = {name: gauge.told for name, gauge in runtime.gauges.items() if name.startswith("source=")}
        assert set(told) == ({f"source=events:{n}" for n in ("read", *VERDICTS)} if accounts else set())
        assert not accounts or told["source=events:applied"] == [3]


def test_an_event_of_a_source_is_one_of_the_shopper_like_any_other() -> None:
    events = [record.event for batch in batches(router()) for record in batch.records]
    assert {type(event) for event in events} == {Event}
    assert {event.shopper for event in events} == {"ann"}
