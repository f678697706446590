"""Flink adapter of `operators.routing`: one call a micro-batch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyflink.common import Row
from pyflink.datastream import OutputTag, ProcessFunction, RuntimeContext

from events.decoder import Decoder
from events.sources.declaration import Source
from events.sources.decoder import SourceDecoder
from features.identity import OFF
from features.settings import Definitions
from features.split import Split
from features.views import BRANCHES
from operators.clock import wall_clock
from operators.garbage import collect_seldom
from operators.placement import bucket_keys
from operators.places import number_of
from operators.release import FINGERPRINT, check
from operators.rereading import Rereading
from operators.routed import ACCOUNTANT, CATALOGUE, COMPLETING, Routed, devices_of
from operators.routing import Router
from operators.streams import branch_tag


@dataclass(frozen=True)
class DecodeOptions:
    """What the decode function is told by the job."""

    topic: str
    buckets: int
    decoder: Decoder = field(default_factory=Decoder)
    definitions: Definitions = field(default_factory=Definitions)
    branches: bool = False
    """Whether branches run apart; all but the accounting one then leave by side outputs."""
    again: dict[int, int] = field(default_factory=dict)
    """By partition, the offset below which records may have been accounted for before a migration."""
    source: Source | None = None
    """Whose records they are; None for Snowplow's."""
    completes: bool = False
    """Whether events wait for what the catalogue says of their products."""
    code: str = FINGERPRINT
    """The code that was submitted."""

    def reading(self) -> Decoder | SourceDecoder:
        """What reads the records; what the shop leaves out is the same for all topics."""
        if self.source is None:
            return self.decoder
        shop = self.decoder
        return SourceDecoder(self.source, shop.app_ids, shop.exclude_robots, shop.search, shop.id_key)


class DecodeFunction(ProcessFunction):
    """Takes `ROW(lane, partitions, offsets, values, newest)`, gives `ROW(bucket key, batch)`. Stateless.

    Of a declared source the row ends with the Kafka timestamp of each record.
    """

    def __init__(self, options: DecodeOptions) -> None:
        """Keep the options; all else is made in `open`."""
        self._options = options

    def open(self, runtime_context: RuntimeContext) -> None:
        """Make the router."""
        options = self._options
        check(options.code)
        collect_seldom()
        router = router_of(options)
        self._route = Rereading(router, options.again).route if options.again else router.route
        self._keys = bucket_keys(options.buckets)
        self._tags = {host: branch_tag(host) for host in (*hosts(), COMPLETING, CATALOGUE)}

    def process_element(self, value: Row, ctx: ProcessFunction.Context) -> Iterator[Any]:
        """Decode one micro-batch."""
        _, partitions, offsets, raws, newest, *timed = value
        at = wall_clock()
        times = [None if each is None else each.toEpochMilli() for each in timed[0]] if timed else ()
        routed = self._route(partitions, offsets, raws, newest.toEpochMilli(), at, times)
        return rows_to(routed, self._keys, self._tags)


def rows_to(routed: Iterable[Routed], keys: Sequence[str], tags: Mapping[str, OutputTag]) -> Iterator[Any]:
    """Batches as rows for Flink: of an operator with a tag by its side output, of others by the main one."""
    for host, bucket, payload in routed:
        row = Row(keys[bucket], payload)
        tag = tags.get(host)
        yield row if tag is None else (tag, row)


def router_of(options: DecodeOptions) -> Router:
    """What sorts the events of one topic, or those of all that waited."""
    split = Split(options.definitions) if options.branches else None
    identity = options.definitions.identity != OFF
    number = number_of(options.topic) if options.source else 0
    return Router(
        options.reading(), options.topic, options.buckets, split, identity, number, options.completes
    )


def hosts() -> list[str]:
    """Operators of shoppers that leave by side outputs."""
    return [*[branch for branch in BRANCHES if branch != ACCOUNTANT], *map(devices_of, ("", *BRANCHES))]
