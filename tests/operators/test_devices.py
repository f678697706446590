"""Devices and users in operators of their own: every event counts once, for whom the identity rule says."""

from typing import Any

import msgspec
import pytest

from events.bucket import bucket_of
from events.event import ADD_TO_CART, PAGE_VIEW, Event, Money, Product
from features.identity import Move
from features.logic import ShopperLogic
from features.pointing import POINTED_MS
from features.row import FeatureRow
from features.settings import Definitions
from features.state import ShopperState
from operators.batch import Batch, Forgetting, encode
from operators.ledger import VERDICTS
from operators.routed import DEVICES
from operators.settled import SETTLE_MS
from tests.operators.fakes import NOW
from tests.operators.network import BUCKETS, Network

MERGE = Definitions()
HOUR = 3_600_000


def seen(event_id: str, device: str | None = "phone", user: str | None = None, at: int = NOW) -> Event:
    """A product that was looked at."""
    return Event(
        user or device or "?",
        event_id,
        at,
        "product_view",
        session_id=f"s-{device}",
        products=(Product(event_id, None, Money(1, "EUR")),),
        user_id=user,
        device_id=device,
    )


def shown(network: Network, shopper: str, window: str = "5min") -> dict[str, Any]:
    """What a reader finds, pointers followed."""
    row = None
    for _ in range(2):
        rows = [
            found
            for instance in network.hosts.values()
            if (found := instance.sink.hashes.get(("user", shopper, window)))
        ]
        row = max(rows, key=lambda row: (row.seen, row.at), default=None)
        if row is None or not row.same_as:
            break
        shopper = row.same_as
    return dict((row and row.values) or {})


def balanced(network: Network) -> None:
    counts = network.counts()
    assert counts["read"] == sum(counts.get(verdict, 0) for verdict in VERDICTS) == network.read


def test_what_a_device_did_before_the_login_is_its_users_then() -> None:
    network = Network(MERGE)
    network.take([seen("1"), seen("2")], NOW)
    assert shown(network, "phone")["product_view_count"] == 2
    network.take([seen("3", user="ann")], NOW + 10)
    assert shown(network, "ann")["product_view_count"] == 3
    assert shown(network, "phone") == shown(network, "ann")
    network.take([seen("4"), seen("2")], NOW + 20)
    assert shown(network, "ann")["product_view_count"] == 4
    assert network.counts()["duplicate"] == 1, "ids move, too"
    state = network.states()[DEVICES, "phone"]
    assert (state.ids, state.sessions) == (b"", [])
    (session,) = network.states()["", "ann"].sessions
    assert session.moved
    assert session.events == 4
    balanced(network)


def test_a_session_row_is_the_users_once_it_moved() -> None:
    network = Network(MERGE)
    network.take([seen("1")], NOW)
    network.take([seen("2", user="ann")], NOW + 10)
    row = network.hosts[""].sink.hashes["session", "s-phone", "session"]
    assert (row.owner, row.moved, row.start) == ("ann", True, NOW)
    assert row.values is not None
    assert row.values["event_count"] == 2


def test_a_replay_that_hears_of_the_login_first_writes_over_what_the_device_wrote() -> None:
    """Before the crash three events counted for the device, and their rows are in Redis; now one does."""
    network = Network(MERGE)
    events = [seen("1"), seen("2", at=NOW + 1), seen("3", at=NOW + 2)]
    empty = network.checkpoint()
    network.take(events, NOW + 10)
    before = dict(network.hosts[""].sink.hashes)
    network.restore(empty)
    network.take([events[1], seen("4", user="ann", at=NOW + 3)], NOW + 20)
    network.take([events[0], events[2]], NOW + 20)
    after = network.hosts[""].sink.hashes
    for window in ("5min", "1h", "24h", "session"):
        key = "user", "phone", window
        assert before[key].seen == 3
        assert after[key].same_as == "ann"
        assert after[key].seen > 3, "a pointer with a lesser fence would be refused for ever"
    own = after["session", "s-phone", "session"]
    assert (own.owner, own.start) == ("ann", before["session", "s-phone", "session"].start)
    assert own.moved, "else the device, whose name is not less, would keep the key"


