"""A crash may give a shared device's event to another of its users: then it counts for that one alone."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from events.bucket import bucket_of
from events.event import Event
from features.logic import ShopperLogic
from features.row import FeatureRow
from features.settings import Definitions
from features.state import ShopperState
from operators.batch import Batch, encode
from operators.handing_on import REPLAYS_MS
from operators.writing import AGAIN_MS
from sinks.redis_sink import WriteReport
from sinks.sequence import Stamp
from tests.operators.fakes import NOW, SinkThatRemembers, owner_of
from tests.operators.network import BUCKETS, Network
from tests.operators.test_devices import seen, shown

DAY = "24h"


class Fenced(SinkThatRemembers):
    """Refuses what is older than what it holds."""

    def write(
        self,
        rows: Sequence[FeatureRow],
        life: int,
        put: Mapping[str, Mapping[str, str]] | None = None,
        stamp: Stamp | None = None,
    ) -> WriteReport:
        behind: dict[str, None] = {}
        rows, self.went_ahead = [*self.went_ahead, *rows], []
        taken = []
        for row in rows:
            stored = self.hashes.get((row.entity, row.entity_id, row.window))
            if stored is not None and (stored.seen, stored.at) > (row.seen, row.at):
                behind[owner_of(row)] = None
            else:
                taken.append(row)
        report = super().write(taken, life, put, stamp)
        return report._replace(behind=tuple(behind))


class Crashing(Network):
    """Devices and users before a sink with fences."""

    def __init__(self, logic: type[ShopperLogic] = ShopperLogic) -> None:
        super().__init__(Definitions(), logic)
        sink = Fenced()
        for instance in self.hosts.values():
            instance.sink = sink
            instance.restart()

    def replay(self, checkpoint: dict[str, Any], events: Sequence[Event], now: int) -> None:
        self.restore(checkpoint)
        for event in events:
            self.take([event], now)

    def total(self) -> int:
        """Product views of all who were on the device."""
        rows = [
            self.hosts[""].sink.hashes.get(("user", name, DAY)) for name in ("phone", "ann", "bob", "cat")
        ]
        return sum(_views(row) for row in rows if row is not None)


def _views(row: FeatureRow) -> int:
    count = (row.values or {}).get("product_view_count", 0)
    assert isinstance(count, int)
    return count


ANN, BOB = seen("ann", user="ann"), seen("bob", user="bob", at=NOW + 1_000)
VIEW = seen("view", at=NOW + 2_000)


def test_who_counted_it_before_the_crash_does_not_go_on_counting_it() -> None:
    network = Crashing()
    network.take([ANN], NOW + 3_000)
    checkpoint = network.checkpoint()
    network.take([VIEW], NOW + 3_000)
    assert shown(network, "ann", DAY)["product_view_count"] == 2
    # Bob's login was read after the view before the crash, and is read before it now. Ann has no record more.
    network.replay(checkpoint, [BOB, VIEW], NOW + 20_000)
    assert shown(network, "ann", DAY)["product_view_count"] == 1
    assert shown(network, "bob", DAY)["product_view_count"] == 2
    assert network.counts()["restated"] == 2


def test_a_window_that_has_nothing_any_more_is_deleted() -> None:
    network = Crashing()
    late = replace(ANN, at=NOW - 600_000)
    network.take([late], NOW + 3_000)
    checkpoint = network.checkpoint()
    network.take([VIEW], NOW + 3_000)
    assert shown(network, "ann")["product_view_count"] == 1
    network.replay(checkpoint, [BOB, VIEW], NOW + 20_000)
    assert shown(network, "ann") == {}
    assert shown(network, "ann", DAY)["product_view_count"] == 1


def test_who_is_told_before_the_own_first_record_begins_above() -> None:
    """The record goes straight to the user's bucket, and the word of the login may be there sooner."""
    network = Crashing()
    network.take([ANN, VIEW], NOW + 3_000)
    before = network.hosts[""].sink.hashes["user", "ann", DAY]
    network.restore({host: {} for host in network.hosts})
    instance = network.hosts[""]
    for word in ({"ann": NOW + 4_000}, {}):
        network.on_time(NOW + 5_000)
        for bucket in range(BUCKETS):
            instance.give(_batch(bucket, word, NOW + 5_000), bucket)
    network.take([ANN], NOW + 5_000)
    row = instance.sink.hashes["user", "ann", DAY]
    assert row.seen > before.seen
    assert _views(row) == 1


