"""The page's routes: its files, its stream of server-sent events, and what its buttons do."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec
import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serving.api.serving import serving_of
from serving.api.streaming import StreamResponse
from serving.page.service import PageService, RefusedError, Told

EVERY_S: Final = 0.5
MOST_STREAMS: Final = 32
SEND_S: Final = 10.0
"""A browser that takes nothing for so long is let go."""
MOST_BODY: Final = 2_000
MOST_ID: Final = 1_000
DEEDS: Final = ("view", "add", "remove", "buy", "login")
DISRUPTIONS: Final = ("kill_taskmanager", "freeze_redis", "poison")
ASSETS: Final = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "draw.js": "text/javascript",
    "moving.js": "text/javascript",
    "parts.js": "text/javascript",
    "shopper.js": "text/javascript",
    "ask.js": "text/javascript",
    "why.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
HEADERS: Final = {
    # Nothing but what this server sends; no inline script or style, nobody may frame the page.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
OPEN_PATHS: Final = ("/", "/page/files/*")
_VISITOR: Final = re.compile(r"[0-9a-f-]{16,64}\Z")


class Act(msgspec.Struct, forbid_unknown_fields=True):
    """What a button sends."""

    visitor: str
    do: str
    product: str = ""


def page_routes(service: PageService, every_s: float = EVERY_S) -> list[Route]:
    """The routes of the page, to be added to an application.

    `/` and `/page/files/…` are its files (`OPEN_PATHS`: they tell nothing of anybody), `/page/stream` its
    server-sent events, `/page/why` explains a value, and POSTs to `/page/act` and `/page/break` do what the
    buttons say, from the page itself only.
    """
    page = _Page(service, every_s)
    return [
        Route("/", _index),
        Route("/page/about", page.about),
        Route("/page/stored", page.stored),
        Route("/page/stream", page.stream),
        Route("/page/why", page.why),
        Route("/page/visitor", page.visitor),
        Route("/page/act", page.act, methods=["POST"]),
        Route("/page/break", page.disrupt, methods=["POST"]),
        Route("/page/files/{name}", _asset),
    ]


class _Page:
    def __init__(self, service: PageService, every_s: float) -> None:
        self._service = service
        self._every_s = every_s
        self.streams = 0
        """How many are open."""

    async def about(self, _request: Request) -> Response:
        return await _answer(self._service.about)

    async def why(self, request: Request) -> Response:
        asked = request.query_params
        shopper, window, feature = (asked.get(name, "") for name in ("shopper", "window", "feature"))
        if len(shopper) > MOST_ID:
            return _refused(400, f"shopper: more than {MOST_ID} characters")
        return await _answer(self._service.why, shopper, window, feature)

    async def stored(self, request: Request) -> Response:
        shopper = request.query_params.get("shopper", "")
        if len(shopper) > MOST_ID:
            return _refused(400, f"shopper: more than {MOST_ID} characters")
        return await _answer(self._service.stored, shopper)

    async def visitor(self, request: Request) -> Response:
        visitor = request.query_params.get("visitor", "")
        if _VISITOR.match(visitor) is None:
            return _refused(400, "visitor: expected 16 to 64 hexadecimal digits and dashes")
        return await _answer(self._service.visitor, visitor)

    async def stream(self, request: Request) -> Response:
        shopper = request.query_params.get("shopper", "")
        if len(shopper) > MOST_ID:
            return _refused(400, f"shopper: more than {MOST_ID} characters")
        if self.streams >= MOST_STREAMS:
            return _refused(503, f"{MOST_STREAMS} pages are open already; close one and try again")
        return StreamResponse(
            self._frames(request, shopper), self._count, ping=15, send_timeout=SEND_S, headers=HEADERS
        )

    def _count(self, more: int) -> None:
        self.streams += more

    async def _frames(self, request: Request, shopper: str) -> AsyncIterator[dict[str, str]]:
        """A frame twice a second, made when the one before has gone out: a slow reader misses some."""
        self._service.watch(shopper)
        since = 0
        try:
            while not serving_of(request).watch.closed:
                frame, since = await run_in_threadpool(self._service.frame, shopper, since)
                yield {"event": "frame", "data": orjson.dumps(frame).decode()}
                await asyncio.sleep(self._every_s)
        finally:
            self._service.leave(shopper)

    async def act(self, request: Request) -> Response:
        asked = await _asked(request, DEEDS)
        if isinstance(asked, Response):
            return asked
        return await _answer(self._service.act, asked.visitor, asked.do, asked.product)

    async def disrupt(self, request: Request) -> Response:
        asked = await _asked(request, DISRUPTIONS)
        if isinstance(asked, Response):
            return asked
        return await _answer(self._service.disrupt, asked.visitor, asked.do)


async def _asked(request: Request, known: tuple[str, ...]) -> Act | Response:
    """What a button asks for, if it is one of this page."""
    if (fault := foreign(request.headers)) is not None:
        return _refused(403, fault)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY:
            return _refused(413, f"more than {MOST_BODY} bytes")
    try:
        asked = msgspec.json.decode(body, type=Act)
    except msgspec.MsgspecError as error:
        return _refused(400, str(error))
    if asked.do not in known:
        return _refused(400, f"do: {asked.do[:40]!r} is none of {', '.join(known)}")
    if _VISITOR.match(asked.visitor) is None:
        return _refused(400, "visitor: expected 16 to 64 hexadecimal digits and dashes")
    return asked


def foreign(headers: Mapping[str, str]) -> str | None:
    """Why a POST is not one of our own page's; None if it is.

    A browser says where a request comes from and lets no page forge it; a JSON body cannot be sent by a form.

    >>> foreign({"host": "127.0.0.1:1", "origin": "http://evil.example", "content-type": "application/json"})
    "origin 'http://evil.example' is not this server, 127.0.0.1:1"
    """
    origin, host = headers.get("origin", ""), headers.get("host", "")
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return "content-type: expected application/json"
    if origin.partition("://")[2] != host:
        return f"origin {origin!r} is not this server, {host}"
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return "only this page may do that"
    return None


async def _answer(call: Callable[..., Told], *arguments: str) -> Response:
    try:
        told = await run_in_threadpool(call, *arguments)
    except RefusedError as error:
        return _refused(409, str(error))
    return Response(orjson.dumps(told), media_type="application/json", headers=HEADERS)


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status, HEADERS)


async def _index(_request: Request) -> Response:
    return Response(_file("index.html"), media_type="text/html", headers=HEADERS)


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in ASSETS:
        return _refused(404, f"there is no {name[:40]!r} here")
    return Response(_file(name), media_type=ASSETS[name], headers=HEADERS)


@cache
def _file(name: str) -> bytes:
    return (files("serving.page") / "assets" / name).read_bytes()