def test_a_replay_that_hears_of_the_last_user_first_writes_over_a_pointer_to_another() -> None:
    network = Network(MERGE)
    network.take([seen("1", user="ann")], NOW)
    checkpoint = network.checkpoint()
    network.take([seen("2", user="bob", at=NOW + 5_000)], NOW + 10_000)
    pointer = network.hosts[""].sink.hashes["user", "phone", "24h"]
    assert pointer.same_as == "bob"
    network.restore(checkpoint)
    network.take([seen("3", user="ann", at=NOW + 10_000)], NOW + 20_000)
    network.take([seen("2", user="bob", at=NOW + 5_000)], NOW + 20_000)
    again = network.hosts[""].sink.hashes["user", "phone", "24h"]
    assert again.same_as == "ann"
    assert again.seen > pointer.seen


def test_a_session_that_an_event_counts_for_later_than_its_login_is_as_if_it_had_moved() -> None:
    network = Network(MERGE)
    network.take([seen("2", user="ann", at=NOW + 1)], NOW + 10)
    row = network.hosts[""].sink.hashes["session", "s-phone", "session"]
    assert not row.moved
    network.take([seen("1")], NOW + 20)
    row = network.hosts[""].sink.hashes["session", "s-phone", "session"]
    assert (row.owner, row.moved, row.start) == ("ann", True, NOW)


def test_a_gap_session_that_a_replay_gives_to_the_user_is_deleted() -> None:
    network = Network(MERGE)
    event = msgspec.structs.replace(seen("1"), session_id=None)
    key = "session", f"phone~{NOW}", "session"
    empty = network.checkpoint()
    network.take([event], NOW)
    hashes = network.hosts[""].sink.hashes
    assert hashes[key].values is not None
    network.restore(empty)
    network.take([seen("2", user="ann", at=NOW + 1)], NOW + 10)
    network.take([event], NOW + 20)
    assert hashes[key].values is None
    assert hashes["session", f"ann~{NOW}", "session"].values is not None
    old = msgspec.structs.replace(event, event_id="3", at=NOW - 25 * HOUR)
    network.take([old], NOW + 20)
    assert ("session", f"phone~{old.at}", "session") not in hashes


def test_two_devices_are_one_shopper_with_two_sessions() -> None:
    network = Network(MERGE)
    for device in ("phone", "pad"):
        network.take([seen(f"{device}1", device)], NOW)
        network.take([seen(f"{device}2", device, "ann")], NOW + 10)
    assert shown(network, "ann")["product_view_count"] == 4
    assert shown(network, "pad") == shown(network, "phone") == shown(network, "ann")
    assert sorted(each.key for each in network.states()["", "ann"].sessions) == ["s-pad", "s-phone"]


def test_a_device_of_two_keeps_apart_what_they_did() -> None:
    network = Network(MERGE)
    network.take([seen("1"), seen("2", user="ann", at=NOW + 1), seen("3", at=NOW + 2)], NOW + 2)
    network.take([seen("4", user="bob", at=NOW + 3), seen("5", at=NOW + 4)], NOW + 4)
    assert shown(network, "phone")["product_view_count"] == 2, "it points to bob"
    network.take([seen("late", at=NOW + 2)], NOW + 5)
    assert shown(network, "ann")["product_view_count"] == 4
    assert shown(network, "bob")["product_view_count"] == 2
    balanced(network)


def test_settled_logins_go_straight_and_devices_hear_of_them() -> None:
    network = Network(MERGE)
    network.take([seen("1", user="ann")], NOW)
    later = NOW + SETTLE_MS
    network.take([seen("2", user="ann", at=later), seen("3", at=later)], later)
    assert shown(network, "ann")["product_view_count"] == 3
    assert network.states()[DEVICES, "phone"].logins == [(NOW, later, "ann")]
    assert network.counts()["handed_on"] == 2
    balanced(network)


