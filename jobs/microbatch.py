"""The part of the job that is a table: Kafka's records with their positions, gathered into micro-batches.

One call into Python costs 8 to 20 µs whatever it carries, so records of a tenth of a second go together,
gathered in Java. A batch belongs to a lane: partitions are folded onto as many lanes as there are slots, and
the lanes' keys are chosen so that each slot has one.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final

from pyflink.common import Types
from pyflink.common.typeinfo import TypeInformation
from pyflink.datastream import DataStream
from pyflink.table import Schema, StreamTableEnvironment, TableDescriptor
from pyflink.version import __version__ as flink_version

from events.sides.declaration import SideInput
from events.sources.declaration import Source
from jobs.job_config import GROUP_OFFSETS, JobConfig
from operators.placement import lane_keys
from operators.places import number_of, topic_and_partition
from operators.streams import name_uids, rows_of

UID_PREFIX: Final = "microbatch"

_KEYED: Final = {
    "key.format": "raw",
    "key.fields": "record_key",
    "value.fields-include": "EXCEPT_KEY",
}
"""Options of a table whose records' keys are read, too."""

FETCHED: Final = {"fetch.min.bytes": "65536", "fetch.max.wait.ms": "25"}
"""Kafka answers when it has so much, and after 25 ms whatever it has. An answer with every record or two that
comes in, which is its default, costs a thirtieth of a core of Kafka and a twentieth of Flink at 2,000
events/s; a silent topic is asked 40 times a second for it, instead of twice. Side inputs, of which little
comes, are read as Kafka's client does by itself: at once."""

METADATA: Final = (
    ("kafka_partition", "INT", "partition"),
    ("kafka_offset", "BIGINT", "offset"),
    ("kafka_time", "TIMESTAMP_LTZ(3)", "timestamp"),
)
"""Columns of the table, their types, and the connector's names for them."""
QUERY: Final = """
    SELECT lane, ARRAY_AGG(kafka_partition) AS partitions, ARRAY_AGG(kafka_offset) AS offsets,
        ARRAY_AGG(line) AS lines, MAX(kafka_time) AS newest
    FROM TABLE(TUMBLE(
        DATA => (SELECT {lane} AS lane, kafka_partition, kafka_offset, COALESCE(line, X'') AS line,
            kafka_time, gathered FROM records),
        TIMECOL => DESCRIPTOR(gathered),
        SIZE => INTERVAL '{seconds}.{ms:03}' SECOND(2, 3)))
    GROUP BY lane, window_start, window_end"""
"""A record without a value comes as '' and is judged like any other. How many lanes there are and how long a
batch lasts may change from run to run; any other change is another generation."""


SOURCE_QUERY: Final = QUERY.replace("AS newest", "AS newest, ARRAY_AGG(kafka_time) AS times").replace(
    "FROM records", "FROM {table}"
)
"""That of a declared source, whose records may have no time but Kafka's."""
SIDE_QUERY: Final = (
    QUERY.replace("AS newest", "AS newest, ARRAY_AGG(record_key) AS keys")
    .replace("kafka_time, gathered", "kafka_time, COALESCE(record_key, X'') AS record_key, gathered")
    .replace("FROM records", "FROM {table}")
)
"""That of a side input, whose tombstones say by their keys alone what is gone."""


def microbatches(
    tables: StreamTableEnvironment, config: JobConfig, source: Source | None = None
) -> DataStream:
    """The stream of `ROW(lane, partitions, offsets, values, newest)`; batches are never empty.

    Of a declared source the row ends with `times`.
    """
    number = number_of(source.topic) if source else 0
    topic, table = (source.topic, f"records_{number}") if source else (config.topic, "records")
    options = startup(config, number)
    if source:
        return _stream(tables, config, SOURCE_QUERY, table, topic, options, times=_instants)
    return _stream(tables, config, QUERY, table, topic, options)


def side_microbatches(tables: StreamTableEnvironment, config: JobConfig, side: SideInput) -> DataStream:
    """The same of a side input, always from its first record on; the row ends with `keys`."""
    options = {"scan.startup.mode": "earliest-offset"} | _KEYED
    return _stream(tables, config, SIDE_QUERY, f"side_{side.table}", side.topic, options, keys=_byte_arrays)


