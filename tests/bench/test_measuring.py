"""The small parts of benchmarks: from counters to figures."""

import os
from itertools import pairwise

import pytest
from redis.connection import Connection

from bench.feed import Followed
from bench.flatness import BATCH, DAY_MS, THINK_MS, TOGETHER, day, groups_of, history, midway, population
from bench.freshness import Follower, Sample, during, figures
from bench.plain import PlainJob, Swallowing
from bench.points import Point, warm
from bench.redis_load import difference
from bench.scaling import confined
from bench.steady import shortened
from bench.traffic import shopper_id
from sinks.redis_sink import RedisSink

START_MS = 1_700_000_000_000


def point(at: float, read: int) -> Point:
    return Point(at, read, read // 10, read * 3, at, at / 2, at / 4)


def test_a_backlog_is_measured_from_its_first_quarter_to_the_last_account_before_its_end() -> None:
    points = [point(0, 0), point(1, 100), point(2, 400), point(3, 700), point(4, 950), point(5, 1000)]
    begin, end = warm(points, 1000)
    assert (begin.read, end.read) == (400, 950)
    told = begin.figures(end)
    assert told["events_per_s"] == 275
    assert told["flink_us"] == pytest.approx(2 / 550 * 1e6)
    assert (told["records_a_batch"], told["rows"]) == (10, 3)


def test_a_backlog_that_is_gone_at_once_is_measured_to_its_end() -> None:
    begin, end = warm([point(0, 0), point(1, 300), point(2, 1000)], 1000)
    assert (begin.read, end.read) == (300, 1000)


def test_a_backlog_that_is_gone_within_one_account_is_measured_from_the_one_before() -> None:
    begin, end = warm([point(0, 0), point(1, 1000)], 1000)
    assert (begin.read, end.read) == (0, 1000)
    with pytest.raises(ValueError, match="give more events"):
        warm([point(1, 1000)], 1000)


def test_nothing_read_is_no_figure() -> None:
    assert set(point(1, 5).figures(point(1, 5)).values()) == {None}


def job() -> PlainJob:
    return PlainJob(RedisSink(Swallowing(Connection()), "nowhere"), START_MS)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("events", [10, 40])
def test_histories_are_as_long_as_told_and_the_measured_events_are_applied(events: int, apart: bool) -> None:
    plain = job()
    groups, each = groups_of(events, measured=20)
    for number, batch in enumerate(history(plain, events, 7, measured=20, apart=apart)):
        if not number:
            assert plain.counts()["read"] == groups * BATCH * (events + 1)
        plain.take(batch)
    counts = plain.counts()
    assert counts["read"] == groups * BATCH * (events + 1 + each)
    assert counts["applied"] == counts["read"]
    assert len(plain.states.sizes()) == groups * BATCH


@pytest.mark.parametrize("shoppers", [50, TOGETHER, TOGETHER + 10])
def test_in_a_population_everybody_is_known_before_measuring(shoppers: int) -> None:
    plain = job()
    batches = population(plain, shoppers, 7)
    plain.take(next(batches))
    assert plain.counts()["read"] == shoppers + BATCH
    assert len(plain.states.sizes()) == shoppers


@pytest.mark.parametrize("events", [10, 100, 10_000, 20_000])
def test_a_day_of_visits_lies_in_the_day_and_is_in_order(events: int) -> None:
    times = [after for after, _ in day(7, 3, events, apart=False)]
    assert len(times) == events
    assert times == sorted(times)
    assert (times[0], times[-1] < DAY_MS) == (0, True)
    assert min(later - before for before, later in pairwise(times)) == min(THINK_MS, DAY_MS // events)


def test_events_apart_are_spread_evenly() -> None:
    assert [after for after, _ in day(7, 3, 4, apart=True)] == [0, DAY_MS // 4, DAY_MS // 2, DAY_MS // 4 * 3]


def test_the_same_events_are_made_again() -> None:
    assert next(midway(7, "measured", 3))(START_MS) == next(midway(7, "measured", 3))(START_MS)


def test_rows_that_are_swallowed_are_counted() -> None:
    redis = Swallowing(Connection())
    plain = PlainJob(RedisSink(redis, "nowhere"), START_MS)
    assert plain.take([next(midway(7, "any", 1))(START_MS), b"no event"]) == 1
    assert plain.counts()["rows.written"] > 0
    assert redis.commands > 0
    assert redis.sent > 500


class Seen:
    """A Redis of which only `_seen` is asked."""

    def __init__(self) -> None:
        self.numbers: dict[str, str] = {}
        self._asked: list[str] = []

    def pipeline(self, transaction: bool) -> "Seen":
        self._asked = []
        return self

    def hget(self, key: str, field: str) -> None:
        assert field == "_seen"
        self._asked.append(key)

    def execute(self) -> list[str | None]:
        return [self.numbers.get(key) for key in self._asked]


def test_an_event_is_readable_when_its_shopper_has_been_seen_as_often() -> None:
    redis = Seen()
    follower = Follower(redis, "")
    follower.add([Followed("ann", 3, 9e9), Followed("bob", 1, 9e9)])
    assert follower.look() == 2
    redis.numbers = {"user:ann:features:session": "2", "user:bob:features:session": "4"}
    assert follower.look() == 1
    redis.numbers["user:ann:features:24h"] = "3"
    assert follower.look() == 0
    assert len(follower.samples) == 2


def test_an_event_that_is_never_readable_is_missed() -> None:
    follower = Follower(Seen(), "")
    follower.add([Followed("ann", 1, 0.0)])
    assert follower.look() == 0
    told = figures([*follower.samples, Sample(1.0, 1.5)], 10)
    assert (told["samples"], told["missed"], told["max_ms"]) == (2, 1, 500.0)


def test_a_way_is_during_a_checkpoint_if_they_overlap() -> None:
    samples = [Sample(1.0, 2.0), Sample(2.5, 2.6), Sample(3.0, 9.0)]
    assert during(samples, [(1.9, 2.2), (5.0, 5.1)]) == [samples[0], samples[2]]


def test_redis_is_told_by_event_and_by_command() -> None:
    zero = {
        "used_cpu_user": 1.0,
        "used_cpu_sys": 1.0,
        "total_net_input_bytes": 0,
        "total_net_output_bytes": 0,
    }
    before = zero | {"cmdstat_hget": {"calls": 5, "usec": 10}}
    after = {
        "used_cpu_user": 1.5,
        "used_cpu_sys": 1.5,
        "total_net_input_bytes": 4000,
        "total_net_output_bytes": 200,
        "used_memory_dataset": 900,
        "db0": {"keys": 3},
        "cmdstat_hget": {"calls": 205, "usec": 210},
        "cmdstat_evalsha": {"calls": 50, "usec": 500},
        "cmdstat_hgetall": {"calls": 9, "usec": 900},
    }
    rows = difference(before, after, 100)
    assert rows[""] == {
        "commands": 0.5,
        "cpu_us": 10_000.0,
        "bytes_in": 40.0,
        "bytes_out": 2.0,
        "bytes_a_key": 300.0,
    }
    assert list(rows) == ["", "  evalsha", "  hget"]
    assert rows["  hget"] == {"commands": 2.0, "elapsed_us": 2.0}


def test_cores_are_given_back() -> None:
    before = os.sched_getaffinity(0)
    with confined(1):
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before
    with pytest.raises(ValueError, match="give fewer"), confined(len(before) + 1):
        pass


def test_shortened_windows_keep_their_labels() -> None:
    assert [window.label for window in shortened("2/1,4/2,6/2").windows] == ["5min", "1h", "24h"]
    assert shopper_id(3) == "customer-0000003"
