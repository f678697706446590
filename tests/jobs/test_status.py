"""`shopper status`: what it says of a job that is well, and of one that is not."""

import io
import json
from collections import Counter
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from jobs.cli import status as command
from jobs.cli.main import app
from jobs.cli.outcome import CommandError
from jobs.cli.status_screen import MOST_PARTITIONS, draw
from jobs.kafka.client import KafkaUnreachableError
from jobs.settings import Settings
from jobs.watching.lag import Lag
from jobs.watching.progress import Position, Progress, read_progress
from jobs.watching.status import SILENT_MS, Status
from serving.redis_reader import RedisReader, RedisUnreachableError

NOW = 1_700_000_000_000


def told(at: int = NOW, life: int = 5, **counts: int) -> str:
    """What a bucket tells."""
    return json.dumps(
        {
            "counts": counts,
            "at": at,
            "as_of": at,
            "life": life,
            "covers_from": 1,
            "event_time": at - 10,
            "kafka_time": at - 5,
            "partitions": {"0": {"read": counts.get("read", 0), "offset": 7}},
            "controls": {"0": 3},
        }
    )


def progress(monkeypatch: pytest.MonkeyPatch, fields: dict[str, str]) -> Progress:
    monkeypatch.setattr(RedisReader, "hashes", lambda _self, _keys: [fields])
    return read_progress(RedisReader("redis://localhost"), "job")


def status(lag: dict[int, Lag] | None = None, now: int = NOW, **changes: Any) -> Status:
    counts = Counter[str]({"read": 10, "applied": 9, "dead": 1} | changes.pop("counts", {}))
    known = Progress(counts=counts, at=NOW, life=5, buckets=16, **changes)
    return Status("job", known, now, lag or {})


def text(of: Status, width: int = 80) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(draw(of))
    return console.export_text()


def test_buckets_add_up_by_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = {"read": 3, "applied": 2, "dead": 1, "applied.cart": 1, "applied.session": 2}
    found = progress(monkeypatch, {"0": told(**bucket), "7": told(**bucket)})
    assert not found.apart
    assert (found.branches["cart"], found.branches["session"]) == ({"applied": 2}, {"applied": 4})
    assert found.partitions == {0: Position(6, 7)}
    assert (found.buckets, found.unbalanced) == (2, {})
    assert found.controls == {"0": {0: 3}, "7": {0: 3}}


def test_a_branch_has_its_own_counters_where_branches_run_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {
        "0/session": told(read=3, applied=3, **{"rows.written": 3}),
        "0/cart": told(applied=1, dead=1, **{"dead.bug": 1, "rows.written": 2}),
    }
    found = progress(monkeypatch, fields)
    assert found.apart
    assert (found.counts["applied"], found.counts["rows.written"]) == (3, 5)
    assert found.branches["cart"] == {"applied": 1, "dead": 1, "dead.bug": 1, "rows.written": 2}
    assert found.unbalanced == {}, "the branch does not account for the records"
    said = Status("job", found, NOW).remarks()
    assert said == ["1 records met a defect in our code: shopper dlq list --kind bug"]


def test_devices_account_for_their_own_records(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {
        "0": told(read=3, applied=3, **{"applied.cart": 1, "rows.written": 3}),
        "0/devices": told(read=2, applied=1, dead=1, **{"applied.cart": 1, "rows.written": 1}),
        "4/devices": told(read=1, at=NOW + 1),
    }
    found = progress(monkeypatch, fields)
    assert not found.apart
    assert Status("job", found, NOW).topology == "fused"
    assert (found.counts["read"], found.counts["applied"], found.counts["rows.written"]) == (6, 4, 4)
    assert (found.branches["cart"]["applied"], found.buckets) == (2, 2)
    assert found.partitions == {0: Position(6, 7)}
    assert found.unbalanced == {"4/devices": 1}
    assert found.controls.keys() == fields.keys()
    (problem,) = Status("job", found, NOW).problems()
    assert "bucket 4/devices: its verdicts miss what it read by +1" in problem


def test_devices_account_by_the_branch_that_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {
        "0/session": told(read=3, applied=3, **{"rows.written": 3}),
        "0/cart": told(applied=1, **{"rows.written": 2}),
        "0/devices-session": told(read=2, applied=2, **{"rows.written": 4}),
        "0/devices-cart": told(applied=1, dead=1, **{"dead.bug": 1, "rows.written": 5}),
        "0": told(at=NOW - 1, read=99),
        "0/devices": told(at=NOW - 1, read=99),
    }
    found = progress(monkeypatch, fields)
    assert found.apart
    assert (found.counts["read"], found.counts["applied"], found.counts["rows.written"]) == (5, 5, 14)
    assert found.branches["cart"] == {"applied": 2, "dead": 1, "dead.bug": 1, "rows.written": 7}
    assert found.branches["session"]["read"] == 5
    assert (found.buckets, found.unbalanced) == (1, {})
    assert found.partitions == {0: Position(5, 7)}


def test_what_another_topology_or_life_left_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    old = told(at=NOW - 9_000, life=5, read=99)
    apart = {"0/session": told(read=1, applied=1), "0": old, "1": old}
    assert progress(monkeypatch, apart).counts["read"] == 1
    new_life = {"0": told(life=NOW - 1_000, read=1, applied=1), "1": old}
    assert progress(monkeypatch, new_life).counts["read"] == 1
    restored = {"0": told(life=NOW - 1_000, read=1), "1": told(life=5, read=99)}
    assert progress(monkeypatch, restored).counts["read"] == 100


def test_a_job_that_is_well() -> None:
    one = status({0: Lag(10, 10, 0), 1: Lag(12, 10, NOW - 20)})
    assert one.problems() == []
    shown = text(one)
    assert "healthy" in shown
    assert "read 10 = applied 9 + filtered 0 + duplicate 0 + late 0 + dead 1" in shown
    assert "which adds up" in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("one", "wrong"),
    [
        (status(now=NOW + SILENT_MS + 1), "has said nothing for 10 s"),
        (status(unbalanced={"3": 2}), "bucket 3: its verdicts miss what it read by +2"),
        (status({4: Lag(900, 10, NOW - 31_000)}), "partition 4: 890 records unread, the oldest for 31 s"),
        (status({4: Lag(5, 10, 0)}), "partition 4: read to offset 9, but Kafka ends at 5"),
    ],
)
def test_what_is_wrong_is_said_in_words(one: Status, wrong: str) -> None:
    (problem,) = one.problems()
    assert wrong in problem
    assert "?" in problem or "report" in problem, "the way out"
    shown = text(one)
    assert "something is wrong" in shown
    assert "WRONG" in shown
    assert not one.as_json()["healthy"]


