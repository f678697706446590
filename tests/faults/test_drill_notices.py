"""The drill sees what it is there to see: each kind of falsehood, put in by hand, is found."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from events.event import PRODUCT_VIEW, Event
from features.logic import ShopperLogic
from features.row import FeatureRow
from sinks.codec import fields_of, key_of, meta_of
from tests.faults import comparison
from tests.faults.comparison import Comparison, wrong_snapshots
from tests.faults.expected import Fields
from tests.faults.freshness import STEADY_S, Sample, recovered
from tests.faults.poller import Watch
from tests.faults.stream import is_keyed
from tests.faults.topic import Arrival, Topic

pytestmark = pytest.mark.unit

NOW = 1_800_000_000_000
KEYED = next(f"shopper-{n}" for n in range(100) if is_keyed(f"shopper-{n}"))
KEY = f"p:user:{KEYED}:features:1h"
RECORDS = 12


class FakeTopic(Topic):
    """Twelve product views of one shopper, ten seconds apart."""

    def __init__(self) -> None:
        super().__init__("", "", 0)
        self.changed.add(KEYED)

    def catch_up(self) -> int:
        return RECORDS

    def arrivals(self, shopper: str) -> Iterator[Arrival]:
        for number in range(RECORDS):
            at = NOW - 600_000 + number * 10_000
            yield Arrival(Event(KEYED, f"e{number}", at, PRODUCT_VIEW, session_id="s"), at + 100)


class FakeRedis:
    """Hashes in a dictionary, read as redis-py reads them."""

    def __init__(self, hashes: dict[str, Fields]) -> None:
        self.hashes = hashes
        self._asked: list[str] = []

    def time(self) -> tuple[int, int]:
        return NOW // 1000, 0

    def scan_iter(self, match: str, count: int) -> list[str]:
        return list(self.hashes)

    def pipeline(self, transaction: bool) -> "FakeRedis":
        return FakeRedis(self.hashes)

    def hgetall(self, key: str) -> None:
        self._asked.append(key)

    def execute(self) -> list[Fields]:
        return [self.hashes.get(key, {}) for key in self._asked]


def rows_after(records: int, as_of: int) -> dict[str, Fields]:
    """What the job writes after so many of the topic's records, all of them as of one moment."""
    logic = ShopperLogic()
    state = logic.zero()
    for event, _ in list(FakeTopic().arrivals(KEYED))[:records]:
        logic.apply(state, event, as_of)
    return {"p:" + key_of(row): hash_of(row) for row in logic.all_rows(state, KEYED)}


def hash_of(row: FeatureRow) -> Fields:
    return meta_of(row, life=NOW - 10**6) | fields_of(row)


def compared(hashes: dict[str, Fields], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(comparison, "SETTLES_S", 0.0)
    client: Any = FakeRedis(hashes)
    return Comparison(client, "p:", FakeTopic()).compare().wrong


def test_what_is_right_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_after(RECORDS, NOW - 5)
    assert len(rows) == 4
    assert compared(rows | {"p:pipeline:job:progress": {"0": "{}"}}, monkeypatch) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows.pop(KEY), "missing"),
        (lambda rows: rows.update({"p:user:nobody:features:1h": rows[KEY]}), "must not be"),
        (
            lambda rows: rows[KEY].update(product_view_count="13"),
            "_count: 13, the oracle says 12",
        ),
        (lambda rows: rows[KEY].pop("unique_products_viewed"), "unique_products_viewed: nothing"),
        (lambda rows: rows[KEY].update(stranger="1"), "stranger: 1, the oracle says nothing"),
        (lambda rows: rows[KEY].update(_until="1"), "_until: 1"),
        (lambda rows: rows[KEY].update(_seen="13"), "the shopper has fewer"),
        (lambda rows: rows.update(rows_after(RECORDS - 1, NOW - 5)), "product_view_count: 11"),
    ],
)
def test_a_wrong_row_is_found(change: Any, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_after(RECORDS, NOW - 5)
    change(rows)
    assert told in "\n".join(compared(rows, monkeypatch))


def test_a_row_that_was_right_when_it_was_read_passes_and_a_torn_one_does_not() -> None:
    early, late = rows_after(5, NOW - 300_000)[KEY], rows_after(RECORDS, NOW - 5)[KEY]
    name = KEY.removeprefix("p:")
    assert wrong_snapshots(FakeTopic(), [(name, early), (name, late)]) == []
    torn = early | {"product_view_count": late["product_view_count"]}
    (wrong,) = wrong_snapshots(FakeTopic(), [(name, torn)])
    assert "product_view_count: 12, the oracle says 5" in wrong


def watched(*reads: tuple[Fields, int], **state: bool) -> Watch:
    watch = Watch(Random(1), "p:")
    for name, value in state.items():
        setattr(watch, name, value)
    for fields, now in reads:
        watch.judge(KEY, fields, now)
    return watch


def test_the_poller_notes_what_must_not_be() -> None:
    early, late = rows_after(5, NOW - 100)[KEY], rows_after(RECORDS, NOW - 5)[KEY]
    assert not watched((early, NOW - 50), (late, NOW), (late, NOW + 50)).findings.violations
    assert set(watched((late, NOW), (early, NOW)).findings.violations) == {
        "a fence went back",
        "_seen went back",
        "_at went back",
    }
    assert set(watched((late, NOW), ({}, NOW + 10)).findings.violations) == {"a key was lost"}
    until = int(late["_until"])
    assert not watched((late, NOW), ({}, until)).findings.violations
    assert set(watched((late, until + 10)).findings.violations) == {"a key was readable after its time"}
    for torn in ({"_seen": "11"}, {"return_view_count": "99"}, {"cart_update_count": "3"}):
        assert set(watched((late | torn, NOW)).findings.violations) == {"a hash is torn"}
    assert set(watched(({"product_view_count": "1"}, NOW)).findings.violations) == {"a hash is torn"}


def test_the_poller_allows_only_what_a_fault_explains() -> None:
    early, late = rows_after(5, NOW - 100)[KEY], rows_after(RECORDS, NOW - 5)[KEY]
    replaying = watched((late, NOW), (early, NOW), replaying=True).findings
    assert set(replaying.violations) == {"a fence went back"}
    assert set(replaying.during_replay) == {"_seen went back", "_at went back"}
    forgotten = watched((late, NOW), (early, NOW), ({}, NOW), forgotten=True).findings
    assert not forgotten.violations
    assert forgotten.during_replay["a key was lost"] == 1


def samples(*oldest: int, newest_record: int) -> list[Sample]:
    """A sample a second from NOW on; `oldest` says how many seconds before it the oldest bucket was told."""
    return [
        Sample(NOW + i * 1000, NOW + (i - ago) * 1000, NOW + newest_record, 0) for i, ago in enumerate(oldest)
    ]


def test_recovery_is_the_first_fresh_value_that_lasts() -> None:
    steady = [0] * (int(STEADY_S) + 1)
    assert recovered(samples(*steady, newest_record=5), NOW, NOW) == 0
    assert recovered(samples(0, 1, 4, 9, *steady, newest_record=5), NOW, NOW) == 4
    assert recovered(samples(0, 9, 0, 9, *steady, newest_record=5), NOW, NOW) == 4, "it stopped once more"
    assert recovered(samples(0, 1, 4, 9, 0, newest_record=5), NOW, NOW) is None, "not yet for good"
    assert recovered(samples(*steady, newest_record=0), NOW, NOW) is None, (
        "nothing of after the fault was counted"
    )
