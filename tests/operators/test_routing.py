"""Every record reaches one bucket that accounts for it, with all that is needed of it."""

import base64
import json
from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from events.bucket import bucket_of
from events.decoder import Decoder
from features.split import Split
from features.views import BRANCHES
from operators.batch import Batch, Raws, decode
from operators.routed import ACCOUNTANT
from operators.routing import Router
from tests.operators.fakes import NOW

BUCKETS = 16


def sdk(shopper: str | None, event: str = "page_view", number: int = 0, **more: object) -> bytes:
    """A record in the Analytics-SDK JSON format."""
    fields = {
        "event_id": f"e{number}",
        "event_name": event,
        "collector_tstamp": "2024-03-05T12:00:00.000Z",
        "user_id": shopper,
        "domain_sessionid": "s",
    }
    return json.dumps(fields | more).encode()


def routed(raws: list[bytes], split: bool = False) -> dict[tuple[str, int], Batch]:
    router = Router(Decoder(), "topic", BUCKETS, Split() if split else None)
    places = [(offset % 3, offset) for offset in range(len(raws))]
    made = router.route([p for p, _ in places], [o for _, o in places], raws, NOW, NOW)
    return {(branch, bucket): decode(payload) for branch, bucket, payload in made}


SHOPPER = st.text("abcdefgh", min_size=1, max_size=3)
RAWS = st.lists(
    st.one_of(
        SHOPPER.map(sdk),
        st.just(sdk(None)),
        st.sampled_from([b"", b"\x00\xff", b"{", b"[]", b"a\tb", b"{}"]),
    )
)


@given(RAWS)
def test_every_record_is_accounted_for_once(raws: list[bytes]) -> None:
    batches = routed(raws).values()
    reads = sum(read for batch in batches for read, _ in batch.reads.values())
    judged = [len(batch.records) + sum(batch.filtered.values()) + len(batch.letters) for batch in batches]
    assert reads == sum(judged) == len(raws)
    assert all(judged), "an empty batch would be a call into Python for nothing"


@given(RAWS)
def test_events_of_a_shopper_go_to_the_shoppers_bucket_in_their_order(raws: list[bytes]) -> None:
    seen = set()
    for (_, bucket), batch in routed(raws).items():
        offsets = [record.offset for record in batch.records]
        assert offsets == sorted(offsets)
        assert batch.bucket == bucket
        assert batch.newest == NOW
        for record in batch.records:
            assert bucket_of(record.event.shopper, BUCKETS) == bucket
            assert Raws([batch]).of(record) == raws[record.offset]
            seen.add(record.event.shopper)
    assert seen == {json.loads(raw)["user_id"] for raw in raws if b"user_id" in raw} - {None}


def test_positions_are_the_greatest_of_each_partition() -> None:
    batches = routed([sdk("ann")] * 7)
    assert [batch.reads for batch in batches.values()] == [{0: (3, 6), 1: (2, 4), 2: (2, 5)}]


def test_a_record_that_cannot_be_decoded_leaves_as_a_dead_letter_with_its_bytes() -> None:
    ((_, batch),) = routed([b"\xff\x00 no event"]).items()
    letter = json.loads(batch.letters[0])
    assert letter["id"] == "topic/0/0"
    assert base64.b64decode(letter["raw"]) == b"\xff\x00 no event"


def test_branches_get_the_events_that_they_want_and_one_accounts_for_all() -> None:
    cart = {"contexts_com_snowplowanalytics_snowplow_ecommerce_product_1": [{"id": "1", "category": "hats"}]}
    action = "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1"
    raws = [sdk("ann", number=1), sdk("bob", number=2), sdk(None), b"?"]
    for number, kind in enumerate(("product_view", "add_to_cart", "transaction"), 3):
        raws.append(sdk("cid", "snowplow_ecommerce_action", number, **cart, **{action: {"type": kind}}))
    split, wanted = Split(), Counter[str]()
    batches = routed(raws, split=True)
    for (branch, _), batch in batches.items():
        assert branch in BRANCHES
        if branch != ACCOUNTANT:
            assert (batch.filtered, batch.letters) == ({}, [])
            places = [(record.partition, record.offset) for record in batch.records]
            assert batch.reads == {partition: (0, offset) for partition, offset in sorted(places)}
            assert all(branch in split.of(record.event) for record in batch.records)
        wanted[branch] += len(batch.records)
    alone = [record.event for batch in routed(raws).values() for record in batch.records]
    assert wanted == Counter(branch for event in alone for branch in split.of(event))
    read = sum(n for (branch, _), b in batches.items() if branch == ACCOUNTANT for n, _ in b.reads.values())
    assert read == len(raws)


def test_a_batch_of_the_last_release_can_be_read() -> None:
    assert decode(msgspec.msgpack.encode([3])) == Batch(3)
