"""A server as a child process that is watched while it starts and never outlives its parent."""

import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from jobs.local.errors import ProcessError

HOST = "127.0.0.1"
POLL_S = 0.1
GRACE_S = 20.0
"""How long a process may take to end after TERM before it is killed."""
TAIL_LINES = 25
# Below Linux's ephemeral ports (from 32768), so that a server finds its port free again when it restarts.
PORTS = range(23_000, 32_000)

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which nothing listens now."""
    while True:
        port = random.choice(PORTS)
        with closing(socket.socket()) as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port


@dataclass(slots=True)
class LocalProcess:
    """One process with a session, and thus a process group, of its own.

    On Linux the kernel kills it when the thread that started it ends, however that happens: start it from
    a thread that lives as long as it should. Elsewhere only the context manager ends it.
    """

    name: str
    command: Sequence[str]
    log: Path
    """What it writes to stdout and stderr is appended here."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to this process's own environment."""
    folder: Path | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def pid(self) -> int | None:
        """Its process id, which is also its group's; None when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start it without waiting for it to be ready.

        Raises:
            ProcessError: It runs already, or its program cannot be started.
        """
        if self.pid is not None:
            msg = f"{self.name} runs already, with process id {self.pid}; stop it first"
            raise ProcessError(msg)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    list(self.command),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.folder,
                    env={**os.environ, **self.environment},
                    start_new_session=True,
                    # Does nothing but one system call, so it is safe between fork and exec.
                    preexec_fn=_die_with_parent if _LIBC else None,  # noqa: PLW1509
                )
            except OSError as error:
                msg = f"{self.name} cannot be started: {error}"
                raise ProcessError(msg) from error

    def wait_ready(self, ready: Callable[[], bool], deadline_s: float) -> None:
        """Wait until `ready()`.

        Raises:
            ProcessError: It ended, or is not ready after `deadline_s` seconds; says why, with the log's tail.
        """
        until = time.monotonic() + deadline_s
        while not ready():
            if self.pid is None:
                code = self._process.returncode if self._process else None
                self._fail(f"{self.name} ended with exit code {code} before it was ready")
            if time.monotonic() > until:
                self._fail(f"{self.name} was not ready within {deadline_s:g} s")
            time.sleep(POLL_S)

    def stop(self, grace_s: float = GRACE_S) -> None:
        """End the whole group: TERM, and KILL for whatever remains after `grace_s` seconds."""
        if self._process is None:
            return
        if self.pid is not None:
            self.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_s)
        self.kill()

    def terminate(self) -> None:
        """Ask the group to end without waiting for it; `stop()` has to follow."""
        self._signal(signal.SIGTERM)
        self.thaw()

    def kill(self) -> None:
        """End the whole group at once, as a crash would."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def crash(self) -> None:
        """End the whole group at once without waiting, from any thread; who started it notices by `pid`."""
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop it from running without ending it, as a long pause of its machine would."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run on after `freeze()`."""
        self._signal(signal.SIGCONT)

    def tail(self, lines: int = TAIL_LINES) -> str:
        """Return the last lines of its log."""
        if not self.log.is_file():
            return ""
        with self.log.open(errors="replace") as log:
            return "".join(deque(log, lines))

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            # The group's id is the leader's, and is not given anew while a member of the group lives.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _fail(self, reason: str) -> None:
        tail = self.tail()
        self.kill()
        msg = f"{reason}. The end of {self.log}:\n{tail or '(it is empty)'}"
        raise ProcessError(msg)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends (Linux)."""
    assert _LIBC is not None  # noqa: S101
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
