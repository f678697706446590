"""What the real writer wrote, read back: by threads and by asyncio, from every kind of Redis."""

import threading
from decimal import Decimal
from typing import Any

import pytest

from events.event import ADD_TO_CART, PRODUCT_VIEW, Event, Product
from events.event import Money as Amount
from shopper_reader import ConnectError, Features, Limits, Money, TransportError, Verdict
from sinks.redis_sink import RedisSink
from tests.harness import wait_until
from tests.integration.reader.writing import AHEAD, Job, now
from tests.proxies import certificate, proxy
from tests.reader.answers import REPORTS, report
from tests.sinks.rows import HOUR, LIFE, row, session
from tests.sinks.servers import cluster, free_port, running, sentinel

PROGRESS = "pipeline:job:progress"
PATIENT = Limits(timeout_s=10, connect_timeout_s=10)
"""The machine may be busy; that a wait ends is tested elsewhere."""


def hat(shopper: str, kind: str, number: int, at: int) -> Event:
    """An event about a hat for 26 euros."""
    product = Product("hat", "clothes/hats", Amount(2600, "EUR"))
    return Event(shopper, f"{shopper}-{number}", at, kind, session_id=f"s-{shopper}", products=(product,))


def written(sink: RedisSink, *made: Any, reports: dict[str, str] | None = None) -> None:
    """Write rows as of now, and that the job is alive."""
    told = {n: report(at=now() + AHEAD) for n in REPORTS} if reports is None else reports
    assert sink.write(made, LIFE, put={PROGRESS: told}).written == len(made)


def alive(**changes: Any) -> Any:
    """A row that holds for the next minutes."""
    return row(**({"at": now(), "next": now() + HOUR, "until": now() + 2 * HOUR} | changes))


def test_what_the_job_writes_is_read_with_its_types(sink, server, connect):
    at = now() + AHEAD
    Job(sink).take(
        *(hat("ann", PRODUCT_VIEW, n, at - 60_000) for n in range(3)),
        hat("ann", ADD_TO_CART, 9, at - 50_000),
        hat("größe: {1}", PRODUCT_VIEW, 1, at),
    )
    features = connect(server.url, job="job", limits=PATIENT)
    ann = features.get("ann")
    assert list(ann) == ["5min", "1h", "24h", "session"]
    assert {r.verdict for r in ann.values()} == {Verdict.FRESH}
    assert ann["5min"]["product_view_count"] == 3
    assert ann["1h"]["cart_added_value"] == Money(Decimal("26.00"), "EUR")
    assert ann["24h"]["avg_viewed_price"] == Money(Decimal("26.0000"), "EUR")
    assert ann["1h"]["top_category"] == "clothes/hats"
    assert ann["session"]["session_open"] is True
    assert ann["session"]["session_id"] == "s-ann"
    assert ann["session"]["session_duration"] == 10_000
    assert ann["session"]["session_idle_ms"] >= 50_000
    assert ann["5min"].age_ms < HOUR
    found = features.get_many(["ann", "größe: {1}", "nobody"], windows="5min", features="product_view_count")
    assert {name: dict(shopper["5min"]) for name, shopper in found.items()} == {
        "ann": {"product_view_count": 3},
        "größe: {1}": {"product_view_count": 1},
        "nobody": {},
    }
    assert found["nobody"]["5min"].verdict is Verdict.MISSING
    by_id = features.session("s-ann")
    assert dict(by_id) == dict(ann["session"]) | {"session_idle_ms": by_id["session_idle_ms"]} | {
        "ms_since_session_start": by_id["ms_since_session_start"]
    }
    assert (by_id.shopper, by_id.verdict) == ("ann", Verdict.FRESH)


def test_a_job_that_began_a_minute_ago_gives_partial_windows(sink, server, connect):
    Job(sink, covers_from=now()).take(hat("ann", PRODUCT_VIEW, 1, now()))
    ann = connect(server.url, job="job", limits=PATIENT).get("ann")
    assert {r.verdict for r in ann.values()} == {Verdict.PARTIAL}


def test_a_job_that_has_stopped_leaves_stale_rows(sink, server, connect):
    Job(sink, clock=lambda: now() - 30_000).take(hat("ann", PRODUCT_VIEW, 1, now() - 30_000))
    row = connect(server.url, job="job", limits=PATIENT).get("ann")["1h"]
    assert row.verdict is Verdict.STALE
    assert "the job last reported 3" in row.why
    assert row["product_view_count"] == 1


def test_a_tombstone_is_missing(sink, server, connect):
    gone = session(at=now(), until=now() + HOUR)
    gone.values = None
    written(sink, gone)
    found = connect(server.url, job="job", limits=PATIENT).session("s1")
    assert (found.verdict, dict(found)) == (Verdict.MISSING, {})


