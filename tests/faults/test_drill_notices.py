"""The drill sees what it is there to see: each kind of falsehood, put in by hand, is found."""

from collections.abc import Collection
from random import Random
from typing import Any

import pytest

from events.event import PRODUCT_VIEW, Event
from features.identity import Move
from features.logic import ShopperLogic
from features.pointing import pointing_rows
from features.row import FeatureRow
from sinks.codec import fields_of, key_of, meta_of
from tests.faults import comparison
from tests.faults.comparison import Comparison, wrong_snapshots
from tests.faults.freshness import STEADY_S, Sample, Told, recovered, sample
from tests.faults.households import CUSTOMER, may_share
from tests.faults.persons import is_login
from tests.faults.poller import Watch
from tests.faults.rows import Fields
from tests.faults.stream import is_keyed
from tests.faults.topic import Topic

pytestmark = pytest.mark.unit

NOW = 1_800_000_000_000
KEYED = next(f"shopper-{n}" for n in range(100) if is_keyed(f"shopper-{n}"))
KEY = f"p:user:{KEYED}:features:1h"
RECORDS = 12
ANN, BOB = f"{CUSTOMER}1", f"{CUSTOMER}2"


class FakeTopic(Topic):
    """Twelve product views of one shopper, ten seconds apart."""

    def __init__(self) -> None:
        super().__init__("", "", 0)
        for number in range(RECORDS):
            at = NOW - 600_000 + number * 10_000
            self.tell(Event(KEYED, f"e{number}", at, PRODUCT_VIEW, session_id="s"))

    def tell(self, event: Event) -> None:
        self.persons.of_event(event).add(event, event.at + 100, 0, event.at)

    def catch_up(self) -> int:
        return RECORDS


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


def rows_after(records: int, as_of: int, without: Collection[int] = ()) -> dict[str, Fields]:
    """What the job writes after so many of the topic's records, but some, all of them as of one moment."""
    logic = ShopperLogic()
    state = logic.zero()
    for number, (event, _) in enumerate(list(FakeTopic().arrivals(KEYED))[:records]):
        if number not in without:
            logic.apply(state, event, as_of)
    return {"p:" + key_of(row): hash_of(row) for row in logic.all_rows(state, KEYED)}


def hash_of(row: FeatureRow) -> Fields:
    return meta_of(row, life=NOW - 10**6) | fields_of(row)


def compared(
    hashes: dict[str, Fields], monkeypatch: pytest.MonkeyPatch, topic: FakeTopic | None = None
) -> list[str]:
    monkeypatch.setattr(comparison, "SETTLES_S", 0.0)
    client: Any = FakeRedis(hashes)
    return Comparison(client, "p:", topic or FakeTopic()).compare().wrong


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
        (lambda rows: rows[KEY].update(_seen="13"), "fewer counted for the shopper"),
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


@pytest.mark.parametrize(
    ("without", "stopped", "right"),
    [
        ((5,), 5, True),
        ((5, 6), 5, False),  # the second was sent ten seconds after the stop
        ((5,), 9, False),
        ((5,), None, False),
        ((4, 5), 5, False),  # ten seconds are longer than a batch is gathered
    ],
)
def test_what_was_being_gathered_at_a_rescale_may_come_behind_what_followed(
    without: tuple[int, ...], stopped: int | None, right: bool
) -> None:
    topic = FakeTopic()
    if stopped is not None:
        topic.rescales.append(list(topic.arrivals(KEYED))[stopped].sent_at + 50)
    session = f"user:{KEYED}:features:session"
    row = rows_after(9, NOW - 400_000, without)[f"p:{session}"]
    assert int(row["_seen"]) == 9 - len(without)
    assert (wrong_snapshots(topic, [(session, row)]) == []) == right


def who_shares() -> FakeTopic:
    """Three more views on a device, after a login of Ann, another of Bob, and none."""
    topic = FakeTopic()
    for number, user in enumerate((ANN, BOB, None)):
        at = NOW - 60_000 + number * 1000
        event = Event(
            user or KEYED, f"s{number}", at, PRODUCT_VIEW, session_id="s", user_id=user, device_id=KEYED
        )
        topic.tell(event)
    return topic


def of_users(topic: FakeTopic, *everything: str) -> dict[str, Fields]:
    """What the job writes where those users have what is nobody's, beside what is their own."""
    rows: dict[str, Fields] = {}
    person = topic.persons.of(KEYED)
    assert person
    for user in person.ids - {KEYED}:
        logic = ShopperLogic()
        state = logic.zero()
        for event, _ in person.arrivals():
            if event.user_id == user or (event.user_id is None and user in everything):
                logic.apply(state, event, NOW - 5)
        rows |= {"p:" + key_of(row): hash_of(row) for row in logic.all_rows(state, user)}
    move = Move(KEYED, BOB, 99)
    return rows | {"p:" + key_of(row): hash_of(row) for row in pointing_rows(ShopperLogic(), move, NOW - 5)}


def one_user() -> FakeTopic:
    topic = FakeTopic()
    topic.tell(Event(BOB, "l", NOW - 60_000, PRODUCT_VIEW, session_id="s", user_id=BOB, device_id=KEYED))
    return topic