def test_nobody_is_told_of_devices_with_one_user_nor_twice_nor_long_after_the_start() -> None:
    network = Crashing()
    network.take([ANN, VIEW], NOW + 3_000)
    assert "restated" not in network.counts()
    network.take([BOB], NOW + 3_000)
    network.take([replace(VIEW, event_id="2")], NOW + 3_000)
    assert network.counts()["restated"] == 2
    network.take([seen("cat", user="cat", at=NOW + 2_500)], NOW + 3_000 + REPLAYS_MS)
    assert network.counts()["restated"] == 2


class Defect(ShopperLogic):
    """Fails when all rows are asked for."""

    def all_rows(self, state: ShopperState, shopper: str) -> list[FeatureRow]:
        raise ZeroDivisionError


def test_a_defect_costs_the_new_rows_and_nothing_else() -> None:
    network = Crashing(logic=Defect)
    network.take([ANN, BOB, VIEW], NOW + 3_000)
    assert network.counts()["identity.lost"] == 2
    assert network.total() == 3


def test_who_is_forgotten_stays_forgotten() -> None:
    network = Crashing()
    network.take([ANN, BOB], NOW + 3_000)
    checkpoint = network.checkpoint()
    network.restore(checkpoint)
    network.forget("ann", NOW + 4_000, VIEW)
    assert "ann" not in {shopper for _, shopper in network.states()}
    assert shown(network, "ann", DAY) == {}


def test_a_state_that_is_over_stays_over() -> None:
    network = Crashing()
    network.take([ANN, BOB], NOW + 3_000)
    over = NOW + 3 * 86_400_000
    network.on_time(over)
    users = network.hosts[""]
    assert "ann" in {shopper for _, shopper in network.states()}
    for number in range(BUCKETS):
        users.give(_batch(number, {"ann": over}, over), number)
    assert "ann" not in {shopper for _, shopper in network.states()}


def _batch(bucket: int, restated: dict[str, int], now: int) -> bytes:
    own = {user: began for user, began in restated.items() if bucket_of(user, BUCKETS) == bucket}
    return encode(Batch(bucket, now, restated=own))


USERS = st.sampled_from([None, None, None, "ann", "bob", "cat"])


@pytest.mark.property
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(USERS, st.integers(0, 60)), min_size=2, max_size=14),
    st.integers(0, 14),
    st.integers(0, 14),
    st.integers(0, 1_000),
)
def test_every_event_of_a_shared_device_counts_once_whatever_a_crash_gave_to_whom(
    told: list[tuple[str | None, int]], first: int, second: int, order: int
) -> None:
    events = [
        seen(str(number), user=user, at=NOW + 1_000 * second_) for number, (user, second_) in enumerate(told)
    ]
    network = Crashing()
    now = NOW + 61_000
    begin, end = sorted((min(first, len(events)), min(second, len(events))))
    for event in events[:begin]:
        network.take([event], now)
    checkpoint, read = network.checkpoint(), network.read
    for event in events[begin:end]:
        network.take([event], now)
    again = events[begin:]
    Random(order).shuffle(again)
    network.read = read
    network.replay(checkpoint, again, now + 20_000)
    for moment in (now + 20_000 + AGAIN_MS, now + 21_000 + 2 * AGAIN_MS):
        network.on_time(moment)
        for instance in network.hosts.values():
            for bucket in range(BUCKETS):
                instance.wake(bucket)
    assert network.total() == len(events)


def test_a_device_that_is_a_users_name_too_goes_on_pointing() -> None:
    """So do ids that Snowplow merged first into one and then into another."""
    network = Crashing()
    network.take([seen("1", device="ann", user="ann"), seen("2", device="ann", user="bob", at=NOW + 1)], NOW)
    assert network.hosts[""].sink.hashes["user", "ann", DAY].same_as == "bob"
    assert network.counts()["restated"] == 1
