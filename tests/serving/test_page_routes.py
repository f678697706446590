"""The door of the live page: what it serves, and what it refuses."""

import asyncio
import re
from collections import Counter
from importlib.resources import files
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Message

from serving.page.routes import ASSETS, HEADERS, MOST_STREAMS, page_routes
from serving.page.service import RefusedError

HERE = {"origin": "http://testserver"}
VISITOR = "0" * 32


class Service:
    """Answers with what it was asked."""

    def __init__(self) -> None:
        self.done: list[tuple[str, ...]] = []

    def about(self) -> dict[str, Any]:
        return {"windows": []}

    def stored(self, shopper: str) -> dict[str, Any]:
        return {"shopper": f"kept {shopper}"}

    def watch(self, shopper: str) -> None: ...

    def leave(self, shopper: str) -> None: ...

    def frame(self, shopper: str, since: int) -> tuple[dict[str, Any], int]:
        return {}, since

    def why(self, shopper: str, window: str, feature: str) -> dict[str, Any]:
        if not feature:
            msg = "feature '' is none"
            raise RefusedError(msg)
        return {"asked": [shopper, window, feature]}

    def visitor(self, visitor: str) -> dict[str, Any]:
        return {"shopper": visitor}

    def act(self, visitor: str, deed: str, product: str) -> dict[str, Any]:
        self.done.append((visitor, deed, product))
        return {"shopper": visitor}

    def disrupt(self, visitor: str, what: str) -> dict[str, Any]:
        self.done.append((visitor, what))
        return {"said": what}


@pytest.fixture
def service() -> Service:
    return Service()


class Client:
    """Asks the routes, without a server between."""

    def __init__(self, service: Service) -> None:
        self._transport = httpx.ASGITransport(Starlette(routes=page_routes(service)))

    def get(self, path: str, **asked: Any) -> httpx.Response:
        return asyncio.run(self._ask("GET", path, asked))

    def post(self, path: str, **asked: Any) -> httpx.Response:
        return asyncio.run(self._ask("POST", path, asked))

    async def _ask(self, method: str, path: str, asked: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(transport=self._transport, base_url="http://testserver") as client:
            return await client.request(method, path, **asked)


@pytest.fixture
def client(service: Service) -> Client:
    return Client(service)


def test_every_file_that_the_page_asks_for_is_there_and_no_other(client: Client) -> None:
    folder = files("serving.page") / "assets"
    assert {each.name for each in folder.iterdir()} == {*ASSETS, "index.html"}
    asked = set(re.findall(r'(?:src|href)="(/page/files/[^"]+)"', client.get("/").text))
    for name in ASSETS:
        asked |= {
            f"/page/files/{found}" for found in re.findall(r'from "\./([^"]+)"', (folder / name).read_text())
        }
    assert asked == {f"/page/files/{name}" for name in ASSETS}
    for path in asked:
        assert client.get(path).status_code == 200
    assert client.get("/page/files/routes.py").status_code == 404
    assert client.get("/page/files/..%2Froutes.py").status_code == 404


def test_nothing_on_the_page_is_inline_or_from_elsewhere(client: Client) -> None:
    everything = client.get("/").text + "".join(client.get(f"/page/files/{name}").text for name in ASSETS)
    assert not re.search(r"<script(?! type=\"module\" src=)|<style| style=| on[a-z]+=\"", everything)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", everything)
    assert set(re.findall(r"https?://[^\s\"'`]+", everything)) <= {"http://www.w3.org/2000/svg"}


def test_the_scripts_need_no_secure_context(client: Client) -> None:
    """A server in one's own network may have no TLS; browsers then leave these out."""
    scripts = "".join(client.get(f"/page/files/{name}").text for name in ASSETS if name.endswith(".js"))
    assert not re.search(r"randomUUID\(|crypto\.subtle|navigator\.clipboard", scripts)


@pytest.mark.parametrize("path", ["/", "/page/files/page.js", "/page/about", "/page/why", "/page/visitor"])
def test_every_answer_has_the_headers_that_keep_others_out(client: Client, path: str) -> None:
    answer = client.get(path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_questions_are_handed_on(client: Client) -> None:
    answer = client.get("/page/why", params={"shopper": "a&b", "window": "1h", "feature": "x"})
    assert answer.json() == {"asked": ["a&b", "1h", "x"]}
    assert client.get("/page/stored?shopper=ann").json() == {"shopper": "kept ann"}
    assert client.get("/page/stored", params={"shopper": "a" * 1001}).status_code == 400
    refused = client.get("/page/why", params={"shopper": "ann"})
    assert (refused.status_code, refused.json()) == (409, {"error": "feature '' is none"})
    assert client.get("/page/why", params={"shopper": "a" * 1001}).status_code == 400
    assert client.get("/page/stream", params={"shopper": "a" * 1001}).status_code == 400
    assert client.get("/page/visitor", params={"visitor": VISITOR}).json() == {"shopper": VISITOR}
    assert client.get("/page/visitor", params={"visitor": "../x"}).status_code == 400


def test_buttons_do_what_they_say(client: Client, service: Service) -> None:
    assert client.post(
        "/page/act", json={"visitor": VISITOR, "do": "add", "product": "p"}, headers=HERE
    ).is_success
    assert client.post("/page/break", json={"visitor": VISITOR, "do": "poison"}, headers=HERE).is_success
    assert service.done == [(VISITOR, "add", "p"), (VISITOR, "poison")]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, {}, 403),
        ({"origin": "null"}, {}, 403),
        ({"origin": "http://testserver.evil.example"}, {}, 403),
        (HERE | {"sec-fetch-site": "cross-site"}, {}, 403),
        (HERE | {"content-type": "text/plain"}, {}, 403),
        (HERE, {"do": "drop"}, 400),
        (HERE, {"visitor": "<img>"}, 400),
        (HERE, {"more": 1}, 400),
        (HERE, {"product": "p" * 3000}, 413),
    ],
)
def test_others_cannot_press_them(
    client: Client, service: Service, headers: dict[str, str], body: dict[str, Any], status: int
) -> None:
    for path, deed in (("/page/act", "view"), ("/page/break", "poison")):
        sent = {"visitor": VISITOR, "do": deed} | body
        assert client.post(path, json=sent, headers=headers).status_code == status
        assert client.get(path).status_code == 405
    assert service.done == []


def test_streams_count_before_their_first_frame(service: Service) -> None:
    """Many that are asked for at once are no more than may be open."""
    app = Starlette(routes=page_routes(service))

    async def ask(many: int) -> Counter[int]:
        statuses: list[int] = []
        all_told, never = asyncio.Event(), asyncio.Event()

        async def receive() -> Message:
            await never.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
                if len(statuses) == many:
                    all_told.set()
                await never.wait()

        scope = {"type": "http", "method": "GET", "path": "/page/stream", "headers": [], "query_string": b""}
        asking = [asyncio.create_task(app(dict(scope), receive, send)) for _ in range(many)]
        await asyncio.wait_for(all_told.wait(), 20)
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        return Counter(statuses)

    assert asyncio.run(ask(MOST_STREAMS + 3)) == {200: MOST_STREAMS, 503: 3}
    assert asyncio.run(ask(1)) == {200: 1}, "their places are free again"
