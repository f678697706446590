"""Raw records travel compressed beside their events, and come out as they were read."""

from concurrent.futures import ThreadPoolExecutor
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from events.event import PRODUCT_VIEW, Event
from operators.batch import Batch, Raws, decode, encode, encode_all
from sinks.dead_letters import read_dead_letter
from tests.operators.fakes import NOW, Instance, LogicWithADefect, record, view

pytestmark = pytest.mark.unit

RAWS = st.lists(st.binary(max_size=200), max_size=20)


def batch_of(raws: list[bytes], first: int = 0) -> Batch:
    """A batch of product views with these raw records."""
    return Batch(0, NOW, records=[record(view(f"{n}"), n, raw) for n, raw in enumerate(raws, first)])


def packed(*batches: Batch) -> list[bytes]:
    """What goes on of those who are behind."""
    return encode_all(batches, packed=True)


@pytest.mark.property
@given(RAWS, RAWS, st.booleans())
def test_raw_records_come_out_as_they_were_read(ones: list[bytes], others: list[bytes], pack: bool) -> None:
    batches = list(map(decode, encode_all([batch_of(ones), batch_of(others, len(ones))], packed=pack)))
    raws = Raws(batches)
    records = [each for batch in batches for each in batch.records]
    assert [raws.of(each) for each in reversed(records)] == [*ones, *others][::-1]
    assert [each.event.event_id for each in records] == [str(n) for n in range(len(records))]


def test_a_batch_is_encoded_again_as_it_is() -> None:
    (payload,) = packed(batch_of([b"one", b"two"]))
    batch = decode(payload)
    assert [each.raw for each in batch.records] == [3, 3]
    again = decode(encode(replace(batch, again=True)))
    assert again.again
    assert [Raws([again]).of(each) for each in again.records] == [b"one", b"two"]


def test_records_that_are_alike_take_a_tenth_and_those_of_nobody_nothing() -> None:
    alike = b"".join(f"field {n}\t".encode() for n in range(200))
    nobody, one, again = packed(
        Batch(0, NOW), batch_of([alike + b"%d" % n for n in range(40)]), Batch(1, NOW)
    )
    assert len(one) < 40 * len(alike) // 10
    assert [decode(each).raws for each in (nobody, again)] == [b"", b""]
    batch = decode(one)
    assert Raws([batch]).of(batch.records[39]) == alike + b"39"


def test_what_the_release_before_has_left_waiting_is_read() -> None:
    """There a record's bytes stood in its place, and the batch ended before `raws`."""
    wire = msgspec.msgpack.decode(msgspec.msgpack.encode(batch_of([b"one", b"two"])))
    assert wire.pop() == b""
    assert wire[5][0][3] == b"one"
    batch = decode(msgspec.msgpack.encode(wire))
    assert [Raws([batch]).of(each) for each in batch.records] == [b"one", b"two"]
    one = Instance(LogicWithADefect("1"))
    (letter,) = one.give(msgspec.msgpack.encode(wire))
    assert read_dead_letter(letter.encode()).raw == b"two"


@pytest.mark.parametrize("waited", [False, True])
def test_a_dead_letter_has_the_record_that_failed(waited: bool) -> None:
    one = Instance(LogicWithADefect("3"))
    newest = NOW - 3_600_000 if waited else NOW
    raws = [b"record %d" % n for n in range(5)]
    letters = []
    for first in (0, 2, 4):
        (payload,) = packed(replace(batch_of(raws[first : first + 2], first), newest=newest))
        letters += one.give(payload)
    one.now += 10_000
    (letter,) = letters + one.wake()
    told = read_dead_letter(letter.encode())
    assert (told.kind, told.offset, told.raw) == ("bug", 3, b"record 3")


@pytest.mark.parametrize("late", [False, True])
def test_what_a_device_hands_on_takes_its_record_along(late: bool) -> None:
    devices = Instance(devices=True)
    events = [
        Event("ann", "in", NOW, PRODUCT_VIEW, user_id="ann", device_id="d"),
        Event("d", "out", NOW + 1, PRODUCT_VIEW, device_id="d"),
    ]
    raws = [b"the login", b"what comes after"]
    newest = NOW - 60_000 if late else NOW
    (payload,) = packed(Batch(0, newest, {0: (2, 1)}, records=list(map(record, events, range(2), raws))))
    devices.give(payload)
    devices.now += 10_000
    devices.wake()
    handed = [decode(payload) for _, payload in devices.shard.handed_on()]
    assert all(bool(batch.raws) == late for batch in handed)
    told = [(each.event.shopper, Raws([batch]).of(each)) for batch in handed for each in batch.records]
    assert told == [("ann", raws[0]), ("ann", raws[1])]


def test_what_is_not_kept_unpacked_is_unpacked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operators.batch.MOST_UNPACKED", 10)
    ones, others = [b"x" * 9, b"y"], [b"z" * 20, b""]
    batches = list(map(decode, packed(batch_of(ones), batch_of(others, 2))))
    raws = Raws(batches)
    for _ in range(2):
        assert [raws.of(each) for batch in batches for each in batch.records] == [*ones, *others]


def test_operators_of_one_interpreter_do_not_disturb_each_other() -> None:
    """Compressing lets go of the interpreter's lock, so they do it at the same time."""

    def there_and_back(seed: int) -> bool:
        rng = Random(seed)
        raws = [rng.randbytes(50) * rng.randrange(1, 200) for _ in range(200)]
        batch = decode(*packed(batch_of(raws)))
        return list(map(Raws([batch]).of, batch.records)) == raws

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(there_and_back, range(40)))
