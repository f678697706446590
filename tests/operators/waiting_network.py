"""The operators around the catalogue without Flink; messages of a channel keep their order, and no others."""

import copy
import random
from collections import defaultdict, deque
from typing import Any

from events.bucket import bucket_of
from events.sides.row import PRODUCTS, SideRow
from operators.batch import Batch, Record, decode
from operators.catalogue import Catalogue, Loading, Stores
from operators.completing import Completing
from operators.joining import Change, encode
from operators.rereading import Rereading
from operators.routed import CATALOGUE, COMPLETING, Routed
from operators.routing import Router
from tests.operators.fakes import NOW, MapOfBuckets
from tests.operators.network import Encoded

BUCKETS = 4
CATALOGUES = ("rows", "wanted", "asked", "loaded")
WAIT_MS = 10_000


class WaitingNetwork:
    """What goes on to shoppers is kept in `given`."""

    def __init__(
        self, seed: int = 0, loading: tuple[int, ...] = (), identity: bool = False, wait_ms: int = WAIT_MS
    ) -> None:
        self.wait_ms = wait_ms
        decoder: Any = Encoded()
        self.router = Router(decoder, "topic", BUCKETS, identity=identity, completes=True)
        self.chance = random.Random(seed)
        self.now = NOW
        self.loading = loading
        self.maps = {name: MapOfBuckets() for name in (*CATALOGUES, "held", "known")}
        self.generation = "one"
        self.given: list[Routed] = []
        self.alarms: dict[int, int] = {}
        self.channels: dict[tuple[str, str, int], deque[bytes]] = defaultdict(deque)
        self.read = 0
        self.start()

    def start(self) -> None:
        stores = Stores(*[self.maps[name] for name in CATALOGUES])
        loading = Loading(self.generation, self.loading)
        self.catalogue = Catalogue(stores, lambda: self.now, self.wait_ms, loading)
        held, known = self.maps["held"], self.maps["known"]
        self.completing = Completing(self.router, held, known, lambda: self.now, self.wait_ms)

    def events(self, raws: list[bytes], partitions: int = 2, again: dict[int, int] | None = None) -> None:
        """Let a call's records arrive; with `again`, after a migration."""
        offsets = range(self.read, self.read + len(raws))
        self.read += len(raws)
        places = [offset % partitions for offset in offsets]
        route = Rereading(self.router, again).route if again else self.router.route
        self._send("decode", route(places, offsets, raws, self.now, self.now))

    def rows(self, *rows: SideRow, loaded: tuple[int, ...] = ()) -> None:
        """Let rows of the catalogue arrive."""
        changes = {number: Change(number, [], list(loaded)) for number in range(BUCKETS)}
        for row in rows:
            changes[bucket_of(row.key, BUCKETS)].rows.append(row)
        told = [Routed(CATALOGUE, number, encode(change)) for number, change in changes.items()]
        self._send("side", told)

    def settle(self) -> None:
        """Carry all that is under way, channels in any order."""
        while open_ := [name for name, channel in self.channels.items() if channel]:
            self.step(self.chance.choice(open_))

    def step(self, name: tuple[str, str, int]) -> None:
        """Carry the first message of a channel."""
        payload = self.channels[name].popleft()
        _, host, bucket = name
        self._at(bucket)
        if host == CATALOGUE:
            answers = self.catalogue.take(payload)
            self._send("catalogue", [Routed(COMPLETING, home, answer) for home, answer in answers])
        else:
            self._send("completing", self.completing.take(payload))
            self._arm(bucket)

    def until(self, moment: int) -> None:
        """Let time pass; who is to be woken is woken."""
        while self.alarms and min(self.alarms.values()) <= moment:
            bucket = min(self.alarms, key=lambda number: self.alarms[number])
            self.now = max(self.now, self.alarms.pop(bucket))
            self._at(bucket)
            self._send("completing", self.completing.wake(bucket))
            self._arm(bucket)
            self.settle()
        self.now = max(self.now, moment)

    def snapshot(self) -> Any:
        """What a checkpoint would keep: nothing is under way at its barrier."""
        self.settle()
        entries = {name: kept.entries for name, kept in self.maps.items()}
        return copy.deepcopy((entries, self.alarms, self.read, self.given))

    def restore(self, snapshot: Any) -> None:
        """Go on from a checkpoint; all that came after is lost, in operators and behind them."""
        entries, self.alarms, self.read, self.given = copy.deepcopy(snapshot)
        for name, kept in self.maps.items():
            kept.entries = entries[name]
        self.channels.clear()
        self.start()

    def batches(self) -> list[Batch]:
        """What went on to shoppers."""
        return [decode(routed.payload) for routed in self.given]

    def records(self) -> list[Record]:
        """The events that went on."""
        return [record for batch in self.batches() for record in batch.records]

    def left(self) -> int:
        """How many entries are kept of what waits."""
        names = ("held", "known", "asked")
        return sum(len(own) for name in names for own in self.maps[name].entries.values())

    def counts(self) -> dict[str, int]:
        totals: dict[str, int] = defaultdict(int)
        for batch in self.batches():
            for name, number in batch.counts.items():
                totals[name] += number
        return dict(totals)

    def _send(self, by: str, routed: list[Routed]) -> None:
        for each in routed:
            if each.host in (CATALOGUE, COMPLETING):
                self.channels[by, each.host, each.bucket].append(each.payload)
            else:
                self.given.append(each)

    def _arm(self, bucket: int) -> None:
        moment = self.completing.alarm(bucket)
        if moment is not None:
            self.alarms[bucket] = min(moment, self.alarms.get(bucket, moment))

    def _at(self, bucket: int) -> None:
        for kept in self.maps.values():
            kept.bucket = bucket


def goods(product: str, category: str | None, gone: bool = False) -> SideRow:
    return SideRow(PRODUCTS, product, gone, category=category)
