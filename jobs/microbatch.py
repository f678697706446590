"""The part of the job that is a table: Kafka's records with their positions, gathered into micro-batches.

One call into Python costs 8 to 20 µs whatever it carries, so records of a few dozen milliseconds go together,
gathered in Java. A batch belongs to a lane: partitions are folded onto as many lanes as there are slots, and
the lanes' keys are chosen so that each slot has one.
"""

from pyflink.common import Types
from pyflink.common.typeinfo import TypeInformation
from pyflink.datastream import DataStream
from pyflink.table import DataTypes, Schema, StreamTableEnvironment, TableDescriptor

from jobs.job_config import GROUP_OFFSETS, JobConfig
from operators.placement import lane_keys
from operators.streams import name_uids, rows_of

UID_PREFIX = "microbatch"


def microbatches(tables: StreamTableEnvironment, config: JobConfig) -> DataStream:
    """The stream of `ROW(lane, partitions, offsets, values, newest)`; batches are never empty."""
    tables.create_temporary_table("records", _source(config))
    stream = rows_of(tables, tables.sql_query(_query(config)), _batch_type())
    name_uids(stream, UID_PREFIX)
    return stream


def _source(config: JobConfig) -> TableDescriptor:
    schema = (
        Schema.new_builder()
        .column("line", DataTypes.BYTES())
        .column_by_metadata("kafka_partition", DataTypes.INT(), "partition", is_virtual=True)
        .column_by_metadata("kafka_offset", DataTypes.BIGINT(), "offset", is_virtual=True)
        .column_by_metadata("kafka_time", DataTypes.TIMESTAMP_LTZ(3), "timestamp", is_virtual=True)
        .column_by_expression("gathered", "PROCTIME()")
        .build()
    )
    options = {
        "topic": config.topic,
        "properties.bootstrap.servers": config.kafka_bootstrap,
        "properties.group.id": config.job_name,
        **{f"properties.{name}": text for name, text in config.kafka_properties.items()},
        **_startup(config),
    }
    table = TableDescriptor.for_connector("kafka").schema(schema).format("raw")
    for name, text in options.items():
        table = table.option(name, text)
    return table.build()


def _startup(config: JobConfig) -> dict[str, str]:
    if config.start == GROUP_OFFSETS:
        return {"scan.startup.mode": "group-offsets", "properties.auto.offset.reset": "earliest"}
    if config.start in ("earliest", "latest"):
        return {"scan.startup.mode": f"{config.start}-offset"}
    return {"scan.startup.mode": "timestamp", "scan.startup.timestamp-millis": str(config.covers_from)}


def _query(config: JobConfig) -> str:
    """A record without a value comes as '' and is judged like any other."""
    lanes = lane_keys(config.lanes or config.parallelism, config.parallelism)
    seconds, ms = divmod(config.batch_ms, 1000)
    lane = f"CASE MOD(kafka_partition, {len(lanes)}) "
    lane += " ".join(f"WHEN {i} THEN {key}" for i, key in enumerate(lanes)) + " END"
    return f"""
        SELECT lane, ARRAY_AGG(kafka_partition) AS partitions, ARRAY_AGG(kafka_offset) AS offsets,
            ARRAY_AGG(line) AS lines, MAX(kafka_time) AS newest
        FROM TABLE(TUMBLE(
            DATA => (SELECT {lane} AS lane, kafka_partition, kafka_offset, COALESCE(line, X'') AS line,
                kafka_time, gathered FROM records),
            TIMECOL => DESCRIPTOR(gathered),
            SIZE => INTERVAL '{seconds}.{ms:03}' SECOND(2, 3)))
        GROUP BY lane, window_start, window_end"""  # noqa: S608  made of numbers only


def _batch_type() -> TypeInformation:
    return Types.ROW_NAMED(
        ["lane", "partitions", "offsets", "lines", "newest"],
        [
            Types.INT(),
            Types.OBJECT_ARRAY(Types.INT()),
            Types.OBJECT_ARRAY(Types.LONG()),
            Types.OBJECT_ARRAY(Types.PRIMITIVE_ARRAY(Types.BYTE())),
            Types.INSTANT(),
        ],
    )
