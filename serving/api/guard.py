"""Who may ask, how often, and how much they may send: before any route is looked for."""

import math
import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.problems import ProblemError
from serving.api.terms import Terms
from serving.api.tokens import Tokens

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Refuses what the terms do not allow, with a problem document."""

    def __init__(self, app: ASGIApp, terms: Terms, tokens: Tokens, open_paths: Sequence[str]) -> None:
        """Go around `app`."""
        self._app = app
        self._terms = terms
        self._tokens = tokens
        self._open = frozenset(path for path in open_paths if not path.endswith("*"))
        self._below = tuple(path.removesuffix("*") for path in open_paths if path.endswith("/*"))
        self._rates = terms.rates
        # Of one process: several behind one address each count by themselves.
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI says."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except ProblemError as error:
            await error.response()(scope, receive, send)
            return
        await self._app(scope, self._measured(scope, receive), send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if not self._tokens.wanted:
            self._check_place(scope["method"], headers)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        caller = self._tokens.known(token.strip()) if scheme.lower() == "bearer" and token else None
        self._check_rate(caller or _address(scope))
        if self._tokens.wanted and caller is None and not self._is_open(scope["path"]):
            raise _unknown(given=bool(token))
        self._check_size(headers)

    def _is_open(self, path: str) -> bool:
        return path in self._open or path.startswith(self._below)

    def _check_place(self, method: str, headers: Headers) -> None:
        """Keep out what pages of others send through a browser of this machine."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._terms.hosts and _split(f"//{host}").hostname not in self._terms.hosts:
            detail = (
                f"asked as {host!r}; without tokens only {', '.join(sorted(self._terms.hosts))} is answered. "
                "Ask by one of these, or set a token (SHOPPER_API_TOKENS)"
            )
            raise ProblemError(403, "foreign-name", detail)
        welcome = self._terms.cors_origins
        if origin is None or method in SAFE or "*" in welcome or origin in welcome:
            return
        if _split(origin).netloc != host:
            detail = f"a page of {origin!r} may not do this; api_cors_origins names those that may"
            raise ProblemError(403, "foreign-page", detail)

    def _check_rate(self, caller: str) -> None:
        for rate in self._rates:
            if not self._limiter.hit(rate, caller):
                stats = self._limiter.get_window_stats(rate, caller)
                wait_s = max(1, math.ceil(stats.reset_time - time.time()))
                detail = f"more than {rate} were asked; ask again in {wait_s} s"
                raise ProblemError(429, "too-many-requests", detail, {"Retry-After": str(wait_s)})

    def _check_size(self, headers: Headers) -> None:
        told = headers.get("content-length", "0")
        if told.isascii() and told.isdigit() and len(told) < _DIGITS and int(told) <= self._terms.body_most:
            return
        raise ProblemError(413, "content-too-large", self._too_large(f"{told[:_DIGITS]} bytes"))

    def _measured(self, scope: Scope, receive: Receive) -> Receive:
        """`receive`, which ends when more comes than is allowed: a length need not be told."""
        if scope["method"] in SAFE:
            return receive
        taken = 0

        async def measured() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._terms.body_most:
                raise HTTPException(413, self._too_large("more"))
            return message

        return measured

    def _too_large(self, size: str) -> str:
        return f"the body has {size}; at most {self._terms.body_most} are read. Ask in several requests"


PROBES: Final = frozenset({"/healthz", "/readyz"})
"""Open to everybody at any rate: they say nothing but whether the server is well."""
_DIGITS: Final = 15


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _unknown(*, given: bool) -> ProblemError:
    detail = "a token is needed: send `Authorization: Bearer TOKEN` with one of the server's"
    if given:
        detail = "the token is none of the server's; was it rotated, or cut when it was copied?"
    error = ', error="invalid_token"' if given else ""
    return ProblemError(
        401, "unauthorized", detail, {"WWW-Authenticate": f'Bearer realm="shopper-features"{error}'}
    )
