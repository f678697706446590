"""`shopper dlq`, `forget` and `status` on the live job, through a real Kafka, Flink and Redis."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from events.control import forget_record
from events.decoder import Decoder
from events.event import Event
from events.hashing import hashed_id, hashing_key
from jobs.cli.main import app
from sinks.keys import encode_id
from tests.harness import wait_until
from tests.integration.live_job import END_S, READ_S, LiveJob, Surroundings, live_job
from tests.integration.test_live_job import adds_up, recent_records, replayed, stable

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

Shopper = Callable[..., Result]
SECRET = "a secret of the shop's own"  # noqa: S105
CONTEXT = "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1"
ACTION = "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1"


def view(
    event_id: str,
    shopper: str | None = "ann",
    session: str = "s1",
    price: Any = 9.5,
    device: str | None = None,
) -> bytes:
    """A product view of now, in the Analytics-SDK JSON format."""
    fields = {
        "event_id": event_id,
        "event_name": "snowplow_ecommerce_action",
        "collector_tstamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "user_id": shopper,
        "domain_userid": device,
        "domain_sessionid": session,
        CONTEXT: [{"id": "hat", "category": "hats", "price": price, "currency": "EUR"}],
        ACTION: {"type": "product_view"},
    }
    return json.dumps(fields).encode()


def command_line(job: LiveJob, **more: str) -> Shopper:
    """`shopper` with the settings of a job."""
    config = job.config
    places = {
        "SHOPPER_KAFKA_BOOTSTRAP": config.kafka_bootstrap,
        "SHOPPER_REDIS_URL": config.redis_url,
        "SHOPPER_TOPIC": config.topic,
        "SHOPPER_DEAD_LETTER_TOPIC": config.dead_letter_topic,
        "SHOPPER_JOB_NAME": config.job_name,
        "SHOPPER_REDIS_PREFIX": config.redis_prefix,
    } | {f"SHOPPER_{name}": value for name, value in more.items()}

    def shopper(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], env=places)

    return shopper


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def keys(job: LiveJob) -> set[str]:
    """Keys of features, without the prefix."""
    prefix = job.config.redis_prefix
    found = {key.removeprefix(prefix) for key in job.around.client.scan_iter(f"{prefix}*", count=10_000)}
    return {key for key in found if not key.startswith("pipeline:")}


def test_a_poison_record_repaired_and_replayed_twice_counts_once(around: Surroundings) -> None:
    around.send([view("1"), view("2", price="a lot"), b"\x00\xff"])
    with live_job(around, around.config(start="earliest")) as job:
        shopper = command_line(job)
        job.wait_read(3)
        wait_until(lambda: len(lines(shopper("dlq", "list", "--json"))) == 2, END_S, "both letters are there")
        (letter,) = lines(shopper("dlq", "list", "--json", "--field", "price"))
        assert "raw" not in letter
        explained = shopper("dlq", "explain", letter["id"]).stdout
        assert "product_*[0].price" in explained
        assert f"shopper dlq replay --file repaired --id {letter['id']}" in explained

        assert shopper("dlq", "replay", letter["id"]).exit_code == 1
        repaired = around.folder / "repaired"
        poison = shopper("dlq", "show", letter["id"], "--raw").stdout_bytes
        repaired.write_bytes(poison.replace(b'"a lot"', b"7"))
        replay = ("dlq", "replay", "--file", repaired, "--id", letter["id"])
        assert "1 to be sent" in shopper(*replay, "--dry-run").stderr
        assert job.counts()["read"] == 3
        assert shopper(*replay).exit_code == 0
        assert "replayed" in shopper(*replay).stderr
        again = shopper(*replay, "--again")
        assert again.exit_code == 0, again.output

        counts = job.wait_read(5)
        assert {name: counts[name] for name in ("applied", "duplicate", "dead")} == {
            "applied": 2,
            "duplicate": 1,
            "dead": 2,
        }
        ann = f"{job.config.redis_prefix}user:ann:features:1h"
        assert around.client.hget(ann, "product_view_count") == "2"
        (listed,) = lines(shopper("dlq", "list", "--json", "--field", "price"))
        assert len(listed["replayed"]) == 2
        assert len(lines(shopper("dlq", "list", "--json", "--waiting"))) == 1
        status = shopper("status")
        assert status.exit_code == 0, status.output
        assert "read 5 = applied 2 + filtered 0 + duplicate 1 + late 0 + dead 2" in " ".join(
            status.stdout.split()
        )


@pytest.mark.parametrize("topology", ["fused", "branches"])
def test_a_forgotten_shopper_leaves_neither_keys_nor_state_and_may_come_back(
    around: Surroundings, topology: Any
) -> None:
    with live_job(around, around.config(start="earliest", topology=topology)) as job:
        shopper = command_line(job)
        around.send([view(str(number), session=f"s{number % 3}") for number in range(12)])
        around.send([view("b", "bob", "t"), view("c", "ann@example.com", "u")])
        job.wait_read(14)
        wait_until(lambda: len(keys(job)) == 17, END_S, "all keys are there")
        bobs = {key for key in keys(job) if "bob" in key or key == "session:t:features"}

        done = shopper("forget", "ann", "--yes", "--timeout", 60)
        assert done.exit_code == 0, done.output
        assert "7 keys" in done.stdout
        assert "and 3 of sessions and devices" in done.stdout
        assert shopper("forget", "ann@example.com", "--yes").exit_code == 0
        assert keys(job) == bobs

        savepoint = job.stop()
    with live_job(around, around.config(topology=topology, restore_from=savepoint)) as job:
        around.send([view("1"), view("2")])
        counts = job.wait_read(14 + 8 + 2)
        assert (counts["applied"], counts["forgotten"]) == (24, 8), "the ids are forgotten, too"
        ann = f"{job.config.redis_prefix}user:ann:features:1h"
        wait_until(lambda: around.client.hget(ann, "product_view_count") == "2", END_S, "ann begins anew")
        wait_until(lambda: shopper("status").exit_code == 0, END_S, "the job is well")
        told = json.loads(shopper("status", "--json").stdout)
        assert told["adds_up"]
        assert told["topology"] == topology
        assert told["branches"]["product"]["applied"] > 0
        assert told["healthy"]
        assert {each["lag"] for each in told["partitions"].values()} == {0}
    wait_until(lambda: shopper("status", "--no-kafka").exit_code == 1, END_S, "the silence is noticed")
    assert "said nothing" in shopper("status", "--no-kafka").stdout
    waiting = shopper("forget", "bob", "--yes", "--timeout", 1)
    assert waiting.exit_code == 1
    assert "not carried it out yet" in waiting.stderr


@pytest.mark.parametrize("topology", ["fused", "branches"])
@pytest.mark.parametrize("hash_ids", [False, True])
def test_to_forget_a_device_or_its_user_reaches_every_linked_id(
    around: Surroundings, topology: Any, hash_ids: bool
) -> None:
    key = hashing_key(SECRET) if hash_ids else b""
    with live_job(around, around.config(start="earliest", topology=topology, id_key=key)) as job:
        shopper = command_line(job, **({"HASH_IDS": "true", "HASH_IDS_KEY": SECRET} if hash_ids else {}))
        ann, bob = (hashed_id(name, key) if key else name for name in ("ann", "bob"))
        phone = hashed_id("phone", key) if key else "phone"

        def views_of(user: str) -> str | None:
            return around.client.hget(
                f"{job.config.redis_prefix}user:{user}:features:1h", "product_view_count"
            )  # type: ignore[return-value]

        def is_shown(user: str, views: int) -> None:
            wait_until(lambda: views_of(user) == str(views), END_S, f"{user} has {views} views")

        def visit(number: int) -> None:
            around.send([view(f"{number}.{n}", None, "s", device="phone") for n in range(2)])
            around.send([view(f"{number}.2", "ann", "s", device="phone")])
            around.send([view(f"{number}.3", "ann", "t", device="pad")])

        around.send([view("b", "bob", "u", device="tv")])
        is_shown(bob, 1)
        visit(1)
        is_shown(ann, 4)
        pointer = f"{job.config.redis_prefix}user:{phone}:features:1h"
        wait_until(lambda: around.client.hget(pointer, "_same_as") == ann, END_S, "the phone's rows point")
        of_bob = {each for each in keys(job) if f":{bob}:" in each or each.startswith("session:u:")}
        of_bob |= {each for each in keys(job) if f":{hashed_id('tv', key) if key else 'tv'}:" in each}

        done = shopper("forget", "phone", "--yes", "--timeout", 60)
        assert done.exit_code == 0, done.output
        assert f"'phone' is a device on which {ann!r} has logged in: {ann!r} is forgotten, too" in done.stderr
        assert f"'phone' and {ann!r} are forgotten" in done.stdout
        assert keys(job) == of_bob
        visit(2)
        is_shown(ann, 4)
        done = shopper("forget", "ann", "--yes", "--timeout", 60)
        assert done.exit_code == 0, done.output
        assert keys(job) == of_bob, "what the devices pointed with is gone, too"
        around.send([view("9", None, "v", device="phone")])
        is_shown(phone, 1)
        wait_until(lambda: shopper("status").exit_code == 0, END_S, "all adds up")


def test_control_records_that_say_nothing_are_dead(around: Surroundings, tmp_path: Path) -> None:
    around.send(
        [b'{"shopper_features_control":{"action":"drop"}}', b'{"shopper_features_control":', view("1")]
    )
    with live_job(around, around.config(start="earliest")) as job:
        counts = job.wait_read(3)
        assert (counts["applied"], counts["dead"], counts["forgotten"]) == (1, 2, 0)
        shopper = command_line(job)
        wait_until(lambda: len(lines(shopper("dlq", "list", "--json"))) == 2, END_S, "both letters are there")
        assert {letter["wire_format"] for letter in lines(shopper("dlq", "list", "--json"))} == {"control"}


def test_crashes_bring_nothing_of_forgotten_shoppers_back(around: Surroundings) -> None:
    records = recent_records(13)
    events = [
        verdict for verdict in map(Decoder().decode, filter(None, records)) if isinstance(verdict, Event)
    ]
    forgotten = sorted({event.shopper for event in events})[::3]
    controls = [forget_record(shopper) for shopper in forgotten for _ in range(around.partitions)]
    around.send(records)
    around.send(controls)
    with live_job(around, around.config(checkpoint_interval_s=0.3), fault="crash") as job:
        wait_until(lambda: len(list(around.folder.glob("crash-*"))) == 5, READ_S, "it crashed five times")
        counts = job.wait_read(len(records) + len(controls))
        adds_up(counts, len(records) + len(controls))
        assert counts["forgotten"] == len(controls)
        shown = stable(around.features(job.config.redis_prefix))
    # A forgotten device is itself for as long as the last copy has not come: its user lacks what it did then.
    lacking = {event.user_id for event in events if event.user_id and event.device_id in forgotten}
    # A session of two shoppers stays away until the other one's next event.
    sessions = {event.session_id for event in events if event.shopper in (*forgotten, *lacking)}
    gone = {f"user:{encode_id(shopper)}:" for shopper in forgotten}
    gone |= {f"session:{encode_id(session)}:" for session in sessions if session}
    gone |= {f"session:{encode_id(shopper)}~" for shopper in forgotten}
    wanted = {
        key: values
        for key, values in stable(replayed(records)[0]).items()
        if not key.startswith((*gone, *[f"user:{encode_id(user)}:" for user in lacking]))
    }
    users = {key for key in shown if key.startswith(tuple(gone)) and key.startswith("user:")}
    assert users == set()
    assert {key: shown.get(key) for key in wanted} == wanted
    assert len(wanted) > 100
