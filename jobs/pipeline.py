"""The wiring of the live job: which operator follows which, under which uid."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final
from zlib import crc32

from pyflink.common import Configuration, Types
from pyflink.common.serialization import SimpleStringSchema
from pyflink.datastream import DataStream, OutputTag, StreamExecutionEnvironment
from pyflink.datastream.connectors.base import DeliveryGuarantee
from pyflink.datastream.connectors.kafka import KafkaRecordSerializationSchema, KafkaSink
from pyflink.table import StreamTableEnvironment

from events.decoder import Decoder
from events.sides.declaration import SideInput
from events.sides.row import PRODUCTS
from events.sources.declaration import Source
from features.identity import OFF
from features.views import BRANCHES
from jobs.job_config import JobConfig
from jobs.microbatch import SIDE_QUERY, generation, microbatches, resumed, side_microbatches
from operators.catalogue import Loading
from operators.decode import DecodeFunction, DecodeOptions
from operators.features import BeyondFunction, FeaturesFunction, FeaturesOptions
from operators.placement import MAX_PARALLELISM
from operators.places import number_of
from operators.routed import ACCOUNTANT, CATALOGUE, COMPLETING, ENTITIES, RANKINGS, devices_of
from operators.shard import ShardOptions
from operators.streams import (
    beyond_tag,
    branch_tag,
    handed_on_tag,
    key_by_first_field,
    letters_tag,
    payload_type,
    side_output,
)
from operators.waiting import (
    CatalogueFunction,
    CatalogueOptions,
    CompletingFunction,
    SidesFunction,
    SidesOptions,
)

FeaturesType = Callable[[FeaturesOptions], FeaturesFunction]

__all__ = ["FeaturesType", "JobConfig", "build", "environment", "flink_options"]

_FIXED: Final = {
    "python.execution-mode": "thread",
    "pipeline.max-parallelism": str(MAX_PARALLELISM),
    # Every operator has a uid of ours, so that a savepoint fits the next release.
    "pipeline.auto-generate-uids": "false",
    "pipeline.object-reuse": "true",
    "table.local-time-zone": "UTC",
    "execution.runtime-mode": "STREAMING",
    "execution.checkpointing.mode": "EXACTLY_ONCE",
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    "execution.checkpointing.timeout": "2 min",
    "execution.checkpointing.tolerable-failed-checkpoints": "10",
    "execution.checkpointing.unaligned.enabled": "false",
    "restart-strategy.type": "exponential-delay",
    "restart-strategy.exponential-delay.attempts-before-reset-backoff": str(2**31 - 1),
    "restart-strategy.exponential-delay.initial-backoff": "1 s",
    "restart-strategy.exponential-delay.max-backoff": "30 s",
    "restart-strategy.exponential-delay.reset-backoff-threshold": "2 min",
}


def flink_options(config: JobConfig) -> dict[str, str]:
    """Every option of Flink that the job sets."""
    options = dict(_FIXED)
    options["parallelism.default"] = str(config.parallelism)
    options["execution.checkpointing.dir"] = config.checkpoint_dir
    options["execution.checkpointing.interval"] = f"{round(config.checkpoint_interval_s * 1000)} ms"
    options["state.backend.type"] = config.state_backend
    if config.state_backend == "rocksdb":
        options["execution.checkpointing.incremental"] = "true"
    if config.python:
        options["python.executable"] = options["python.client.executable"] = config.python
    if config.restore_from:
        options["execution.state-recovery.path"] = config.restore_from
    if config.resume:
        # The micro-batches of the earlier query; what they held is read again.
        options["execution.state-recovery.ignore-unclaimed-state"] = "true"
    return options | config.flink


def environment(config: JobConfig) -> StreamExecutionEnvironment:
    """An environment with the job's options."""
    configuration = Configuration()
    for name, text in flink_options(config).items():
        configuration.set_string(name, text)
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    if config.jars:
        # Not the option `pipeline.jars`: it would replace flink-python's jar, which `flink run` adds,
        # and the JobManager could not read the Python operators.
        env.add_jars(*config.jars)
    return env


def build(
    env: StreamExecutionEnvironment, config: JobConfig, features: FeaturesType = FeaturesFunction
) -> None:
    """Wire the job. `features` may be another kind of features function, to inject faults."""
    tables = StreamTableEnvironment.create(env)
    apart = config.topology == "branches"
    topics = ((None,) if config.topic else ()) + config.sources
    decoded = [_decoded(tables, config, source) for source in topics]
    sides = [_side_input(tables, config, side) for side in config.sides]
    if config.completes:
        decoded.append(_completing(decoded, sides, config))
    keyed = [
        operator
        for branch in (BRANCHES if apart else ("",))
        for operator in _features([*decoded, *sides], config, branch, features)
    ]
    letters = [*keyed, *_beyond(keyed, sides, config)]
    letters += [side_output(side, letters_tag()) for side in sides]
    _union(letters).sink_to(_dead_letters(config)).uid("dead-letters").name("dead letters")


def _decoded(tables: StreamTableEnvironment, config: JobConfig, source: Source | None) -> DataStream:
    """The batches of one topic, Snowplow's or a declared source's, each with a decode operator of its own."""
    name, number = (f"decode-{source.name}", number_of(source.topic)) if source else ("decode", 0)
    again = {partition: below for partition, (_, below) in resumed(config, number).items()}
    options = replace(_decode_options(config), again=again, source=source)
    if source:
        options = replace(options, topic=source.topic)
    batches = microbatches(tables, config, source)
    return batches.process(DecodeFunction(options), payload_type()).uid(name).name(name)


