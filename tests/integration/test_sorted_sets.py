"""Sorted sets in a real Redis: whole, bounded by what is given, fenced, expiring."""

import re
import time
from contextlib import closing
from typing import Any

import pytest

from features.row import FeatureRow
from jobs.package import ROOT
from sinks.redis_sink import RedisSink
from tests.sinks.servers import Server

pytestmark = pytest.mark.integration

LIFE = 1_700_000_000_000
NOW = time.time_ns() // 1_000_000
UNTIL = NOW + 3_600_000


def ranked(values: dict[str, Any] | None, seen: int = 1, at: int = NOW, **more: Any) -> FeatureRow:
    return FeatureRow("user", "a:nn", "", values, at, at, UNTIL, seen, tail=("sellers",), ranked=True, **more)


KEY = "user:a%3Ann:sellers"


def members(redis: Any) -> list[tuple[str, float]]:
    found = redis.zrevrange(KEY, 0, -1, withscores=True)
    return [(name.decode() if isinstance(name, bytes) else name, score) for name, score in found]


def test_a_sorted_set_is_rewritten_whole(sink: RedisSink, redis: Any) -> None:
    assert sink.write([ranked({"s1": 3, "s2": 5})], LIFE).written == 1
    assert members(redis) == [("s2", 5.0), ("s1", 3.0)]
    assert sink.write([ranked({"s3": 7, "s1": 4}, seen=2)], LIFE).written == 1
    assert members(redis) == [("s3", 7.0), ("s1", 4.0)]
    for key in (KEY, f"{KEY}:fence"):
        assert 0 < redis.pttl(key) <= 3_600_000 + 5_000
    assert sink.write([ranked({}, seen=3)], LIFE).written == 1
    assert (redis.exists(KEY), redis.exists(f"{KEY}:fence")) == (0, 1)


def test_what_is_older_is_refused_and_writing_twice_is_writing_once(sink: RedisSink, redis: Any) -> None:
    newer = ranked({"s1": 3}, seen=5)
    assert (sink.write([newer], LIFE).written, sink.write([newer], LIFE).written) == (1, 1)
    report = sink.write([ranked({"s9": 1}, seen=4, owner="entry")], LIFE)
    assert (report.refused, report.behind) == (1, ("entry",))
    assert sink.write([ranked({"s9": 1}, seen=9)], LIFE - 1).refused == 1
    assert members(redis) == [("s1", 3.0)]
    assert sink.write([ranked({"s9": 1}, seen=1)], LIFE + 1).written == 1
    assert members(redis) == [("s9", 1.0)]


def test_who_is_forgotten_goes_whatever_the_fence_but_not_of_a_later_life(
    sink: RedisSink, redis: Any
) -> None:
    sink.write([ranked({"s1": 3}, seen=5)], LIFE)
    assert sink.write([ranked(None, seen=0, forgotten=True)], LIFE - 1).refused == 1
    assert sink.write([ranked(None, seen=0, forgotten=True)], LIFE).deleted == 1
    assert redis.keys(f"{KEY}*") == []


def test_a_key_that_is_somebody_elses_costs_that_row_only(sink: RedisSink, redis: Any) -> None:
    redis.set(KEY, "mine")
    other = FeatureRow("user", "bob", "", {"s": 1}, NOW, NOW, UNTIL, 1, tail=("sellers",), ranked=True)
    report = sink.write([ranked({"s1": 3}), other], LIFE)
    assert (report.foreign, report.written) == (1, 1)
    assert redis.get(KEY) in (b"mine", "mine")


def test_the_rights_that_the_page_names_are_enough(server: Server, redis: Any) -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    job = next(line for line in text.splitlines() if line.startswith("ACL SETUSER shopper-job"))
    more = re.search(r"With \[entities\].* the job needs `([^`]*)`", text)
    assert more is not None
    words = f"{job} {more[1]}".replace("shop1:", "").replace(">PASSWORD", ">secret-of-the-job").split()[2:]
    redis.execute_command("ACL", "SETUSER", *words)
    url = server.url.replace("redis://", "redis://shopper-job:secret-of-the-job@")
    plain = FeatureRow("product", "p", "", {"clicks": 1}, NOW, NOW, UNTIL, 1, tail=("stats",))
    over_all = FeatureRow("products", "trending", "", {"p": 1}, NOW, NOW, UNTIL, 0, tail=("1h",), ranked=True)
    with closing(RedisSink.connect(url)) as sink:
        rows = [plain, over_all, ranked({"s1": 1}), ranked({}, seen=2), ranked(None, seen=3, forgotten=True)]
        assert sum(sink.write([row], LIFE).written for row in rows) == len(rows)
    assert redis.exists("product:p:stats", "products:trending:1h") == 2
