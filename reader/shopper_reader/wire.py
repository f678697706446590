"""Replies straight from the socket, where hiredis is installed: hundreds of them without a call for each.

redis-py takes some microseconds of Python for every reply, and asyncio's ten. Where it keeps its socket
elsewhere one day, or hiredis is missing, its own reading is used.
"""

import asyncio
import socket
from collections.abc import Iterable
from itertools import islice
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

CHUNK: Final = 1 << 15
"""Bytes that are taken from the socket at once: what has come is parsed while Redis writes the rest."""
PART: Final = 50
AHEAD: Final = 4 * PART
"""Commands are sent in parts, of which a few are under way: Redis answers one while another is parsed here.

Sent as one piece, Redis makes some hundred answers before the first one leaves; this takes a fifth off a
call for 400 rows (bench/reading.py).
"""
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
    """The replies to one call, taken out of the bytes as they come, and what is still to be asked."""

    def __init__(self, commands: Iterable[bytes], count: int) -> None:
        """Expect a reply to each of so many packed `commands`."""
        self.found: list[Any] = []
        self._commands = iter(commands)
        self._count = count
        self._sent = 0
        self._reader: Any = _Reader(replyError=error_of) if _Reader is not None else None

    @property
    def complete(self) -> bool:
        """Whether all are there."""
        return len(self.found) >= self._count

    def due(self) -> bytes:
        """The part that is to be sent now; empty while enough is under way, and when all is sent."""
        end = min(self._sent + PART, self._count)
        if end > len(self.found) + AHEAD:
            return b""
        self._sent = end
        return b"".join(islice(self._commands, PART))

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