def test_forward_leaves_the_past_with_the_device() -> None:
    network = Network(Definitions(identity="forward"))
    network.take([seen("1"), seen("2", user="ann", at=NOW + 1), seen("3", at=NOW + 2)], NOW + 2)
    assert shown(network, "phone")["product_view_count"] == 1
    assert shown(network, "ann")["product_view_count"] == 2
    network.take([seen("late", at=NOW)], NOW + 3)
    assert shown(network, "phone")["product_view_count"] == 2
    balanced(network)


def test_off_is_two_shoppers() -> None:
    network = Network(Definitions(identity="off"))
    network.take([seen("1"), seen("2", user="ann"), seen("3")], NOW)
    assert shown(network, "phone")["product_view_count"] == 2
    assert shown(network, "ann")["product_view_count"] == 1


def test_a_user_whose_id_is_the_devices_has_no_row_that_points_to_itself() -> None:
    network = Network(MERGE)
    network.take([seen("1", "ann")], NOW)
    network.take([seen("2", "ann", "ann")], NOW + 10)
    assert shown(network, "ann")["product_view_count"] == 2
    assert not any(row.same_as for each in network.hosts.values() for row in each.sink.rows)


def test_pointers_are_renewed_while_the_device_goes_on() -> None:
    network = Network(MERGE)
    network.take([seen("1", user="ann")], NOW)

    def pointers() -> list[FeatureRow]:
        return [row for row in network.hosts[""].sink.rows if row.same_as]

    first = pointers()
    assert {row.until for row in first} == {NOW + POINTED_MS}
    later = NOW + POINTED_MS // 2
    network.take([seen("2", at=later - 1)], later - 1)
    assert pointers() == first
    network.take([seen("3", at=later + 1)], later + 1)
    renewed = pointers()[len(first) :]
    assert {row.until for row in renewed} == {later + 1 + POINTED_MS}
    assert renewed[0].seen > first[0].seen


def test_rows_that_point_are_written_again_after_a_loss() -> None:
    network = Network(MERGE)
    network.take([seen("1"), seen("2", user="ann")], NOW)
    network.hosts[""].sink.lose()
    network.take([seen("3", user="ann"), seen("4")], NOW + 10)
    for instance in network.hosts.values():
        for _ in range(3):
            instance.now += 1_000
            for bucket in instance.shard._buckets:
                instance.wake(bucket)
    assert network.hosts[DEVICES].sink.hashes["user", "phone", "1h"].same_as == "ann"
    assert shown(network, "phone")["product_view_count"] == 4


def test_an_idle_device_is_forgotten_with_its_logins() -> None:
    network = Network(MERGE)
    network.take([seen("1", user="ann")], NOW)
    devices = network.hosts[DEVICES]
    state = network.states()[DEVICES, "phone"]
    devices.now = state.next
    (bucket,) = devices.shard._buckets
    devices.wake(bucket)
    assert (DEVICES, "phone") not in network.states()


class Defective(ShopperLogic):
    """Fails at what it is told to."""

    fails = ""

    def learn(self, state: ShopperState, user: str, at: int, as_of: int) -> bool:
        if user == self.fails:
            raise ZeroDivisionError
        return super().learn(state, user, at, as_of)

    def merge(self, state: ShopperState, data: bytes, as_of: int) -> None:
        if self.fails == "merge":
            raise ZeroDivisionError
        super().merge(state, data, as_of)

    def apply(self, state: ShopperState, event: Event, as_of: int) -> Any:
        if event.event_id == self.fails:
            raise ZeroDivisionError
        return super().apply(state, event, as_of)


@pytest.mark.parametrize("fails", ["1", "2", "bob"])
def test_a_defect_costs_one_record(fails: str) -> None:
    network = Network(MERGE, Defective)
    network.logic.fails = fails  # type: ignore[attr-defined]
    events = [seen("1"), seen("2"), seen("3", user="bob"), seen("4", user="ann"), seen("5")]
    letters = network.take(events, NOW)
    assert [msgspec.json.decode(letter)["kind"] for letter in letters] == ["bug"]
    counts = network.counts()
    assert (counts["applied"], counts["dead"]) == (4, 1)
    balanced(network)


