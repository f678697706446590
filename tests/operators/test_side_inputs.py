"""Records of side inputs go to whoever wants their rows, and each is counted."""

import json
from collections import Counter
from typing import Any

from events.sides.decoder import SideDecoder
from events.sides.row import SideRow
from features.entities.logic import EntityLogic
from features.entities.settings import EntitySettings
from jobs.side_inputs import side_inputs
from operators.batch import decode
from operators.combining import Combining
from operators.joining import Change, decode_asking
from operators.routed import ACCOUNTANT, CATALOGUE, ENTITIES
from operators.side_inputs import SideRouter, Told
from tests.operators.fakes import NOW

BUCKETS = 4
(PRODUCTS, SELLERS) = side_inputs(["products", "sellers"])
HAT = b'{"category": "hats"}'


def route(router: SideRouter, *records: tuple[bytes, bytes], first: int = 0, partition: int = 0) -> Told:
    keys, values = zip(*records, strict=True)
    offsets = range(first, first + len(records))
    return router.route([partition] * len(records), offsets, values, keys, NOW)


def changes(told: Told) -> list[Change]:
    found = [decode_asking(each.payload) for each in told.routed if each.host == CATALOGUE]
    return [each for each in found if isinstance(each, Change)]


def counts(told: Told, host: str = "") -> Counter[str]:
    (batch,) = [decode(each.payload) for each in told.routed if each.host == host]
    assert not batch.reads
    assert not batch.newest
    return Counter(batch.counts)


def test_rows_tombstones_and_dead_records_are_counted_apart() -> None:
    router = SideRouter(SideDecoder(PRODUCTS), BUCKETS, completes=True)
    told = route(router, (b"hat", HAT), (b"hat", b""), (b"cap", b"{"), (b"cap", HAT), first=5)
    assert counts(told) == {"side.products.rows": 2, "side.products.tombstones": 1, "side.products.dead": 1}
    (letter,) = map(json.loads, told.letters)
    assert (letter["topic"], letter["offset"], letter["wire_format"]) == ("products", 7, "side.products")
    rows = [row for change in changes(told) for row in change.rows]
    assert sorted((row.key, row.gone) for row in rows) == [("cap", False), ("hat", False), ("hat", True)]
    apart = SideRouter(SideDecoder(PRODUCTS), BUCKETS, apart=True)
    assert counts(route(apart, (b"hat", HAT)), ACCOUNTANT) == {"side.products.rows": 1}
    assert not changes(route(apart, (b"hat", HAT)))


def test_every_bucket_is_told_once_that_a_partition_has_been_read() -> None:
    router = SideRouter(SideDecoder(PRODUCTS), BUCKETS, completes=True, ends={0: 3})
    assert not any(change.loaded for change in changes(route(router, (b"a", HAT), (b"b", HAT))))
    told = changes(route(router, (b"c", HAT), first=2))
    assert sorted((change.bucket, change.loaded) for change in told) == [(n, [0]) for n in range(BUCKETS)]
    assert not any(change.loaded for change in changes(route(router, (b"d", HAT), first=3)))
    new = changes(route(router, (b"d", HAT), partition=7))
    assert [change.loaded for change in new] == [[7]] * BUCKETS


def test_other_tables_go_to_entities_alone() -> None:
    combining = Combining(EntityLogic(EntitySettings(("seller", "product"))), BUCKETS)
    router = SideRouter(SideDecoder(SELLERS), BUCKETS, completes=True, combining=combining)
    told = route(router, (b"s1", b'{"categories": "hats"}'))
    assert {each.host for each in told.routed} == {"", ENTITIES}
    assert len([each for each in told.routed if each.host == ENTITIES]) == BUCKETS


class Spoiled(EntityLogic):
    def told(self, row: SideRow, buckets: int) -> Any:
        raise ZeroDivisionError


def test_rows_that_a_defect_keeps_from_entities_are_counted() -> None:
    combining = Combining(Spoiled(EntitySettings(("product",))), BUCKETS)
    told = route(SideRouter(SideDecoder(PRODUCTS), BUCKETS, combining=combining), (b"hat", HAT))
    assert counts(told) == {"side.products.rows": 1, "facts.lost": 1}
