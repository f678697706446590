"""Devices whose rows point, by HTTP: what is told is the user's, and says so."""

from serving.api.models import ShoppersTold, ShopperTold
from tests.integration.api.conftest import Asks, app_over
from tests.integration.api.test_changes import QUICK, Serve, stream
from tests.integration.reader.test_pointing import pointer
from tests.integration.reader.test_reading import alive, written

URL = "/v1/shoppers/dev/features?windows=5min"


def test_a_device_is_told_as_its_user_under_its_own_id(sink, asks: Asks):
    written(sink, pointer("dev", "ann"), alive(entity_id="ann", values={"cart_add_count": 7}))
    client = asks()
    answer = client.get("/v1/shoppers/dev/features?windows=5min,1h").json()
    told = ShopperTold.model_validate(answer)
    assert told.shopper == "dev"
    assert (told.windows["5min"].same_as, told.windows["1h"].same_as) == ("ann", None)
    assert told.windows["5min"].features == {"cart_add_count": 7}
    assert (told.windows["5min"].verdict, told.windows["1h"].verdict) == ("FRESH", "MISSING")
    asked = {"shoppers": ["dev", "ann"], "windows": ["5min"], "features": ["cart_add_count"]}
    many = ShoppersTold.model_validate(client.post("/v1/features", json=asked).json()).shoppers
    assert [(each.shopper, each.windows["5min"].same_as) for each in many] == [("dev", "ann"), ("ann", None)]
    assert {each.windows["5min"].features["cart_add_count"] for each in many} == {7}


def test_the_etag_is_that_of_the_user_s_row_and_of_who_it_is(sink, asks: Asks):
    values = {"cart_add_count": 7}
    at = alive().at
    written(
        sink,
        pointer("dev", "ann", seen=2),
        *(alive(entity_id=e, values=values, at=at) for e in ("ann", "bob")),
    )
    client = asks()
    first = client.get(URL)
    tag = first.headers["etag"]
    assert client.get(URL, headers={"if-none-match": tag}).status_code == 304
    written(sink, pointer("dev", "ann", seen=3))
    assert client.get(URL, headers={"if-none-match": tag}).status_code == 304, (
        "another pointer to the same row"
    )
    written(sink, pointer("dev", "bob", seen=4))
    other = client.get(URL, headers={"if-none-match": tag})
    assert (other.status_code, other.json()["windows"]["5min"]["same_as"]) == (200, "bob")
    assert other.json()["windows"]["5min"]["features"] == first.json()["windows"]["5min"]["features"]
    written(sink, alive(entity_id="bob", values={"cart_add_count": 8}, seen=2))
    changed = client.get(URL, headers={"if-none-match": other.headers["etag"]})
    assert changed.json()["windows"]["5min"]["features"] == {"cart_add_count": 8}


def test_a_login_and_what_comes_after_it_are_changes(server, redis, sink, serve: Serve):
    both = {"cart_add_count": 1, "cart_remove_count": 2}
    written(sink, alive(entity_id="dev", values=both | {"top_category": "hats"}))
    written(sink, alive(entity_id="ann", values=both))
    with stream(f"{serve(app_over(server.url, QUICK))}/v1/shoppers/dev/changes?windows=5min") as changes:
        first = changes.next()
        assert first.data["windows"]["5min"]["same_as"] is None
        written(sink, pointer("dev", "ann", seen=2))
        login = changes.next()
        row = login.data["windows"]["5min"]
        assert (login.kind, login.data["shopper"], row["same_as"]) == ("change", "dev", "ann")
        assert (row["verdict"], row["changed"], row["gone"]) == ("FRESH", {}, ["top_category"])
        written(sink, alive(entity_id="ann", values=both | {"cart_add_count": 5}, seen=2))
        row = changes.next().data["windows"]["5min"]
        assert (row["same_as"], row["changed"]) == ("ann", {"cart_add_count": 5})
        written(sink, alive(entity_id="bob", values=both | {"cart_add_count": 5}))
        written(sink, pointer("dev", "bob", seen=3))
        row = changes.next().data["windows"]["5min"]
        assert (row["same_as"], row["changed"], row["gone"]) == ("bob", {}, [])
        redis.delete("user:dev:features:5min")
        row = changes.next().data["windows"]["5min"]
        assert (row["verdict"], row["same_as"]) == ("MISSING", None)
        assert row["gone"] == ["cart_add_count", "cart_remove_count"]