def test_a_history_that_cannot_be_merged_costs_that_history() -> None:
    network = Network(MERGE, Defective)
    network.logic.fails = "merge"  # type: ignore[attr-defined]
    assert network.take([seen("1"), seen("2", user="ann")], NOW) == []
    assert shown(network, "ann")["product_view_count"] == 1
    assert network.counts()["identity.lost"] == 1
    balanced(network)


def test_a_login_that_meets_a_defect_costs_nothing_else() -> None:
    network = Network(MERGE, Defective)
    network.take([seen("1", user="bob")], NOW)
    network.logic.fails = "bob"  # type: ignore[attr-defined]
    later = NOW + SETTLE_MS
    network.take([seen("2", user="bob", at=later)], later)
    assert shown(network, "bob")["product_view_count"] == 2
    assert network.counts()["identity.lost"] == 1
    balanced(network)


def test_a_crash_between_sending_and_receiving_counts_once() -> None:
    network = Network(MERGE)
    network.take([seen("1"), seen("2")], NOW)
    checkpoint = network.checkpoint()
    login = [seen("3", user="ann"), seen("4")]
    raws = [msgspec.msgpack.encode(event) for event in login]
    for host, bucket, payload in network.router.route([0] * 2, [2, 3], raws, NOW + 10, NOW + 10):
        network.hosts[host].give(payload, bucket)  # what it hands on is lost
    assert network.states()[DEVICES, "phone"].ids == b""
    network.restore(checkpoint)
    network.take(login, NOW + 20)
    assert shown(network, "ann")["product_view_count"] == 4
    assert network.states()["", "ann"].seen >= 4
    balanced(network)


def test_the_life_of_what_moves_is_the_users_from_then_on() -> None:
    network = Network(MERGE)
    network.take([seen("0", user="ann", device=None)], NOW)
    devices, users = network.hosts[DEVICES], network.hosts[""]
    devices.life = NOW + 7
    devices.restart()
    network.take([seen("1")], NOW)
    network.take([seen("2", user="ann")], NOW)
    assert {each.ledger.life for each in users.shard._buckets.values()} == {NOW + 7}


def test_who_is_forgotten_is_forgotten_on_every_device() -> None:
    network = Network(MERGE)
    for device in ("phone", "pad"):
        network.take([seen(f"{device}1", device), seen(f"{device}2", device, "ann")], NOW)
    network.take([seen("3", "pad", "bob", at=NOW + 1)], NOW + 1)
    network.forget("ann", NOW + 5)
    states = network.states()
    assert set(states) == {("", "bob"), (DEVICES, "pad")}
    assert [user for _, _, user in states[DEVICES, "pad"].logins] == ["bob"]
    for shopper in ("ann", "phone"):
        for instance in network.hosts.values():
            row = instance.sink.hashes.get(("user", shopper, "5min"))
            assert row is None or row.values is None
    assert shown(network, "pad") == shown(network, "bob")
    network.take([seen("4", "phone", at=NOW + 9)], NOW + 9)
    assert shown(network, "phone")["product_view_count"] == 1, "the device is itself again"
    balanced(network)


def test_progress_tells_of_devices_too_how_far_control_records_are_carried_out() -> None:
    network = Network(MERGE)
    network.take([seen("1"), seen("2", user="ann")], NOW)
    network.forget("ann", NOW + 5)
    devices, users = network.hosts[DEVICES].shard, network.hosts[""].shard
    told = {number: bucket.ledger.progress(NOW)["controls"] for number, bucket in devices._buckets.items()}
    assert told == {number: {"0": 2} for number in range(BUCKETS)}
    assert users._buckets[bucket_of("ann", BUCKETS)].ledger.controls.offsets == {0: 2}
    assert devices.counts()["unlinks.given"] == users.counts()["unlinks.taken"] == 1
    assert (users.counts()["forgotten"], devices.counts().get("forgotten", 0)) == (1, 0), "counted once"
    balanced(network)


def test_a_forgotten_device_is_itself_again() -> None:
    network = Network(MERGE)
    network.take([seen("1"), seen("2", user="ann")], NOW)
    network.forget("phone", NOW + 5, seen("3", at=NOW + 6))
    assert (DEVICES, "phone") in network.states()
    assert shown(network, "phone")["product_view_count"] == 1
    assert shown(network, "ann")["product_view_count"] == 2
    balanced(network)


