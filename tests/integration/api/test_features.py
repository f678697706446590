"""Features by HTTP: what is told, by which ids, and what is said of what cannot be."""

from urllib.parse import quote

import pytest

from events.event import ADD_TO_CART, PRODUCT_VIEW
from serving.api.models import ShoppersTold, ShopperTold
from shopper_reader import Catalogue, Limits
from shopper_reader.wire import PART
from tests.integration.api.conftest import HOST, Asks, no_job, problem_of
from tests.integration.reader.test_reading import alive, hat, written
from tests.integration.reader.writing import AHEAD, Job, now
from tests.sinks.servers import free_port, running

IDS = [
    "ann",
    "a/b",
    "/",
    "a//b/",
    "x/features",
    "x/changes",
    "ä ö",
    "a%2Fb",
    "%",
    "a:b{c}",
    "?",
    "#",
    "\n",
    "日本",
    "😀",
]


def features_path(shopper: str) -> str:
    return f"/v1/shoppers/{quote(shopper, safe='')}/features"


def test_values_have_their_types_and_a_verdict(sink, asks: Asks):
    at = now() + AHEAD
    Job(sink).take(
        *(hat("ann", PRODUCT_VIEW, n, at - 60_000) for n in range(3)), hat("ann", ADD_TO_CART, 9, at - 50_000)
    )
    answer = asks().get("/v1/shoppers/ann/features")
    told = ShopperTold.model_validate(answer.json())
    assert list(told.windows) == ["5min", "1h", "24h", "session"]
    assert {row.verdict for row in told.windows.values()} == {"FRESH"}
    hour = answer.json()["windows"]["1h"]
    assert hour["features"]["product_view_count"] == 3
    assert hour["features"]["cart_added_value"] == {"amount": "26.00", "currency": "EUR"}
    assert hour["features"]["avg_viewed_price"] == {"amount": "26.0000", "currency": "EUR"}
    assert hour["age_ms"] == hour["now"] - hour["at"]
    session = answer.json()["windows"]["session"]["features"]
    assert session["session_open"] is True
    assert session["session_idle_ms"] >= 50_000
    assert answer.headers["cache-control"] == "private, no-cache"
    assert int(answer.headers["age"]) >= 0


@pytest.mark.parametrize("shopper", IDS)
def test_an_id_of_any_characters_is_read_as_itself(sink, asks: Asks, shopper: str):
    written(sink, alive(entity_id=shopper, values={"cart_add_count": 7}))
    client = asks()
    one = client.get(features_path(shopper), params={"windows": "5min"}).json()
    many = client.post("/v1/features", json={"shoppers": [shopper], "windows": ["5min"]}).json()
    assert many == {"shoppers": [one | {"windows": many["shoppers"][0]["windows"]}]}
    assert one["shopper"] == shopper
    assert one["windows"]["5min"]["features"]["cart_add_count"] == 7


@pytest.mark.parametrize("shopper", [".", ".."])
def test_ids_that_clients_take_for_steps_in_a_path_are_read_by_a_body(sink, asks: Asks, shopper: str):
    written(sink, alive(entity_id=shopper, values={"cart_add_count": 7}))
    (told,) = (
        asks().post("/v1/features", json={"shoppers": [shopper], "windows": ["5min"]}).json()["shoppers"]
    )
    assert (told["shopper"], told["windows"]["5min"]["features"]) == (shopper, {"cart_add_count": 7})


def test_an_id_of_a_thousand_characters_is_the_longest(sink, asks: Asks):
    client = asks()
    assert client.get(features_path("x" * 1000)).status_code == 200
    assert "at most 1000" in problem_of(client.get(features_path("x" * 1001)), 422)
    assert "at least 1" in problem_of(client.get("/v1/shoppers//features"), 422)


def test_bytes_that_are_no_text_become_nobody_elses_id(asks: Asks):
    assert "not UTF-8" in problem_of(asks().get("/v1/shoppers/%ff/features"), 422)


def test_a_choice_is_repeated_or_separated_by_commas(sink, asks: Asks):
    written(sink, alive(values={"cart_add_count": 1, "cart_remove_count": 2}))
    client = asks()
    for query in (
        "windows=5min&windows=1h&features=cart_add_count&features=cart_remove_count",
        "windows=5min,1h&features=cart_add_count,cart_remove_count",
    ):
        windows = client.get(f"/v1/shoppers/ada/features?{query}").json()["windows"]
        assert list(windows) == ["5min", "1h"]
        assert windows["5min"]["features"] == {"cart_add_count": 1, "cart_remove_count": 2}
    windows = client.get("/v1/shoppers/ada/features?features=session_idle_ms").json()["windows"]
    assert list(windows) == ["session"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("windows=10min", "there is no window '10min'; the catalogue has 5min, 1h, 24h, session"),
        ("features=cart_vale", "did you mean cart_value"),
        ("windows=", "windows names nothing; name some, or leave it out for all"),
        ("features=,", "features names nothing"),
        ("window=5min", "query.window is '5min': Extra inputs are not permitted"),
    ],
)
def test_a_wrong_choice_is_told_with_the_way_out(asks: Asks, query: str, says: str):
    assert says in problem_of(asks().get(f"/v1/shoppers/ada/features?{query}"), 422)


