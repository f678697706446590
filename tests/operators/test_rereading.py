"""After a migration records are read again, and each counts once."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.control import forget_record
from events.decoder import Decoder
from features.split import Split
from features.state import REMEMBERED_IDS
from operators.batch import decode
from operators.rereading import Rereading
from operators.routed import DEVICES
from operators.routing import Router
from operators.settled import SETTLE_MS
from tests.operators.fakes import NOW, Instance
from tests.operators.network import Encoded
from tests.operators.test_devices import seen
from tests.operators.test_routing import sdk

BUCKETS = 4
RECORDS = [
    sdk(f"shopper{number % 5}", number=number) if number % 7 else (b"{" if number % 2 else sdk(None))
    for number in range(60)
]
"""Events, records without a shopper, broken ones; record `n` is at offset `n // 2` of partition `n % 2`."""
ROUTER = Router(Decoder(), "topic", BUCKETS)


def feed(instances: list[Instance], numbers: list[int], router: Router | Rereading, size: int) -> None:
    """Hand records over in micro-batches."""
    for start in range(0, len(numbers), size):
        part = numbers[start : start + size]
        routed = router.route(
            [n % 2 for n in part], [n // 2 for n in part], [RECORDS[n] for n in part], NOW, NOW
        )
        for _, bucket, payload in routed:
            instances[bucket].take(batch=decode(payload), bucket=bucket)


def told(instances: list[Instance]) -> list[dict[str, int]]:
    """What is counted of records; how many batches they came in may differ."""
    mine = ("read", "applied", "filtered", "duplicate", "late", "dead")
    return [{name: one.counts().get(name, 0) for name in mine} for one in instances]


@pytest.mark.property
@given(counted=st.integers(0, 60), back=st.integers(0, 60), beyond=st.integers(0, 10), size=st.integers(1, 9))
def test_wherever_it_begins_again_every_record_counts_once(
    counted: int, back: int, beyond: int, size: int
) -> None:
    straight = [Instance() for _ in range(BUCKETS)]
    feed(straight, list(range(60)), ROUTER, 60)
    migrated = [Instance() for _ in range(BUCKETS)]
    feed(migrated, list(range(counted)), ROUTER, 7)
    end = counted + beyond
    again = {0: (end + 1) // 2, 1: end // 2}
    for bucket, one in enumerate(migrated):
        one.migrate()
        one.wake(bucket)
    feed(migrated, list(range(max(0, counted - back), 60)), Rereading(ROUTER, again), size)
    assert told(migrated) == told(straight)
    for one, other in zip(straight, migrated, strict=True):
        assert one.sink.hashes.keys() == other.sink.hashes.keys()
        for key, row in one.sink.hashes.items():
            assert (row.values, row.seen) == (other.sink.hashes[key].values, other.sink.hashes[key].seen)


def test_records_that_are_new_travel_together() -> None:
    partitions, offsets, raws = [0] * 10, list(range(10)), RECORDS[:10]
    routed = Rereading(ROUTER, {0: 4}).route(partitions, offsets, raws, NOW, NOW)
    alone = [decode(payload) for _, _, payload in routed[:4]]
    assert [(batch.again, batch.reads) for batch in alone] == [(True, {0: (1, n)}) for n in range(4)]
    assert routed[4:] == ROUTER.route(partitions[4:], offsets[4:], raws[4:], NOW, NOW)


def test_a_login_that_is_read_again_goes_by_way_of_its_device_however_long_it_is_known() -> None:
    """It may wait there since before: its user's bucket, which does not have it, would count it twice."""
    decoder: Any = Encoded()
    router = Router(decoder, "topic", BUCKETS, identity=True)
    login = msgspec.msgpack.encode(seen("1", user="ann"))
    rereading = Rereading(router, {0: 1})
    for at in (NOW, NOW + SETTLE_MS, NOW + 2 * SETTLE_MS):
        assert [each.host for each in rereading.route([0], [0], [login], at, at)] == [DEVICES]
    fresh = [
        {each.host for each in rereading.route([0], [1], [login], at, at)} for at in (NOW, NOW + SETTLE_MS)
    ]
    assert fresh == [{DEVICES}, {"", DEVICES}]


def test_a_branch_that_accounts_for_nothing_knows_what_is_read_again() -> None:
    """More events than ids are remembered, and somebody forgotten before: nothing of it happens twice."""
    product = {
        "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1": [{"id": "1"}],
        "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1": {
            "type": "product_view"
        },
    }

    def viewed(shopper: str, number: int) -> bytes:
        return sdk(shopper, "snowplow_ecommerce_action", number, **product)

    raws = [viewed("bob", 0), forget_record("bob"), viewed("bob", 1)]
    raws += [viewed("ann", number) for number in range(REMEMBERED_IDS + 10)]
    router = Router(Decoder(), "topic", 1, Split())
    branch = Instance(accounts=False)
    branch.now = now = 1_709_640_001_000  # a second after the events

    def feed_branch(router: Router | Rereading) -> None:
        for name, _, payload in router.route([0] * len(raws), list(range(len(raws))), raws, now, now):
            if name == "product":
                branch.take(batch=decode(payload))

    feed_branch(router)
    before = branch.counts(), dict(branch.sink.hashes)
    branch.migrate()
    feed_branch(Rereading(router, {0: len(raws)}))
    assert (branch.counts(), branch.sink.hashes) == before
    assert branch.counts()["applied"] == len(raws)
