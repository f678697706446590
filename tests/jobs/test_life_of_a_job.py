"""`submit`, `stop` and `migrate` before anything is handed over: what is refused, and the way out."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner, Result

from jobs.cli import migrate as migrating
from jobs.cli import submit as submitting
from jobs.cli.main import app
from jobs.cluster.beginning import JobNotBegunError, see_it_begin
from jobs.cluster.flink_rest import FlinkRest
from jobs.cluster.standing import Standing, StandingError
from jobs.job_config import JobConfig
from jobs.settings import Settings
from tests.jobs.test_standing import JOB, field

pytestmark = pytest.mark.usefixtures("nowhere")

STATE = "file:///state"
LIFE = 1_700_000_000_000


class Flink(BaseHTTPRequestHandler):
    """A JobManager's REST API, as far as it is asked."""

    answers: ClassVar[dict[str, Any]] = {}

    def do_GET(self) -> None:
        found = self.answers.get(self.path)
        self.send_response(404 if found is None else 200)
        self.end_headers()
        self.wfile.write(json.dumps(found or {"errors": ["Not found."]}).encode())

    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""


@contextmanager
def flink(*jobs: dict[str, Any], **more: Any) -> Iterator[str]:
    """A JobManager that knows jobs; gives its address."""
    Flink.answers = {"/jobs/overview": {"jobs": list(jobs)}} | more
    with HTTPServer(("127.0.0.1", 0), Flink) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def job(state: str, started: int = 1, jid: str = JOB) -> dict[str, Any]:
    return {"jid": jid, "name": "shopper-features", "state": state, "start-time": started}


@pytest.fixture(autouse=True)
def handed_over(monkeypatch: pytest.MonkeyPatch) -> list[JobConfig]:
    """What would have been submitted."""
    taken: list[JobConfig] = []

    def take(config: JobConfig, _jobmanager: str) -> str:
        taken.append(config)
        return "the-new-job"

    monkeypatch.setattr(submitting, "hand_over", take)
    lived(monkeypatch, {})
    return taken


def lived(monkeypatch: pytest.MonkeyPatch, fields: dict[str, str] | None) -> None:
    """Redis holds this progress; None: it does not answer."""

    def standing(_settings: Settings) -> Standing:
        if fields is None:
            msg = "Redis at r:1 does not answer"
            raise StandingError(msg)
        return Standing(fields)

    monkeypatch.setattr(submitting, "standing_of", standing)
    monkeypatch.setattr(migrating, "standing_of", standing)


def call(command: str, address: str, *more: str) -> Result:
    flags = ["--jobmanager", address, "--checkpoint-dir", STATE]
    if command != "stop":
        flags.append("--no-preflight")
    return CliRunner().invoke(app, [command, *flags, *more])


def test_a_first_start_needs_nothing(handed_over: list[JobConfig]) -> None:
    with flink() as address:
        assert call("submit", address).stdout == "the-new-job\n"
    assert handed_over[0].restore_from == ""


def test_a_second_job_of_the_name_is_refused(handed_over: list[JobConfig]) -> None:
    with flink(job("RUNNING")) as address:
        result = call("submit", address, "--from", "file:///s")
    assert result.exit_code == 1
    assert "is there already, RUNNING" in result.stderr
    assert "shopper stop" in result.stderr
    assert handed_over == []


