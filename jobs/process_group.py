"""A command that may start others, with all of which it ends."""

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile


def run_group(
    command: list[str], environment: Mapping[str, str], folder: Path, timeout_s: float
) -> tuple[int | None, str]:
    """Run a command in a process group of its own, and end all of it however this ends.

    Args:
        command: the program and its arguments.
        environment: all of its environment.
        folder: where it runs.
        timeout_s: seconds that it may take.

    Returns:
        Its exit code, None where it took longer, and all that it said.
    """
    # What it says goes to a file: a pipe would be waited for as long as a child that it left has it.
    with TemporaryFile("w+") as output:
        leader = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
        code: int | None = None
        try:
            with suppress(subprocess.TimeoutExpired):
                code = leader.wait(timeout_s)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(leader.pid, signal.SIGKILL)
            leader.wait()
        output.seek(0)
        return code, output.read()
