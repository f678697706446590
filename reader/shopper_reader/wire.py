"""Replies straight from the socket, where hiredis is installed: hundreds of them without a call for each.

redis-py takes some microseconds of Python for every reply, and asyncio's ten. Where it keeps its socket
elsewhere one day, or hiredis is missing, its own reading is used.
"""

import asyncio
import socket
from typing import Any, Final

from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,  # noqa: A004  redis-py's own
    MasterDownError,
    MovedError,
    NoPermissionError,
    ResponseError,
    TryAgainError,
)

try:
    from hiredis import Reader as _Reader
except ImportError:  # pragma: no cover  (hiredis is optional)
    _Reader = None  # type: ignore[assignment, misc]

CHUNK: Final = 1 << 17
_CODES: Final[dict[str, type[Exception]]] = {
    "ASK": AskError,
    "CLUSTERDOWN": ClusterDownError,
    "LOADING": BusyLoadingError,
    "MASTERDOWN": MasterDownError,
    "MOVED": MovedError,
    "NOAUTH": AuthenticationError,
    "NOPERM": NoPermissionError,
    "TRYAGAIN": TryAgainError,
}


def error_of(text: str) -> Exception:
    """The error that redis-py makes of an error reply."""
    code, _, rest = text.partition(" ")
    kind = _CODES.get(code)
    return ResponseError(text) if kind is None else kind(rest)


class Replies:
    """The replies to one call, taken out of the bytes as they come."""

    def __init__(self, count: int) -> None:
        """Expect so many."""
        self.found: list[Any] = []
        self._count = count
        self._reader: Any = _Reader(replyError=error_of) if _Reader is not None else None

    @property
    def complete(self) -> bool:
        """Whether all are there."""
        return len(self.found) >= self._count

    def socket_of(self, connection: Any) -> Any:
        """The connection's socket, or its stream; None where replies are to be read one by one."""
        if self._reader is None:
            return None
        for name, kind in (("_sock", socket.socket), ("_reader", asyncio.StreamReader)):
            held = getattr(connection, name, None)
            if isinstance(held, kind):
                return held
        return None

    def feed(self, data: bytes) -> None:
        """Take what has come.

        Raises:
            ConnectionError: redis-py's, if nothing came any more, or Redis is not ready.
        """
        if not data:
            msg = "the server closed the connection"
            raise ConnectionError(msg)
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            if isinstance(reply, BusyLoadingError):
                raise reply
            self.found.append(reply)
