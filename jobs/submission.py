"""Hand the job to a Flink cluster: `flink run` from PyFlink's wheel, the job as a zip."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

from jobs.flink_rest import ENDED, FlinkRest, FlinkRestError, innermost
from jobs.job_config import JobConfig
from jobs.package import build_zip

CONFIG_VARIABLE: Final = "SHOPPER_JOB_CONFIG"
"""What `jobs.live` reads; not imported from there, since that would load Flink's Python API for a second."""
TIMEOUT_S: Final = 180.0
KNOCK_S: Final = 10.0
BEGIN_S: Final = 30.0
"""A job that waits for slots may do so for longer; it has been submitted all the same."""
TOLD_S: Final = 10.0
"""Flink's REST API shows a job as it was some seconds ago."""
_POLL_S: Final = 0.2
_WAITING: Final = frozenset({"INITIALIZING", "CREATED"})
_JOB_ID: Final = re.compile(r"JobID ([0-9a-f]{32})")
_TAIL: Final = 25
_UNCLAIMED: Final = "is not available in the new program"
"""What Flink says of state that no operator of the job claims."""


class SubmissionError(Exception):
    """Flink did not take the job; the message ends with what it said."""


class OtherStateError(SubmissionError):
    """The state to begin from is that of another query, topology or Flink."""


def submit(
    config: JobConfig,
    jobmanager: str,
    flink_home: Path,
    connector: Path,
    environment: Mapping[str, str],
    entry: str = "jobs.live",
    beside: Mapping[str, bytes] = MappingProxyType({}),
) -> str:
    """Submit the job and return its id.

    The configuration travels in the environment, since it may hold passwords that a process list would show.

    Args:
        config: the job.
        jobmanager: host:port of the cluster's REST API.
        flink_home: the distribution whose `flink` is called.
        connector: the Kafka connector's jar.
        environment: what that needs in its environment (JAVA_HOME, FLINK_CONF_DIR and the like).
        entry: the module that builds the job; another one than the job's own may watch it at work.
        beside: files that go into the zip with the job's own, by their path in it.

    Raises:
        OtherStateError: if the state to begin from does not fit the job.
        SubmissionError: if the cluster cannot be reached or refuses the job.
    """
    _knock(jobmanager)
    with tempfile.TemporaryDirectory(prefix="shopper-submit-") as folder:
        archive = build_zip(Path(folder) / "job.zip")
        with zipfile.ZipFile(archive, "a") as opened:
            for path, data in beside.items():
                opened.writestr(path, data)
        command = [str(flink_home / "bin" / "flink"), "run", "--detached", "--jobmanager", jobmanager]
        # Not by pipeline.jars: that would replace flink-python's jar, which `flink run` adds by itself.
        command += ["--jarfile", str(connector)]
        command += ["-pyclientexec", sys.executable, "-pyfs", str(archive), "-pym", entry]
        secret = {CONFIG_VARIABLE: config.to_json().decode()}
        # Away from the project's folder, so that the client, too, takes its modules from the zip.
        code, said = _run(command, os.environ | dict(environment) | secret, Path(folder))
    found = _JOB_ID.search(said)
    if code or found is None:
        told = [line for line in said.splitlines() if not line.startswith(("\tat ", "\t... "))]
        tail = "\n".join(told[-_TAIL:])
        msg = f"Flink at {jobmanager} did not take the job (exit code {code}):\n{tail}"
        raise SubmissionError(msg)
    if config.restore_from:
        _see_it_begin(FlinkRest(jobmanager), found[1], config.restore_from)
    return found[1]


def _see_it_begin(flink: FlinkRest, job_id: str, restore_from: str) -> None:
    """Wait until Flink has looked at the state to begin from: it takes the job first and fails it then."""
    until = time.monotonic() + BEGIN_S
    try:
        while (state := flink.state(job_id)) in _WAITING and time.monotonic() < until:
            time.sleep(_POLL_S)
        cause, until = "", time.monotonic() + TOLD_S
        while state in ENDED and not cause and time.monotonic() < until:
            time.sleep(_POLL_S)
            cause = flink.cause(job_id)
    except FlinkRestError as error:
        msg = f"job {job_id} was submitted, but what became of it is not known: {error}"
        raise SubmissionError(msg) from None
    if _UNCLAIMED in cause:
        raise OtherStateError(_other_state(restore_from))
    if state in ENDED:
        msg = f"job {job_id} could not go on from {restore_from} and is {state}: {innermost(cause)}"
        raise SubmissionError(msg)


def _other_state(restore_from: str) -> str:
    return (
        f"{restore_from} does not fit: it holds state of an operator that this job does not have. Either the"
        " query that gathers the micro-batches is another (another release, topic or version of Flink): then"
        " let the release that wrote it go on once more, and run `shopper migrate` of this one, which loses"
        " nothing. Or the topology is another: that takes a new life (--new-life; `shopper run --fresh`)"
    )


def _knock(jobmanager: str) -> None:
    """Find out now what Flink's client would tell after a minute of trying."""
    host, _, port = jobmanager.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()
    except OSError as error:
        msg = f"Flink at {jobmanager} does not answer ({error}); is that the address of its REST API?"
        raise SubmissionError(msg) from None


def _run(command: list[str], environment: Mapping[str, str], folder: Path) -> tuple[int, str]:
    """Run the client in a process group of its own, and end all of it however this ends."""
    with (folder / "output").open("w+") as output:
        client = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
        try:
            code = client.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            code = -1
        finally:
            with suppress(ProcessLookupError):
                os.killpg(client.pid, signal.SIGKILL)
            client.wait()
        output.seek(0)
        return code, output.read()
