"""`shopper side` without a broker: what is compared, sent, ended, refused and shown."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
)
from typer.testing import CliRunner, Result

from jobs.cli import side_load
from jobs.cli.main import app
from jobs.settings import Settings
from jobs.side_inputs import topic as topics

HEAD = "product_id,product_name,price\n"
NOW = 1_709_640_000_000


class Broker:
    """One topic in memory behind what is used of kafka-python's clients."""

    def __init__(self) -> None:
        self.topic: str | None = "products"
        self.log: dict[int, list[tuple[bytes | None, bytes | None]]] = {0: [], 1: []}
        self.policy: object = "compact"
        self.asked: list[str] = []
        self.fault: Exception | None = None
        self.late_fault: Exception | None = None
        self._at: dict[Any, int] = {}

    def put(self, key: bytes | None, value: object, partition: int = 0) -> None:
        raw = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
        self.log[partition].append((key, raw))

    def sent(self, since: int = 0) -> list[tuple[bytes | None, object]]:
        """What lies in the first partition from a place on."""
        return [(key, value and json.loads(value)) for key, value in self.log[0][since:]]

    # The admin client.
    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def create_topics(self, made: dict[str, Any], **_: object) -> None:
        if self.fault:
            raise self.fault
        ((self.topic, options),) = made.items()
        assert options == {"configs": {"cleanup.policy": "compact"}}

    def describe_configs(self, resources: list[Any], config_filter: str) -> dict[str, Any]:
        assert config_filter == "all"
        self.asked.append(resources[0].name)
        if isinstance(self.policy, Exception):
            raise self.policy
        return {"topic": {resources[0].name: {"cleanup.policy": {"value": self.policy}}}}

    # The consumer.
    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(self.log) if topic == self.topic else set()

    def beginning_offsets(self, places: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(places, 0)

    def end_offsets(self, places: list[Any]) -> dict[Any, int]:
        return {place: len(self.log[place.partition]) for place in places}

    def assign(self, places: list[Any]) -> None:
        self._at = dict.fromkeys(places, 0)

    def seek(self, place: Any, offset: int) -> None:
        self._at[place] = offset

    def position(self, place: Any) -> int:
        return self._at[place]

    def poll(self, **_: object) -> dict[Any, list[Any]]:
        got = {}
        for place, at in self._at.items():
            got[place] = [
                SimpleNamespace(
                    offset=number, timestamp=NOW + number, partition=place.partition, key=key, value=value
                )
                for number, (key, value) in enumerate(self.log[place.partition][at:], at)
            ]
            self._at[place] += len(got[place])
        return got

    # The producer.
    def send(self, topic: str, value: bytes | None, key: bytes, partition: int | None) -> Any:
        assert topic == self.topic
        if self.fault:
            raise self.fault
        self.put(key, value, partition or 0)

        def get(timeout: float) -> None:
            if self.late_fault:
                raise self.late_fault

        return SimpleNamespace(get=get)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch, nowhere: Path) -> Broker:
    made = Broker()

    @contextmanager
    def connected(_settings: Settings) -> Iterator[Any]:
        yield made

    monkeypatch.setattr(topics, "consumer", connected)
    monkeypatch.setattr(topics, "producer", connected)
    monkeypatch.setattr(topics, "topics_of", lambda _settings: {made.topic})
    monkeypatch.setattr(topics, "KafkaAdminClient", lambda **_options: made)
    return made


def shopper(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["side", *map(str, arguments)])


def load(text: str, *more: object, table: str = "products") -> Result:
    Path("file.csv").write_text(text)
    return shopper("load", table, "file.csv", *more)


def loaded(text: str, *more: object, table: str = "products", code: int = 0) -> dict[str, Any]:
    result = load(text, "--json", *more, table=table)
    assert result.exit_code == code, result.output
    return dict(json.loads(result.stdout))


def counts(told: dict[str, Any]) -> tuple[int, ...]:
    return tuple(told[name] for name in ("rows", "sent", "unchanged", "gone", "withheld"))