def test_what_moves_to_somebody_who_is_forgotten_is_forgotten() -> None:
    network = Network(MERGE)
    network.take([seen("1"), seen("2", user="ann")], NOW)
    devices = network.hosts[DEVICES]
    checkpoint = network.checkpoint()
    network.forget("ann", NOW + 5, seen("3", user="ann", at=NOW + 6))
    assert shown(network, "ann")["product_view_count"] == 1
    network.restore(checkpoint)
    devices.now = NOW + 10
    batch = Batch(0, NOW + 10)
    assert devices.shard.handed_on() == []
    state = network.logic.zero()
    network.logic.apply(state, seen("9"), NOW)
    batch.bucket = bucket_of("ann", BUCKETS)
    batch.moves = [Move("pad", "ann", 2, network.logic.dump(state))]
    batch.unlinks = [Forgetting(0, 9, "ann", 0)]
    network.give("", batch.bucket, encode(batch))
    assert ("", "ann") not in network.states()
    assert network.hosts[""].sink.hashes["user", "pad", "5min"].values is None


def test_page_views_and_carts_move_alike() -> None:
    network = Network(MERGE)
    first = msgspec.structs.replace(seen("1"), kind=PAGE_VIEW, page="https://a/", page_id="w")
    second = msgspec.structs.replace(seen("2"), kind=ADD_TO_CART)
    network.take([first, second], NOW)
    network.take([seen("3", user="ann")], NOW + 1)
    row = shown(network, "ann", "session")
    assert (row["page_count"], row["cart_add_count"]) == (1, 1)


def test_pointers_are_the_devices_own_a_moment_later() -> None:
    """Should Redis lose what the receiver wrote, the bucket of the device knows nothing of it."""
    network = Network(MERGE)
    network.take([seen("1"), seen("2", user="ann")], NOW)
    devices = network.hosts[DEVICES]
    key = "user", "phone", "5min"
    (state,) = [state for (host, _), state in network.states().items() if host == DEVICES]
    assert state.next == state.pointed == NOW + 2_000
    del devices.sink.hashes[key]
    devices.now = NOW + 2_000
    (bucket,) = devices.shard._buckets
    devices.wake(bucket)
    assert devices.sink.hashes[key].same_as == "ann"
    assert network.states()[DEVICES, "phone"].pointed == NOW + 2_000 + POINTED_MS
    devices.sink.rows.clear()
    devices.now += 60_000
    devices.wake(bucket)
    assert devices.sink.rows == [], "once is enough"


def test_rows_of_gap_sessions_that_moved_are_deleted_again_where_redis_lost_that() -> None:
    network = Network(MERGE)
    network.take([msgspec.structs.replace(seen("1"), session_id=None)], NOW)
    key = "session", f"phone~{NOW}", "session"
    sink = network.hosts[""].sink
    before = sink.hashes[key]
    network.take([msgspec.structs.replace(seen("2", user="ann", at=NOW + 1), session_id=None)], NOW + 1)
    assert sink.hashes[key].values is None
    state = network.states()[DEVICES, "phone"]
    again = [row for row in network.logic.all_rows(state, "phone") if row.entity == "session"]
    assert [(row.entity_id, row.values, row.owner) for row in again] == [(f"phone~{NOW}", None, "phone")]
    assert again[0].seen > before.seen


def test_a_batch_of_devices_takes_along_whose_moment_has_come() -> None:
    network = Network(Definitions())
    first, second, *_ = [name for name in map(str, range(50)) if bucket_of(name, BUCKETS) == 0]
    network.take([seen("1", device=first)], NOW)
    assert shown(network, first)["product_view_count"] == 1
    trips = network.hosts[DEVICES].sink.round_trips
    later = NOW + 6 * 60_000
    network.take([seen("2", device=second, at=later)], later)
    instance = network.hosts[DEVICES]
    assert (instance.counts()["woken"], instance.sink.round_trips) == (1, trips + 1)
    state = instance.state(first)
    assert state is not None
    assert state.at == later
    assert shown(network, first, "1h")["product_view_count"] == 1
