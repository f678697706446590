"""When records are sent, what the demo shows, and what the job says of itself."""

import json
import os
from pathlib import Path

import pytest

from features.catalogue import entries
from features.settings import Definitions
from jobs.cli.to_kafka import at_rate, at_speed
from jobs.cluster.supervisor import newest_checkpoint
from jobs.demo.feed import RECORDING
from jobs.demo.screen import COLUMNS
from jobs.recorded.recording import records
from jobs.recorded.restamp import event_time
from jobs.watching.progress import read_progress
from serving.redis_reader import RedisReader

NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def recorded() -> list[bytes]:
    return list(records([RECORDING]))[:200]


def test_at_a_rate_the_last_event_is_now_and_records_keep_their_order(recorded: list[bytes]) -> None:
    plan = list(at_rate(recorded, NOW, 50))
    assert [round((due - NOW) * 50) for due, _ in plan] == list(range(200))
    assert max(event_time(record) or 0 for _, record in plan) == NOW * 1000
    assert {due for due, _ in at_rate(recorded, NOW, None)} == {NOW}


def test_at_a_speed_every_event_happens_when_it_is_sent(recorded: list[bytes]) -> None:
    plan = list(at_speed([*recorded, b"broken"], NOW, 60))
    dues = [due for due, _ in plan]
    assert dues == sorted(dues)
    assert dues[0] == NOW
    assert all(event_time(record) == round(due * 1000) for due, record in plan if record != b"broken")
    assert b"broken" in [record for _, record in plan]


def test_the_demo_shows_features_that_exist() -> None:
    known = {(window, entry.name) for entry in entries(Definitions()) for window in entry.windows}
    assert {(window, name) for window, name, _ in COLUMNS} <= known


def test_progress_adds_up_buckets_and_lets_one_branch_speak_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def bucket(read: int, at: int) -> str:
        return json.dumps(
            {"counts": {"read": read}, "at": at, "event_time": at, "covers_from": at, "life": 1}
        )

    fused = {"0": bucket(2, 10), "7": bucket(3, 20)}
    monkeypatch.setattr(RedisReader, "hashes", lambda _self, _keys: [fused])
    progress = read_progress(RedisReader("redis://localhost"), "job")
    assert (progress.counts["read"], progress.at, progress.covers_from) == (5, 20, 10)
    apart = {"0/session": bucket(2, 10), "0/cart": bucket(1, 10)}
    monkeypatch.setattr(RedisReader, "hashes", lambda _self, _keys: [apart])
    assert read_progress(RedisReader("redis://localhost"), "job").counts["read"] == 2
    monkeypatch.setattr(RedisReader, "hashes", lambda _self, _keys: [{}])
    assert read_progress(RedisReader("redis://localhost"), "job").counts["read"] == 0


def test_the_newest_checkpoint_is_the_newest_complete_one(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path.as_uri()) == ""
    for number, name in enumerate(("a/chk-9", "b/chk-2", "b/chk-3")):
        (tmp_path / name).mkdir(parents=True)
        if name != "b/chk-3":
            metadata = tmp_path / name / "_metadata"
            metadata.touch()
            os.utime(metadata, (number, number))
    assert newest_checkpoint(tmp_path.as_uri()) == (tmp_path / "b/chk-2").as_uri()
