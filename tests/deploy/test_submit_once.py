"""Bringing the services up again neither doubles the job nor forgets its state."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from jobs.settings import Settings

SCRIPT = Path(__file__).resolve().parents[2] / "deploy/submit_once.py"
NAME = Settings.model_fields["job_name"].default


@pytest.fixture
def script() -> ModuleType:
    spec = spec_from_file_location("submit_once", SCRIPT)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def overview(**states: str) -> dict[str, Any]:
    return {"jobs": [{"jid": jid, "name": NAME, "state": state} for jid, state in states.items()]}


@pytest.mark.parametrize("state", ["INITIALIZING", "CREATED", "RUNNING", "RESTARTING", "FAILING"])
def test_a_job_that_has_not_ended_is_there(script: ModuleType, state: str) -> None:
    assert script.running(overview(old="CANCELED", now=state), NAME) == "now"


@pytest.mark.parametrize("state", ["FAILED", "CANCELED", "FINISHED"])
def test_a_job_that_has_ended_is_handed_in_again(script: ModuleType, state: str) -> None:
    assert script.running(overview(old=state), NAME) == ""


def test_a_job_of_another_name_is_none_of_its_business(script: ModuleType) -> None:
    assert script.running({"jobs": [{"jid": "a", "name": "other", "state": "RUNNING"}]}, NAME) == ""


def test_it_hands_in_nothing_while_the_job_is_there(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "overview_of", lambda _: overview(now="RUNNING"))
    monkeypatch.setattr(script.subprocess, "run", pytest.fail)
    assert script.main() == 0
    assert "now" in capsys.readouterr().out


def test_it_goes_on_from_the_checkpoint_that_there_is(script: ModuleType) -> None:
    submit = [sys.executable, "-m", "jobs.cli.main", "submit"]
    assert script.command("") == [*submit, "--new-life"]
    assert script.command("file:///checkpoints/a/chk-7") == [*submit, "--from", "file:///checkpoints/a/chk-7"]