def test_numbers_that_do_not_add_up_are_named() -> None:
    assert "does NOT add up" in " ".join(text(status(unbalanced={"3": -1})).split())


def test_what_somebody_should_look_at_makes_nobody_ill() -> None:
    counts = {"dead.bug": 1, "wake_bugs": 2, "rows.foreign": 3, "dead": 5, "losses": 1, "rewritten": 9}
    one = status(counts=counts | {"identity.lost": 2})
    assert one.problems() == []
    assert len(one.remarks()) == 5
    assert "2 logins or histories of devices were lost" in text(one, 140)
    assert "9 shoppers were written again" in text(one, 140)


def test_what_goes_from_devices_to_users_is_told_where_there_is_any(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "to users" not in text(status())
    moved = {"handed_on": 8, "moves": 2, "identity.lost": 1}
    fields = {"0/session": told(moved=2), "0/cart": told(moved=2)}
    fields |= {"0/devices-session": told(**moved), "0/devices-cart": told(**moved)}
    found = Status("job", progress(monkeypatch, fields), NOW)
    assert "2 histories, 8 records of devices, 2 lost" in text(found, 140), "each branch may lose its own"


def test_buckets_that_are_written_again_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    again = json.dumps(json.loads(told(read=1, applied=1)) | {"rewriting": True})
    found = Status("job", progress(monkeypatch, {"0": again, "1": told(), "2": again}), NOW)
    assert (found.problems(), found.as_json()["rewriting"]) == ([], 2)
    assert "2 buckets are being written again" in found.remarks()[0]


@pytest.mark.parametrize(
    ("compiled", "core"),
    [((True, True), "compiled"), ((False, False), "interpreted"), ((True, False), "interpreted")],
)
def test_the_core_is_compiled_where_every_worker_took_machine_code(
    compiled: tuple[bool, ...], core: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {str(i): json.dumps(json.loads(told()) | {"compiled": one}) for i, one in enumerate(compiled)}
    shown = text(Status("job", progress(monkeypatch, fields), NOW)).splitlines()
    assert [line.split() for line in shown if line.split()[:1] == ["core"]] == [["core", core]]


def test_of_many_partitions_the_worst_are_shown() -> None:
    lag = {number: Lag(100 + number, 100, NOW) for number in range(30)}
    shown = text(status(lag))
    assert f"the {MOST_PARTITIONS} with the greatest lag" in shown
    assert "435" in shown, "the sum of all"


def shopper(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["status", *arguments])


def test_the_exit_code_says_whether_the_job_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "look_at", lambda *_, **__: status())
    assert shopper().exit_code == 0
    assert json.loads(shopper("--json").stdout)["adds_up"] is True
    monkeypatch.setattr(command, "look_at", lambda *_, **__: status(now=NOW + 60_000))
    assert shopper().exit_code == 1
    assert json.loads(shopper("--json").stdout)["problems"]


def test_a_job_of_another_name_is_not_found_and_others_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RedisReader, "hashes", lambda _self, _keys: [{}])
    monkeypatch.setattr(RedisReader, "keys", lambda _self, _pattern: ["a:pipeline:orders:progress"])
    found = shopper("--no-kafka")
    assert found.exit_code == 3
    assert "found: job 'orders' under prefix 'a:'" in found.stderr
    monkeypatch.setattr(RedisReader, "keys", lambda _self, _pattern: [])
    assert "nor any other job" in shopper("--no-kafka").stderr


def test_servers_that_do_not_answer_are_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(error: Exception) -> Any:
        def raising(*_: Any) -> None:
            raise error

        return raising

    monkeypatch.setattr(RedisReader, "hashes", fails(RedisUnreachableError("Redis is away")))
    assert (shopper().exit_code, shopper().stderr) == (1, "shopper: Redis is away\n")
    monkeypatch.setattr(RedisReader, "hashes", lambda _self, _keys: [{"0": told(read=1, applied=1)}])
    monkeypatch.setattr(command, "read_lag", fails(KafkaUnreachableError("Kafka is away")))
    assert "--no-kafka" in shopper().stderr
    assert command.look_at(Settings(), with_kafka=False).progress.counts["read"] == 1


def test_watching_goes_on_when_a_server_is_away_and_ends_by_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Any] = [status(), CommandError("Redis is away"), status(now=NOW + 1), KeyboardInterrupt()]

    def look(*_: Any, **__: Any) -> Any:
        seen = looks.pop(0)
        if isinstance(seen, BaseException):
            raise seen
        return seen

    monkeypatch.setattr(command, "look_at", look)
    monkeypatch.setattr(command, "EVERY_S", 0)
    assert shopper("--watch").exit_code == 130