def test_many_are_told_in_their_order_each_once_in_one_round_trip(server, redis, sink, asks: Asks):
    written(sink, *(alive(entity_id=str(n), values={"cart_add_count": n}) for n in range(100)))
    client = asks()
    client.get("/readyz")
    before = redis.info("stats")["total_reads_processed"]
    asked = [str(n) for n in reversed(range(100))] + ["5", "nobody"]
    answer = client.post("/v1/features", json={"shoppers": asked, "windows": ["5min"]})
    # A read of the socket for each part, or two where it comes in two pieces, and the one that this question
    # costs.
    parts = -(-len(asked) // PART)
    assert redis.info("stats")["total_reads_processed"] - before <= 2 * parts + 1
    told = ShoppersTold.model_validate(answer.json()).shoppers
    assert [each.shopper for each in told] == [*asked[:100], "nobody"]
    assert [each.windows["5min"].features.get("cart_add_count") for each in told] == [
        *reversed(range(100)),
        None,
    ]
    assert told[-1].windows["5min"].verdict == "MISSING"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "body is no JSON"),
        (b'{"shoppers": []}', "body.shoppers is '[]': List should have at least 1 item"),
        (b'{"shoppers": "ann"}', "body.shoppers is 'ann'"),
        (b'{"shoppers": [1]}', "body.shoppers.0 is '1'"),
        (b'{"shoppers": ["\\ud800"]}', "body.shoppers.0"),
        (b'{"shoppers": ["a", "b", "c", "d"]}', "body.shoppers holds 4 ids, at most 3 are read at once"),
        (b'{"shoppers": ["a"], "window": ["5min"]}', "body.window"),
        (b'{"shoppers": ["a"], "windows": ["10min"]}', "there is no window '10min'"),
        (b'{"shoppers": ["a"], "windows": []}', "windows names nothing"),
        (b"[" * 100_000, "body"),
        (b"\xff", "body cannot be read as JSON: it must be UTF-8"),
    ],
)
def test_a_wrong_body_is_told_with_the_way_out(asks: Asks, body: bytes, says: str):
    answer = asks(batch_most=3).post(
        "/v1/features", content=body, headers={"content-type": "application/json"}
    )
    assert says in problem_of(answer, 422)


def test_a_row_that_is_the_same_is_not_sent_again(sink, asks: Asks):
    written(sink, alive())
    client = asks()
    url = "/v1/shoppers/ada/features?windows=5min"
    tag = client.get(url).headers["etag"]
    for given in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        same = client.get(url, headers={"if-none-match": given})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert client.get(url, headers={"if-none-match": '"other"'}).status_code == 200
    written(sink, alive(values={"cart_add_count": 2}, seen=2))
    changed = client.get(url, headers={"if-none-match": tag})
    assert (changed.status_code, changed.json()["windows"]["5min"]["features"]["cart_add_count"]) == (200, 2)


def test_a_verdict_that_changes_makes_another_answer(redis, sink, asks: Asks):
    written(sink, alive())
    client = asks()
    url = "/v1/shoppers/ada/features?windows=5min"
    fresh = client.get(url)
    redis.delete("pipeline:job:progress")
    stale = asks().get(url, headers={"if-none-match": fresh.headers["etag"]})
    assert stale.status_code == 200
    assert stale.json()["windows"]["5min"]["verdict"] == "STALE"


def test_what_something_else_wrote_costs_that_feature_only(redis, sink, asks: Asks):
    written(sink, alive(values={"cart_add_count": 1, "top_category_share": 0.5, "cart_remove_count": 1}))
    key = "user:ada:features:5min"
    redis.hset(
        key, mapping={"cart_add_count": "many", "top_category_share": "nan", "new": "\u2028", "big": "9" * 40}
    )
    redis.hset(key, "cart_remove_count", "9" * 40)
    redis.set("user:ada:features:1h", "text")
    answer = asks().get("/v1/shoppers/ada/features?windows=5min,1h")
    row = answer.json()["windows"]["5min"]
    assert "NaN" not in answer.text
    assert set(row["unreadable"]) == {"cart_add_count", "top_category_share"}
    assert "is no int" in row["unreadable"]["cart_add_count"]
    assert row["features"] == {"cart_remove_count": int("9" * 40), "new": "\u2028", "big": "9" * 40}
    assert answer.json()["windows"]["1h"]["verdict"] == "MISSING"


