"""How Flink's client is called and what is made of what it says; the client here is a script of ours."""

from pathlib import Path

import pytest

from jobs.cluster import submission
from jobs.cluster.submission import Client, SubmissionError, submit
from jobs.job_config import JobConfig

JOB = f"{7:032x}"
TAKEN = f"echo Job has been submitted with JobID {JOB}\n"


def submitted(folder: Path, says: str, **environment: str) -> str:
    """Submit a job by a client that is the shell script `says`."""
    client = folder / "bin" / "flink"
    client.parent.mkdir(parents=True)
    client.write_text(f"#!/bin/sh\n{says}")
    client.chmod(0o755)
    config = JobConfig(
        kafka_bootstrap="localhost:9092",
        redis_url="redis://localhost",
        checkpoint_dir="file:///state",
        life=1,
    )
    return submit(config, "localhost:8081", Client(folder, folder / "connector.jar", environment))


def test_it_returns_the_id_that_the_client_tells(tmp_path: Path) -> None:
    assert submitted(tmp_path, TAKEN) == JOB


def test_what_the_client_leaves_behind_goes_with_it(tmp_path: Path) -> None:
    told = tmp_path / "told"
    submitted(
        tmp_path, f'mktemp -d > {told}; echo "$TMPDIR" "$JVM_ARGS" >> {told}\n{TAKEN}', JVM_ARGS="-Da=b"
    )
    left, folder, *java = told.read_text().split()
    assert Path(left).parent == Path(folder)
    assert not Path(folder).exists()
    assert java == ["-Da=b", f"-Djava.io.tmpdir={folder}"]


def test_a_folder_that_the_clients_script_would_split_is_not_given_to_java(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blank = tmp_path / "two words"
    blank.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(blank))
    told = tmp_path / "told"
    submitted(tmp_path, f'echo "$TMPDIR" > {told}; echo "$JVM_ARGS" >> {told}\n{TAKEN}', JVM_ARGS="-Da=b")
    folder, java = told.read_text().splitlines()
    assert Path(folder).parent == blank
    assert java == "-Da=b"


def test_a_refusal_ends_with_what_the_client_said(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError) as refused:
        submitted(tmp_path, "printf 'no slots\\n\\tat a.b.C\\n\\t... 7 more\\nsorry\\n'; exit 3\n")
    assert (
        str(refused.value) == "Flink at localhost:8081 did not take the job (exit code 3):\nno slots\nsorry"
    )


def test_a_client_that_hangs_is_told_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "TIMEOUT_S", 0.5)
    with pytest.raises(SubmissionError, match=r"did not take the job \(no answer for 0\.5 s\):\nwaiting$"):
        submitted(tmp_path, "echo waiting\nsleep 300\n")
