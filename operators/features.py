"""Flink adapter of `operators.shard`: state, timers, gauges and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction, RuntimeContext

from events.sides.row import TABLES
from features.entities.logic import EntityLogic
from features.entities.rankings import RankingLogic
from features.entities.settings import EntitySettings
from features.logic import ShopperLogic
from features.settings import Definitions
from features.split import Split
from features.views import BRANCHES, branch_views
from operators.applying import Applying
from operators.cache import CachedStore
from operators.clock import wall_clock
from operators.combining import Combining
from operators.devices import Devices
from operators.entities import Entities
from operators.garbage import collect_seldom
from operators.gauges import Gauges
from operators.halting import HaltingFunction
from operators.placement import bucket_keys, bucket_of_key
from operators.release import FINGERPRINT, check
from operators.routed import ENTITIES, RANKINGS
from operators.shard import Shard, ShardOptions
from operators.store import Store
from operators.streams import FlinkMap, beyond_tag, handed_on_tag, run_of
from operators.users import Users
from operators.waiting import CatalogueFunction, CompletingFunction, SidesFunction
from sinks.branch_fields import BranchFields
from sinks.redis_sink import RedisSink

WITH_SIDE_INPUTS: Final = (SidesFunction, CatalogueFunction, CompletingFunction)
"""Loaded by every job: the interpreter of a TaskManager finds modules in its first job's files only, and a
later job of the same TaskManager may have side inputs."""


@dataclass(frozen=True)
class FeaturesOptions:
    """What a features function is told by the job."""

    shard: ShardOptions
    redis_url: str = field(repr=False)
    redis_prefix: str = ""
    definitions: Definitions = field(default_factory=Definitions)
    cached_shoppers: int = 50_000
    entities: EntitySettings = field(default_factory=EntitySettings)
    tables: tuple[str, ...] = TABLES
    """Side inputs that the job has: what views of entities read of others is absent, and costs nothing."""
    code: str = FINGERPRINT
    """The code that was submitted."""


class FeaturesFunction(HaltingFunction):
    """Hosts the views of all branches, or of one, for the buckets of its slot. Gives dead letters.

    Of devices it gives batches for users' buckets, too, as the side output `handed_on_tag`.
    """

    def __init__(self, options: FeaturesOptions) -> None:
        """Keep the options; all else is made in `open`, since it does not outlive a restart."""
        self._options = options

    def open(self, runtime_context: RuntimeContext) -> None:
        """Connect the shard to Flink's state, the sink and the gauges."""
        options = self._options
        check(options.code)
        collect_seldom()
        store = CachedStore(FlinkMap(runtime_context, "shoppers"), options.cached_shoppers)
        self._sink = self.sink()
        branch = options.shard.branch
        split = None if branch else Split(options.definitions)
        waiting = FlinkMap(runtime_context, "backlog")
        run = run_of(runtime_context)
        self._shard = Shard(
            options.shard,
            self.applier(store),
            self._sink,
            store,
            waiting,
            wall_clock,
            split,
            run,
        )
        self._shard.combining = self.combining()
        self._keys = bucket_keys(options.shard.buckets)
        self._tag = handed_on_tag(branch)
        self._beyond = beyond_tag(RANKINGS if options.shard.beyond else ENTITIES)
        self._gauges = Gauges(
            runtime_context,
            self._shard.told,
            branch,
            options.shard.accounts,
            options.shard.sources,
            options.shard.sides,
        )

    def close(self) -> None:
        """Close the sink's connections. In thread mode Flink calls this at the end of bounded input only."""
        self._sink.close()

    def take(self, value: bytes, ctx: KeyedProcessFunction.Context) -> Sequence[Any]:
        """Apply a batch; its dead letters go on, and what is for users by a side output."""
        letters = self._shard.take(value)
        self._arm(bucket_of_key(ctx.get_current_key()), ctx)
        return self._given(letters)

    def wake(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Sequence[Any]:
        """Work off what is due in a bucket."""
        bucket = bucket_of_key(ctx.get_current_key())
        letters = self._shard.wake(bucket, timestamp)
        self._arm(bucket, ctx)
        return self._given(letters)

    def applier(self, store: Store) -> Applying:
        """What applies batches."""
        tells = bool(self._options.entities.views)
        if self._options.shard.devices:
            return Devices(self.logic(), store.get, store.items, tells=tells)
        return Users(self.logic(), store.get, tells=tells)

    def combining(self) -> Combining | None:
        """What makes batches for entities, where there are views of them."""
        options = self._options
        return (
            Combining(EntityLogic(options.entities, tables=options.tables), options.shard.buckets)
            if options.entities.views
            else None
        )

    def logic(self) -> ShopperLogic:
        """The logic of the hosted views."""
        definitions, branch = self._options.definitions, self._options.shard.branch
        return ShopperLogic(branch_views(branch, definitions) if branch else None, definitions)

    def sink(self) -> RedisSink:
        """The sink, which knows the other branches where they run apart."""
        options, branch = self._options, self._options.shard.branch
        fields = branch_fields(options.definitions) if branch else None
        return RedisSink.connect(
            options.redis_url,
            options.redis_prefix,
            branch=branch,
            branches=fields,
            live_shopper=options.definitions.live_shopper,
        )

    def _given(self, letters: list[str]) -> Sequence[Any]:
        options = self._options
        if not options.shard.devices and not options.entities.views:
            return letters
        return [
            *letters,
            *[(self._tag, Row(self._keys[bucket], batch)) for bucket, batch in self._shard.handed_on()],
            *[(self._beyond, Row(self._keys[bucket], batch)) for bucket, batch in self._shard.told_beyond()],
        ]

    def _arm(self, bucket: int, ctx: Any) -> None:
        moment = self._shard.alarm(bucket)
        if moment is not None:
            ctx.timer_service().register_processing_time_timer(moment)
        self._gauges.tell(wall_clock())


class BeyondFunction(FeaturesFunction):
    """The same of entities beyond the shopper, or of sorted sets over all of them."""

    def applier(self, store: Store) -> Applying:
        """What applies batches."""
        options = self._options
        if options.shard.beyond == RANKINGS:
            return Entities(RankingLogic(options.entities), store.get, store.items)
        logic = EntityLogic(options.entities, tables=options.tables)
        return Entities(logic, store.get, store.items, buckets=options.shard.buckets)

    def combining(self) -> None:
        """Nothing: what they tell is no event."""


def branch_fields(definitions: Definitions) -> dict[str, BranchFields]:
    """What each branch writes into the rows that all share."""
    split = Split(definitions)
    owned = {branch: split.fields(branch) for branch in BRANCHES}
    return {branch: BranchFields(frozenset(own.names), own.zeros) for branch, own in owned.items()}
