"""What a shard needs, without Flink and Redis: a map a bucket, a sink that remembers, a clock that stands."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from events.event import PRODUCT_VIEW, Event, Product
from features.logic import ShopperLogic
from features.row import FeatureRow
from features.settings import Definitions
from features.split import Split
from features.state import ShopperState
from operators.applying import Applier
from operators.batch import Batch, Record, encode
from operators.cache import CachedStore
from operators.devices import Devices
from operators.shard import Shard, ShardOptions
from operators.users import Users
from sinks.redis_sink import WriteReport
from sinks.sequence import Stamp
from tests.logics import logic_of

NOW = 1_700_000_000_000


class MapOfBuckets:
    """Flink's keyed map: which bucket's entries are seen depends on `bucket`."""

    def __init__(self) -> None:
        self.bucket = 0
        self.entries: dict[int, dict[str, bytes]] = {}
        self.gets = 0

    @property
    def _own(self) -> dict[str, bytes]:
        return self.entries.setdefault(self.bucket, {})

    def get(self, key: str) -> bytes | None:
        self.gets += 1
        return self._own.get(key)

    def put_all(self, entries: Mapping[str, bytes]) -> None:
        self._own.update(entries)

    def remove(self, key: str) -> None:
        self._own.pop(key, None)

    def items(self) -> Iterable[tuple[str, bytes]]:
        return tuple(self._own.items())


class SinkThatRemembers:
    """A sink that writes everything, or fails."""

    def __init__(self) -> None:
        self.rows: list[FeatureRow] = []
        self.round_trips = 0
        self.puts: list[Mapping[str, Mapping[str, str]]] = []
        self.failing = False
        self.hashes: dict[tuple[str, str, str], FeatureRow] = {}
        self.numbers: dict[str, int] = {}
        self.refuses: set[str] = set()
        """Shoppers whose rows are refused, for what is stored is newer."""
        self.went_ahead: list[FeatureRow] = []
        """Rows that are on their way; the next write says what became of them."""
        self.aheads: list[tuple[int, int]] = []
        """How many went at once, and of which life."""

    def ahead(self, rows: Sequence[FeatureRow], life: int) -> None:
        self.went_ahead += rows
        self.aheads.append((len(rows), life))

    def write(
        self,
        rows: Sequence[FeatureRow],
        life: int,
        put: Mapping[str, Mapping[str, str]] | None = None,
        stamp: Stamp | None = None,
    ) -> WriteReport:
        rows, self.went_ahead = [*self.went_ahead, *rows], []
        if self.failing:
            msg = "Redis does not answer"
            raise RuntimeError(msg)
        self.round_trips += 1
        behind = tuple(dict.fromkeys(whose for row in rows if (whose := owner_of(row)) in self.refuses))
        taken = [row for row in rows if owner_of(row) not in self.refuses]
        missed = {owner_of(row): None for row in taken if not self._take(row)}
        if put:
            self.puts.append(put)
        lost = stamp is not None and self._forgot(stamp)
        return WriteReport(len(taken) - len(missed), 0, 0, 0, tuple(missed), lost, behind=behind)

    def lose(self) -> None:
        """What a Redis without persistence does when it is killed."""
        self.hashes.clear()
        self.numbers.clear()

    def _take(self, row: FeatureRow) -> bool:
        key = row.entity, row.entity_id, row.window
        stored = self.hashes.get(key)
        if row.if_there and stored is None:
            return True
        if row.base is not None and (stored is None or (stored.seen, stored.at) != row.base):
            return False
        if row.base is not None and stored is not None:
            kept = {name: value for name, value in (stored.values or {}).items() if name not in row.absent}
            row = msgspec.structs.replace(row, values=kept | (row.values or {}), base=None, absent=())
        self.hashes[key] = row
        self.rows.append(row)
        return True

    def _forgot(self, stamp: Stamp) -> bool:
        """As sequence.lua does."""
        stored = self.numbers.get(stamp.field, 0)
        if stored < stamp.known:
            return True
        if stamp.whole:
            self.numbers.pop(stamp.field, None)
        self.numbers[stamp.whole or stamp.field] = stamp.number
        return False

    def shown(self, shopper: str, window: str = "5min") -> dict[str, Any]:
        """The values of the row written last."""
        own = [row for row in self.rows if row.entity_id == shopper and row.window == window]
        return dict(own[-1].values or {}) if own else {}


def owner_of(row: FeatureRow) -> str:
    """The shopper whose row it is."""
    return row.owner or row.entity_id


class Instance:
    """One operator instance with its surroundings; `restart` makes a new one on the same state."""

    def __init__(
        self,
        logic: ShopperLogic | None = None,
        cached: int = 100,
        definitions: Definitions | None = None,
        accounts: bool = True,
        split: Split | None = None,
        buckets: int = 1,
        devices: bool = False,
    ) -> None:
        self.split = split
        self.buckets = buckets
        self.devices = devices
        self.now = NOW
        self.store, self.waiting = MapOfBuckets(), MapOfBuckets()
        self.sink = SinkThatRemembers()
        self.logic = logic or logic_of(definitions)
        self.cached = cached
        self.accounts = accounts
        self.timers: set[int] = set()
        self.resumed = 0
        self.sources: dict[int, str] = {}
        self.life = NOW
        self.restart()

    def restart(self) -> None:
        """What a restore brings back: the state and Flink's timers, nothing of the memory."""
        options = ShardOptions(
            "job",
            "topic",
            life=self.life,
            covers_from=NOW - 1,
            accounts=self.accounts,
            buckets=self.buckets,
            devices=self.devices,
            resumed=self.resumed,
            sources=self.sources,
        )
        store = CachedStore(self.store, self.cached)
        applier: Applier = Users(self.logic, store.get)
        if self.devices:
            applier = Devices(self.logic, store.get, store.items)
        self.shard = Shard(options, applier, self.sink, store, self.waiting, lambda: self.now, self.split)

    def migrate(self) -> None:
        """Go on as `shopper migrate` has it: records that were read before are read again."""
        self.resumed += 1
        self.restart()

    def take(self, *events: Event, bucket: int = 0, batch: Batch | None = None) -> list[str]:
        """Hand a batch over as it comes out of Flink."""
        self.store.bucket = self.waiting.bucket = bucket
        batch = batch or Batch(bucket, self.now)
        records = [record(event, offset) for offset, event in enumerate(events)]
        return self.give(encode(msgspec.structs.replace(batch, records=batch.records + records)), bucket)

    def give(self, payload: bytes, bucket: int = 0) -> list[str]:
        """Hand over what comes out of Flink."""
        self.store.bucket = self.waiting.bucket = bucket
        letters = self.shard.take(payload)
        self._arm(bucket)
        return letters

    def wake(self, bucket: int = 0) -> list[str]:
        self.store.bucket = self.waiting.bucket = bucket
        self.timers = {timer for timer in self.timers if timer > self.now}
        letters = self.shard.wake(bucket)
        self._arm(bucket)
        return letters

    def pass_time(self, until: int) -> None:
        """Let Flink's timers (all of bucket 0) fire in their order."""
        while self.timers and min(self.timers) <= until:
            self.now = max(self.now, min(self.timers))
            self.wake()
        self.now = until

    def _arm(self, bucket: int) -> None:
        moment = self.shard.alarm(bucket)
        if moment is not None:
            self.timers.add(moment)

    def state(self, shopper: str, bucket: int = 0) -> ShopperState | None:
        data = self.store.entries.get(bucket, {}).get(shopper)
        return None if data is None else self.logic.load(data)

    def counts(self) -> dict[str, int]:
        return self.shard.counts()


class LogicWithADefect(ShopperLogic):
    """Fails on one event, after it has changed the state; or at every look at a certain shopper."""

    def __init__(self, event_id: str = "", shopper: str = "", definitions: Definitions | None = None) -> None:
        super().__init__(definitions=definitions)
        self._event_id = event_id
        self._shopper = shopper

    def apply(self, state: ShopperState, event: Event, as_of: int) -> Any:
        verdict = super().apply(state, event, as_of)
        if event.event_id == self._event_id:
            raise ZeroDivisionError
        return verdict

    def rows(self, state: ShopperState, shopper: str) -> list[FeatureRow]:
        if shopper == self._shopper:
            raise ZeroDivisionError
        return super().rows(state, shopper)


def view(event_id: str, shopper: str = "ann", at: int = NOW, product: str = "hat") -> Event:
    """A product view."""
    return Event(shopper, event_id, at, PRODUCT_VIEW, session_id="s", products=(Product(product),))


def record(event: Event, offset: int = 0, raw: bytes = b"raw") -> Record:
    return Record(0, offset, event, memoryview(raw))
