"""Garbage is looked for seldom, which is right as long as batches make no cycles."""

import gc
from collections.abc import Iterator
from itertools import islice

import pytest
from redis.connection import Connection

from bench.plain import PlainJob, Swallowing
from bench.traffic import traffic
from operators.garbage import THRESHOLDS, collect_seldom
from sinks.redis_sink import RedisSink

START_MS = 1_700_000_000_000


@pytest.fixture
def collector() -> Iterator[None]:
    """The collector as it was, afterwards."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.enable()


@pytest.mark.usefixtures("collector")
def test_garbage_is_looked_for_seldom() -> None:
    collect_seldom()

    assert gc.isenabled()
    assert gc.get_threshold() == THRESHOLDS


@pytest.mark.usefixtures("collector")
def test_batches_leave_nothing_that_only_the_collector_finds() -> None:
    job = PlainJob(RedisSink(Swallowing(Connection()), "nowhere"), START_MS)
    records = [sent.record for sent in islice(traffic(3, 40, START_MS, 100), 600)]
    job.take(records[:300])  # makes programs, which stay
    gc.collect()
    gc.disable()

    job.take(records[300:])

    assert gc.collect() < len(records) // 10
