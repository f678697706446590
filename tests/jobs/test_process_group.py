"""A command with all that it starts: what it said, and that nothing of it goes on."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from jobs.process_group import run_group

CHILD = "sleep 300 & echo $!"


def ended(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet has, too."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.02)
                continue
        return True
    os.kill(pid, signal.SIGKILL)
    return False


def test_it_tells_the_exit_code_and_all_that_was_said(tmp_path: Path) -> None:
    program = 'echo "$WORD in $(pwd)"; echo no >&2; exit 3'
    told = run_group(["/bin/sh", "-c", program], {"WORD": "here"}, tmp_path, 60)
    assert told == (3, f"here in {tmp_path.resolve()}\nno\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("then", "timeout_s", "code"), [("", 60, 0), ("; wait", 0.5, None)])
def test_what_it_started_ends_with_it(then: str, timeout_s: float, code: int | None, tmp_path: Path) -> None:
    told, said = run_group(["/bin/sh", "-c", CHILD + then], dict(os.environ), tmp_path, timeout_s)
    assert told == code
    assert ended(int(said))