def _stream(
    tables: StreamTableEnvironment,
    config: JobConfig,
    query: str,
    table: str,
    topic: str,
    options: Mapping[str, str],
    **last: Callable[[], TypeInformation],
) -> DataStream:
    tables.create_temporary_table(table, _table(config, topic, options))
    stream = rows_of(tables, tables.sql_query(_query(config, query, table)), _batch_type(**last))
    name_uids(stream, f"{UID_PREFIX}-{generation(topic, query)}")
    return stream


def _byte_arrays() -> TypeInformation:
    return Types.OBJECT_ARRAY(Types.PRIMITIVE_ARRAY(Types.BYTE()))


def _instants() -> TypeInformation:
    return Types.OBJECT_ARRAY(Types.INSTANT())


def generation(topic: str, query: str = "") -> str:
    """What the micro-batches' state depends on, as eight digits: the query, the topic and Flink's planner.

    It is part of the uids. A savepoint of another generation is refused by Flink, loudly, instead of being
    read wrongly or leaving out the batch that was open; `shopper migrate` leads over.
    """
    planner = flink_version.rpartition(".")[0]
    return sha256(repr((query or QUERY, METADATA, topic, planner)).encode()).hexdigest()[:8]


def _table(config: JobConfig, topic: str, options: Mapping[str, str]) -> TableDescriptor:
    schema = Schema.new_builder()
    keyed = _KEYED.items() <= options.items()
    if keyed:
        schema.column("record_key", "BYTES")
    schema.column("line", "BYTES")
    for name, kind, key in METADATA:
        schema.column_by_metadata(name, kind, key, is_virtual=True)
    schema.column_by_expression("gathered", "PROCTIME()")
    told = {
        "topic": topic,
        **{f"properties.{name}": text for name, text in consumer(config, {} if keyed else FETCHED).items()},
        **options,
    }
    table = TableDescriptor.for_connector("kafka").schema(schema.build()).format("raw")
    for name, text in told.items():
        table = table.option(name, text)
    return table.build()


def consumer(config: JobConfig, fetched: Mapping[str, str] = FETCHED) -> dict[str, str]:
    """What Kafka's client is told; the settings' own properties win."""
    told = {"bootstrap.servers": config.kafka_bootstrap, "group.id": config.job_name}
    return {**told, **fetched, **config.kafka_properties}


def startup(config: JobConfig, number: int = 0) -> dict[str, str]:
    """Where reading begins, as options of the table.

    With a state to begin from, the state says it for every partition that it knows. What is told here decides
    for the others: those added meanwhile, and those whose next record Kafka has deleted. `timestamp` and
    `latest` would skip to their end, the others go on with the first record that is still there.
    """
    resume = resumed(config, number)
    if resume:
        places = ";".join(f"partition:{p},offset:{offset}" for p, (offset, _) in sorted(resume.items()))
        return {"scan.startup.mode": "specific-offsets", "scan.startup.specific-offsets": places}
    if config.restore_from and not config.resume:
        return {"scan.startup.mode": "earliest-offset"}
    if config.start == GROUP_OFFSETS:
        return {"scan.startup.mode": "group-offsets", "properties.auto.offset.reset": "earliest"}
    if config.start in ("earliest", "latest"):
        return {"scan.startup.mode": f"{config.start}-offset"}
    return {"scan.startup.mode": "timestamp", "scan.startup.timestamp-millis": str(config.covers_from)}


def resumed(config: JobConfig, number: int = 0) -> dict[int, tuple[int, int]]:
    """Of `resume`, the partitions of one topic."""
    places = {topic_and_partition(place): offsets for place, offsets in config.resume.items()}
    return {partition: offsets for (topic, partition), offsets in places.items() if topic == number}


def _query(config: JobConfig, query: str, table: str) -> str:
    lanes = lane_keys(config.lanes or config.parallelism, config.parallelism)
    seconds, ms = divmod(config.batch_ms, 1000)
    lane = f"CASE MOD(kafka_partition, {len(lanes)}) "
    lane += " ".join(f"WHEN {i} THEN {key}" for i, key in enumerate(lanes)) + " END"
    return query.format(lane=lane, seconds=seconds, ms=ms, table=table)


def _batch_type(**last: Callable[[], TypeInformation]) -> TypeInformation:
    fields = {
        "lane": Types.INT(),
        "partitions": Types.OBJECT_ARRAY(Types.INT()),
        "offsets": Types.OBJECT_ARRAY(Types.LONG()),
        "lines": _byte_arrays(),
        "newest": Types.INSTANT(),
        **{name: kind() for name, kind in last.items()},
    }
    return Types.ROW_NAMED(list(fields), list(fields.values()))
