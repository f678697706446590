"""What a real job keeps of people: its checkpoints, its rows in Redis and its logs are searched."""

import time
from pathlib import Path

import pytest

from events.control import forget_record
from events.hashing import hashed_id, hashing_key
from sinks.dead_letters import masked, read_dead_letter
from tests.events.test_privacy import EMAIL, IP, IP6, personal_line
from tests.harness import wait_until
from tests.integration import telltale
from tests.integration.live_job import END_S, Surroundings, live_job

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

KEY = hashing_key("a secret of the shop's own")
DEVICE = "device-of-ann"
PERSONAL = (EMAIL, EMAIL.replace("@", "%40"), EMAIL.partition("@")[0], IP, IP6, DEVICE)
VIEWS = 20


def line(number: int, **fields: str) -> bytes:
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()) + ".000"
    times = {"collector_tstamp": now, "derived_tstamp": now, "dvce_created_tstamp": now}
    own = {"event_id": f"e{number}", "user_id": EMAIL, "domain_userid": DEVICE, "domain_sessionid": "s1"}
    return personal_line(**times | own | fields)


def test_with_hashed_ids_nothing_of_a_person_is_kept(around: Surroundings) -> None:
    records = [line(number) for number in range(VIEWS)]
    records += [line(VIEWS, user_id="", domain_sessionid="s2"), line(VIEWS + 1, derived_tstamp=EMAIL)]
    around.send(records)
    with live_job(around, around.config(start="earliest", id_key=KEY)) as job:
        counts = job.wait_read(len(records))
        assert (counts["applied"], counts["dead"]) == (VIEWS + 1, 1)
        prefix = job.config.redis_prefix
        told = around.features(prefix)
        ann = hashed_id(EMAIL, KEY)
        assert told[f"user:{ann}:features:1h"]["list_view_count"] == str(VIEWS + 1)
        device = f"{prefix}user:{hashed_id(DEVICE, KEY)}:features:1h"
        assert around.client.hget(device, "_same_as") == ann
        before = job.checkpoints()
        wait_until(lambda: job.checkpoints() > before + 1, END_S, "a checkpoint holds all of it")
        kept = files(around.folder / "checkpoints")
        assert telltale.found((ann, "shop.example/account/***"), kept), "what is kept would be found"
        kept |= {"Redis": repr(sorted(told.items()))}
        kept |= telltale.logs(around.flink.folder)
        assert telltale.found(PERSONAL, kept) == []
        (letter,) = [read_dead_letter(data) for data in raw_letters(around)]
        assert EMAIL.encode() in (letter.raw or b""), "it can be repaired"
        assert telltale.found(PERSONAL, {"listing": repr(masked(letter))}) == []
        around.send([forget_record(EMAIL)])
        wait_until(
            lambda: not any(f"user:{ann}:" in key for key in around.features(prefix)),
            END_S,
            "she is forgotten",
        )


def files(folder: Path) -> dict[str, str]:
    """Every file below a folder; checkpoints come and go meanwhile."""
    found = {}
    for path in folder.rglob("*"):
        try:
            found[str(path)] = path.read_bytes().decode("latin-1")
        except OSError:
            continue
    return found


def raw_letters(around: Surroundings) -> list[bytes]:
    from msgspec import json

    return [json.encode(letter) for letter in around.dead_letters()]