def test_only_what_differs_is_sent(broker: Broker) -> None:
    hat, cap = {"product_id": "1", "product_name": "hat", "price": "5"}, {"product_id": "2", "price": "7"}
    text = HEAD + "1,hat,5\n2,,7\n"
    assert counts(loaded(text)) == (2, 2, 0, 0, 0)
    assert broker.sent() == [(b"1", hat), (b"2", cap)]
    assert counts(loaded(text)) == (2, 0, 2, 0, 0)
    assert counts(loaded("product_id,price,product_name\n2,7.5,\n1,5,hat\n")) == (2, 1, 1, 0, 0)
    assert broker.sent(2) == [(b"2", cap | {"price": "7.5"})]
    told = loaded(HEAD + "2,,7.5\n")
    assert counts(told) == (1, 0, 1, 1, 0)
    assert broker.sent(3) == [(b"1", None)]
    assert (told["table"], told["topic"], told["file"]) == ("products", "products", "file.csv")
    assert counts(loaded(HEAD + "2,,7.5\n")) == (1, 0, 1, 0, 0)
    assert counts(loaded(HEAD + "1,hat,5\n2,,7.5\n")) == (2, 1, 1, 0, 0)


def test_rows_may_be_kept(broker: Broker) -> None:
    loaded(HEAD + "1,hat,5\n2,,7\n")
    assert counts(loaded(HEAD + "2,,8\n", "--keep")) == (1, 1, 0, 0, 1)
    assert "that it does not have stay" in load(HEAD + "2,,8\n", "--keep").stdout
    assert shopper("show", "products", "1").exit_code == 0


def test_a_key_that_others_wrote_goes_on_as_they_wrote_it(broker: Broker) -> None:
    broker.put(b'"1"', {"product_id": 1, "price": 4}, partition=1)
    broker.put(b'{"product_id":2}', {"product_id": 2}, partition=1)
    broker.put(None, {"product_id": 3})
    broker.put(b"3", {"product_id": "3", "price": 1}, partition=1)
    assert counts(loaded(HEAD + "1,,5\n")) == (1, 1, 0, 2, 0)
    assert broker.log[1][3:] == [
        (b'"1"', b'{"product_id":"1","price":"5"}'),
        (b"3", None),
        (b'{"product_id":2}', None),
    ]
    assert broker.log[0][1:] == [(b"3", None)]


def test_a_row_without_a_key_in_the_topic_gets_one(broker: Broker) -> None:
    broker.put(None, {"product_id": 3})
    loaded(HEAD + "3,,5\n")
    assert broker.sent(1) == [(b"3", {"product_id": "3", "price": "5"})]


def test_a_record_that_cannot_be_used_is_replaced_or_ended(broker: Broker) -> None:
    broker.put(b"1", b"{")
    broker.put(b"2", {"product_id": "two"})
    broker.put(b"3", {"price": "free"})
    broker.put(b"\xff", {"price": 1})
    broker.put(b"\xff", None)
    assert counts(loaded(HEAD + "1,,5\n3,,6\n")) == (2, 2, 0, 1, 0)
    assert broker.sent(5) == [
        (b"1", {"product_id": "1", "price": "5"}),
        (b"3", {"product_id": "3", "price": "6"}),
        (b"2", None),
    ]
    assert "2 records of the topic do not say whose row they are" in shopper("show", "products").stderr


def test_a_line_that_is_refused_leaves_its_row_as_it_is(broker: Broker) -> None:
    loaded(HEAD + "1,hat,5\n2,cap,7\n3,bag,9\n")
    told = loaded(HEAD + "1,hat,free\n2,cap,8\n", code=1)
    assert counts(told) == (1, 1, 0, 1, 0)
    reason = {"field": "price", "value": "text of 4 characters", "expected": "a number from 0 to 1e12"}
    assert told["refused"] == [{"line": 2, "key": "1", "reasons": [reason]}]
    assert broker.sent(3) == [(b"2", {"product_id": "2", "product_name": "cap", "price": "8"}), (b"3", None)]
    result = load(HEAD + "1,hat,free\n2,cap,8\n")
    assert result.exit_code == 1
    assert "file.csv has 1 rows: 0 sent, 1 unchanged; 0 gone; 1 lines refused" in result.stdout
    assert "file.csv, line 2: price is text of 4 characters, expected a number" in result.stderr