def _decode_options(config: JobConfig) -> DecodeOptions:
    decoder = Decoder(config.wire_format, config.app_ids, config.exclude_robots, config.search, config.id_key)
    apart, completes = config.topology == "branches", config.completes
    return DecodeOptions(
        config.topic, config.buckets, decoder, config.definitions, apart, completes=completes
    )


def _side_input(tables: StreamTableEnvironment, config: JobConfig, side: SideInput) -> DataStream:
    """What is told of one side input."""
    options = SidesOptions(
        side,
        config.buckets,
        config.topology == "branches",
        config.completes,
        config.id_key,
        config.entities,
        config.side_tables,
        config.catalogue_ends,
    )
    name = f"side-{side.table}"
    batches = side_microbatches(tables, config, side)
    return batches.process(SidesFunction(options), payload_type()).uid(name).name(name)


def _completing(decoded: list[DataStream], sides: list[DataStream], config: JobConfig) -> DataStream:
    """What of the events waited for the catalogue, as one more stream like those of the topics."""
    told = _together([*decoded, *sides], branch_tag(CATALOGUE))
    wait_ms = round(config.side_wait_s * 1000)
    (topic,) = [side.topic for side in config.sides if side.table == PRODUCTS]
    partitions = tuple(partition for partition, end in config.catalogue_ends.items() if end)
    loading = Loading(generation(topic, SIDE_QUERY), partitions)
    rows = CatalogueFunction(CatalogueOptions(config.buckets, wait_ms=wait_ms, loading=loading))
    catalogue = key_by_first_field(told).process(rows, payload_type()).uid(CATALOGUE).name(CATALOGUE)
    waiting = catalogue.union(_together(decoded, branch_tag(COMPLETING)))
    function = CompletingFunction(_decode_options(config), wait_ms)
    return key_by_first_field(waiting).process(function, payload_type()).uid(COMPLETING).name(COMPLETING)


def _together(streams: list[DataStream], tag: OutputTag) -> DataStream:
    return _union([side_output(each, tag) for each in streams])


def _union(streams: list[DataStream]) -> DataStream:
    first, *others = streams
    return first.union(*others) if others else first


def _side(decoded: list[DataStream], host: str) -> DataStream:
    """What all topics have for one operator; the main output is that of all branches, or of `ACCOUNTANT`."""
    return _union(decoded) if host in ("", ACCOUNTANT) else _together(decoded, branch_tag(host))


def _features(
    decoded: list[DataStream], config: JobConfig, branch: str, features: FeaturesType
) -> list[DataStream]:
    """The keyed operators of all branches, or of one: of users, and of devices. They give dead letters."""
    users = _side(decoded, branch)
    name = f"features-{branch}" if branch else "features"
    if config.definitions.identity == OFF:
        return [_operator(users, _options(config, branch), name, features)]
    mine = _side(decoded, devices_of(branch))
    devices = _operator(mine, _options(config, branch, devices=True), devices_of(branch), features)
    users = users.union(side_output(devices, handed_on_tag(branch)))
    return [_operator(users, _options(config, branch), name, features), devices]


def _beyond(told: list[DataStream], sides: list[DataStream], config: JobConfig) -> list[DataStream]:
    """The keyed operators of entities beyond the shopper, and of sorted sets over all of them.

    Both are there with any view: Flink would not restore a savepoint with the state of one that is missing.
    """
    if not config.entities.views:
        return []
    stream = _together([*told, *sides], beyond_tag(ENTITIES))
    entities = _operator(stream, _beyond_options(config, ENTITIES), ENTITIES, BeyondFunction)
    stream = side_output(entities, beyond_tag(RANKINGS))
    return [entities, _operator(stream, _beyond_options(config, RANKINGS), RANKINGS, BeyondFunction)]


def _beyond_options(config: JobConfig, host: str) -> FeaturesOptions:
    options = _options(config, "")
    shard = replace(options.shard, accounts=False, beyond=host, leaders=config.entities.ranking_most)
    return replace(options, shard=shard)


def _operator(stream: DataStream, options: FeaturesOptions, name: str, features: FeaturesType) -> DataStream:
    return key_by_first_field(stream).process(features(options), Types.STRING()).uid(name).name(name)


def _options(config: JobConfig, branch: str, *, devices: bool = False) -> FeaturesOptions:
    shard = ShardOptions(
        job=config.job_name,
        topic=config.topic,
        life=config.life,
        covers_from=max(config.covers_from, config.devices_since) if devices else config.covers_from,
        branch=branch,
        accounts=branch in ("", ACCOUNTANT),
        buckets=config.buckets,
        idle_ms=config.idle_ms,
        rewrites_per_s=config.rewrites_per_s,
        devices=devices,
        sources=config.source_topics,
        sides=() if devices else config.side_tables,
        resumed=crc32(repr(sorted(config.resume.items())).encode()) if config.resume else 0,
    )
    return FeaturesOptions(
        shard,
        config.redis_url,
        config.redis_prefix,
        config.definitions,
        config.cached_shoppers,
        config.entities,
        config.side_tables,
    )


def _dead_letters(config: JobConfig) -> KafkaSink:
    """At least once: a letter's id tells repeats apart."""
    record = (
        KafkaRecordSerializationSchema.builder()
        .set_topic(config.dead_letter_topic)
        .set_value_serialization_schema(SimpleStringSchema())
        .build()
    )
    builder = (
        KafkaSink.builder()
        .set_bootstrap_servers(config.kafka_bootstrap)
        .set_record_serializer(record)
        .set_delivery_guarantee(DeliveryGuarantee.AT_LEAST_ONCE)
    )
    for name, text in config.kafka_properties.items():
        builder = builder.set_property(name, text)
    return builder.build()
