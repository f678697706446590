"""Server-sent events that take a place among the streams that are open."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from sse_starlette.sse import EventSourceResponse, SendTimeoutError
from starlette.types import Receive, Scope, Send

from serving.api.metrics import STREAM


class StreamResponse(EventSourceResponse):
    """Events, counted from when they are promised: many may be asked for before the first is sent."""

    def __init__(
        self,
        events: AsyncIterator[Any],
        count: Callable[[int], None],
        *,
        ping: float,
        send_timeout: float,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Take a place: `count` is told 1 now, and -1 at the end."""
        super().__init__(events, headers=headers, ping=ping, send_timeout=send_timeout)
        self._count = count
        count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, and give the place back."""
        scope[STREAM] = True
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            # Nobody reads any more, and nobody said so: a laptop that was closed.
            return
        finally:
            self._count(-1)
