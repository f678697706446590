"""Ids that try to be another's key, a hash tag, a pattern, a command or Lua: each has its own keys alone."""

import time
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from features.row import FeatureRow, Value
from jobs.local.redis import RedisServer
from serving.reading import reader_of
from serving.redis_reader import RedisReader
from sinks.branch_fields import BranchFields
from sinks.redis_sink import RedisSink
from tests.harness import toolchain
from tests.sinks.rows import LIFE

pytestmark = pytest.mark.integration

HOSTILE = (
    "a:features:1h",
    "a",
    "a:features:5min",
    "user:a:features:1h",
    "{tag}",
    "}{",
    "{}",
    "a\nb",
    "a b",
    "\0",
    "%",
    "%3A",
    "a%3Afeatures%3A1h",
    "%25",
    "*",
    "?",
    "[a]",
    "\\",
    "\r\nFLUSHALL\r\n",
    "*1\r\n$8\r\nFLUSHALL\r\n",
    "']]) redis.call('FLUSHALL') --",
    "]]..redis.call('FLUSHALL')..[[",
    "pipeline:job:progress",
    "\ud800",
    "é",
    "e\u0301",
    "\u202e\u2028\x85",
    "-1",
    "nan",
    "x" * 10_000,
    ":" * 10_000,
)
IDS = st.one_of(st.sampled_from(HOSTILE), st.text("a:%{}*\n\0 \ud800é", max_size=6), st.text(max_size=40))
SENTINEL = "user:sentinel:features:1h"
BRANCHES = {"one": BranchFields(frozenset({"mark"})), "other": BranchFields(frozenset({"more"}))}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(toolchain().redis_server, tmp_path_factory.mktemp("hostile")) as server:
        yield server


def rows(ids: list[str], at: int) -> Iterator[FeatureRow]:
    for number, entity_id in enumerate(ids):
        for window in ("5min", "1h", "session"):
            values: dict[str, Value] = {"mark": number, "name": entity_id}
            yield FeatureRow("user", entity_id, window, dict(values), at, at + 60_000, at + 60_000, 1)
        yield FeatureRow(
            "session",
            entity_id,
            "session",
            {"mark": number},
            at,
            at + 60_000,
            at + 60_000,
            1,
            False,
            entity_id,
            at,
        )


def told(key: bytes) -> tuple[str, str, str]:
    """Entity, id and window of a key, read by its parts alone."""
    parts = key.decode().split(":")
    if parts[0] == "session":
        entity, encoded, features = parts
        window = "session"
    else:
        entity, encoded, features, window = parts
    assert features == "features"
    encoded = encoded if encoded != "%" else ""
    return entity, unquote_to_bytes(encoded).decode("utf-8", "surrogatepass"), window


@pytest.mark.parametrize("branch", ["", "one"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=st.lists(IDS, min_size=1, max_size=8, unique=True))
@example(ids=list(HOSTILE))
def test_every_id_has_its_own_keys_and_there_are_no_others(
    server: RedisServer, branch: str, ids: list[str]
) -> None:
    sink = RedisSink.connect(server.url, branch=branch, branches=BRANCHES if branch else None)
    reader = RedisReader(server.url)
    client = reader._connected()
    features = reader_of(server.url)
    try:
        client.flushall()
        client.set(SENTINEL, "untouched")
        at = time.time_ns() // 1_000_000
        report = sink.write(list(rows(ids, at)), LIFE)
        assert (report.written, report.refused, report.foreign) == (4 * len(ids), 0, 0)
        keys = [key for key in client.scan_iter(count=1000) if key != SENTINEL.encode()]
        wanted = {("user", i, w) for i in ids for w in ("5min", "1h", "session")} | {
            ("session", i, "session") for i in ids
        }
        assert {told(key) for key in keys} == wanted
        assert len(keys) == len(wanted)
        for number, entity_id in enumerate(ids):
            found = features.get(entity_id, windows=["5min", "1h", "session"])
            assert [row.texts["mark"] for row in found.values()] == [str(number)] * 3
        assert client.get(SENTINEL) == b"untouched"
    finally:
        features.close()
        reader.close()
        sink.close()
