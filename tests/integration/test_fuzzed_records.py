"""A hundred thousand broken records: dead letters, a running job, and the sound events among them counted."""

import gzip
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from operators.ledger import VERDICTS
from tests.integration.live_job import Surroundings, live_job

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

DATA = Path(__file__).parents[1] / "data" / "snowplow-ecommerce"
SEED = 20
FUZZED = 100_000
BIG = 50
MEGABYTE = 1_000_000
SOUND = 40
LETTERS_S = 300

WRONG: list[Any] = [
    None,
    True,
    -1,
    1e308,
    "NaN",
    "",
    [],
    {},
    [[]],
    "9999-12-31 23:59:59.999",
    "\u0000",
    2**70,
    "x" * 300,
]


def recorded(name: str) -> list[bytes]:
    return gzip.decompress((DATA / name).read_bytes()).splitlines()


def fuzzed(seed: int, count: int) -> Iterator[bytes]:
    """Records that went wrong in every way, from recorded ones; `BIG` of them have a field of 1 MB."""
    draw = random.Random(seed)
    lines = recorded("events.enriched.tsv.gz")
    objects = recorded("events.sdk.jsonl.gz") + recorded("events.live_shopper_topic.jsonl.gz")
    ways = (cut, binary, one_field, year_9999, one_value, deep, not_a_number, nothing_much)
    for number in range(count):
        if number % (count // BIG) == 0:
            yield big(draw, lines)
        else:
            yield draw.choice(ways)(draw, lines, objects)


def cut(draw: random.Random, lines: list[bytes], objects: list[bytes]) -> bytes:
    record = draw.choice(draw.choice((lines, objects)))
    return record[: draw.randrange(len(record))]


def binary(draw: random.Random, lines: list[bytes], objects: list[bytes]) -> bytes:
    record = bytearray(draw.choice(draw.choice((lines, objects))))
    for _ in range(draw.randrange(1, 30)):
        record[draw.randrange(len(record))] = draw.randrange(256)
    return bytes(record)


def one_field(draw: random.Random, lines: list[bytes], objects: list[bytes]) -> bytes:
    fields = draw.choice(lines).split(b"\t")
    fields[draw.randrange(len(fields))] = json.dumps(draw.choice(WRONG)).encode()
    return b"\t".join(fields)


def year_9999(draw: random.Random, lines: list[bytes], objects: list[bytes]) -> bytes:
    fields = draw.choice(lines).split(b"\t")
    for stamp in (3, 124):
        fields[stamp] = b"9999-12-31 23:59:59.999"
    return b"\t".join(fields)


def one_value(draw: random.Random, lines: list[bytes], objects: list[bytes]) -> bytes:
    record = json.loads(draw.choice(objects))
    within: Any = record
    while isinstance(within, dict) and within:
        name = draw.choice(sorted(within))
        if not isinstance(within[name], dict) or draw.random() < 0.5:
            within[name] = draw.choice(WRONG)
            break
        within = within[name]
    return json.dumps(record).encode()


def deep(draw: random.Random, lines: list[bytes], objects: list[bytes]) -> bytes:
    levels = draw.choice((10, 500, 20_000))
    return b'{"event_id":"e","contexts_x_1":' + b"[" * levels + b"]" * levels + b"}"


def not_a_number(draw: random.Random, lines: list[bytes], objects: list[bytes]) -> bytes:
    return draw.choice(objects).replace(b'"price":', b'"price":NaN,"was":', 1)


def nothing_much(draw: random.Random, lines: list[bytes], objects: list[bytes]) -> bytes:
    return draw.choice((b"{}", b"[]", b"null", b"\t" * 130, b'"text"', b"\xff\xfe\x00", b"0", b" "))


def big(draw: random.Random, lines: list[bytes]) -> bytes:
    fields = draw.choice(lines).split(b"\t")
    fields[draw.choice((6, 12, 29, 52, 58, 77))] = b"y" * MEGABYTE
    return b"\t".join(fields)


def sound(number: int) -> bytes:
    """An event of a shopper who is to be counted, at this moment."""
    fields = recorded("events.enriched.tsv.gz")[1].split(b"\t")
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()).encode() + b".000"
    for stamp in (2, 3, 4, 119, 124):
        fields[stamp] = now
    fields[6], fields[12] = f"sound-{number}".encode(), b"ann"
    return b"\t".join(fields)


def test_broken_records_become_dead_letters_and_the_job_goes_on(around: Surroundings) -> None:
    # kafka-python reckons checksums in Python, 0.14 s a megabyte, of what is left after compression.
    producer = KafkaProducer(
        bootstrap_servers=around.kafka.bootstrap,
        linger_ms=20,
        max_request_size=4_000_000,
        compression_type="gzip",
    )
    with live_job(around, around.config(parallelism=2)) as job:
        for number, record in enumerate(fuzzed(SEED, FUZZED)):
            producer.send(around.name, record, partition=number % around.partitions)
            if number % (FUZZED // SOUND) == 0:
                producer.send(around.name, sound(number), partition=number % around.partitions)
        producer.flush(timeout=120)
        producer.close(timeout=10)
        counts = job.wait_read(FUZZED + SOUND, LETTERS_S)
        assert counts["read"] == FUZZED + SOUND
        assert sum(counts[verdict] for verdict in VERDICTS) == FUZZED + SOUND, counts
        assert counts["dead"] > FUZZED // 3
        assert counts["dead.bug"] == 0
        row = around.client.hgetall(f"{job.config.redis_prefix}user:ann:features:1h")
        assert row["product_view_count"] == str(SOUND)  # type: ignore[index]
        assert job.failures() == 0
        assert job.status() == "RUNNING"
        letters = around.dead_letters()
        assert len({letter["id"] for letter in letters}) == counts["dead"]
        assert all(letter["reasons"] for letter in letters)
