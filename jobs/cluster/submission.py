"""Hand the job to a Flink cluster: `flink run` from PyFlink's wheel, the job as a zip."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

from jobs.compiled import CompilationError, compiled
from jobs.job_config import JobConfig
from jobs.package import ROOT, build_zip

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


def submit(
    config: JobConfig,
    jobmanager: str,
    flink_home: Path,
    connector: Path,
    environment: Mapping[str, str],
    entry: str = "jobs.live",
    beside: Mapping[str, bytes] = MappingProxyType({}),
    root: Path = ROOT,
) -> str:
    """Submit the job and return its id.

    The configuration travels in a file that nobody else may read, and settings in the environment stay
    behind: they may hold passwords, a process list shows arguments, and Flink's client logs its environment.
    A cluster that does not answer yet is waited for, up to a minute; `knock` asks whether it does.

    Args:
        config: the job.
        jobmanager: host:port of the cluster's REST API.
        flink_home: the distribution whose `flink` is called.
        connector: the Kafka connector's jar.
        environment: what that needs in its environment (JAVA_HOME, FLINK_CONF_DIR and the like).
        entry: the module that builds the job; another one than the job's own may watch it at work.
        beside: files that go into the zip with the job's own, by their path in it.
        root: the folder whose packages are the job.

    Raises:
        SubmissionError: if the cluster cannot be reached or refuses the job, or it cannot be compiled.
    """
    with tempfile.TemporaryDirectory(prefix="shopper-submit-") as folder:
        archive = build_zip(Path(folder) / "job.zip", root, {**_machine_code(config, root), **beside})
        command = [str(flink_home / "bin" / "flink"), "run", "--detached", "--jobmanager", jobmanager]
        # Not by pipeline.jars: that would replace flink-python's jar, which `flink run` adds by itself.
        command += ["--jarfile", str(connector)]
        command += ["-pyclientexec", sys.executable, "-pyfs", str(archive), "-pym", entry]
        described = Path(folder) / "job.json"
        described.touch(mode=0o600)
        described.write_bytes(config.to_json())
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(SETTINGS)}
        given = inherited | dict(environment) | {CONFIG_VARIABLE: str(described)}
        # Away from the project's folder, so that the client, too, takes its modules from the zip.
        code, said = _run(command, given, Path(folder))
    found = _JOB_ID.search(said)
    if code or found is None:
        told = [line for line in said.splitlines() if not line.startswith(("\tat ", "\t... "))]
        tail = "\n".join(told[-_TAIL:])
        msg = f"Flink at {jobmanager} did not take the job (exit code {code}):\n{tail}"
        raise SubmissionError(msg)
    return found[1]


def _machine_code(config: JobConfig, root: Path) -> dict[str, bytes]:
    try:
        return compiled(root) if config.compiled else {}
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
