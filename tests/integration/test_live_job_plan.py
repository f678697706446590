"""What the job asks of Flink: keys where we think they are, uids that outlive a submission."""

from collections.abc import Iterator
from typing import Any

import pytest

from features.entities.settings import EntitySettings
from features.settings import Definitions
from jobs import microbatch
from jobs.job_config import JobConfig
from jobs.microbatch import SIDE_QUERY, UID_PREFIX, generation, microbatches, side_microbatches
from jobs.pipeline import build, environment
from jobs.side_inputs import side_inputs
from operators.placement import (
    MAX_PARALLELISM,
    bucket_keys,
    key_group_of_bucket,
    key_group_of_lane,
    lane_keys,
)
from operators.streams import name_uids
from tests.harness import toolchain

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(120),
    # The gateway's sockets and pipes stay open for the length of the process.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

OPERATORS = {"decode", "dead-letters", "Sink Committer: dead-letters"}
"""Flink derives the committer's uid from its sink's."""
BRANCH_NAMES = ("product", "category", "cart", "purchase", "session")
BRANCHES = {f"features-{branch}" for branch in BRANCH_NAMES}


@pytest.fixture(scope="module", autouse=True)
def java() -> Iterator[None]:
    """PyFlink's gateway starts the Java that the tests use, on PATH or not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_HOME", str(toolchain().java_home))
        yield


@pytest.fixture(scope="module")
def jvm(java: None) -> Any:
    from pyflink.java_gateway import get_gateway

    return get_gateway().jvm


def config(**more: Any) -> JobConfig:
    jar = toolchain().flink_connector_jar.absolute().as_uri()
    given: dict[str, Any] = {
        "kafka_bootstrap": "k:9092",
        "redis_url": "redis://r:6379/0",
        "checkpoint_dir": "file:///c",
    }
    return JobConfig(**given, life=1, jars=(jar,), **more)


@pytest.mark.parametrize("buckets", [16, 128])
def test_bucket_keys_lie_where_flink_puts_them(jvm: Any, buckets: int) -> None:
    groups = jvm.org.apache.flink.runtime.state.KeyGroupRangeAssignment
    for key in bucket_keys(buckets):
        row = jvm.org.apache.flink.types.Row(1)
        row.setField(0, key)
        assert groups.assignToKeyGroup(row, MAX_PARALLELISM) == key_group_of_bucket(key)


def test_lane_keys_lie_where_flink_puts_them(jvm: Any) -> None:
    groups = jvm.org.apache.flink.runtime.state.KeyGroupRangeAssignment
    for lane, key in enumerate(lane_keys(16, 16)):
        row = jvm.org.apache.flink.table.data.binary.BinaryRowData(1)
        writer = jvm.org.apache.flink.table.data.writer.BinaryRowWriter(row)
        writer.writeInt(0, key)
        writer.complete()
        assert groups.assignToKeyGroup(row, MAX_PARALLELISM) == key_group_of_lane(key)
        assert groups.assignKeyToParallelOperator(row, MAX_PARALLELISM, 16) == lane


def test_the_selector_makes_the_key_that_we_reckon_with(jvm: Any) -> None:
    row = jvm.org.apache.flink.types.Row(2)
    row.setField(0, "7.38")
    row.setField(1, "payload")
    key = jvm.org.apache.flink.streaming.api.functions.python.KeyByKeySelector().getKey(row)
    assert key.getClass().getName() == "org.apache.flink.types.Row"
    assert key.toString() == "+I[7.38]"


@pytest.mark.parametrize("topology", ["fused", "branches"])
def test_every_operator_has_the_same_uid_at_every_submission(topology: Any) -> None:
    # Flink refuses an operator without a uid, since `pipeline.auto-generate-uids` is false.
    users = BRANCHES if topology == "branches" else {"features"}
    devices = {f"devices-{branch}" for branch in BRANCH_NAMES} if topology == "branches" else {"devices"}
    assert set(uids(topology)) == OPERATORS | users | devices | MICROBATCH
    assert uids(topology) == uids(topology)
    assert set(uids(topology, definitions=Definitions(identity="off"))) == OPERATORS | users | MICROBATCH


@pytest.mark.parametrize("views", [("item",), ("item", "product")])
def test_a_job_with_entities_has_the_same_operators_whichever_views_run(views: tuple[str, ...]) -> None:
    # A savepoint of one with sorted sets over all has to go on without the view that leads in them.
    expected = OPERATORS | {"features", "devices", "entities", "rankings"} | MICROBATCH
    assert set(uids("fused", entities=EntitySettings(views))) == expected


@pytest.mark.parametrize("topology", ["fused", "branches"])
def test_a_catalogue_adds_operators_and_other_side_inputs_do_not(topology: Any) -> None:
    plain = set(uids(topology))
    kinds = [uid.removeprefix("microbatch-88d49373-") for uid in MICROBATCH]
    products = {f"microbatch-{generation('products', SIDE_QUERY)}-{kind}" for kind in kinds}
    sellers = {f"microbatch-{generation('sellers', SIDE_QUERY)}-{kind}" for kind in kinds}
    found = set(uids(topology, sides=side_inputs(["products", "sellers"])))
    assert found - plain == products | sellers | {"side-products", "side-sellers", "catalogue", "completing"}
    assert set(uids(topology, sides=side_inputs(["sellers"]))) - plain == sellers | {"side-sellers"}


MICROBATCH = {
    "microbatch-88d49373-KafkaSource",
    "microbatch-88d49373-Calc",
    "microbatch-88d49373-WindowAggregate",
    "microbatch-88d49373-Calc-again",
    "microbatch-88d49373-ConstraintEnforcer",
    "microbatch-88d49373-TableToDataStream",
}
"""Part of the state's contract. A change here (of the query, or of Flink) is started by `shopper migrate`:
say so in the changelog, and make the savepoint of tests/fixtures anew at the release."""


def test_another_topic_or_query_is_another_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    same = generation("snowplow-enriched-good")
    assert f"{UID_PREFIX}-{same}-KafkaSource" in MICROBATCH
    assert generation("others") != same
    monkeypatch.setattr(microbatch, "QUERY", microbatch.QUERY + " ")
    assert generation("snowplow-enriched-good") != same


def uids(topology: Any, **more: Any) -> list[str]:
    env = environment(config(topology=topology, **more))
    build(env, config(topology=topology, **more))
    graph = env._j_stream_execution_environment.getStreamGraph()
    nodes = graph.getStreamNodes()
    return sorted(filter(None, (node.getTransformationUID() for node in nodes.toArray())))


def test_a_batch_of_any_length_is_planned() -> None:
    from pyflink.table import StreamTableEnvironment

    for batch_ms in (1, 50, 999, 1000, 10_000):
        asked = config(batch_ms=batch_ms, parallelism=2)
        env = environment(asked)
        stream = microbatches(StreamTableEnvironment.create(env), asked)
        assert len(name_uids(stream, UID_PREFIX)) == len(MICROBATCH)


def test_side_inputs_are_read_at_once_and_events_some_together() -> None:
    from pyflink.table import StreamTableEnvironment

    asked = config(sides=side_inputs(["products"]))
    tables = StreamTableEnvironment.create(environment(asked))
    microbatches(tables, asked)
    side_microbatches(tables, asked, asked.sides[0])

    def told(table: str) -> str:
        (row,) = tables.execute_sql(f"SHOW CREATE TABLE {table}").collect()
        return str(row)

    assert "fetch.max.wait.ms" in told("records")
    assert "fetch.max.wait.ms" not in told("side_products")
