"""What the API counts of itself, for Prometheus."""

import logging
import time
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

access = logging.getLogger("shopper.api.access")

METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
OTHER: Final = "other"
STREAM: Final = "stream"
"""Set in a request's scope where its answer is a stream: how long it lasted says nothing of latency."""
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """One application's, in a registry of their own."""

    def __init__(self) -> None:
        """Begin with zeros."""
        self.registry = CollectorRegistry()
        of: Any = {"registry": self.registry, "namespace": "shopper", "subsystem": "api"}
        self.requests = Counter(
            "requests", "Requests answered, by the route's template.", ["method", "route", "status"], **of
        )
        self.seconds = Histogram(
            "request_seconds",
            "Time from a request to the end of its answer, streams left out.",
            ["route"],
            buckets=_BUCKETS,
            **of,
        )
        self.rows = Counter("rows", "Rows told, by window and verdict.", ["window", "verdict"], **of)
        self.failures = Counter("redis_failures", "Reads that Redis did not answer, by kind.", ["kind"], **of)
        self.streams = Gauge("streams_open", "Streams that are open.", **of)
        self.sent = Counter("stream_events", "Events sent on streams, by kind.", ["event"], **of)


class Counting:
    """Counts every request, the refused ones too."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Go around `app`."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI says."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Of an exception that gets here the answer is made outside.
        status, began, method = 500, time.perf_counter(), scope["method"]

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = template_of(scope)
            method, took_s = method if method in METHODS else OTHER, time.perf_counter() - began
            self._metrics.requests.labels(method, route, status).inc()
            if not scope.get(STREAM):
                self._metrics.seconds.labels(route).observe(took_s)
            # The template, not the path: that holds ids of people.
            access.info("%s %s %d %.1f ms", method, route, status, took_s * 1000)


def template_of(scope: Scope) -> str:
    """The template of the route that answered; paths that match none are told as one."""
    route = scope.get("route")
    if route is None and (endpoint := scope.get("endpoint")) is not None:
        # FastAPI names its own routes only.
        own = (each for each in scope["app"].routes if endpoint in _targets(each))
        route = next(own, None)
    return str(getattr(route, "path_format", None) or getattr(route, "path", OTHER))


def _targets(route: Any) -> tuple[Any, Any]:
    return getattr(route, "endpoint", None), getattr(route, "app", None)