def test_no_row_ends_while_it_cannot_be_told_whose_line_was_refused(broker: Broker) -> None:
    loaded(HEAD + "1,hat,5\n2,cap,7\n")
    result = load(HEAD + "1,hat,5\n,cap,7\n")
    assert result.exit_code == 1
    assert len(broker.log[0]) == 2
    assert "1 that it does not have stay; 1 lines refused" in result.stdout
    assert "do not say whose row they are: no row was ended" in result.stderr
    many = load(HEAD + "1,hat,5\n" + ",x,1\n" * 30)
    assert many.stderr.count("line ") == side_load.SHOWN
    assert "… and 10 more; --json tells all" in many.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD, "file.csv has no rows, but products has 1; nothing was sent"),
        (HEAD + "2,x,free\n", "has no row that can be used (line 2: price is text of 4 characters, expected"),
        ("", "file.csv is empty"),
        ("sku\n1\n", "has no column product_id or id; its columns are sku"),
        (HEAD + "2,x", "half written"),
    ],
)
def test_a_file_that_says_nothing_ends_nothing(broker: Broker, text: str, said: str) -> None:
    loaded(HEAD + "1,hat,5\n")
    result = load(text)
    assert result.exit_code == 1
    assert said in result.stderr
    assert len(broker.log[0]) == 1


def test_an_empty_file_may_be_meant(broker: Broker) -> None:
    loaded(HEAD + "1,hat,5\n")
    assert counts(loaded(HEAD, "--allow-empty")) == (0, 0, 0, 1, 0)
    assert broker.sent(1) == [(b"1", None)]
    assert "--allow-empty takes it as it is" in load(HEAD).stderr


def test_a_missing_topic_is_created_compacted(broker: Broker) -> None:
    broker.topic = None
    result = load(HEAD + "1,hat,5\n")
    assert result.exit_code == 0
    assert broker.partitions_for_topic("products")
    assert "created the compacted topic products at localhost:9092" in result.stderr
    assert shopper("show", "products").exit_code == 0


def test_a_topic_that_cannot_be_created_or_has_been_by_another(broker: Broker) -> None:
    broker.topic, broker.fault = None, TopicAuthorizationFailedError()
    result = load(HEAD + "1,hat,5\n")
    assert result.exit_code == 1
    assert "the topic products cannot be created" in result.stderr
    assert "create it with cleanup.policy=compact" in result.stderr
    broker.fault = TopicAlreadyExistsError()
    topics.create(Settings(), "products")


def test_a_topic_that_forgets_by_time_is_told(broker: Broker) -> None:
    broker.policy = "delete"
    assert "products at localhost:9092 is not compacted" in load(HEAD + "1,hat,5\n").stderr
    for policy in ("compact,delete", KafkaError()):
        broker.policy = policy
        assert load(HEAD + "1,hat,5\n").stderr == ""


@pytest.mark.parametrize("when", ["fault", "late_fault"])
def test_what_kafka_does_not_take_is_told(broker: Broker, when: str) -> None:
    setattr(broker, when, MessageSizeTooLargeError("4 MB"))
    result = load(HEAD + "1,hat,5\n")
    assert result.exit_code == 1
    assert "products did not take a record" in result.stderr
    assert "4 MB" in result.stderr


def test_other_tables_and_declarations_of_the_shops_own(broker: Broker) -> None:
    broker.topic = "profiles"
    text = "id,favourite_categories\nann@example.com,a|b\n"
    assert counts(loaded(text, table="profiles")) == (1, 1, 0, 0, 0)
    (shown,) = map(json.loads, shopper("show", "profiles", "--json").stdout.splitlines())
    assert (shown["key"], shown["categories"]) == ("ann@example.com", ["a", "b"])
    assert "a | b" in shopper("show", "profiles").stdout

    Path("goods.toml").write_text('table = "products"\ntopic = "goods"\n[fields]\nname = "title"\n')
    broker.topic, broker.log = "goods", {0: []}
    assert loaded("key,title\n1,hat\n", table="goods.toml")["topic"] == "goods"
    assert broker.sent() == [(b"1", {"title": "hat"})]
    Path("shopper.toml").write_text('side_inputs = ["goods.toml"]\n')
    assert counts(loaded("key,title\n1,hat\n", table="products")) == (1, 0, 1, 0, 0)
    assert shopper("show", "products", "1").exit_code == 0


