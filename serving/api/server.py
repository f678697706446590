"""uvicorn, which tells the streams before it waits for them."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from sse_starlette.sse import AppStatus

from serving.api.serving import Serving

GRACE_S: Final = 10
"""So long requests that are under way may take once the server is to end."""
_BACKLOG: Final = 512


class ApiServer(uvicorn.Server):
    """Serves one application until a polite signal, or until `should_exit` is set."""

    def __init__(self, app: FastAPI, *, trusted_proxies: tuple[str, ...] = ()) -> None:
        """Configure; `trusted_proxies` are addresses whose word on who asks is taken."""
        # Its own way of ending streams is one flag for all servers of a process, which stays set.
        status: Any = AppStatus  # not typed
        status.disable_automatic_graceful_drain()
        super().__init__(
            uvicorn.Config(
                app,
                # Paths hold ids of people; the application's own lines do not.
                access_log=False,
                log_config=None,
                log_level="warning",
                server_header=False,
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=list(trusted_proxies),
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._serving: Serving = app.state.serving

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End politely at the first signal; that one ended by it is no failure."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    async def shutdown(self, sockets: Any = None) -> None:
        """End the streams, wait for what is under way, then end."""
        self._serving.watch.close()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """Take the port; 0 takes a free one.

    Raises:
        OSError: if it is taken, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named since asyncio turns off Nagle's algorithm only where it is: without, an answer in
    # two pieces waits 40 ms for an acknowledgement (Python 3.11; uvicorn's own sockets do not name it).
    taken = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
        taken.listen(_BACKLOG)
    except BaseException:
        taken.close()
        raise
    return taken
