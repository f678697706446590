"""Moving recorded events to another time."""

import gzip
import json
import re
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.decoder import Decoder
from events.event import Event
from jobs.recorded.restamp import LONGEST_GAP_MS, event_time, restamp, shifted

DATA = Path(__file__).parents[1] / "data"
NOW = 1_800_000_000_123
FORMATS = ("enriched.tsv", "sdk.jsonl", "live_shopper_topic.jsonl")
STAMP = re.compile(rb"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?Z?")


def recorded(name: str) -> list[bytes]:
    path = DATA / "snowplow-ecommerce" / f"events.{name}.gz"
    return [line for line in gzip.decompress(path.read_bytes()).split(b"\n") if line]


def text(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def line(at: int, **fields: str) -> bytes:
    """An enriched line whose five stamps differ by 100 ms each."""
    cells = [""] * 131
    for index, offset in ((4, -200), (119, -100), (124, 0), (3, 100), (2, 200)):
        cells[index] = text(at + offset)
    cells[6] = fields.get("event_id", "e")
    return "\t".join(cells).encode()


@pytest.mark.parametrize("name", FORMATS)
def test_the_last_event_is_now_and_long_pauses_shrink(name: str) -> None:
    records = recorded(name)
    before = [event_time(record) for record in records]
    moved = restamp(records, NOW)
    after = [event_time(m.raw) for m in moved]
    assert after == [m.at for m in moved]
    assert max(at for at in after if at) == NOW
    pairs = sorted((b, a) for b, a in zip(before, after, strict=True) if b is not None and a is not None)
    for (b0, a0), (b1, a1) in pairwise(pairs):
        assert a1 - a0 == min(b1 - b0, LONGEST_GAP_MS)


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_but_stamps_changes(name: str) -> None:
    for record, moved in zip(recorded(name), restamp(recorded(name), NOW), strict=True):
        assert STAMP.sub(b"", moved.raw) == STAMP.sub(b"", record)


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_decoded_differs_in_its_times_alone(name: str) -> None:
    decode = Decoder().decode
    for record, moved in zip(recorded(name)[:100], restamp(recorded(name)[:100], NOW), strict=True):
        before, after = decode(record), decode(moved.raw)
        if isinstance(before, Event) and isinstance(after, Event) and before.created_at and after.created_at:
            assert after.at - after.created_at == before.at - before.created_at
            assert after.event_id == before.event_id
            assert after.products == before.products
        else:
            assert type(before) is type(after)


@given(st.lists(st.integers(0, 10**8), min_size=1, max_size=20), st.integers(1, 10**7))
@settings(max_examples=50, deadline=None)
def test_the_order_of_times_and_the_order_of_records_stay(offsets: list[int], gap: int) -> None:
    records = [line(1_600_000_000_000 + at, event_id=str(number)) for number, at in enumerate(offsets)]
    moved = restamp(records, NOW, gap)
    assert [m.raw.split(b"\t")[6] for m in moved] == [str(number).encode() for number in range(len(offsets))]
    times = sorted((at, m.at) for at, m in zip(offsets, moved, strict=True) if m.at is not None)
    assert len(times) == len(offsets)
    for (b0, a0), (b1, a1) in pairwise(times):
        assert a1 - a0 == min(b1 - b0, gap)


@given(st.integers(-(10**12), 10**12))
@settings(max_examples=50, deadline=None)
def test_the_five_stamps_move_alike_and_back(delta: int) -> None:
    record = line(1_600_000_000_000)
    assert shifted(record, delta) == line(1_600_000_000_000 + delta)
    assert shifted(shifted(record, delta), -delta) == record


def test_a_true_timestamp_moves_as_well() -> None:
    record = line(0)[:-1] + b"\t1970-01-01 00:00:00.000"
    assert shifted(record, 1500).endswith(b"\t1970-01-01 00:00:01.500")


def test_an_event_time_long_after_its_collector_time_counts_as_collected() -> None:
    cells = line(1_600_000_000_000).split(b"\t")
    cells[124] = b"2999-01-01 00:00:00.000"
    assert event_time(b"\t".join(cells)) == 1_600_000_000_100


@pytest.mark.parametrize(
    "record",
    [b"", b"a\tb", b"{", b"[]", b"{}", b'{"collector_tstamp":7}', b"\xff\xfe", b"\t" * 130],
)
def test_a_record_without_a_readable_time_passes_through(record: bytes) -> None:
    moved = restamp([record, line(1_600_000_000_000)], NOW)
    assert moved[0] == (None, record)
    assert moved[1].at == NOW


def test_bytes_that_are_no_text_stay() -> None:
    record = line(1_600_000_000_000, event_id="e").replace(b"\te\t", b"\t\xff\xc3\t")
    assert b"\t\xff\xc3\t" in restamp([record], NOW)[0].raw


def json_record(**more: Any) -> bytes:
    stamps = {"collector_tstamp": "2024-05-01T10:00:01.5Z", "derived_tstamp": "2024-05-01T10:00:01.123456Z"}
    return json.dumps({"price": 1e22, **stamps, **more}).encode()


def test_spelling_stays_digits_beyond_milliseconds_too() -> None:
    moved = shifted(json_record(), 1000)
    assert b'{"price": 1e+22, ' in moved
    assert b'"2024-05-01T10:00:02.500Z"' in moved
    assert b'"2024-05-01T10:00:02.123456Z"' in moved


def test_a_stamp_of_the_same_name_deeper_inside_does_not_move() -> None:
    inner = {"derived_tstamp": "2020-01-01T00:00:00.000Z"}
    moved = json.loads(shifted(json_record(contexts_x_1=[inner]), 1000))
    assert moved["contexts_x_1"] == [inner]
    assert moved["derived_tstamp"] == "2024-05-01T10:00:02.123456Z"
