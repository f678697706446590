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


class PageServer:
    """An application in a thread, up for the length of a `with` block; port 0 takes any that is free.

    Raises:
        PortTakenError: on entering, if the port cannot be had.
    """

    def __init__(self, app: FastAPI, port: int = 0) -> None:
        """Prepare; nothing listens yet."""
        self._port = port
        self._server = ApiServer(app)
        self._thread: threading.Thread | None = None
        self.url = ""

    def __enter__(self) -> Self:
        try:
            listening = listen(HOST, self._port)
        except OSError as error:
            msg = f"port {self._port} of {HOST} cannot be had ({error.strerror}); give another by --port"
            raise PortTakenError(msg) from None
        self.url = f"http://{HOST}:{listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, args=(listening,), name="page", daemon=True)
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

    def _run(self, listening: socket.socket) -> None:
        with closing(listening):
            self._server.run(sockets=[listening])
