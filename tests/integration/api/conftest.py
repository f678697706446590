"""A Redis that the real writer fills, and the API over it: in this process, or on a port."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from threading import Thread
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from serving.api.application import create_app
from serving.api.problems import NoJobError
from serving.api.server import ApiServer, listen
from serving.api.terms import Terms
from serving.reading import async_reader_of, catalogue_of
from shopper_reader import AsyncFeatures, Limits
from tests.harness import wait_until
from tests.sinks.servers import Server, running

HOST = "http://127.0.0.1:8321"
PATIENT = Limits(timeout_s=10, connect_timeout_s=10, failures=0)
"""The machine may be busy; that a wait ends is tested with the reader."""
APART = ("limits", "status", "stored_id", "extra", "open_paths")
"""What is no term."""
STATUS = {
    "job": "job",
    "topology": "fused",
    "healthy": True,
    "problems": [],
    "remarks": [],
    "now": 2,
    "at": 1,
    "adds_up": True,
    "counts": {"read": 1, "applied": 1},
    "branches": {"cart": {"applied": 1}},
    "partitions": {},
}


def well(*, lag: bool) -> Mapping[str, Any]:
    return STATUS | ({"partitions": {"0": {"lag": 0}}} if lag else {})


def no_job(*, lag: bool) -> Mapping[str, Any]:
    msg = "no job 'job' has told its progress"
    raise NoJobError(msg)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("redis")) as started:
        yield started


def app_over(url: str, terms: Terms | None = None, limits: Limits = PATIENT, **more: Any) -> FastAPI:
    """The application over the Redis at `url`."""
    catalogue = catalogue_of()

    def connect() -> AsyncFeatures:
        return async_reader_of(url, catalogue, job="job", limits=limits)

    return create_app(connect, catalogue, more.pop("status", well), terms, **more)


class Client:
    """Asks an application, in an event loop of its own."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url=HOST)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self._runner.run(self._client.request(method, path, **more))

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    def close(self) -> None:
        async def ended() -> None:
            await self._client.aclose()
            await self.app.state.serving.close()

        self._runner.run(ended())
        self._runner.close()


Asks = Callable[..., Client]


@pytest.fixture
def asks(server: Server) -> Iterator[Asks]:
    """Clients of applications with the terms that a test wants."""
    with ExitStack() as stack:

        def made(url: str = server.url, **given: Any) -> Client:
            more = {name: given.pop(name) for name in APART if name in given}
            return stack.enter_context(closing(Client(app_over(url, Terms(**given), **more))))

        yield made


@contextmanager
def serving(app: FastAPI) -> Iterator[tuple[ApiServer, str]]:
    """The application on a free port, and its URL."""
    taken = listen("127.0.0.1", 0)
    server = ApiServer(app)
    thread = Thread(target=server.run, args=([taken],), daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, 10, "the server has started")
        yield server, f"http://127.0.0.1:{taken.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the server did not end"


@pytest.fixture
def serve() -> Iterator[Callable[[FastAPI], str]]:
    """Serves applications on ports of their own until the test's end."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(serving(app))[1]


def problem_of(response: httpx.Response, status: int) -> str:
    """What a problem document says; its status and form are checked."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told = response.json()
    assert told["status"] == status
    assert told["type"] == "urn:shopper-features:problem:" + told["title"].lower().replace(" ", "-")
    return str(told["detail"])
