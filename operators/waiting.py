"""Flink adapters of `operators.side_inputs`, `operators.catalogue` and `operators.completing`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction, ProcessFunction, RuntimeContext

from events.sides.declaration import SideInput
from events.sides.decoder import SideDecoder
from events.sides.row import TABLES
from features.entities.logic import EntityLogic
from features.entities.settings import EntitySettings
from operators.cache import CachedStore
from operators.catalogue import Catalogue, Loading, Stores
from operators.clock import wall_clock
from operators.combining import Combining
from operators.completing import Completing
from operators.decode import DecodeOptions, hosts, router_of, rows_to
from operators.garbage import collect_seldom
from operators.gauges import PERIOD_MS
from operators.halting import HaltingFunction
from operators.placement import bucket_keys, bucket_of_key
from operators.release import FINGERPRINT, check
from operators.routed import CATALOGUE, ENTITIES, Routed
from operators.side_inputs import SideRouter
from operators.streams import FlinkMap, beyond_tag, branch_tag, letters_tag


@dataclass(frozen=True)
class SidesOptions:
    """What the function of one side input is told by the job."""

    side: SideInput
    buckets: int
    branches: bool = False
    completes: bool = False
    id_key: bytes = field(default=b"", repr=False)
    entities: EntitySettings = field(default_factory=EntitySettings)
    tables: tuple[str, ...] = TABLES
    """Of all side inputs that there are."""
    ends: dict[int, int] = field(default_factory=dict)
    """By partition, how far the catalogue's topic went when the job was submitted."""
    code: str = FINGERPRINT
    """The code that was submitted."""


class SidesFunction(ProcessFunction):
    """Takes `ROW(lane, partitions, offsets, values, newest, keys)`, gives `ROW(bucket key, batch)`.

    What is counted goes to whoever accounts for records; rows and dead letters go by side outputs. Stateless.
    """

    def __init__(self, options: SidesOptions) -> None:
        """Keep the options; all else is made in `open`."""
        self._options = options

    def open(self, runtime_context: RuntimeContext) -> None:
        """Make the router."""
        options = self._options
        check(options.code)
        collect_seldom()
        combining = None
        if options.entities.views:
            combining = Combining(EntityLogic(options.entities, tables=options.tables), options.buckets)
        decoder = SideDecoder(options.side, options.id_key)
        self._router = SideRouter(
            decoder, options.buckets, options.branches, options.completes, combining, options.ends
        )
        self._keys = bucket_keys(options.buckets)
        self._tags = {CATALOGUE: branch_tag(CATALOGUE), ENTITIES: beyond_tag(ENTITIES)}
        self._letters = letters_tag()

    def process_element(self, value: Row, ctx: ProcessFunction.Context) -> Iterator[Any]:
        """Decode one micro-batch."""
        _, partitions, offsets, values, _, keys = value
        told = self._router.route(partitions, offsets, values, keys, wall_clock())
        yield from rows_to(told.routed, self._keys, self._tags)
        for letter in told.letters:
            yield self._letters, letter


@dataclass(frozen=True)
class CatalogueOptions:
    """What the function of the catalogue is told by the job."""

    buckets: int
    cached: int = 50_000
    """Rows that are kept at hand."""
    wait_ms: int = 10_000
    loading: Loading = field(default_factory=Loading)
    code: str = FINGERPRINT
    """The code that was submitted."""


class CatalogueFunction(KeyedProcessFunction):
    """Hosts the catalogue's rows for the buckets of its slot. Gives `ROW(bucket key, answer)`."""

    def __init__(self, options: CatalogueOptions) -> None:
        """Keep the options; all else is made in `open`."""
        self._options = options

    def open(self, runtime_context: RuntimeContext) -> None:
        """Connect to Flink's state."""
        options = self._options
        check(options.code)
        collect_seldom()
        rows = CachedStore(FlinkMap(runtime_context, "rows"), options.cached)
        others = [FlinkMap(runtime_context, name) for name in ("wanted", "asked", "loaded")]
        self._catalogue = Catalogue(Stores(rows, *others), wall_clock, options.wait_ms, options.loading)
        self._keys = bucket_keys(options.buckets)

    def process_element(self, value: bytes, ctx: KeyedProcessFunction.Context) -> Sequence[Any]:
        """Take in rows or a question."""
        return [Row(self._keys[bucket], payload) for bucket, payload in self._catalogue.take(value)]


class CompletingFunction(HaltingFunction):
    """Hosts the events that wait for the catalogue, for its slot's buckets. Gives what `decode` gives."""

    def __init__(self, options: DecodeOptions, wait_ms: int) -> None:
        """Keep the options; all else is made in `open`."""
        self._options = options
        self._wait_ms = wait_ms

    def open(self, runtime_context: RuntimeContext) -> None:
        """Connect to Flink's state."""
        options = self._options
        check(options.code)
        collect_seldom()
        held, known = FlinkMap(runtime_context, "held"), FlinkMap(runtime_context, "known")
        self._completing = Completing(router_of(options), held, known, wall_clock, self._wait_ms)
        self._waiting = runtime_context.get_metrics_group().add_group("shopper").distribution("waiting")
        self._told_at = 0
        self._keys = bucket_keys(options.buckets)
        self._tags = {host: branch_tag(host) for host in hosts()}

    def take(self, value: bytes, ctx: KeyedProcessFunction.Context) -> Sequence[Any]:
        """Take in events or an answer."""
        return self._given(self._completing.take(value), ctx)

    def wake(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Sequence[Any]:
        """Let go what has waited long enough."""
        return self._given(self._completing.wake(bucket_of_key(ctx.get_current_key())), ctx)

    def _given(self, routed: Iterable[Routed], ctx: Any) -> Sequence[Any]:
        moment = self._completing.alarm(bucket_of_key(ctx.get_current_key()))
        if moment is not None:
            ctx.timer_service().register_processing_time_timer(moment)
        if (now := wall_clock()) >= self._told_at + PERIOD_MS:
            self._told_at = now
            self._waiting.update(self._completing.waiting())
        return [*rows_to(routed, self._keys, self._tags)]
