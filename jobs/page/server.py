"""Serves an application from a thread of its own, on a port of 127.0.0.1."""

import socket
import threading
import time
from contextlib import closing
from types import TracebackType
from typing import Final, Self

from fastapi import FastAPI

from serving.api.server import ApiServer, listen

HOST: Final = "127.0.0.1"
READY_S: Final = 20.0
_POLL_S: Final = 0.02


class PortTakenError(Exception):
    """Something else listens on the port."""


def take(port: int) -> socket.socket:
    """Take a port for the page; 0 takes any that is free.

    Raises:
        PortTakenError: if it cannot be had.
    """
    try:
        return listen(HOST, port)
    except OSError as error:
        msg = f"port {port} of {HOST} cannot be had ({error.strerror}); give another by --port"
        raise PortTakenError(msg) from None


class PageServer:
    """An application in a thread, up for the length of a `with` block, on a port that was taken."""

    def __init__(self, app: FastAPI, listening: socket.socket) -> None:
        """Prepare; nobody is answered yet."""
        self._listening = listening
        self._server = ApiServer(app)
        self._thread: threading.Thread | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self.url = f"http://{HOST}:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self._thread.start()
        until = time.monotonic() + READY_S
        while not self._server.started and self._thread.is_alive() and time.monotonic() < until:
            time.sleep(_POLL_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        with closing(self._listening) as listening:
            self._server.run(sockets=[listening])
