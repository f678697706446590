"""A Redis slower than the input: the job slows down, leaves the rest in Kafka, and loses nothing."""

import time
from itertools import islice
from urllib.parse import urlsplit

import pytest

from jobs.shop import shop_events
from tests.harness import wait_until
from tests.integration.live_job import READ_S, LiveJob, Surroundings, live_job
from tests.integration.memory import MB, heap, resident, under_way
from tests.integration.test_live_job import MINUTES, adds_up, replayed, stable
from tests.proxies import proxy

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

RECORDS = 32_000
LATENCY_S = 0.05
MOST_UNDER_WAY = RECORDS * 3 // 4
"""A job that took in all it can get would have nearly `RECORDS` under way when Flink first tells; the buffers
before devices and before users hold up to 17,000, whose raw records are packed."""
MOST_GROWTH = 400 * MB
"""Java and Python warm up meanwhile; a heap of its largest size would be above."""


class Watched:
    """The greatest of what is looked at while the job works."""

    def __init__(self, job: LiveJob) -> None:
        self._job = job
        self.under_way = 0
        self.heap = 0
        self.resident: list[int] = []

    def is_read(self, records: int) -> bool:
        self.under_way = max(self.under_way, under_way(self._job))
        self.heap = max(self.heap, heap(self._job.around.flink))
        read = self._job.counts()["read"]
        if read > records // 4:
            self.resident.append(resident(self._job.around.flink))
        return read >= records


def test_a_slow_redis_slows_the_job_and_nothing_else(around: Surroundings) -> None:
    start = time.time_ns() // 1_000_000 - MINUTES * 60_000
    shop = shop_events(5, 1000, start, RECORDS / (MINUTES * 60))
    records: list[bytes | None] = [record for _, record in islice(shop, RECORDS)]
    around.send(records)
    port = urlsplit(around.redis.url).port
    assert port
    with proxy(port, delay_s=LATENCY_S) as slow:
        url = f"redis://127.0.0.1:{slow.port}/0"
        with live_job(around, around.config(redis_url=url)) as job:
            watched = Watched(job)
            wait_until(lambda: watched.is_read(RECORDS), 3 * READ_S, f"{RECORDS} records are read")
            adds_up(job.counts(), RECORDS)
            assert stable(around.features(job.config.redis_prefix)) == stable(replayed(records)[0])
            assert job.failures() == 0
            source = around.flink.get(f"/jobs/{job.id}")["vertices"][0]["metrics"]
            assert source["accumulated-backpressured-time"] > source["accumulated-busy-time"]
        assert slow.passed > RECORDS, "the job wrote by the slow way"
    assert 0 < watched.under_way < MOST_UNDER_WAY
    assert watched.heap > 0
    assert max(watched.resident) - watched.resident[0] < MOST_GROWTH