def test_a_start_without_the_state_of_a_job_that_lived_is_refused_unless_it_is_a_new_life(
    handed_over: list[JobConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    lived(monkeypatch, {"3": field(f"{JOB}:0", {0: 1}, life=LIFE), "4": field("", {}, life=LIFE - 5)})
    with flink(job("FAILED")) as address:
        refused = call("submit", address)
        begun = call("submit", address, "--new-life")
    assert refused.exit_code == 1
    assert "has lived since 2023-11-14 22:13:20Z" in refused.stderr
    assert "--from latest" in refused.stderr
    assert "--new-life" in refused.stderr
    assert begun.exit_code == 0
    assert handed_over[0].life > LIFE


def test_a_new_life_is_later_than_the_old_one_whatever_the_clock_says(
    handed_over: list[JobConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = 9_000_000_000_000
    lived(monkeypatch, {"3": field("", {}, life=ahead)})
    with flink() as address:
        assert call("submit", address, "--new-life").exit_code == 0
    assert handed_over[0].life == ahead + 1


def test_a_redis_that_is_down_leaves_the_choice_to_the_operator(
    handed_over: list[JobConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    lived(monkeypatch, None)
    with flink() as address:
        refused = call("submit", address)
        assert call("submit", address, "--new-life").exit_code == 0
        goes_on = call("submit", address, "--from", "file:///s")
    assert "Redis at r:1 does not answer" in refused.stderr
    assert "--new-life" in refused.stderr
    assert goes_on.exit_code == 0
    assert "unchecked" in goes_on.stderr
    assert [config.restore_from for config in handed_over] == ["", "file:///s"]


def test_other_buckets_are_refused_before_flink_sees_the_job(
    handed_over: list[JobConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    lived(monkeypatch, {"3": field("", {}, topic="snowplow-enriched-good")})
    with flink() as address:
        assert call("submit", address, "--from", "file:///s").exit_code == 0
        refused = call("submit", address, "--from", "file:///s", "--buckets", "32")
    assert refused.exit_code == 1
    assert "buckets is 32" in refused.stderr
    assert len(handed_over) == 1


def test_the_latest_state_is_the_newest_that_the_jobmanager_remembers(handed_over: list[JobConfig]) -> None:
    latest = {
        "completed": {"external_path": "s3://b/chk-9", "trigger_timestamp": 10},
        "savepoint": {"external_path": "s3://b/savepoint-1", "trigger_timestamp": 20},
        "failed": None,
        "restored": None,
    }
    none = {"latest": {"completed": None, "savepoint": None}}
    jobs = job("FAILED", 1), job("CANCELED", 2, "f" * 32)
    answers = {f"/jobs/{JOB}/checkpoints": {"latest": latest}, f"/jobs/{'f' * 32}/checkpoints": none}
    with flink(*jobs, **answers) as address:
        assert call("submit", address, "--from", "latest").exit_code == 0
    assert handed_over[0].restore_from == "s3://b/savepoint-1"


def test_where_nothing_is_remembered_the_way_to_look_is_told(handed_over: list[JobConfig]) -> None:
    with flink() as address:
        result = call("submit", address, "--from", "latest")
    assert result.exit_code == 1
    assert f"below {STATE}" in result.stderr
    assert handed_over == []


@pytest.mark.parametrize("command", ["stop", "migrate"])
def test_what_does_not_run_can_be_neither_stopped_nor_migrated(command: str) -> None:
    with flink(job("FINISHED")) as address:
        result = call(command, address)
    assert result.exit_code == 3
    assert "no job 'shopper-features' runs" in result.stderr


def test_offsets_that_cannot_be_read_are_told() -> None:
    with flink() as address:
        result = call("migrate", address, "--from", "file:///s", "--offsets", "0-7")
    assert result.exit_code == 1
    assert "PARTITION:OFFSET" in result.stderr


def failed(trace: str) -> dict[str, Any]:
    result = {"id": JOB, "application-status": "FAILED", "failure-cause": {"stack-trace": trace}}
    return {"status": {"id": "COMPLETED"}, "job-execution-result": result}


OTHER = "a.CompletionException: x\nCaused by: a.B: operator 1f is not available in the new program."
MISSING = "a.CompletionException: x\n\tat a.B\nCaused by: java.io.IOException: no such file"


@pytest.mark.parametrize(
    ("trace", "words"), [(OTHER, "shopper migrate"), (MISSING, "file:///s: java.io.IOException")]
)
def test_a_state_that_does_not_fit_is_told_with_the_way_out(trace: str, words: str) -> None:
    answers = {f"/jobs/{JOB}": {"state": "FAILED"}, f"/jobs/{JOB}/execution-result": failed(trace)}
    with flink(**answers) as address, pytest.raises(JobNotBegunError, match=words):
        see_it_begin(FlinkRest(address), JOB, "file:///s")


def test_a_job_that_has_begun_is_left_alone() -> None:
    with flink(**{f"/jobs/{JOB}": {"state": "RUNNING"}}) as address:
        see_it_begin(FlinkRest(address), JOB, "file:///s")
