"""The fault drill's stream through the operators and into Redis, with each batch as late as it may come.

Without Flink, so that there is time for many crashes: each goes back to a checkpoint that holds the states
and what was on its way from devices to users, and Redis keeps what was written since.
"""

import copy
import time
from collections import deque
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from events.decoder import Decoder
from events.event import Event
from features.settings import Definitions
from operators.settled import Settled
from sinks.redis_sink import RedisSink
from tests.faults import comparison
from tests.faults.comparison import Comparison
from tests.faults.stream import Stream
from tests.faults.topic import Topic
from tests.operators.network import Network
from tests.sinks.servers import Server

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

RECORDS = 4_000
STEP_MS = 60
PARTITIONS = 4
WAVES, LOGINS = 5, 20
CHECKPOINTS, CRASHES, READS = 0.004, 0.003, 0.1
"""Chances with each record."""
TAKES_MS = 20
TIDY_ROUNDS = 20
USERS = ""


class Known(Topic):
    """What was sent, without a Kafka."""

    def catch_up(self) -> int:
        return self.size


class Apart:
    """The operators, and the ways between them, on which batches wait."""

    def __init__(self, seed: int, sink: RedisSink, clock: int) -> None:
        self._rng, self._sink, self._decode = Random(seed), sink, Decoder().decode
        self.network = Network(Definitions())
        for instance in self.network.hosts.values():
            instance.sink, instance.life = sink, clock  # type: ignore[assignment]
        self.network.restart()
        self.log: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
        self._read = [0] * PARTITIONS
        # Where from, where to: Flink keeps the order on each of these.
        self._ways: dict[tuple[str, str, int], deque[bytes]] = {}
        self.clock = clock
        self.crashes = 0
        self._checkpoint = self._everything()

    def go_on(self) -> None:
        """Read something from some partitions, and let some batches arrive."""
        self.network.on_time(self.clock + TAKES_MS)
        for partition in self._rng.sample(range(PARTITIONS), PARTITIONS // 2):
            self._route(partition, self._rng.randrange(1, 40))
        self.arrive(self._rng.randrange(20))

    def finish(self) -> None:
        """Read all there is, and let it arrive."""
        while any(read < len(log) for read, log in zip(self._read, self.log, strict=True)):
            self.go_on()
        self.tidy()

    def tidy(self) -> None:
        """Let every batch arrive and everything happen that is due by now."""
        for _ in range(TIDY_ROUNDS):
            self.arrive(RECORDS)
            self.network.on_time(now())
            for host, instance in self.network.hosts.items():
                for bucket in instance.store.entries:
                    instance.wake(bucket)
                    self._hand_on(host)

    def arrive(self, most: int) -> None:
        for _ in range(most):
            ways = [way for way, waiting in self._ways.items() if waiting]
            if not ways:
                return
            way = self._rng.choice(ways)
            _, host, bucket = way
            self.network.hosts[host].give(self._ways[way].popleft(), bucket)
            self._hand_on(host)

    def checkpoint(self) -> None:
        self._checkpoint = self._everything()

    def crash(self) -> None:
        """Go back to the checkpoint: all but Redis and the clock."""
        kept = copy.deepcopy(self._checkpoint)
        for host, (states, waiting) in kept[0].items():
            instance = self.network.hosts[host]
            instance.store.entries, instance.waiting.entries = states, waiting
        self._ways, self._read = kept[1], kept[2]
        self.network.restart()
        self.network.router = replace(self.network.router, settled=Settled())
        self.crashes += 1

    def _everything(self) -> tuple[Any, Any, Any]:
        hosts = self.network.hosts.items()
        states = {host: (each.store.entries, each.waiting.entries) for host, each in hosts}
        return copy.deepcopy((states, self._ways, self._read))

    def _route(self, partition: int, most: int) -> None:
        begin, log = self._read[partition], self.log[partition]
        offsets = range(begin, min(begin + most, len(log)))
        self._read[partition] = offsets.stop
        verdicts = [(offset, self._decode(log[offset])) for offset in offsets]
        events = [(offset, verdict) for offset, verdict in verdicts if isinstance(verdict, Event)]
        raws = [msgspec.msgpack.encode(event) for _, event in events]
        route = self.network.router.route
        given = [partition] * len(raws), [offset for offset, _ in events], raws, self.clock, self.clock
        for host, bucket, payload in route(*given):
            self._ways.setdefault(("decode", host, bucket), deque()).append(payload)

    def _hand_on(self, host: str) -> None:
        for bucket, payload in self.network.hosts[host].shard.handed_on():
            self._ways.setdefault((host, USERS, bucket), deque()).append(payload)


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost_or_twice_however_late_and_however_often_it_crashes(
    seed: int, server: Server, redis: Any, sink: RedisSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, stream, topic = Random(seed), Stream(seed, 1_000, PARTITIONS), Known("", "", PARTITIONS)
    start = now() - RECORDS * STEP_MS
    apart = Apart(seed, sink, start)
    for number in range(RECORDS):
        if number % (RECORDS // WAVES) == RECORDS // WAVES // 2:
            assert stream.log_in(LOGINS)
        apart.clock = start + number * STEP_MS
        partition, record = stream.next_record(apart.clock)
        topic.add(partition, len(apart.log[partition]), apart.clock, record)
        apart.log[partition].append(record)
        if rng.random() < READS:
            apart.go_on()
        if rng.random() < CHECKPOINTS:
            apart.checkpoint()
        if rng.random() < CRASHES:
            apart.crash()
    apart.clock = now()
    apart.finish()
    # Panes go on leaving while it compares.
    monkeypatch.setattr(
        comparison, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: apart.tidy())
    )
    drill = Comparison(redis, "", topic)
    told = drill.compare()
    assert told.wrong == []
    assert told.keys > 1_000
    assert apart.crashes > 3
    counts, wanted = apart.network.counts(), drill.expectation.counts()
    verdicts = ("applied", "duplicate", "late")
    assert [counts[verdict] for verdict in verdicts] == [wanted[verdict] for verdict in verdicts]
    assert counts["moves"] == counts["moved"] > 50
    assert "identity.lost" not in counts
