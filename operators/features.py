"""Flink adapter of `operators.shard`: state, timers, gauges and nothing else."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction, RuntimeContext

from features.logic import ShopperLogic
from features.settings import Definitions
from features.split import Split
from features.views import BRANCHES, branch_views
from operators.applying import Applier
from operators.cache import CachedStore
from operators.devices import Devices
from operators.garbage import collect_seldom
from operators.gauges import Gauges
from operators.placement import bucket_keys, bucket_of_key
from operators.release import FINGERPRINT, check
from operators.shard import Shard, ShardOptions
from operators.streams import FlinkMap, handed_on_tag, run_of
from sinks.branch_fields import BranchFields
from sinks.redis_sink import RedisSink


@dataclass(frozen=True)
class FeaturesOptions:
    """What a features function is told by the job."""

    shard: ShardOptions
    redis_url: str = field(repr=False)
    redis_prefix: str = ""
    definitions: Definitions = field(default_factory=Definitions)
    cached_shoppers: int = 50_000
    code: str = FINGERPRINT
    """The code that was submitted."""


class FeaturesFunction(KeyedProcessFunction):
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
        logic, branch = self.logic(), options.shard.branch
        applier = Applier(logic, store.get)
        if options.shard.devices:
            applier = Devices(logic, store.get, store.items)
        split = None if branch else Split(options.definitions)
        waiting = FlinkMap(runtime_context, "backlog")
        run = run_of(runtime_context)
        self._shard = Shard(options.shard, applier, self._sink, store, waiting, wall_clock, split, run)
        self._keys = bucket_keys(options.shard.buckets)
        self._tag = handed_on_tag(branch)
        self._gauges = Gauges(
            runtime_context, self._shard.told, branch, options.shard.accounts, options.shard.sources
        )

    def close(self) -> None:
        """Close the sink's connections. In thread mode Flink calls this at the end of bounded input only."""
        self._sink.close()

    def process_element(self, value: bytes, ctx: KeyedProcessFunction.Context) -> Sequence[Any]:
        """Apply a batch; its dead letters go on, and what is for users by a side output."""
        letters = self._shard.take(value)
        self._arm(bucket_of_key(ctx.get_current_key()), ctx)
        return self._given(letters)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Sequence[Any]:
        """Work off what is due in a bucket."""
        bucket = bucket_of_key(ctx.get_current_key())
        letters = self._shard.wake(bucket)
        self._arm(bucket, ctx)
        return self._given(letters)

    def logic(self) -> ShopperLogic:
        """The logic of the hosted views."""
        definitions, branch = self._options.definitions, self._options.shard.branch
        return ShopperLogic(branch_views(branch, definitions) if branch else None, definitions)

    def sink(self) -> RedisSink:
        """The sink, which knows the other branches where they run apart."""
        options, branch = self._options, self._options.shard.branch
        fields = branch_fields(options.definitions) if branch else None
        return RedisSink.connect(options.redis_url, options.redis_prefix, branch=branch, branches=fields)

    def _given(self, letters: list[str]) -> Sequence[Any]:
        if not self._options.shard.devices:
            return letters
        return [
            *letters,
            *[(self._tag, Row(self._keys[bucket], batch)) for bucket, batch in self._shard.handed_on()],
        ]

    def _arm(self, bucket: int, ctx: Any) -> None:
        moment = self._shard.alarm(bucket)
        if moment is not None:
            ctx.timer_service().register_processing_time_timer(moment)
        self._gauges.tell(wall_clock())


def branch_fields(definitions: Definitions) -> dict[str, BranchFields]:
    """What each branch writes into the rows that all share."""
    split = Split(definitions)
    owned = {branch: split.fields(branch) for branch in BRANCHES}
    return {branch: BranchFields(frozenset(own.names), own.zeros) for branch, own in owned.items()}


def wall_clock() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000
