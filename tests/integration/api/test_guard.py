"""Who is let in, how often, and what is refused at the door."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from jobs.local.jars import ROOT
from serving.api.serving import serving_of
from serving.api.terms import TermsError
from tests.integration.api.conftest import Asks, problem_of
from tests.integration.reader.test_reading import alive, written

TOKEN, OTHER = "first-" + "0123456789" * 3, "second-" + "0123456789" * 3
PATHS = ("/v1/shoppers/ada/features", "/v1/shoppers/ada/changes", "/v1/catalogue", "/v1/status", "/metrics")


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", [*PATHS, "/openapi.json", "/nothing", "/", "/healthz/x", "//healthz"])
def test_without_a_token_nothing_is_told(asks: Asks, path: str):
    client = asks(tokens=(TOKEN,))
    refused = client.get(path)
    assert "a token is needed" in problem_of(refused, 401)
    assert refused.headers["www-authenticate"] == 'Bearer realm="shopper-features"'
    unknown = client.get(path, headers=bearer(TOKEN[:-1]))
    assert "none of the server's" in problem_of(unknown, 401)
    assert 'error="invalid_token"' in unknown.headers["www-authenticate"]


@pytest.mark.parametrize(
    "header", ["Basic abc", "Bearer", "Bearer ", TOKEN, f"Token {TOKEN}", "Bearer \xff\xfe"]
)
def test_what_is_no_token_lets_nobody_in(asks: Asks, header: str):
    problem_of(
        asks(tokens=(TOKEN,)).get("/v1/catalogue", headers={"authorization": header.encode("latin-1")}), 401
    )


def test_several_tokens_let_in_and_probes_need_none(asks: Asks):
    client = asks(tokens=(TOKEN, OTHER))
    for token in (TOKEN, OTHER):
        for scheme in ("Bearer", "bearer"):
            got = client.get("/v1/catalogue", headers={"authorization": f"{scheme} {token}"})
            assert got.status_code == 200
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200


def test_tokens_of_a_file_are_rotated_without_a_restart(tmp_path: Path, asks: Asks, monkeypatch: Any):
    monkeypatch.setattr("serving.api.tokens.LOOK_EVERY_S", 0.0)
    file = tmp_path / "tokens"
    file.write_text(f"# of the shop\n{TOKEN}\n\n")
    client = asks(tokens_file=file)

    def lets_in(token: str) -> bool:
        return client.get("/v1/catalogue", headers=bearer(token)).status_code == 200

    assert (lets_in(TOKEN), lets_in(OTHER)) == (True, False)
    fresh = tmp_path / "fresh"
    fresh.write_text(f"{OTHER}\n")
    fresh.replace(file)
    assert (lets_in(TOKEN), lets_in(OTHER)) == (False, True)
    file.write_text("short\n")
    assert (lets_in(TOKEN), lets_in(OTHER)) == (False, True)
    file.unlink()
    assert (lets_in(TOKEN), lets_in(OTHER)) == (False, True)
    file.write_text("")
    assert (lets_in(TOKEN), lets_in(OTHER), client.get("/v1/catalogue").status_code) == (False, False, 401)


def test_terms_that_cannot_be_kept_are_told_at_once(tmp_path: Path, asks: Asks):
    file = tmp_path / "tokens"
    with pytest.raises(TermsError, match="cannot be read"):
        asks(tokens_file=file)
    file.write_text("\n# nothing\n")
    with pytest.raises(TermsError, match="holds no token"):
        asks(tokens_file=file)
    file.write_text("0123456789\n")
    with pytest.raises(TermsError, match="fewer than 16 characters") as caught:
        asks(tokens_file=file)
    assert "0123456789" not in str(caught.value)
    with pytest.raises(TermsError, match="fewer than 16 characters"):
        asks(tokens=("short",))


def test_neither_tokens_nor_ids_are_logged(asks: Asks, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    client = asks(tokens=(TOKEN,), rate="2/hour")
    client.get("/v1/shoppers/ada-the-first/features", headers=bearer(TOKEN))
    client.get("/v1/shoppers/ada-the-first/features", headers=bearer(OTHER))
    client.get("/v1/shoppers/ada-the-first/features?windows=x", headers=bearer(TOKEN))
    client.get("/v1/shoppers/ada-the-first/features", headers=bearer(TOKEN))
    ours = [record for record in caplog.records if record.name.startswith(("shopper", "uvicorn", "fastapi"))]
    said = "\n".join(map(logging.Formatter().format, ours))
    assert "GET /v1/shoppers/{shopper}/features 200" in said
    assert "GET other 429" in said
    for secret in (TOKEN, OTHER, TOKEN[:12], "ada-the-first"):
        assert secret not in said
    assert TOKEN not in repr(client.app.state.serving.terms)


def test_a_token_may_ask_so_often_and_no_more(asks: Asks):
    client = asks(tokens=(TOKEN, OTHER), rate="3/hour")
    for _ in range(3):
        assert client.get("/v1/catalogue", headers=bearer(TOKEN)).status_code == 200
    refused = client.get("/v1/catalogue", headers=bearer(TOKEN))
    assert "more than 3 per 1 hour were asked" in problem_of(refused, 429)
    assert 3500 < int(refused.headers["retry-after"]) <= 3601
    assert client.get("/v1/catalogue", headers=bearer(OTHER)).status_code == 200
    assert [client.get("/v1/catalogue").status_code for _ in range(4)] == [401, 401, 401, 429]
    assert client.get("/healthz").status_code == 200


def test_without_tokens_an_address_may_ask_so_often(asks: Asks):
    client = asks(rate="2/hour; 100/day")
    assert [client.get("/v1/catalogue").status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("rate", ["many", "5", "5/fortnight", "0.5/second"])
def test_a_rate_that_is_none_is_told(asks: Asks, rate: str):
    with pytest.raises(TermsError, match="is no rate; expected such as 100/second"):
        asks(rate=rate)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8321", "127.0.0.1.evil.example", "", "[", "a@localhost.x"]
)
def test_without_tokens_only_this_machines_own_names_are_answered(asks: Asks, host: str):
    assert "set a token" in problem_of(asks().get("/v1/catalogue", headers={"host": host}), 403)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8321", "[::1]:8321"])
def test_these_are_its_names(asks: Asks, host: str):
    assert asks().get("/v1/catalogue", headers={"host": host}).status_code == 200


def test_any_name_is_answered_where_a_token_is_shown_or_everyone_is_let_in(asks: Asks):
    host = {"host": "shop.example"}
    assert asks(tokens=(TOKEN,)).get("/v1/catalogue", headers=host | bearer(TOKEN)).status_code == 200
    assert asks(hosts=frozenset()).get("/v1/catalogue", headers=host).status_code == 200


def test_pages_of_others_may_not_post(asks: Asks):
    body = {"shoppers": ["ada"]}
    own = {"origin": "http://127.0.0.1:8321"}
    foreign = {"origin": "https://evil.example"}
    client = asks()
    assert client.post("/v1/features", json=body, headers=own).status_code == 200
    for headers in (foreign, {"origin": "null"}, {"origin": "http://127.0.0.1:9999"}):
        refused = client.post("/v1/features", json=body, headers=headers)
        assert "may not do this; api_cors_origins" in problem_of(refused, 403)
    welcome = asks(cors_origins=("https://evil.example",))
    assert welcome.post("/v1/features", json=body, headers=foreign).status_code == 200


def test_cors_is_off_unless_origins_are_named(asks: Asks):
    shop, other = {"origin": "https://shop.example"}, {"origin": "https://other.example"}
    assert "access-control-allow-origin" not in asks().get("/v1/catalogue", headers=shop).headers
    client = asks(cors_origins=("https://shop.example",), tokens=(TOKEN,))
    asked = shop | {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}
    preflight = client.request("OPTIONS", "/v1/shoppers/ada/features", headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    got = client.get("/v1/catalogue", headers=shop | bearer(TOKEN))
    assert got.headers["access-control-allow-origin"] == "https://shop.example"
    assert "ETag" in got.headers["access-control-expose-headers"]
    refused = client.get("/v1/catalogue", headers=shop)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (
        401,
        "https://shop.example",
    )
    assert (
        "access-control-allow-origin"
        not in client.get("/v1/catalogue", headers=other | bearer(TOKEN)).headers
    )


def test_a_body_that_is_too_large_is_refused_whether_or_not_its_length_is_told(asks: Asks):
    client = asks(body_most=1000)
    large = json.dumps({"shoppers": ["x" * 990]}).encode()
    json_type = {"content-type": "application/json"}
    told = client.post("/v1/features", content=large, headers=json_type)
    assert told.status_code == 413

    async def pieces():
        for start in range(0, len(large), 100):
            yield large[start : start + 100]

    refused = client.post("/v1/features", content=pieces(), headers=json_type)
    assert "at most 1000 are read" in problem_of(refused, 413)
    assert refused.json()["type"] == told.json()["type"]
    strange = client.post("/v1/features", content=b"{}", headers=json_type | {"content-length": "-1"})
    assert strange.status_code == 413


def test_more_routes_are_guarded_the_same_and_find_what_the_api_has(asks: Asks):
    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(",".join(serving_of(request).catalogue.labels))

    more = {
        "extra": [Route("/", page), Route("/static/x", page), Route("/act", page)],
        "open_paths": ("/", "/static/*"),
    }
    client = asks(tokens=(TOKEN,), **more)
    assert client.get("/static/x").text == "5min,1h,24h,session"
    assert client.get("/").status_code == 200
    problem_of(client.get("/act"), 401)
    assert client.get("/act", headers=bearer(TOKEN)).status_code == 200


def test_a_defect_is_told_as_one(asks: Asks):
    async def broken(_request: Request) -> None:
        raise ZeroDivisionError

    client = asks(extra=[Route("/broken", broken)])
    assert "a defect of the API" in problem_of(client.get("/broken"), 500)
    assert 'route="/broken",status="500"} 1.0' in client.get("/metrics").text


def test_the_line_that_the_security_page_gives_readers_is_enough(redis, server, sink, asks: Asks):
    page = (ROOT / "docs" / "security.md").read_text()
    (line,) = (each for each in page.splitlines() if each.startswith("ACL SETUSER shopper-reader "))
    written(sink, alive())
    redis.execute_command(*line.replace("shop1:", "").split())
    try:
        client = asks(f"redis://shopper-reader:PASSWORD@127.0.0.1:{server.port}")
        for query in ("", "?features=cart_add_count"):
            row = client.get(f"/v1/shoppers/ada/features{query}").json()["windows"]["5min"]
            assert (row["verdict"], row["features"]) == ("FRESH", {"cart_add_count": 1})
    finally:
        redis.execute_command("ACL DELUSER shopper-reader")
