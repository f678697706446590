"""The Flink functions on a fake runtime: which calls go to Java, and what the elements carry."""

import pickle
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from pyflink.common import Row

from features.views import BRANCHES
from operators.batch import Batch, Record, decode, encode
from operators.decode import DecodeFunction, DecodeOptions
from operators.features import FeaturesFunction, FeaturesOptions, branch_fields
from operators.gauges import NAMES, OF_A_BRANCH, SETTLE_MS, WORK, Gauges
from operators.release import StaleCodeError
from operators.routed import ACCOUNTANT
from operators.shard import ShardOptions
from tests.operators.fakes import SinkThatRemembers, view

NOW = time.time_ns() // 1_000_000
SETTLED = NOW + SETTLE_MS
"""The functions look at the clock themselves."""


class JavaMap:
    """The Java object under a MapState."""

    def __init__(self) -> None:
        self.entry_map: dict[str, bytes] = {}
        self.calls: list[str] = []

    def get(self, key: str) -> bytes | None:
        self.calls.append("get")
        return self.entry_map.get(key)

    def putAll(self, entries: dict[str, bytes]) -> None:  # noqa: N802
        self.calls.append("putAll")
        self.entry_map.update(entries)

    def remove(self, key: str) -> None:
        self.calls.append("remove")
        self.entry_map.pop(key, None)

    def entries(self) -> list[Any]:
        return []


class Gauge:
    def __init__(self) -> None:
        self.told: list[int] = []

    def update(self, number: int) -> None:
        self.told.append(number)


class Runtime:
    """A runtime context, its metric group, a timer service and a context in one."""

    def __init__(self, key: str = "0.1") -> None:
        self.java_map, self.waiting = JavaMap(), JavaMap()
        self.gauges: dict[str, Gauge] = {}
        self.group = ""
        self.timers: list[int] = []
        self._key = key

        self._runtime_context = self
        self.states: list[tuple[str, str]] = []

    def get_map_state(self, descriptor: Any) -> Any:
        self.states.append((type(descriptor).__name__, descriptor.name))
        return SimpleNamespace(_state={"shoppers": self.java_map, "backlog": self.waiting}[descriptor.name])

    # Of Java's runtime context.
    def getJobInfo(self) -> "Runtime":  # noqa: N802
        return self

    def getTaskInfo(self) -> "Runtime":  # noqa: N802
        return self

    def getJobId(self) -> str:  # noqa: N802
        return "the-job"

    def getAttemptNumber(self) -> int:  # noqa: N802
        return 3

    def get_metrics_group(self) -> "Runtime":
        return self

    def add_group(self, name: str, value: str = "") -> "Runtime":
        self.group = f"{name}={value}:" if value else ""
        return self

    def distribution(self, name: str) -> Gauge:
        return self.gauges.setdefault(self.group + name, Gauge())

    def timer_service(self) -> "Runtime":
        return self

    def register_processing_time_timer(self, moment: int) -> None:
        self.timers.append(moment)

    def get_current_key(self) -> str:
        return self._key


class WithoutRedis(FeaturesFunction):
    """A features function whose sink remembers."""

    def sink(self) -> Any:
        sink = SinkThatRemembers()
        sink.close = lambda: None  # type: ignore[attr-defined]
        return sink


OPTIONS = FeaturesOptions(ShardOptions("job", "topic", NOW, NOW), "redis://127.0.0.1:1/0")


def shipped(function: Any) -> Any:
    """The function as it arrives at a worker."""
    return pickle.loads(pickle.dumps(function))  # noqa: S301


def opened() -> tuple[WithoutRedis, Runtime]:
    function, runtime = shipped(WithoutRedis(OPTIONS)), Runtime()
    function.open(runtime)
    return function, runtime


def batch(*ids: str) -> bytes:
    records = [Record(0, 0, view(event_id, at=NOW), memoryview(b"")) for event_id in ids]
    now = time.time_ns() // 1_000_000
    return encode(Batch(0, now, {0: (len(ids), 0)}, records=records))


def test_the_states_of_a_job_have_the_names_that_savepoints_know() -> None:
    _, runtime = opened()
    assert runtime.states == [("MapStateDescriptor", "shoppers"), ("MapStateDescriptor", "backlog")]


def test_a_batch_makes_one_write_to_the_state() -> None:
    function, runtime = opened()
    assert list(function.process_element(batch("1", "2", "3"), runtime)) == []
    assert runtime.java_map.calls.count("putAll") == 1
    function.process_element(batch("4"), runtime)
    assert runtime.java_map.calls.count("get") == 2, "the ledger and ann, both at the first touch"
    function.close()


