"""Hand the job to a Flink cluster: `flink run` from PyFlink's wheel, the job as a zip."""

import os
import re
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from jobs.compiled import CompilationError, compiled
from jobs.job_config import JobConfig
from jobs.package import ROOT, build_zip
from jobs.process_group import run_group

CONFIG_VARIABLE: Final = "SHOPPER_JOB_CONFIG"
"""What `jobs.live` reads; not imported from there, since that would load Flink's Python API for a second."""
SETTINGS: Final = "SHOPPER_"
"""How the names of variables with settings begin, which Flink's client is not to see."""
TIMEOUT_S: Final = 180.0
KNOCK_S: Final = 10.0
_JOB_ID: Final = re.compile(r"JobID ([0-9a-f]{32})")
_TAIL: Final = 25


class SubmissionError(Exception):
    """Flink did not take the job; the message ends with what it said."""


@dataclass(frozen=True)
class Client:
    """Flink's client as it is called."""

    home: Path
    """The distribution whose `flink` is called."""
    connector: Path
    """The Kafka connector's jar."""
    environment: Mapping[str, str]
    """What it needs in its environment: JAVA_HOME, FLINK_CONF_DIR and the like."""


def submit(
    config: JobConfig,
    jobmanager: str,
    client: Client,
    entry: str = "jobs.live",
    beside: Mapping[str, bytes] = MappingProxyType({}),
    root: Path = ROOT,
    progress: Callable[[str], None] = lambda _: None,
) -> str:
    """Submit the job and return its id.

    The configuration travels in a file that nobody else may read, and settings in the environment stay
    behind: they may hold passwords, a process list shows arguments, and Flink's client logs its environment.
    A cluster that does not answer yet is waited for, up to a minute; `knock` asks whether it does.

    Args:
        config: the job.
        jobmanager: host:port of the cluster's REST API.
        client: what hands it over.
        entry: the module that builds the job; another one than the job's own may watch it at work.
        beside: files that go into the zip with the job's own, by their path in it.
        root: the folder whose packages are the job.
        progress: is told what takes a while.

    Raises:
        SubmissionError: if the cluster cannot be reached or refuses the job, or it cannot be compiled.
    """
    # What the client started may still be dying; a file of it that stays is no reason to lose the job's id.
    with tempfile.TemporaryDirectory(prefix="shopper-submit-", ignore_cleanup_errors=True) as folder:
        machine_code = _machine_code(config, root, progress)
        archive = build_zip(Path(folder) / "job.zip", root, machine_code | dict(beside))
        command = [str(client.home / "bin" / "flink"), "run", "--detached", "--jobmanager", jobmanager]
        # Not by pipeline.jars: that would replace flink-python's jar, which `flink run` adds by itself.
        command += ["--jarfile", str(client.connector)]
        command += ["-pyclientexec", sys.executable, "-pyfs", str(archive), "-pym", entry]
        described = Path(folder) / "job.json"
        described.touch(mode=0o600)
        described.write_bytes(config.to_json())
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(SETTINGS)}
        given = inherited | dict(client.environment) | {CONFIG_VARIABLE: str(described)}
        # The client and its Python leave folders behind. Its script splits these arguments at blanks.
        given["TMPDIR"] = folder
        if len(folder.split()) == 1:
            given["JVM_ARGS"] = f"{given.get('JVM_ARGS', '')} -Djava.io.tmpdir={folder}"
        # Away from the project's folder, so that the client, too, takes its modules from the zip.
        code, said = run_group(command, given, Path(folder), TIMEOUT_S)
    found = _JOB_ID.search(said)
    if code or found is None:
        told = [line for line in said.splitlines() if not line.startswith(("\tat ", "\t... "))]
        tail = "\n".join(told[-_TAIL:])
        how = f"exit code {code}" if code is not None else f"no answer for {TIMEOUT_S:g} s"
        msg = f"Flink at {jobmanager} did not take the job ({how}):\n{tail}"
        raise SubmissionError(msg)
    return found[1]


def _machine_code(config: JobConfig, root: Path, progress: Callable[[str], None]) -> dict[str, bytes]:
    try:
        return compiled(root, progress) if config.compiled else {}
    except CompilationError as error:
        raise SubmissionError(str(error)) from None


def knock(jobmanager: str) -> None:
    """Find out now what Flink's client would tell after a minute of trying.

    Raises:
        SubmissionError: if nobody listens at `jobmanager` (host:port).
    """
    host, _, port = jobmanager.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()
    except OSError as error:
        msg = f"Flink at {jobmanager} does not answer ({error}); is that the address of its REST API?"
        raise SubmissionError(msg) from None