def test_ids_are_kept_as_the_settings_say(sink, asks: Asks):
    written(sink, alive(entity_id="ADA", values={"cart_add_count": 1}))
    client = asks(stored_id=str.upper)
    assert client.get("/v1/shoppers/ada/features").json()["windows"]["5min"]["verdict"] == "FRESH"
    both = client.post("/v1/features", json={"shoppers": ["ada", "Ada"], "windows": ["5min"]}).json()[
        "shoppers"
    ]
    assert [(each["shopper"], each["windows"]["5min"]["verdict"]) for each in both] == [
        ("ada", "FRESH"),
        ("Ada", "FRESH"),
    ]


def test_the_catalogue_is_the_readers(asks: Asks):
    client = asks()
    answer = client.get("/v1/catalogue")
    catalogue = Catalogue.of(answer.json())
    assert catalogue.labels == ("5min", "1h", "24h", "session")
    assert {feature["name"] for feature in answer.json()["at_reading"]} >= {"session_idle_ms"}
    tag = answer.headers["etag"]
    assert client.get("/v1/catalogue", headers={"if-none-match": tag}).status_code == 304


def test_the_status_is_asked_for_once_a_second_and_may_be_that_there_is_no_job(asks: Asks):
    client = asks()
    assert client.get("/v1/status").json()["healthy"] is True
    assert client.get("/v1/status?lag=true").json()["partitions"] == {"0": {"lag": 0}}
    assert "no job 'job'" in problem_of(asks(status=no_job).get("/v1/status"), 404)


def test_when_redis_goes_and_comes_back(tmp_path, asks: Asks):
    with running(tmp_path) as own:
        client = asks(
            own.url, limits=Limits(failures=3, pause_s=0.05, retries=0, timeout_s=5, connect_timeout_s=5)
        )
        assert client.get("/readyz").json() == {"ready": True}
        own.kill()
        for path in ("/v1/shoppers/ada/features", "/v1/shoppers/ada/changes"):
            down = client.get(path)
            assert "does not answer" in problem_of(down, 503)
            assert down.headers["retry-after"] == "1"
        problem_of(client.post("/v1/features", json={"shoppers": ["ada"]}), 503)
        assert "failed 3 times in a row" in problem_of(client.get("/v1/shoppers/ada/features"), 503)
        hidden = problem_of(client.get("/readyz"), 503)
        assert str(own.port) not in hidden
        assert client.get("/healthz").json() == {"alive": True}
        own.start()
        while (back := client.get("/v1/shoppers/ada/features")).status_code != 200:
            assert "again" in problem_of(back, 503)
        assert client.get("/readyz").status_code == 200
        counted = client.get("/metrics").text
    assert 'shopper_api_redis_failures_total{kind="connect"} 3.0' in counted


def test_a_redis_that_lets_nobody_in_is_told_apart(redis, server, asks: Asks):
    client = asks(f"redis://ann:secret@127.0.0.1:{server.port}")
    answer = client.get("/v1/shoppers/ada/features")
    assert "+hgetall +hmget +time" in problem_of(answer, 503)
    assert answer.json()["title"] == "Redis refused"
    assert "secret" not in answer.text


def test_there_is_nothing_elsewhere(asks: Asks):
    client = asks()
    assert "'/v1/shoppers'" in problem_of(client.get("/v1/shoppers"), 404)
    assert "DELETE is not for '/v1/catalogue'; allowed is GET" in problem_of(
        client.request("DELETE", "/v1/catalogue"), 405
    )
    nobody = f"redis://127.0.0.1:{free_port()}"
    assert asks(nobody).get(f"{HOST}/openapi.json").status_code == 200


def test_verdicts_requests_and_times_are_counted(sink, asks: Asks):
    written(sink, alive())
    client = asks()
    client.get("/v1/shoppers/ada/features")
    client.get("/v1/shoppers/ada/features?windows=7min")
    client.get("/who/knows")
    counted = client.get("/metrics").text
    route = 'route="/v1/shoppers/{shopper}/features"'
    for line in (
        f'shopper_api_requests_total{{method="GET",{route},status="200"}} 1.0',
        f'shopper_api_requests_total{{method="GET",{route},status="422"}} 1.0',
        'shopper_api_requests_total{method="GET",route="other",status="404"} 1.0',
        f"shopper_api_request_seconds_count{{{route}}} 2.0",
        'shopper_api_rows_total{verdict="FRESH",window="5min"} 1.0',
        'shopper_api_rows_total{verdict="MISSING",window="1h"} 1.0',
        "shopper_api_streams_open 0.0",
    ):
        assert line in counted
    assert "knows" not in counted