def test_a_batch_arms_a_timer_only_when_it_is_the_earliest() -> None:
    function, runtime = opened()
    function.process_element(batch("1"), runtime)
    armed = len(runtime.timers)
    function.process_element(batch("2"), runtime)
    assert armed == 1
    assert len(runtime.timers) == armed


def test_a_timer_arms_the_next_one() -> None:
    function, runtime = opened()
    function.process_element(batch("1"), runtime)
    function.on_timer(runtime.timers[0], runtime)
    assert len(runtime.timers) == 2


def settled(gauges: Gauges) -> None:
    gauges.tell(NOW)
    gauges.tell(SETTLED)


def test_gauges_say_what_changed_once_a_second() -> None:
    runtime, counts = Runtime(), {"read": 1}
    gauges = Gauges(runtime, lambda: counts)
    settled(gauges)
    assert set(runtime.gauges) == {*NAMES, *(f"branch={branch}:applied" for branch in BRANCHES)}
    counts["read"] = 2
    gauges.tell(SETTLED + 999)
    gauges.tell(SETTLED + 1000)
    gauges.tell(SETTLED + 2000)
    assert runtime.gauges["read"].told == [1, 2]


def test_gauges_appear_when_the_buckets_of_a_restore_are_met() -> None:
    runtime = Runtime()
    gauges = Gauges(runtime, lambda: {"read": 1})
    for now in (NOW, NOW + 1000, SETTLED - 1):
        gauges.tell(now)
    assert not runtime.gauges
    gauges.tell(SETTLED)
    assert runtime.gauges["read"].told == [1]


def test_where_branches_run_apart_one_alone_tells_of_every_record() -> None:
    own = {f"branch=cart:{name}" for name in OF_A_BRANCH}
    cart = Runtime()
    settled(Gauges(cart, lambda: {"applied": 3}, "cart", accounts=False))
    assert set(cart.gauges) == WORK | own
    assert cart.gauges["branch=cart:applied"].told == [3]
    accountant = Runtime()
    settled(Gauges(accountant, dict, ACCOUNTANT))
    assert set(accountant.gauges) == {*NAMES, *(f"branch={ACCOUNTANT}:{name}" for name in OF_A_BRANCH)}


def test_who_accounts_tells_of_side_inputs_and_of_events_that_the_catalogue_completed() -> None:
    counts = {"side.products.rows": 3, "side.sellers.dead": 1, "completed": 2}
    whole, sellers, other = Runtime(), Runtime(), Runtime()
    settled(Gauges(whole, lambda: counts, tables=("products", "sellers")))
    settled(Gauges(sellers, lambda: counts, tables=("sellers",)))
    settled(Gauges(other, lambda: counts, accounts=False, tables=("products",)))
    told = {name: gauge.told for name, gauge in whole.gauges.items() if gauge.told and gauge.told != [0]}
    assert told == {"side=products:rows": [3], "side=sellers:dead": [1], "completed": [2]}
    assert {f"side=sellers:{name}" for name in ("rows", "tombstones", "dead")} <= set(sellers.gauges)
    assert "completed" not in sellers.gauges
    assert not {name for name in other.gauges if name.startswith("side=") or name == "completed"}


@pytest.mark.parametrize(
    "function",
    [
        WithoutRedis(replace(OPTIONS, code="older")),
        DecodeFunction(DecodeOptions("topic", 16, code="older")),
    ],
)
def test_a_worker_that_holds_the_code_of_an_earlier_job_refuses(function: Any) -> None:
    with pytest.raises(StaleCodeError, match=r"submitted was older.*Restart the TaskManager"):
        shipped(function).open(Runtime())


class Instant:
    def toEpochMilli(self) -> int:  # noqa: N802
        return NOW


@pytest.mark.parametrize("branches", [False, True])
def test_decode_gives_rows_of_key_and_batch(branches: bool) -> None:
    function = shipped(DecodeFunction(DecodeOptions("topic", 16, branches=branches)))
    function.open(None)
    (row,) = function.process_element(Row(3, (5,), (32,), (b"no event",), Instant()), None)
    assert row[0] == "0.1"
    assert decode(row[1]).reads == {5: (1, 32)}


def test_every_branch_knows_the_fields_of_all() -> None:
    fields = branch_fields(OPTIONS.definitions)
    assert tuple(fields) == BRANCHES
    assert fields["cart"].zeros["cart_add_count"] == 0
    assert "cart_value" in fields["cart"].names
