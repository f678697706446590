"""A device whose rows point, read as its user: by threads and asyncio, from one Redis and from a cluster."""

from contextlib import closing
from typing import Any

from shopper_reader import Verdict
from sinks.branch_fields import BranchFields
from sinks.redis_sink import RedisSink
from tests.integration.reader.test_reading import PATIENT, alive, written
from tests.integration.reader.writing import now
from tests.sinks.rows import HOUR, LIFE
from tests.sinks.servers import cluster


def pointer(device: str, user: str, **changes: Any) -> Any:
    """The row of a device that says whose it is."""
    until = now() + 24 * HOUR
    given = {"entity_id": device, "values": {}, "next": until, "until": until, "same_as": user}
    return alive(**given | changes)


def test_a_device_is_read_as_its_user_under_the_id_that_was_asked_for(sink, server, connect):
    labels = ("5min", "1h", "24h", "session")
    written(
        sink,
        *(pointer("dev", "größe: {1}", window=label) for label in labels),
        *(alive(entity_id="größe: {1}", window=label, values={"cart_add_count": 7}) for label in labels[:2]),
    )
    features = connect(server.url, job="job", limits=PATIENT)
    found = features.get("dev")
    assert (found.id, found.same_as, list(found)) == ("dev", "größe: {1}", list(labels))
    assert [row.verdict for row in found.values()] == [Verdict.FRESH] * 2 + [Verdict.MISSING] * 2
    assert {(row.shopper, row.same_as) for row in found.values()} == {("größe: {1}", "größe: {1}")}
    assert found["5min"]["cart_add_count"] == 7
    few = features.get("dev", features="cart_add_count")["1h"]
    assert (dict(few), few.same_as) == ({"cart_add_count": 7}, "größe: {1}")
    assert features.get("größe: {1}").same_as == ""


def test_each_row_leads_where_it_points(sink, server, connect):
    written(
        sink,
        pointer("dev", "ann", window="1h"),
        alive(entity_id="dev", values={"cart_add_count": 1}),
        *(alive(entity_id="ann", window=label, values={"cart_add_count": 2}) for label in ("5min", "1h")),
    )
    found = connect(server.url, job="job", limits=PATIENT).get("dev", windows=["5min", "1h", "24h"])
    assert [row.get("cart_add_count") for row in found.values()] == [1, 2, None]
    assert [row.same_as for row in found.values()] == ["", "ann", ""]
    assert found.same_as == "ann"


def test_many_that_point_cost_one_round_trip_more(sink, server, redis, connect):
    written(
        sink,
        *(pointer(f"dev{n}", str(n % 10)) for n in range(40)),
        *(alive(entity_id=str(n), values={"cart_add_count": n}) for n in range(10)),
    )
    features = connect(server.url, job="job", limits=PATIENT)
    features.get("nobody", windows="5min")
    before = redis.info("stats")["total_commands_processed"]
    found = features.get_many([*(f"dev{n}" for n in range(40)), "3"], windows="5min")
    # 41 rows, the 10 that are pointed to, TIME twice, this question, and the reports if they were due.
    assert redis.info("stats")["total_commands_processed"] - before <= 41 + 10 + 2 + 1 + 1
    assert [found[f"dev{n}"]["5min"]["cart_add_count"] for n in range(40)] == [n % 10 for n in range(40)]
    assert (found["3"]["5min"]["cart_add_count"], found["3"].same_as) == (3, "")


def test_pointers_in_a_circle_are_followed_once(sink, server, connect):
    written(sink, pointer("a", "b"), pointer("b", "a"))
    row = connect(server.url, job="job", limits=PATIENT).get("a")["5min"]
    assert (row.verdict, row.same_as, dict(row)) == (Verdict.MISSING, "b", {})


def test_a_row_that_branches_share_points_as_soon_as_one_says_so(sink, redis, server, connect):
    branches = {"cart": BranchFields(frozenset({"cart_add_count"}), {"cart_add_count": 0})}
    branches |= {"product": BranchFields(frozenset({"product_view_count"}), {"product_view_count": 0})}
    written(sink, alive(entity_id="ann", values={"cart_add_count": 7}))
    with (
        closing(RedisSink.connect(server.url, branch="cart", branches=branches)) as cart,
        closing(RedisSink.connect(server.url, branch="product", branches=branches)) as product,
    ):
        product.write([alive(entity_id="dev", values={"product_view_count": 3})], LIFE)
        cart.write([pointer("dev", "ann")], LIFE)
    row = connect(server.url, job="job", limits=PATIENT).get("dev")["5min"]
    assert (dict(row), row.same_as) == ({"cart_add_count": 7}, "ann")


def test_a_cluster_is_followed_from_node_to_node(tmp_path, connect):
    with cluster(tmp_path) as nodes:
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        with closing(RedisSink.connect(url)) as writer:
            written(
                writer,
                *(pointer(f"dev{n}", f"user{n}") for n in range(30)),
                *(alive(entity_id=f"user{n}", values={"cart_add_count": n}) for n in range(30)),
            )
        found = connect(url, job="job", limits=PATIENT).get_many([f"dev{n}" for n in range(30)])
        assert [each["5min"]["cart_add_count"] for each in found.values()] == list(range(30))
        assert {each["5min"].verdict for each in found.values()} == {Verdict.FRESH}
        assert [each.same_as for each in found.values()] == [f"user{n}" for n in range(30)]