def test_a_table_that_there_is_not(broker: Broker) -> None:
    result = load(HEAD, table="product")
    assert result.exit_code == 1
    assert "name = 'product'; expected one of products, profiles, sellers" in result.stderr


def test_rows_are_shown_as_the_job_reads_them(broker: Broker) -> None:
    broker.put(b"1", {"product_name": "hat", "category": "wear/hats", "price": 5})
    broker.put(b"2", {"price": 7, "currency": "JPY"})
    broker.put(b"3", {"price": "free"})
    broker.put(b"4", {})
    broker.put(b"4", None)
    lines = [json.loads(line) for line in shopper("show", "products", "--json").stdout.splitlines()]
    assert [line["key"] for line in lines] == ["1", "2", "3"]
    assert lines[0] == {
        "key": "1", "name": "hat", "category": "wear/hats", "price": {"amount": "5.00", "currency": "EUR"},
        "partition": 0, "offset": 0, "at": NOW,
    }  # fmt: skip
    assert lines[1]["price"] == {"amount": "7", "currency": "JPY"}
    assert [reason["field"] for reason in lines[2]["dead"]] == ["price"]
    table = shopper("show", "products").stdout
    assert re.search(r"1 +hat +wear/hats +5\.00 EUR +2024-03-05 12:00:00Z", table)
    assert "cannot be used: price is text of 4 characters" in table
    few = shopper("show", "products", "-n", "1")
    assert "… and 2 more: --limit N, or --json for all" in few.stderr
    assert "7 JPY" not in few.stdout
    assert "7 JPY" in shopper("show", "products", "2", "2", "-n", "1").stdout


def test_a_row_or_topic_that_there_is_not(broker: Broker) -> None:
    broker.put(b"1", {})
    result = shopper("show", "products", "1", "2", "3")
    assert result.exit_code == 3
    assert "products has no row of 2, 3" in result.stderr
    assert shopper("show", "sellers").exit_code == 3
    assert "has no topic sellers; `shopper side load` creates it" in shopper("show", "sellers").stderr


def test_a_watched_file_is_loaded_whenever_it_has_changed(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path("file.csv")
    waits: list[float] = []
    settling = side_load.SETTLE_S
    steps = iter(
        [
            lambda: None,
            lambda: file.write_text(HEAD + "1,hat,6\n"),  # changed, and
            lambda: None,  # settled
            lambda: file.write_text(HEAD + "1,hat,7\n"),
            lambda: file.write_text(HEAD + "1,hat,8\n2"),  # still being written, and
            lambda: None,  # broken
            lambda: None,
            lambda: file.write_text(HEAD + "1,hat,8\n2,cap,1\n"),
            lambda: None,
            file.unlink,
            lambda: None,
            lambda: file.write_text(HEAD + "2,cap,1\n"),
            lambda: None,
        ]
    )

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    monkeypatch.setattr("jobs.cli.side_load.time.sleep", sleep)
    result = load(HEAD + "1,hat,5\n", "--watch", "30")
    assert result.exit_code == 130
    assert broker.sent() == [
        (b"1", {"product_id": "1", "product_name": "hat", "price": "5"}),
        (b"1", {"product_id": "1", "product_name": "hat", "price": "6"}),
        (b"1", {"product_id": "1", "product_name": "hat", "price": "8"}),
        (b"2", {"product_id": "2", "product_name": "cap", "price": "1"}),
        (b"1", None),
    ]
    assert [line.split(": ", 2)[2] for line in result.stdout.splitlines()] == [
        "1 sent, 0 unchanged; 0 gone; 0 lines refused",
        "1 sent, 0 unchanged; 0 gone; 0 lines refused",
        "2 sent, 0 unchanged; 0 gone; 0 lines refused",
        "0 sent, 1 unchanged; 1 gone; 0 lines refused",
    ]
    assert "half written" in result.stderr
    assert "No such file" in result.stderr
    assert set(waits) == {30, settling}
    assert broker.asked == ["products"]


def test_a_watched_file_that_cannot_be_used_at_first_is_a_failure(broker: Broker) -> None:
    assert load("", "--watch", "30").exit_code == 1
    assert shopper("load", "products", "none.csv", "--watch", "30").exit_code == 1
