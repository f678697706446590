"""`shopper side` on a real Kafka: a topic becomes what a file says, and only what differs is sent."""

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner, Result

from events.event import Money
from events.sides.decoder import SideDecoder
from events.sides.row import SideRow
from jobs.cli.main import app
from jobs.kafka.client import consumer, places_of, producer
from jobs.kafka.reading import between
from jobs.settings import Settings
from jobs.side_inputs import side_inputs
from jobs.side_inputs.topic import is_compacted, read_rows
from tests.harness import KafkaService, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

DECLARED: Final = """
table = "products"
topic = "{topic}"
[fields]
key = "sku"
name = "title"
price = "price"
currency = {{ constant = "EUR" }}
"""
HEAD: Final = "sku,title,price\n"
END_S: Final = 60


class Shop:
    """A shop with a topic of its own."""

    def __init__(self, kafka: KafkaService, folder: Path) -> None:
        self.topic = f"goods-{uuid.uuid4().hex[:8]}"
        self.settings = Settings(kafka_bootstrap=kafka.bootstrap)
        self.file, self._declared = folder / "goods.csv", folder / "goods.toml"
        self._declared.write_text(DECLARED.format(topic=self.topic))
        (self.side,) = side_inputs([str(self._declared)])

    def arguments(self, command: str, *more: object) -> list[str]:
        broker = self.settings.kafka_bootstrap
        return ["side", command, str(self._declared), *map(str, more), "--kafka-bootstrap", broker, "--json"]

    def load(self, text: str, *more: object) -> dict[str, Any]:
        self.file.write_text(text)
        result = self.run("load", self.file, *more)
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.stdout))

    def run(self, command: str, *more: object) -> Result:
        return CliRunner().invoke(app, self.arguments(command, *more))

    def records(self) -> list[Any]:
        """Every record of the topic, as it lies there."""
        with consumer(self.settings) as client:
            places = places_of(client, self.settings, self.topic)
            ends = client.end_offsets(places)
            return list(between(client, client.beginning_offsets(places), ends))

    def rows(self) -> dict[str, SideRow]:
        """What the job would know after reading all of it."""
        decoder, found = SideDecoder(self.side), {}
        for record in self.records():
            row = decoder.decode(record.key or b"", record.value or b"")
            assert isinstance(row, SideRow)
            found[row.key] = row
        return {key: row for key, row in found.items() if not row.gone}


@pytest.fixture
def shop(kafka: KafkaService, tmp_path: Path) -> Shop:
    return Shop(kafka, tmp_path)


def product(key: str, name: str, cents: int) -> SideRow:
    return SideRow("products", key, name=name, price=Money(cents, "EUR"))


def test_a_topic_becomes_what_the_file_says(shop: Shop) -> None:
    text = HEAD + "".join(f"p{n},product {n},{n}\n" for n in range(1000))
    assert shop.load(text)["sent"] == 1000
    assert is_compacted(shop.settings, shop.topic) is True
    assert shop.rows() == {f"p{n}": product(f"p{n}", f"product {n}", n * 100) for n in range(1000)}

    assert shop.load(text)["unchanged"] == 1000
    assert len(shop.records()) == 1000

    changed = text.replace("p7,product 7,7\n", "p7,product 7,7.70\n").replace("p8,product 8,8\n", "")
    told = shop.load(changed)
    assert (told["sent"], told["unchanged"], told["gone"]) == (1, 998, 1)
    (seven, eight) = shop.records()[-2:]
    assert (seven.key, eight.key, eight.value) == (b"p7", b"p8", None)
    assert shop.rows()["p7"] == product("p7", "product 7", 770)
    assert "p8" not in shop.rows()

    (shown,) = [json.loads(line) for line in shop.run("show", "p7").stdout.splitlines()]
    assert (shown["name"], shown["price"]["amount"]) == ("product 7", "7.70")
    assert shop.run("show", "p8").exit_code == 3
    assert shop.load(text)["sent"] == 2


def test_what_others_wrote_is_compared_and_replaced_where_it_lies(shop: Shop) -> None:
    shop.load(HEAD + "a,hat,1\nb,cap,2\n")
    raw = json.dumps({"price": "3", "title": "cap", "sku": "b"}).encode()
    with producer(shop.settings) as other:
        other.send(shop.topic, raw, key=b'"b"')
    assert shop.load(HEAD + "a,hat,1\nb,cap,3\n")["unchanged"] == 2
    assert shop.load(HEAD + "a,hat,1\nb,cap,4\n")["sent"] == 1
    assert shop.records()[-1].key == b'"b"'
    assert shop.load(HEAD + "a,hat,1\n")["gone"] == 1
    assert {record.key for record in shop.records()[-2:]} == {b"b", b'"b"'}
    assert read_rows(shop.settings, shop.side).records.keys() == {"a"}


@contextmanager
def watching(shop: Shop) -> Iterator[subprocess.Popen[str]]:
    arguments = shop.arguments("load", shop.file, "--watch", "0.5")
    started = subprocess.Popen(
        [sys.executable, "-m", "jobs.cli.main", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def test_a_watched_file_is_followed_until_it_is_told_to_end(shop: Shop) -> None:
    shop.file.write_text(HEAD + "a,hat,1\nb,cap,2\n")
    with watching(shop) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["sent"] == 2
        shop.file.write_text(HEAD + "a,hat,1.5\n")
        told = json.loads(process.stdout.readline())
        assert (told["sent"], told["gone"]) == (1, 1)
        assert shop.rows() == {"a": product("a", "hat", 150)}
        shop.file.write_text("")
        wait_until(lambda: "is empty" in (process.stderr.readline() if process.stderr else ""), END_S, "told")
        shop.file.write_text(HEAD + "a,hat,1.5\nc,bag,3\n")
        assert json.loads(process.stdout.readline())["sent"] == 1
        assert shop.rows().keys() == {"a", "c"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_S) == 130
