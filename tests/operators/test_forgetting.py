"""A control record makes a shopper unknown, wherever it stands among events, and replays to the same."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from events.bucket import bucket_of
from events.control import forget_record
from events.decoder import Decoder
from features.split import Split
from features.views import BRANCHES
from operators import floors
from operators.batch import Batch, Forgetting, decode
from operators.ledger import VERDICTS
from operators.routed import ACCOUNTANT
from operators.routing import Router
from operators.store import LEDGER
from tests.operators.fakes import NOW, Instance, LogicWithADefect, record, view


def batch(*told: str, number: int = 0) -> Batch:
    """Events of shopper ann by their ids, `!` where ann is forgotten."""
    made = Batch(0, NOW, {0: (len(told), number + len(told) - 1)})
    for offset, each in enumerate(told, number):
        if each == "!":
            made.forgets.append(Forgetting(0, offset, "ann", len(made.records)))
        else:
            made.records.append(record(view(each), offset))
    return made


def last_rows(one: Instance) -> dict[tuple[str, str], bool]:
    """Which keys are there, as the sink was told."""
    return {(row.entity_id, row.window): not row.forgotten for row in one.sink.rows}


def test_state_and_keys_go_in_the_same_element() -> None:
    one = Instance()
    one.take(view("1"), view("2", "bob"))
    one.take(batch=batch("!"))
    assert set(one.store.entries[0]) == {LEDGER, "bob"}
    assert {key for key, there in last_rows(one).items() if there} == {
        ("bob", "5min"),
        ("bob", "1h"),
        ("bob", "24h"),
        ("bob", "session"),
    }
    assert last_rows(one)["s", "session"] is False
    assert (one.counts()["applied"], one.counts()["forgotten"]) == (3, 1)
    assert one.sink.round_trips == 2


def test_what_comes_before_is_judged_and_what_comes_after_begins_anew() -> None:
    one = Instance()
    one.take(batch=batch("1", "1", "!", "1", "2"))
    assert one.sink.shown("ann")["product_view_count"] == 2
    assert one.counts()["applied"] == 4
    assert one.counts()["duplicate"] == 1
    state = one.state("ann")
    assert state is not None
    assert state.seen == 4, "the fence goes on"


def test_the_fence_goes_on_when_the_shopper_comes_back_later() -> None:
    one = Instance()
    one.take(view("1"), view("2"), view("3"))
    one.take(batch=batch("!"))
    one.restart()
    one.take(view("4"))
    state = one.state("ann")
    assert state is not None
    assert state.seen == 4
    assert one.sink.shown("ann")["product_view_count"] == 1


def test_forgetting_again_or_a_stranger_is_no_harm() -> None:
    one = Instance()
    one.take(batch=batch("!", "!"))
    one.take(batch=batch("1", "!", "2", "!"))
    assert set(one.store.entries[0]) == {LEDGER}
    assert one.counts()["forgotten"] == 4


def test_a_state_that_cannot_be_read_is_forgotten_all_the_same() -> None:
    one = Instance()
    one.take(view("1", "bob"))
    one.store.entries[0]["ann"] = b"\x93\x01"
    one.take(batch=batch("!"))
    assert set(one.store.entries[0]) == {LEDGER, "bob"}


def test_a_defect_before_the_control_record_is_told() -> None:
    one = Instance(LogicWithADefect("2"))
    letters = one.take(batch=batch("1", "2", "!"))
    assert [json.loads(letter)["id"] for letter in letters] == ["topic/0/1"]
    assert set(one.store.entries[0]) == {LEDGER}
    counts = one.counts()
    assert (counts["applied"], counts["dead"]) == (2, 1)


def kept(one: Instance) -> bytes | None:
    """The state, but for when which row was given: that follows from the batches."""
    state = one.state("ann")
    if state is None:
        return None
    one.logic.all_rows(state, "ann")
    return one.logic.dump(state)


@given(st.lists(st.lists(st.sampled_from(["!", "1", "2", "3", "4"]), max_size=5), max_size=6), st.data())
def test_any_cut_into_batches_and_any_crash_ends_in_the_same(
    story: list[list[str]], data: st.DataObject
) -> None:
    one, two = Instance(), Instance(cached=0)
    told = [each for part in story for each in part]
    for number, each in enumerate(told):
        one.take(batch=batch(each, number=number))
    number = 0
    for part in story:
        two.sink.failing = data.draw(st.booleans())
        try:
            two.take(batch=batch(*part, number=number))
        except RuntimeError:
            two.sink.failing = False
            two.restart()
            two.take(batch=batch(*part, number=number))
        two.sink.failing = False
        number += len(part)
    assert (one.state("ann") is None) == (not told or told[-1] == "!")
    assert kept(one) == kept(two)
    for name in (*VERDICTS, "forgotten", "read"):
        assert one.counts().get(name, 0) == two.counts().get(name, 0)
    if told:
        assert last_rows(one) == last_rows(two)


def test_progress_tells_how_far_control_records_are_carried_out() -> None:
    one = Instance()
    one.take(batch=batch("1", "!", "2", number=40))
    progress = json.loads(one.sink.puts[0]["pipeline:job:progress"]["0"])
    assert progress["controls"] == {"0": 41}


def test_the_record_goes_to_the_shoppers_bucket_of_every_branch() -> None:
    event = b'{"event_id":"1","collector_tstamp":"2024-03-05T12:00:00Z","user_id":"ann"}'
    raws = [event, forget_record("ann"), event]
    for split in (None, Split()):
        routed = Router(Decoder(), "topic", 16, split).route([0] * 3, [5, 6, 7], raws, NOW, NOW)
        assert {bucket for _, bucket, _ in routed} == {bucket_of("ann", 16)}
        batches = {branch: decode(payload) for branch, _, payload in routed}
        assert set(batches) == (set(BRANCHES) if split else {""})
        home = batches[ACCOUNTANT if split else ""]
        assert home.reads == {0: (3, 7)}
        assert home.forgets == [Forgetting(0, 6, "ann", 1)]
        assert len(home.records) == 2
        for branch, made in batches.items():
            if made is not home:
                greatest = max([6, *(record.offset for record in made.records)])
                assert (made.reads, len(made.forgets)) == ({0: (0, greatest)}, 1), branch


def test_branch_counters_of_one_host_follow_from_what_was_applied() -> None:
    one = Instance(split=Split())
    one.take(view("1"), view("1"), view("2", "bob"))
    counts = one.counts()
    told = {branch: counts.get(f"applied.{branch}", 0) for branch in BRANCHES}
    assert told == {"product": 2, "category": 2, "cart": 0, "purchase": 0, "session": 2}


def test_a_ledger_is_bounded_in_the_shoppers_that_it_remembers() -> None:
    held: floors.Floors = {}
    for number in range(floors.MOST + 5):
        floors.remember(held, str(number), number + 1, NOW, NOW + 1)
    assert len(held) == floors.MOST
    assert (floors.floor(held, "4"), floors.floor(held, "5")) == (0, 6)
    assert len(msgspec.msgpack.encode(held)) < 32_768
    floors.remember(held, "ann", 1, NOW + 1, NOW + 2)
    assert len(held) == 1
