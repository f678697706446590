"""Events wait for the catalogue's rows, whatever comes first, and go on once, with what is known."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.event import ADD_TO_CART, PAGE_VIEW, PRODUCT_VIEW, Event, Money, Product
from events.sides.row import PRODUCTS, SideRow
from operators import completing as module
from operators.batch import Raws, decode
from operators.catalogue import LOADING_MS, SLACK_MS, SWEPT_MS
from operators.completing import EARLY_MS, SILENT_MS
from operators.routed import CATALOGUE, COMPLETING
from tests.operators.fakes import NOW
from tests.operators.waiting_network import WAIT_MS, WaitingNetwork, goods

PRICE = Money(999, "EUR")


def view(number: int, *products: str, shopper: str = "ann", **fields: Any) -> bytes:
    """A view that tells prices and no categories."""
    told = tuple(Product(each, price=PRICE) for each in products)
    event = Event(shopper, f"e-{number}", NOW + number, PRODUCT_VIEW, products=told, **fields)
    return msgspec.msgpack.encode(event)


def shown(network: WaitingNetwork) -> dict[str, tuple[str | None, ...]]:
    """Event id -> the categories of its products, of all that went on."""
    records = network.records()
    found = {each.event.event_id: tuple(p.category for p in each.event.products) for each in records}
    assert len(found) == len(records)
    return found


def test_an_event_takes_what_the_catalogue_says_and_keeps_what_it_says_itself() -> None:
    network = WaitingNetwork()
    network.rows(SideRow(PRODUCTS, "hat", category="hats", price=Money(1, "USD")), goods("cap", "caps"))
    network.settle()
    told = Product("hat", None, PRICE), Product("cap", "own", None), Product("cap", "own", PRICE)
    event = Event("ann", "e-1", NOW, ADD_TO_CART, products=told)
    network.events([msgspec.msgpack.encode(event)])
    network.settle()
    (record,) = network.records()
    assert record.event.products == (Product("hat", "hats", PRICE), told[1], told[2])
    assert (record.partition, record.offset) == (0, 0)
    assert Raws(network.batches()).of(record) == msgspec.msgpack.encode(event)
    assert network.counts() == {"completed": 1}
    assert not network.left()


def test_an_event_that_lacks_nothing_goes_straight() -> None:
    network = WaitingNetwork()
    whole = Event("ann", "e-1", NOW, PRODUCT_VIEW, products=(Product("hat", "hats", PRICE),))
    page = Event("ann", "e-2", NOW, PAGE_VIEW)
    nameless = Event("ann", "e-3", NOW, PRODUCT_VIEW, products=(Product(None), Product("x" * 1_001)))
    network.events(list(map(msgspec.msgpack.encode, (whole, page, nameless))))
    assert [record.event for record in network.records()] == [whole, page, nameless]


def test_a_row_that_comes_late_completes_what_waits_and_nothing_waits_longer_than_allowed() -> None:
    network = WaitingNetwork()
    network.events([view(0, "hat"), view(1, "cap"), view(2, "hat", "cap")])
    network.settle()
    assert not network.given
    network.until(NOW + 4_000)
    network.rows(goods("hat", "hats"))
    network.settle()
    assert shown(network) == {"e-0": ("hats",)}
    network.until(NOW + WAIT_MS - 1)
    assert len(shown(network)) == 1
    network.until(NOW + WAIT_MS)
    assert shown(network) == {"e-0": ("hats",), "e-1": (None,), "e-2": ("hats", None)}
    assert network.counts() == {"completed": 1, "uncompleted": 2}
    network.rows(goods("cap", "caps"))
    network.settle()
    assert len(network.records()) == 3


def test_what_cannot_go_on_stays_in_the_state() -> None:
    network = WaitingNetwork()
    network.events([view(0, "hat"), view(1, "cap")])
    network.settle()
    held = network.maps["held"]
    bucket = next(number for number, entries in held.entries.items() if entries)
    before = dict(held.entries[bucket])
    held.bucket = network.maps["known"].bucket = bucket
    network.now += WAIT_MS
    network.completing._router = None  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        network.completing.wake(bucket)
    assert held.entries[bucket] == before


def test_who_is_not_to_wait_goes_with_the_answer() -> None:
    network = WaitingNetwork(wait_ms=0)
    network.rows(goods("cap", "caps"))
    network.settle()
    network.events([view(0, "hat"), view(1, "cap"), view(2, "hat", "cap")])
    network.settle()
    assert shown(network) == {"e-0": (None,), "e-1": ("caps",), "e-2": (None, "caps")}
    assert not network.left()


def test_after_a_tombstone_there_is_no_row_any_more() -> None:
    network = WaitingNetwork()
    network.rows(goods("hat", "hats"), goods("cap", "caps"), goods("cap", "new caps"))
    network.rows(goods("hat", None, gone=True))
    network.settle()
    network.events([view(0, "hat"), view(1, "cap")])
    network.settle()
    network.until(NOW + WAIT_MS)
    assert shown(network) == {"e-0": (None,), "e-1": ("new caps",)}


def test_nobody_is_answered_while_the_catalogue_is_still_read() -> None:
    network = WaitingNetwork(loading=(0, 1))
    network.events([view(0, "hat"), view(1, "cap")])
    network.settle()
    network.rows(goods("cap", "old"), loaded=(0,))
    network.settle()
    network.events([view(2, "cap")])
    network.settle()
    network.until(NOW + WAIT_MS + 5_000)
    assert not network.given
    network.rows(goods("hat", "hats"), goods("cap", "caps"), loaded=(1,))
    network.settle()
    assert shown(network) == {"e-0": ("hats",), "e-1": ("caps",), "e-2": ("caps",)}
    network.events([view(3, "shoe")])
    network.settle()
    network.until(network.now + WAIT_MS)
    assert shown(network)["e-3"] == (None,)


def test_what_waited_while_it_was_read_waits_on_for_its_row_when_it_is_read() -> None:
    network = WaitingNetwork(loading=(0,))
    network.events([view(0, "hat")])
    network.settle()
    network.until(NOW + 60_000)
    network.rows(loaded=(0,))
    network.settle()
    assert not network.given
    network.until(NOW + 60_000 + WAIT_MS)
    assert shown(network) == {"e-0": (None,)}


def test_a_catalogue_that_is_never_read_to_its_end_is_not_waited_for_for_ever() -> None:
    network = WaitingNetwork(loading=(0,))
    network.events([view(0, "hat")])
    network.settle()
    network.until(NOW + SILENT_MS)
    assert shown(network) == {"e-0": (None,)}
    network.until(NOW + LOADING_MS)
    network.events([view(1, "hat")])
    network.settle()
    network.until(network.now + WAIT_MS)
    assert shown(network)["e-1"] == (None,)


def test_partitions_that_were_read_are_remembered_after_a_restart() -> None:
    network = WaitingNetwork(loading=(0,))
    network.rows(loaded=(0,))
    network.restore(network.snapshot())
    network.events([view(0, "hat")])
    network.settle()
    network.until(NOW + WAIT_MS)
    assert shown(network) == {"e-0": (None,)}


def test_who_asked_is_forgotten_when_nobody_can_wait_any_more() -> None:
    network = WaitingNetwork()
    network.events([view(0, "hat")])
    network.settle()
    network.until(NOW + WAIT_MS + SLACK_MS + SWEPT_MS + 1)
    assert any(network.maps["wanted"].entries.values())
    network.rows(loaded=(0,))
    network.settle()
    assert not any(network.maps["wanted"].entries.values())


def test_a_product_that_everybody_asks_for_in_vain_costs_no_more_than_one() -> None:
    network = WaitingNetwork()
    for number in range(200):
        network.events([view(number, "hat")], partitions=1)
        network.settle()
        network.until(network.now + 1_000)
    (kept,) = [entries for entries in network.maps["wanted"].entries.values() if entries]
    assert len(kept["hat"]) < 20
    assert network.left() <= 2 * WAIT_MS // 1_000
    network.rows(goods("hat", "hats"))
    network.settle()
    assert len(shown(network)) == 200
    assert not network.left()


def test_answers_that_come_first_wait_a_while_for_their_events() -> None:
    network = WaitingNetwork()
    network.events([view(0, "hat", "cap"), view(1, "hat")], partitions=1)
    holds = {name: list(network.channels[name]) for name in network.channels if name[1] == COMPLETING}
    for name in holds:
        network.channels[name].clear()
    network.settle()
    network.rows(goods("hat", "hats"))
    network.settle()
    network.until(NOW + EARLY_MS - 1)
    for name, payloads in holds.items():
        network.channels[name].extend(payloads)
    network.settle()
    assert shown(network) == {"e-1": ("hats",)}
    # Whose events never come is forgotten.
    network.events([view(2, "hat")])
    for name in [name for name in network.channels if name[1] == COMPLETING and name[0] == "decode"]:
        network.channels[name].clear()
    network.settle()
    bucket = next(each for each in network.completing._buckets.values() if each.early)
    network.until(network.now + EARLY_MS + 1)
    network.events([view(4, "hat")], partitions=1)
    network.settle()
    for _ in range(2):
        network.events([view(6, "hat")])
        network.settle()
    assert set(bucket.early) <= {"0:4", "1:5"} or not bucket.early


def test_too_much_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1_000)
    network = WaitingNetwork()
    for number in range(0, 40, 2):
        network.events([view(number, "hat")], partitions=1)
        network.settle()
    assert 10 < len(network.records()) < 20
    network.until(NOW + WAIT_MS)
    assert len(shown(network)) == 20
    counts = network.counts()
    assert counts["uncompleted"] == 20
    assert 10 < counts["uncompleted.overflow"] < 20


def forgotten(network: WaitingNetwork) -> list[tuple[str, list[str]]]:
    """Who was forgotten, and the events that went to the same bucket before, in their order."""
    found: list[tuple[str, list[str]]] = []
    before: dict[tuple[str, int], list[str]] = {}
    for routed in network.given:
        batch, place = decode(routed.payload), (routed.host, routed.bucket)
        ids = [record.event.event_id for record in batch.records]
        found += [(each.shopper, before.get(place, []) + ids[: each.before]) for each in batch.forgets]
        before[place] = before.get(place, []) + ids
    return found


@pytest.mark.parametrize("identity", [False, True])
def test_what_may_be_a_forgotten_shoppers_goes_before_the_control_record(identity: bool) -> None:
    network = WaitingNetwork(identity=identity)
    network.rows(goods("shoe", "shoes"))
    network.settle()
    mine, theirs = {"user_id": "ann"}, {"user_id": "bob", "shopper": "bob"}
    raws = [view(0, "hat", **mine), view(1, "hat", **theirs), view(2, "cap", "shoe", shopper="phone")]
    network.events(raws, partitions=1)
    network.settle()
    more = [view(3, "hat", **mine), b"-ann", view(5, "hat", **mine), b"-bob", view(7, "hat", **theirs)]
    network.events(more, partitions=1)
    network.settle()
    (ann, first), (bob, second) = forgotten(network)
    assert (ann, bob) == ("ann", "bob")
    assert {"e-0", "e-3"} <= set(first)
    assert "e-1" in second
    assert shown(network) == {
        "e-0": (None,),
        "e-1": (None,),
        "e-2": (None, "shoes"),
        "e-3": (None,),
    }
    network.until(NOW + WAIT_MS)
    assert set(shown(network)) == {f"e-{number}" for number in (0, 1, 2, 3, 5, 7)}
    assert network.counts() == {"uncompleted": 6}
    assert not network.left()
    reads = sum(count for batch in network.batches() for count, _ in batch.reads.values())
    assert reads == 8


def test_who_is_forgotten_while_the_catalogue_is_read_leaves_no_answers_behind() -> None:
    network = WaitingNetwork(loading=(0,))
    bob = view(1, "hat", shopper="bob", user_id="bob")
    network.events([view(0, "hat", user_id="ann"), bob, b"-ann"], partitions=1)
    network.settle()
    assert set(shown(network)) == {"e-0"}
    network.rows(goods("hat", "hats"), loaded=(0,))
    network.settle()
    assert shown(network) == {"e-0": (None,), "e-1": ("hats",)}
    assert not network.left()


def test_a_control_record_that_is_read_again_says_so() -> None:
    network = WaitingNetwork()
    network.events([b"-ann"], partitions=1)
    network.settle()
    network.read = 0
    network.events([b"-ann"], partitions=1, again={0: 1})
    network.settle()
    told = [(batch.again, len(batch.forgets)) for batch in network.batches() if batch.forgets]
    assert told == [(False, 1), (True, 1)]


def test_what_waits_and_is_read_again_after_a_migration_goes_on_once() -> None:
    network = WaitingNetwork()
    network.events([view(0, "hat"), view(1, "hat")])
    saved = network.snapshot()
    network.restore(saved)
    network.read = 0
    network.events([view(0, "hat"), view(1, "hat"), view(2, "hat"), view(3, "cap")], again={0: 3, 1: 2})
    network.settle()
    network.rows(goods("hat", "hats"), goods("cap", "caps"))
    network.settle()
    again = {r.event.event_id: batch.again for batch in network.batches() for r in batch.records}
    assert again == {"e-0": False, "e-1": False, "e-2": True, "e-3": False}
    assert shown(network) == {"e-0": ("hats",), "e-1": ("hats",), "e-2": ("hats",), "e-3": ("caps",)}


def test_what_waits_through_two_migrations_goes_on_once() -> None:
    network = WaitingNetwork()
    network.events([view(0, "hat")], partitions=1)
    for _ in range(2):
        network.restore(network.snapshot())
        network.read = 0
        network.events([view(0, "hat")], partitions=1, again={0: 5})
        network.settle()
    assert not network.given
    network.until(NOW + WAIT_MS)
    assert shown(network) == {"e-0": (None,)}
    network.restore(network.snapshot())
    network.read = 1
    network.events([view(1, "hat")], partitions=1, again={0: 5})
    network.restore(network.snapshot())
    network.read = 1
    network.events([view(1, "hat")], partitions=1, again={0: 5})
    network.settle()
    network.until(network.now + WAIT_MS)
    assert set(shown(network)) == {"e-0", "e-1"}
    assert not network.left()


def test_another_topic_or_a_query_that_reads_anew_begins_with_an_empty_table() -> None:
    network = WaitingNetwork(loading=(0,))
    network.rows(goods("hat", "old"), goods("gone", "old"), loaded=(0,))
    saved = network.snapshot()
    network.generation = "two"
    network.restore(saved)
    network.events([view(0, "hat"), view(1, "gone")])
    network.settle()
    network.rows(goods("hat", "older"))
    network.settle()
    assert not network.given
    network.rows(goods("hat", "hats"), loaded=(0,))
    network.settle()
    network.until(network.now + WAIT_MS)
    assert shown(network) == {"e-0": ("hats",), "e-1": (None,)}


@pytest.mark.parametrize("empty", [True, False])
def test_who_has_read_the_catalogue_once_answers_at_once_ever_after(empty: bool) -> None:
    # The first time the topic was empty, or could not be asked; later submissions know an end of it.
    network = WaitingNetwork(loading=() if empty else (0,))
    network.rows(goods("hat", "hats"), loaded=() if empty else (0,))
    network.settle()
    saved = network.snapshot()
    network.loading = (0, 1)
    network.restore(saved)
    network.events([view(0, "hat")])
    network.settle()
    assert shown(network) == {"e-0": ("hats",)}


def test_calls_that_asked_while_it_was_read_are_remembered_after_a_restart() -> None:
    network = WaitingNetwork(loading=(0, 1))
    network.events([view(0, "hat"), view(1, "cap")])
    network.rows(loaded=(0,))
    network.restore(network.snapshot())
    network.rows(goods("hat", "hats"), goods("cap", "caps"), loaded=(1,))
    network.settle()
    assert shown(network) == {"e-0": ("hats",), "e-1": ("caps",)}
    assert not network.left()


PRODUCTS_KNOWN = ("hat", "cap", "shoe")
OPERATIONS = st.one_of(
    st.tuples(
        st.just("events"),
        st.lists(st.lists(st.sampled_from(PRODUCTS_KNOWN), min_size=1, max_size=3), min_size=1, max_size=4),
    ),
    st.tuples(st.just("row"), st.tuples(st.sampled_from(PRODUCTS_KNOWN), st.sampled_from(("a", "b", None)))),
    st.tuples(st.just("time"), st.integers(1, WAIT_MS)),
    st.tuples(st.just("checkpoint"), st.none()),
    st.tuples(st.just("crash"), st.none()),
)


def oracle(operations: list[tuple[str, Any]]) -> dict[str, tuple[str | None, ...]]:
    """By plain Python: an event takes each product's first row from its time on, within what it may wait."""
    now, number = 0, 0
    events: list[tuple[int, list[str]]] = []
    changes: list[tuple[int, int, str, str | None]] = []
    order: list[int] = []
    for step, (what, told) in enumerate(operations):
        if what == "time":
            now += told
        elif what == "row":
            changes.append((step, now, *told))
        elif what == "events":
            for products in told:
                events.append((now, products))
                order.append(step)
    found = {}
    for number, ((at, products), step) in enumerate(zip(events, order, strict=True)):
        rows: dict[str, str | None] = {}
        arrived = {}
        for changed, when, product, category in changes:
            if changed < step:
                rows[product] = category
            elif product not in arrived and rows.get(product) is None and category is not None:
                arrived[product] = when, category
        told = {p: rows[p] for p in products if rows.get(p) is not None}
        told |= {
            p: category
            for p in products
            if (c := arrived.get(p)) and (category := c[1]) and c[0] < at + WAIT_MS
        }
        found[f"e-{number}"] = tuple(told.get(product) for product in products)
    return found


@pytest.mark.property
@settings(max_examples=300)
@given(operations=st.lists(OPERATIONS, max_size=25), seed=st.integers(0, 1000))
def test_every_event_goes_on_once_with_what_is_known(operations: list[tuple[str, Any]], seed: int) -> None:
    network = WaitingNetwork(seed)
    saved, since, number, place, crashes = network.snapshot(), (0, 0, network.now), 0, 0, 0
    while place < len(operations):
        what, told = operations[place]
        place += 1
        if what == "events":
            network.events([view(number + each, *products) for each, products in enumerate(told)])
            number += len(told)
        elif what == "row":
            network.rows(goods(told[0], told[1], told[1] is None))
        elif what == "time":
            network.until(network.now + told)
        elif what == "checkpoint":
            saved, since = network.snapshot(), (place, number, network.now)
        elif crashes < 2:
            crashes += 1
            place, number, network.now = since
            network.restore(saved)
        network.settle()
    network.until(network.now + EARLY_MS)
    assert shown(network) == oracle(operations)
    assert sum(network.counts().values()) == number
    assert not network.left()
    assert {name[1] for name in network.channels} <= {CATALOGUE, COMPLETING}