def test_a_device_with_one_user_is_that_user(monkeypatch: pytest.MonkeyPatch) -> None:
    topic = one_user()
    rows = of_users(topic, BOB)
    assert rows[KEY]["_same_as"] == BOB
    assert rows[f"p:user:{BOB}:features:24h"]["product_view_count"] == str(RECORDS + 1)
    assert compared(rows, monkeypatch, topic) == []
    half = of_users(topic)
    assert "oracle says 13" in "\n".join(compared(half, monkeypatch, topic)), "what was before is lost"
    astray = rows | {KEY: rows[KEY] | {"_same_as": ANN}}
    assert f"_same_as: {ANN}, the oracle says {BOB}" in "\n".join(compared(astray, monkeypatch, topic))
    itself = rows | {KEY: rows_after(RECORDS, NOW - 5)[KEY]}
    assert "_same_as: nothing" in "\n".join(compared(itself, monkeypatch, topic))


def test_what_several_users_of_a_device_have_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    topic = who_shares()
    for user in (ANN, BOB):
        assert compared(of_users(topic, user), monkeypatch, topic) == []
    (twice,) = compared(of_users(topic, ANN, BOB), monkeypatch, topic)
    assert "product_view_count: 28, the oracle says 15" in twice
    (lost,) = compared(of_users(topic), monkeypatch, topic)
    assert "product_view_count: 2, the oracle says 15" in lost


def test_who_belongs_together_follows_from_the_logins() -> None:
    persons = Topic("", "", 0).persons
    pairs = [("ann", "a"), ("bob", "b"), (None, "c"), ("bob", "a"), ("eve", None)]
    for number, (user, device) in enumerate(pairs):
        event = Event(
            user or device or "", f"{number}", NOW + number, PRODUCT_VIEW, user_id=user, device_id=device
        )
        assert is_login(event, NOW) == (user is not None and device is not None)
        assert not is_login(event, NOW - 24 * 3_600_000), "a broken clock is not believed"
        persons.of_event(event).add(event, NOW, 0, number)
    assert sorted(sorted(person.ids) for person in persons) == [["a", "ann", "b", "bob"], ["c"], ["eve"]]
    (sharing,) = (person for person in persons if person.shares)
    assert sharing.points == {"a": "bob", "b": "bob"}
    assert [event.event_id for event, _ in sharing.arrivals()] == ["0", "1", "3"]


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


def session(owner: str, count: int, seen: int, *, moved: bool = False) -> Fields:
    row = {"_v": f"x.{seen}.{NOW}", "_seen": str(seen), "_at": str(NOW), "_until": str(NOW + 1000)}
    row |= {"_owner": owner, "event_count": str(count)}
    return row | {"_moved": "1"} if moved else row


def test_the_poller_knows_what_a_login_does_to_a_key() -> None:
    late = rows_after(RECORDS, NOW - 5)[KEY]
    pointer = hash_of(pointing_rows(ShopperLogic(), Move(KEYED, "bob", 99), NOW)[0])
    assert not watched((late, NOW), (pointer, NOW + 1)).findings.violations
    back = late | {"_v": pointer["_v"].replace("99", "100"), "_seen": "100", "_at": pointer["_at"]}
    assert "a device is itself again" in watched((pointer, NOW), (back, NOW)).findings.violations
    both = pointer | {"product_view_count": "1"}
    assert set(watched((both, NOW)).findings.violations) == {"a hash is torn"}


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (session(f"{CUSTOMER}1", 9, 3, moved=True), set()),
        (session(f"{CUSTOMER}1", 7, 30, moved=True), {"event_count went back"}),
        (session(f"{CUSTOMER}1", 7, 30), set()),
        (session(KEYED, 7, 30), {"event_count went back"}),
    ],
)
def test_the_poller_sees_a_session_shrink_where_its_device_gets_a_user(after: Fields, told: set[str]) -> None:
    watch = Watch(Random(1), "p:")
    for fields in (session(KEYED, 8, 12), after):
        watch.judge("p:session:s:features", fields, NOW)
    assert set(watch.findings.violations) == told


@pytest.mark.parametrize("shares", [True, False])
def test_a_replay_may_give_events_to_another_who_shares_the_device(shares: bool) -> None:
    owner = next(f"{CUSTOMER}{n:06d}" for n in range(100) if may_share(f"{CUSTOMER}{n:06d}") == shares)
    key, reads = "p:session:s:features", [session(owner, 8 - n, 30 + n) for n in range(3)]
    watch = Watch(Random(1), "p:")
    watch.judge(key, reads[0], NOW)
    watch.recovered()
    watch.judge(key, reads[1], NOW)
    assert watch.findings.violations.total() == (0 if shares else 1)
    watch.judge(key, reads[2], NOW)
    assert watch.findings.violations.total() == (1 if shares else 2), "it is all over by then"
    assert watch.findings.during_replay.total() == (1 if shares else 0)


def test_freshness_wants_every_bucket_of_users_and_every_bucket_of_devices_that_ever_told() -> None:
    told = {name: Told(NOW, NOW, {"read": 2}) for name in ("0", "1", "0/devices")}
    known = told.keys()
    assert sample(NOW, told, known, 2) == Sample(NOW, NOW, NOW, 6)
    assert sample(NOW, told | {"0/devices": Told(NOW - 9, NOW, {})}, known, 2).oldest == NOW - 9
    assert not sample(NOW, told, known, 3).fresh, "devices are no buckets of users"
    assert not sample(NOW, {"0": told["0"], "1": told["1"]}, known, 2).fresh


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
