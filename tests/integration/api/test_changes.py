"""Streams of changes, on a real port: what is told at first, what when something changes, how they end."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI

from serving.api.terms import Terms
from shopper_reader import Limits
from tests.harness import wait_until
from tests.integration.api.conftest import PATIENT, app_over, problem_of, serving
from tests.integration.reader.test_reading import alive, written
from tests.integration.reader.writing import AHEAD, now
from tests.reader.answers import REPORTS, report
from tests.sinks.rows import HOUR
from tests.sinks.servers import running

Serve = Callable[[FastAPI], str]
QUICK = Terms(poll_s=0.02, heartbeat_s=0.05, streams_most=3)
PROGRESS = "pipeline:job:progress"


class Event(NamedTuple):
    kind: str
    id: str
    data: Any
    comment: str


class Stream:
    """What a browser would see."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def next(self, *, comments: bool = False) -> Event:
        """The next event; comments are passed over unless they are wanted."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if line:
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
            elif "data" in fields or comments:
                data = json.loads(fields.get("data", "null"))
                return Event(fields.get("event", ""), fields.get("id", ""), data, fields.get("", ""))
            else:
                fields = {}
        return Event("closed", "", None, "")


@contextmanager
def stream(url: str, **more: Any) -> Iterator[Stream]:
    with httpx.Client(timeout=20) as client, client.stream("GET", url, **more) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        yield Stream(response)


@pytest.fixture
def url(server, serve: Serve) -> str:
    return serve(app_over(server.url, QUICK)) + "/v1/shoppers/ada"


def test_first_everything_then_what_changes(sink, url: str):
    written(sink, alive(values={"cart_add_count": 1, "cart_remove_count": 2, "top_category": "hats"}))
    with stream(f"{url}/changes?windows=5min") as changes:
        first = changes.next()
        assert first.kind == "features"
        plain = httpx.get(f"{url}/features?windows=5min").json()
        assert first.data["windows"]["5min"]["features"] == plain["windows"]["5min"]["features"]
        written(sink, alive(values={"cart_add_count": 2, "cart_remove_count": 2}, seen=2))
        change = changes.next()
        row = change.data["windows"]["5min"]
        assert (change.kind, row["verdict"]) == ("change", "FRESH")
        assert (row["changed"], row["gone"]) == ({"cart_add_count": 2}, ["top_category"])
        assert change.id != first.id
        assert row["at"] >= first.data["windows"]["5min"]["at"]


def test_a_row_that_expires_and_one_that_comes_are_changes(redis, sink, url: str):
    written(sink, alive(values={"cart_add_count": 1}))
    with stream(f"{url}/changes?features=cart_add_count") as changes:
        assert changes.next().data["windows"]["5min"]["verdict"] == "FRESH"
        redis.delete("user:ada:features:5min")
        gone = changes.next().data["windows"]["5min"]
        assert (gone["verdict"], gone["gone"], gone["changed"]) == ("MISSING", ["cart_add_count"], {})
        written(sink, alive(values={"cart_add_count": 5}, seen=9))
        back = changes.next().data["windows"]["5min"]
        assert (back["verdict"], back["gone"], back["changed"]) == ("FRESH", [], {"cart_add_count": 5})


def test_a_verdict_is_a_change_and_passing_time_is_none(redis, sink, url: str):
    at = now() + AHEAD
    values = {"session_start": at - 9_000, "session_duration": 1_000}
    written(sink, alive(values=values, window="session", at=at, next=at + HOUR, until=at + 2 * HOUR))
    with stream(f"{url}/changes?windows=session") as changes:
        first = changes.next().data["windows"]["session"]
        assert first["features"]["session_idle_ms"] >= 8_000
        # Two comments have come, and the time since the last event went on meanwhile: no event of it.
        assert [changes.next(comments=True).kind for _ in range(2)] == ["", ""]
        redis.delete(PROGRESS)
        stale = changes.next().data["windows"]["session"]
        assert (stale["verdict"], stale["gone"]) == ("STALE", [])
        assert set(stale["changed"]) == {"session_idle_ms", "ms_since_session_start"}
        redis.hset(PROGRESS, mapping={n: report(at=now() + AHEAD) for n in REPORTS})
        assert changes.next().data["windows"]["session"]["verdict"] == "FRESH"


def test_who_connects_again_is_told_only_what_is_new(sink, url: str):
    written(sink, alive(values={"cart_add_count": 1}))
    with stream(f"{url}/changes?windows=5min") as changes:
        first = changes.next()
    has = {"last-event-id": first.id}
    with stream(f"{url}/changes?windows=5min", headers=has) as changes:
        assert changes.next(comments=True).comment.startswith("ping")
        written(sink, alive(values={"cart_add_count": 2}, seen=2))
        change = changes.next()
        assert (change.kind, change.data["windows"]["5min"]["changed"]) == ("change", {"cart_add_count": 2})
    with stream(f"{url}/changes?windows=5min", headers=has) as changes:
        assert changes.next().kind == "features"


def test_no_more_streams_than_allowed_and_a_place_is_free_again_when_one_leaves(sink, url: str):
    metrics = url.rsplit("/v1", 1)[0] + "/metrics"

    def open_streams(count: int) -> bool:
        return f"shopper_api_streams_open {count}.0" in httpx.get(metrics).text

    with stream(f"{url}/changes"), stream(f"{url}/changes"):
        with stream(f"{url}/changes") as third:
            third.next()
            assert open_streams(3)
            refused = httpx.get(f"{url}/changes")
            assert "3 streams are open" in problem_of(refused, 503)
            assert refused.headers["retry-after"] == "10"
        wait_until(lambda: open_streams(2), 10, "the place of who left is free")
        with stream(f"{url}/changes") as again:
            assert again.next().kind == "features"
    wait_until(lambda: open_streams(0), 10, "all have left")
    counted = httpx.get(metrics).text
    # Those that were refused have a time, those that lasted have none.
    assert 'request_seconds_count{route="/v1/shoppers/{shopper}/changes"} 1.0' in counted
    assert 'shopper_api_stream_events_total{event="features"}' in counted


def test_what_cannot_be_is_told_before_a_stream_begins(url: str):
    assert "no window '10min'" in problem_of(httpx.get(f"{url}/changes?windows=10min"), 422)


def test_all_streams_look_with_one_round_trip(redis, sink, server, serve: Serve):
    written(sink, *(alive(entity_id=str(n)) for n in range(2)))
    base = serve(app_over(server.url, Terms(poll_s=0.05)))
    with stream(f"{base}/v1/shoppers/0/changes") as one, stream(f"{base}/v1/shoppers/1/changes") as other:
        assert (one.next().kind, other.next().kind) == ("features", "features")
        before, began = redis.info("stats")["total_commands_processed"], time.monotonic()
        wait_until(
            lambda: redis.info("stats")["total_commands_processed"] - before > 80, 20, "looks were had"
        )
        # Four windows of two shoppers and the time a look; and our own questions, ten a second.
        looks = (time.monotonic() - began) / 0.05
        asked = redis.info("stats")["total_commands_processed"] - before
        assert asked <= looks * 11 + 100


def test_while_redis_is_away_it_is_told_and_then_everything_again(tmp_path, sink, serve: Serve):
    with running(tmp_path) as own:
        limits = Limits(timeout_s=5, connect_timeout_s=5, retries=0, failures=3, pause_s=0.05)
        base = serve(app_over(own.url, QUICK, limits))
        with stream(f"{base}/v1/shoppers/ada/changes?windows=5min") as changes:
            assert changes.next().data["windows"]["5min"]["verdict"] == "MISSING"
            own.kill()
            away = changes.next()
            assert (away.kind, away.data["status"], away.id) == ("unavailable", 503, "")
            own.start()
            back = changes.next()
            assert (back.kind, back.data["windows"]["5min"]["verdict"]) == ("features", "MISSING")


def test_a_server_that_ends_says_so_to_streams_and_does_not_wait_for_them(server, sink):
    with (
        serving(app_over(server.url, QUICK, PATIENT)) as (running_server, base),
        stream(f"{base}/v1/shoppers/ada/changes") as changes,
    ):
        assert changes.next().kind == "features"
        running_server.should_exit = True
        end = changes.next()
        assert (end.kind, end.data["why"]) == ("end", "the server stops; connect again")
        assert changes.next().kind == "closed"