def test_a_prefix_keeps_installations_apart(server, redis, connect):
    one = RedisSink.connect(server.url, "shop1:")
    written(one, alive(values={"cart_add_count": 7}))
    one.close()
    settings: dict[str, Any] = {"job": "job", "limits": PATIENT}
    assert connect(server.url, prefix="shop1:", **settings).get("ada")["5min"]["cart_add_count"] == 7
    assert connect(server.url, **settings).get("ada")["5min"].verdict is Verdict.MISSING


def test_a_key_of_another_type_costs_its_row_only(sink, server, redis, connect):
    redis.set("user:ada:features:1h", "text")
    written(sink, alive())
    found = connect(server.url, job="job", limits=PATIENT).get("ada")
    assert (found["1h"].verdict, found["5min"].verdict) == (Verdict.MISSING, Verdict.FRESH)


def test_one_reader_serves_many_threads(sink, server):
    written(sink, *(alive(entity_id=str(n), values={"cart_add_count": n}) for n in range(50)))
    wrong: list[Any] = []

    def read(features: Features) -> None:
        wrong.extend(n for n in range(50) if features.get(str(n))["5min"]["cart_add_count"] != n)

    with Features.connect(server.url, job="job", limits=PATIENT) as features:
        threads = [threading.Thread(target=read, args=(features,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


# Other kinds of Redis


def test_sentinels_name_the_primary(tmp_path, connect):
    with running(tmp_path) as primary, sentinel(tmp_path, primary, "main") as port:
        writer = RedisSink.connect(primary.url)
        written(writer, alive())
        writer.close()
        features = connect(f"redis+sentinel://127.0.0.1:{port}/main", job="job", limits=PATIENT)
        assert features.get("ada")["5min"].verdict is Verdict.FRESH


def test_tls_is_checked_by_the_authority_that_the_url_names(tmp_path, server, sink, connect):
    written(sink, alive())
    cert, key = certificate(tmp_path)
    with proxy(server.port, (cert, key)) as tls:
        features = connect(f"rediss://localhost:{tls.port}?ssl_ca_certs={cert}", job="job", limits=PATIENT)
        assert features.get("ada")["5min"].verdict is Verdict.FRESH


def test_a_cluster_is_asked_at_all_its_nodes_and_slots_that_moved_are_followed(tmp_path, connect):
    with cluster(tmp_path) as nodes:
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        writer = RedisSink.connect(url)
        ids = [str(n) for n in range(60)]
        written(writer, *(alive(entity_id=i, values={"cart_add_count": int(i)}) for i in ids))
        features = connect(url, job="job", limits=PATIENT)

        def read() -> None:
            found = features.get_many(ids, windows=["5min", "1h"])
            assert [found[i]["5min"]["cart_add_count"] for i in ids] == [int(i) for i in ids]
            assert {f["5min"].verdict for f in found.values()} == {Verdict.FRESH}
            assert {f["1h"].verdict for f in found.values()} == {Verdict.MISSING}

        read()
        assert features.get_many([]) == {}
        slot = nodes[0].client().execute_command("CLUSTER KEYSLOT", "{7}")
        source = nodes[min(slot * 3 // 16384, 2)]
        target = nodes[(nodes.index(source) + 1) % 3]
        name = target.client().execute_command("CLUSTER MYID")
        target.client().execute_command(
            "CLUSTER SETSLOT", slot, "IMPORTING", source.client().execute_command("CLUSTER MYID")
        )
        source.client().execute_command("CLUSTER SETSLOT", slot, "MIGRATING", name)
        for key in source.client().execute_command("CLUSTER GETKEYSINSLOT", slot, 100):
            source.client().execute_command("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)
        read()
        for node in nodes:
            node.client().execute_command("CLUSTER SETSLOT", slot, "NODE", name)
        read()
        read()
        writer.close()


def test_a_cluster_whose_node_died_is_read_again_when_it_is_back(tmp_path, connect):
    with cluster(tmp_path) as nodes:
        url = f"redis+cluster://127.0.0.1:{nodes[0].port}"
        few = Limits(timeout_s=2, connect_timeout_s=2, retries=0, failures=0)
        features = connect(url, job="job", limits=few)
        ids = [str(n) for n in range(30)]
        assert len(features.get_many(ids)) == 30
        nodes[1].kill()
        with pytest.raises(TransportError, match=r"redis\+cluster://127"):
            features.get_many(ids)
        nodes[1].start()

        def reads() -> bool:
            try:
                return len(features.get_many(ids)) == 30
            except TransportError:
                return False

        wait_until(reads, 30, "the cluster is read again")


def test_nobody_at_a_clusters_address_is_told(connect):
    url = f"redis+cluster://127.0.0.1:{free_port()}"
    with pytest.raises(ConnectError, match="does it run"):
        connect(url, limits=Limits(retries=0)).get("ada")
