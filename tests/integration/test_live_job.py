"""The live job through a real Kafka, Flink and Redis: what it promises of values, accounting and faults."""

import base64
import time
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any

import pytest

from events.decoder import Decoder
from events.event import Event
from features.logic import ShopperLogic
from features.replay import Replay
from features.settings import Definitions, Window
from jobs.shop import shop_events
from operators.ledger import VERDICTS
from sinks.codec import fields_of
from sinks.keys import key_of
from tests.harness import wait_until
from tests.integration.live_job import END_S, LiveJob, Surroundings, live_job

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

RECORDS = 3_000
MINUTES = 10
STABLE = (":features:1h", ":features:24h", ":features:session", ":features")
"""Rows whose values are the same for some minutes after the last event."""


def recent_records(seed: int = 11) -> list[bytes | None]:
    """What a shop sent in the last ten minutes, a record without a value and some rubbish among it."""
    start = time.time_ns() // 1_000_000 - MINUTES * 60_000
    rate = RECORDS / (MINUTES * 60)
    records: list[bytes | None] = [r for _, r in islice(shop_events(seed, 400, start, rate), RECORDS - 3)]
    return [*records[:1000], None, b"\x00\xff\xfe", *records[1000:], b"{"]


def replayed(
    records: list[bytes | None], definitions: Definitions | None = None
) -> tuple[dict[str, dict[str, str]], Replay]:
    """What the same records give without Flink, as of now."""
    verdicts = [Decoder().decode(record or b"") for record in records]
    replay = Replay(ShopperLogic(definitions=definitions), time.time_ns() // 1_000_000)
    replay.feed(verdict for verdict in verdicts if isinstance(verdict, Event))
    return {key_of(row): fields_of(row) for row in replay.rows()}, replay


def stable(shown: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {key: values for key, values in shown.items() if key.endswith(STABLE)}


def adds_up(counts: dict[str, int], records: int) -> None:
    assert counts["read"] == records
    assert sum(counts[verdict] for verdict in VERDICTS) == records, counts


@pytest.mark.parametrize(
    ("topology", "parallelism"), [("fused", 1), ("fused", 2), ("branches", 1), ("branches", 2)]
)
def test_every_record_is_accounted_for_and_the_rows_are_those_of_a_replay(
    around: Surroundings, topology: Any, parallelism: int
) -> None:
    records = recent_records()
    around.send(records)
    with live_job(around, around.config(topology=topology, parallelism=parallelism)) as job:
        counts = job.wait_read(RECORDS)
        adds_up(counts, RECORDS)
        wanted, replay = replayed(records)
        assert {v: counts[v] for v in ("applied", "duplicate", "late")} == {
            v: replay.verdicts[v] for v in ("applied", "duplicate", "late")
        }
        settle(job, wanted)
        shown = around.features(job.config.redis_prefix)
        assert stable(shown) == stable(wanted)
        assert len(stable(shown)) > 350
        letters = around.dead_letters()
        assert len({letter["id"] for letter in letters}) == counts["dead"]
        assert {letter["raw"] for letter in letters} >= {"", base64.b64encode(b"\x00\xff\xfe").decode()}
        shape(job)


def settle(job: LiveJob, wanted: dict[str, dict[str, str]]) -> None:
    """Wait for branches that run apart: they may be behind the one that accounts. The caller compares."""
    until = time.monotonic() + (END_S if job.config.topology == "branches" else 0)
    while time.monotonic() < until:
        if stable(job.around.features(job.config.redis_prefix)) == stable(wanted):
            break
        time.sleep(0.1)


def shape(job: LiveJob) -> None:
    """The flow in Flink's page, the gauges, and buckets on every slot."""
    names = " ".join(v["name"] for v in job.around.flink.get(f"/jobs/{job.id}")["vertices"])
    operators, devices = ["features"], ["devices"]
    if job.config.topology == "branches":
        branches = ("product", "category", "cart", "purchase", "session")
        operators, devices = [f"features-{b}" for b in branches], [f"devices-{b}" for b in branches]
    assert all(operator in names for operator in ("decode", "dead letters", *operators, *devices))

    def read() -> list[int]:
        return [*job.gauges(operators[-1], "read"), *job.gauges(devices[-1], "read")]

    wait_until(lambda: sum(read()) == RECORDS, END_S, f"gauges add up, now {read()}")
    assert len(job.progress("session" if len(operators) > 1 else "")) == job.config.buckets


def test_crashes_in_the_middle_of_batches_change_no_count(around: Surroundings) -> None:
    records = recent_records(12)
    around.send(records)
    with live_job(around, around.config(checkpoint_interval_s=0.3), fault="crash") as job:
        wait_until(lambda: len(list(around.folder.glob("crash-*"))) == 5, END_S, "it crashed five times")
        adds_up(job.wait_read(RECORDS), RECORDS)
        assert not (around.folder / "went-on").exists(), "an attempt wrote after it had failed"
        # Flink tells of a failure seconds later; that there are more would show then, too.
        wait_until(lambda: job.failures() >= 5, END_S, "Flink tells of five failures")
        assert job.failures() == 5
        assert stable(around.features(job.config.redis_prefix)) == stable(replayed(records)[0])


def test_crashes_between_a_device_and_its_user_change_no_value(around: Surroundings) -> None:
    records = recent_records(14)
    around.send(records)
    with live_job(around, around.config(checkpoint_interval_s=0.3, parallelism=2), "crash-at-moves") as job:
        wait_until(lambda: len(list(around.folder.glob("crash-*"))) == 3, END_S, "it crashed three times")
        adds_up(job.wait_read(RECORDS), RECORDS)
        wanted, replay = replayed(records)
        pointers = {key_of(row): row.same_as for row in replay.rows(pointers=True) if row.same_as}
        assert len(pointers) > 100

        def shown() -> dict[str, str | None]:
            keys = [f"{job.config.redis_prefix}{key}" for key in pointers]
            told: list[str | None] = [around.client.hget(key, "_same_as") for key in keys]  # type: ignore[misc]
            return dict(zip(pointers, told, strict=True))

        # What a device hands over is on its way when the login is accounted for.
        wait_until(lambda: shown() == pointers, END_S, "every device points to its user")
        assert stable(around.features(job.config.redis_prefix)) == stable(wanted)


def test_values_decay_on_a_silent_topic(around: Surroundings) -> None:
    # Each value lasts for six seconds, so that it is seen though the machine is busy.
    definitions = Definitions(
        windows=(Window("5min", timedelta(seconds=20), timedelta(seconds=1)),),
        session_gap=timedelta(seconds=12),
        session_retention=timedelta(seconds=30),
    )
    with live_job(around, around.config(definitions=definitions, start="earliest")) as job:
        wait_until(lambda: job.status() == "RUNNING", END_S, "it runs")
        key = f"{job.config.redis_prefix}user:ann:features"
        around.send([sdk_view("warm", 0)])

        def read(key: str, name: str) -> str | None:
            return around.client.hget(key, name)  # type: ignore[return-value]

        def says(key: str, views: str) -> bool:
            return read(key, "product_view_count") == views

        warm = key.replace("ann", "warm")
        wait_until(lambda: bool(around.client.exists(f"{warm}:5min")), END_S, "it is warm")
        for number in range(3):
            time.sleep(6 if number else 0)
            around.send([sdk_view("ann", number)])
        for views in ("3", "2", "1"):
            told = partial(says, f"{key}:5min", views)
            wait_until(told, END_S, f"it says {views}")
        wait_until(lambda: read(f"{key}:session", "session_open") == "0", END_S, "the session is closed")
        wait_until(lambda: not around.client.exists(f"{key}:5min"), END_S, "the window is empty")
        wait_until(lambda: not around.client.exists(f"{key}:session"), END_S, "the session is forgotten")
        before = {bucket: told["at"] for bucket, told in job.progress().items()}
        wait_until(
            lambda: max(t["at"] for t in job.progress().values()) > max(before.values()), 10, "it is alive"
        )


def sdk_view(shopper: str, number: int, event_id: str = "", device: str = "") -> bytes:
    """A product view at this moment, in the Analytics-SDK JSON format; without a shopper, the device's."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".000Z"
    text = (
        '{"event_id":"%s","event_name":"snowplow_ecommerce_action","collector_tstamp":"%s","user_id":"%s",'
        '"domain_userid":"%s","domain_sessionid":"s-%s","unstruct_event_com_snowplowanalytics_snowplow_ecommerce_'
        'snowplow_ecommerce_action_1":{"type":"product_view"},'
        '"contexts_com_snowplowanalytics_snowplow_ecommerce_product_1":[{"id":"p%d","category":"hats"}]}'
    )
    event_id, session = event_id or f"{shopper}-{number}", device or shopper
    return (text % (event_id, now, shopper, device, session, number)).encode()


def test_a_defect_in_a_view_costs_one_record(around: Surroundings) -> None:
    records = [sdk_view("ann", n) for n in range(5)] + [sdk_view("bob", n) for n in range(5)]
    records.insert(3, sdk_view("ann", 9, "the-defect"))
    around.send(records)
    with live_job(around, around.config(start="earliest"), fault="defect") as job:
        counts = job.wait_read(len(records))
        adds_up(counts, len(records))
        assert counts["dead.bug"] == counts["dead"] == 1
        for shopper in ("ann", "bob"):
            key = f"{job.config.redis_prefix}user:{shopper}:features:1h"
            assert around.client.hget(key, "product_view_count") == "5"
        (letter,) = around.dead_letters()
        assert letter["kind"] == "bug"
        assert base64.b64decode(letter["raw"]) == records[3]
        assert job.failures() == 0


def test_a_savepoint_goes_on_with_another_parallelism(around: Surroundings) -> None:
    records = recent_records(13)
    around.send(records[:1500])
    with live_job(around, around.config()) as first:
        first.wait_read(1500)
        savepoint = first.stop()
    around.send(records[1500:])
    later = around.config(parallelism=2, restore_from=savepoint, life=first.config.life)
    with live_job(around, later) as second:
        counts = second.wait_read(RECORDS)
        adds_up(counts, RECORDS)
        lives = {told["life"] for told in second.progress().values()}
        assert lives == {first.config.life}, "a life ends only with the state"
        assert stable(around.features(later.redis_prefix)) == stable(replayed(records)[0])
