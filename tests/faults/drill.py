"""One run: the stream, the faults one by one, the comparison after each, the poller all the while."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from operators.ledger import VERDICTS
from tests.faults.comparison import Compared, Comparison, wrong_snapshots
from tests.faults.faults import Context, Fault
from tests.faults.freshness import Freshness
from tests.faults.poller import Poller
from tests.faults.report import Outcome, Report
from tests.faults.sender import Sender
from tests.faults.stream import Stream
from tests.faults.topic import Topic
from tests.faults.world import PARTITIONS, PREFIX, PROGRESS, World

BEFORE = 0.4
"""Share of a fault's records that are sent before it."""
LOGINS = 20
"""So many devices get a user all at once when a fault strikes: what they did is on its way then."""
AMID_S = 0.2
RECOVERS_S = 300.0
SETTLES_S = 120.0
LOOK_S = 0.2


@dataclass(frozen=True)
class Plan:
    """How much of what."""

    seed: int
    events: int
    rate_per_s: float
    rounds: int
    shoppers: int


class Drill:
    """Directs a run on a stack that is up. To be used in the thread that started the stack."""

    def __init__(self, world: World, plan: Plan, say: Callable[[str], None]) -> None:
        self._world, self._plan, self._say = world, plan, say
        self._exit = ExitStack()
        config = world.config
        self._topic = Topic(config.kafka_bootstrap, config.topic, PARTITIONS)
        self._comparison = Comparison(world.client, PREFIX, self._topic)
        self._context = Context(world, self._topic, say)
        self._report = Report(plan.seed)

    def run(self, faults: Sequence[Fault]) -> Report:
        """Every fault in each round; what came of it."""
        began = time.monotonic()
        plan = self._plan
        with self._exit:
            self._start()
            slice_ = plan.events // (len(faults) * plan.rounds)
            for number in range(plan.rounds):
                for fault in faults:
                    self._report.outcomes.append(self._meet(fault, number + 1, slice_))
            self._check_what_was_sent()
        self._report.findings = self._poller.watch.findings
        self._check_snapshots()
        self._report.took_s = time.monotonic() - began
        return self._report

    def _start(self) -> None:
        plan, config = self._plan, self._world.config
        stream = Stream(plan.seed, plan.shoppers, PARTITIONS)
        self._sender = Sender(config.kafka_bootstrap, config.topic, stream)
        self._exit.callback(self._sender.close)
        self._freshness = Freshness(config.redis_url, PROGRESS, config.buckets)
        self._exit.callback(self._freshness.close)
        self._poller = Poller(config.redis_url, PREFIX, plan.seed)
        self._exit.callback(self._poller.close)

    def _meet(self, fault: Fault, number: int, records: int) -> Outcome:
        """Send, let people log in, break, wait until it has recovered, send the rest, settle, compare."""
        before = round(records * BEFORE)
        self._send(before)
        self._report.logins += self._sender.log_in(LOGINS)
        # What is sent from here on is sent while things are broken.
        self._sender.open(records - before, self._plan.rate_per_s)
        self._poller.watch.replaying, self._poller.watch.forgotten = True, fault.forgets
        time.sleep(AMID_S)
        began = now()
        fault.inject(self._context)
        recovered = self._recover(now() if fault.lasts else began, began, fault)
        self._wait(lambda: self._sender.waits, SETTLES_S, "the rest is sent")
        self._sender.flush()
        ended = time.monotonic()
        lost = self._settle() + self._context.wrong
        self._context.wrong.clear()
        settled = time.monotonic() - ended
        self._poller.watch.recovered()
        compared = self._compare(fault)
        self._say(
            f"{fault.name}: recovered after {recovered:.1f} s, settled after {settled:.1f} s, "
            f"{compared.keys} keys, {len(compared.wrong)} wrong"
        )
        for text in (lost + compared.wrong)[:3]:
            self._say(f"  wrong: {text}")
        return Outcome(
            fault.name,
            number,
            recovered,
            settled,
            self._topic.size,
            compared.keys,
            compared.values,
            compared.wrong,
            lost,
        )

    def _compare(self, fault: Fault) -> Compared:
        compared = self._comparison.compare()
        if fault.forgets:
            self._poller.watch.forget()
            self._poller.watch.forgotten = False
        return compared

    def _send(self, records: int) -> None:
        self._sender.open(records, self._plan.rate_per_s)
        self._wait(
            lambda: self._sender.waits, records / self._plan.rate_per_s + SETTLES_S, "records are sent"
        )

    def _recover(self, since: int, began: int, fault: Fault) -> float:
        found: list[float] = []

        def recovered() -> bool:
            seconds = self._freshness.recovered(since, began)
            if seconds is None and self._has_read_all():
                # A bucket with few shoppers may get no record after the fault: then the last one counts.
                seconds = (now() - since) / 1000
            if seconds is not None:
                found.append(seconds)
            return seconds is not None

        self._wait(recovered, RECOVERS_S, f"every bucket is fresh after {fault.name!r}")
        return found[0]

    def _has_read_all(self) -> bool:
        told = self._freshness.now
        return told.fresh and self._sender.waits and told.read >= self._sender.sent

    def _settle(self) -> list[str]:
        """Wait until all that the topic holds is accounted for; what does not add up."""
        size = self._topic.catch_up()
        self._wait(lambda: self._freshness.now.read >= size, SETTLES_S, f"{size} records are read")
        self._comparison.expectation.catch_up()
        wanted, told = self._comparison.expectation.counts(), Counter(self._world.counts())
        names = ("read", *VERDICTS)
        wrong = [
            f"{name}: {told[name]}, must be {wanted[name]}" for name in names if told[name] != wanted[name]
        ]
        if told["read"] != sum(told[verdict] for verdict in VERDICTS):
            wrong.append(f"read is not the sum of the verdicts: {dict(told)}")
        return wrong

    def _wait(self, true: Callable[[], bool], deadline_s: float, what: str) -> None:
        """Tend the cluster until something is true."""
        until = time.monotonic() + deadline_s
        while not true():
            self._world.tend()
            assert not self._sender.failures, self._sender.failures
            assert time.monotonic() < until, f"after {deadline_s:g} s it is still not so that {what}"
            time.sleep(LOOK_S)

    def _check_what_was_sent(self) -> None:
        """Kafka has everything once: otherwise the run has proved nothing."""
        assert self._sender.digests == self._topic.digests, "what was sent is not what Kafka has"

    def _check_snapshots(self) -> None:
        snapshots = self._poller.watch.snapshots
        self._report.snapshots = len(snapshots)
        self._report.torn = wrong_snapshots(self._topic, ((key, row) for (key, _), row in snapshots.items()))


def now() -> int:
    return time.time_ns() // 1_000_000
