"""`shopper dlq` without a broker: what is chosen, shown, explained, refused and sent again."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from typer.testing import CliRunner, Result

from events.sides.decoder import SideDecoder
from events.verdict import Dead, Reason
from jobs.cli import dlq_letters
from jobs.cli.dlq_screen import hexadecimal, readable
from jobs.cli.main import app
from jobs.dead_letters import replaying
from jobs.dead_letters.judgement import Judge, way_out
from jobs.dead_letters.selection import Selection
from jobs.dead_letters.topic import CHUNK, DeadLetterTopic, Found
from jobs.kafka.reading import StalledError
from jobs.settings import Settings
from jobs.side_inputs import side_inputs
from sinks.dead_letters import RAW_BYTES, dead_letter, read_dead_letter

pytestmark = pytest.mark.usefixtures("nowhere")

NOW = 1_709_640_000_000
PRICE = Reason("contexts_product_1[0].price", "text of 5 characters", "a number")
GOOD = b'{"event_id":"1","event_name":"page_view","collector_tstamp":"2024-03-05T12:00:00Z","user_id":"ann"}'
BAD = GOOD.replace(b"2024-03-05T12:00:00Z", b"yesterday")


def letter(
    raw: bytes = BAD,
    offset: int = 1,
    reason: Reason = PRICE,
    at: int = NOW,
    topic: str = "orders",
    **more: Any,
) -> bytes:
    return dead_letter(raw, Dead("sdk_json", (reason,)), topic, 2, offset, at, **more)


class Broker:
    """Topics in memory behind what is used of kafka-python's consumer and producer."""

    def __init__(self, **topics: Sequence[bytes | None]) -> None:
        self.topics = {name.replace("_", "-"): list(records) for name, records in topics.items()}
        self.sent: list[tuple[str, bytes, int | None]] = []
        self._at: dict[Any, int] = {}
        self.silent = False

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {2} if topic in self.topics else set()

    partitions_for = partitions_for_topic

    def beginning_offsets(self, places: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(places, 0)

    def end_offsets(self, places: list[Any]) -> dict[Any, int]:
        return {place: len(self.topics[place.topic]) for place in places}

    def offsets_for_times(self, times: dict[Any, int]) -> dict[Any, Any]:
        return {place: SimpleNamespace(offset=at) if at < 10 else None for place, at in times.items()}

    def assign(self, places: list[Any]) -> None:
        self._at = dict.fromkeys(places, 0)

    def seek(self, place: Any, offset: int) -> None:
        self._at[place] = offset

    def position(self, place: Any) -> int:
        return self._at[place]

    def poll(self, timeout_ms: int, max_records: int) -> dict[Any, list[Any]]:
        got = {}
        for place, at in ({} if self.silent else self._at).items():
            got[place] = [
                SimpleNamespace(offset=number, timestamp=number, partition=2, value=value)
                for number, value in enumerate(self.topics[place.topic][at : at + 7], at)
            ]
            self._at[place] += len(got[place])
        return got

    def send(self, topic: str, value: bytes, partition: int | None = None) -> Any:
        self.sent.append((topic, value, partition))
        self.topics[topic].append(value)
        went = SimpleNamespace(topic=topic, partition=2, offset=len(self.topics[topic]) - 1)
        return SimpleNamespace(get=lambda **_: went)


@pytest.fixture
def shopper(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`shopper dlq …` over `shopper.broker`."""

    def run(*arguments: object, **more: Any) -> Result:
        settings = ["--topic", "orders", "--dead-letter-topic", "dead"]
        first, *rest = [str(argument) for argument in arguments]
        return CliRunner().invoke(app, ["dlq", first, *settings, *rest], **more)

    @contextmanager
    def connected(_settings: Settings) -> Iterator[Any]:
        yield run.broker  # type: ignore[attr-defined]

    monkeypatch.setattr(dlq_letters, "consumer", connected)
    monkeypatch.setattr(replaying, "producer", connected)
    return run


def listed(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_newest_come_first_each_once_however_often_it_was_written(shopper: Any) -> None:
    shopper.broker = Broker(
        orders=[], dead=[*(letter(offset=n % 30) for n in range(CHUNK + 40)), b"rubbish", None]
    )
    result = shopper("list", "--json")
    assert [each["offset"] for each in listed(result)] == [n % 30 for n in range(CHUNK + 39, CHUNK + 19, -1)]
    assert "2 records of the topic are no dead letters" in result.stderr
    assert len(listed(shopper("list", "--json", "-n", 100))) == 30


def test_letters_of_several_branches_about_one_record_stay_apart(shopper: Any) -> None:
    bugs = [letter(kind="bug", error=error()) for error in (ZeroDivisionError, KeyError)]
    shopper.broker = Broker(orders=[], dead=[*bugs, *bugs])
    assert len(listed(shopper("list", "--json"))) == 2


def test_that_there_is_none_is_said(shopper: Any) -> None:
    shopper.broker = Broker(orders=[], dead=[])
    assert "no dead letters" in shopper("list").stderr
    assert "none that the flags choose" in shopper("list", "--since", "2h").stderr


def test_filters_choose() -> None:
    found = Found(read_dead_letter(letter()), 0)
    assert Selection().takes(found)
    for right, wrong in (
        ({"kind": "undecodable"}, {"kind": "bug"}),
        ({"tried_format": "sdk_json"}, {"tried_format": "tsv"}),
        ({"field": "PRICE"}, {"field": "currency"}),
        ({"topic_partition": "orders/2"}, {"topic_partition": "orders/1"}),
        ({"topic_partition": "2"}, {"topic_partition": "3"}),
        ({"since": NOW}, {"since": NOW + 1}),
    ):
        assert Selection(**right).takes(found)
        assert not Selection(**wrong).takes(found)
    assert not Selection(waiting=True).takes(Found(found.letter, 0, (found.letter,)))


def test_a_summary_counts_by_cause(shopper: Any) -> None:
    other = letter(offset=9, reason=Reason("contexts_product_1[7].price", "x", "a number"), at=NOW + 5)
    shopper.broker = Broker(orders=[], dead=[letter(offset=1), other, letter(offset=3, kind="future")])
    (first, second) = listed(shopper("list", "--summary", "--json"))
    assert (first["count"], first["cause"]) == (2, "contexts_product_1[].price: expected a number")
    assert (first["first"], first["last"], first["example"]) == (NOW, NOW + 5, "orders/2/9")
    assert second["kind"] == "future"
    assert "contexts_product_1[].price" in shopper("list", "--summary").stdout


def test_people_are_hidden_unless_asked_for(shopper: Any) -> None:
    personal = letter(reason=Reason("user_id", "ann@shop", "at most 5 characters"))
    shopper.broker = Broker(orders=[], dead=[personal])
    for command in (("list",), ("list", "--json"), ("show", "orders/2/1"), ("show", "orders/2/1", "--json")):
        assert "ann" not in shopper(*command).stdout, command
        assert "ann@shop" in shopper(*command, "--unmasked").stdout, command
    assert "ann" not in shopper("explain", "orders/2/1").stdout
    assert '"user_id":"ann"' in shopper("show", "orders/2/1", "--unmasked").stdout.replace("\n", "")
    assert shopper("show", "orders/2/1", "--raw").stdout_bytes == BAD


def test_what_is_no_text_is_shown_in_hexadecimal() -> None:
    assert "\\x1b[2J" in readable(b"\x1b[2J"), "a terminal must not obey a record"
    assert "→" in readable(b"a\tb")
    assert hexadecimal(bytes(2000)).endswith("--raw gives them all")


def test_an_id_that_is_not_there_is_not_found(shopper: Any) -> None:
    shopper.broker = Broker(orders=[], dead=[letter()])
    result = shopper("show", "orders/2/7")
    assert result.exit_code == 3
    assert "no letter orders/2/7" in result.stderr
    shopper.broker = Broker(orders=[])
    assert "no topic dead" in shopper("list").stderr


@pytest.mark.parametrize(
    ("raw", "accepted", "words"),
    [
        (GOOD, True, "accepted: page_view of 2024-03-05 12:00:00 UTC"),
        (BAD, False, "dead, for 1 reason"),
        (GOOD.replace(b"2024", b"2023"), False, "late"),
        (GOOD.replace(b"2024", b"2025"), False, "accepted in 364 d"),
        (GOOD.replace(b"ann", b""), False, "left out on purpose: it names no shopper"),
        (b'{"shopper_features_control":{"action":"forget","shopper":"ann"}}', True, "control record"),
    ],
)
def test_a_record_is_judged_as_the_job_would(raw: bytes, accepted: bool, words: str) -> None:
    judgement = Judge(Settings()).judge(raw, NOW)
    assert judgement.accepted == accepted
    assert words in judgement.words


def test_a_defect_is_told_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge(Settings())

    def fails(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(judge._logic, "rows", fails)
    judgement = judge.judge(GOOD, NOW)
    assert not judgement.accepted
    assert "ZeroDivisionError" in judgement.words


def test_every_kind_of_reason_has_a_way_out() -> None:
    for raw in (b"a\tb", b"{", b"{}", b"[]", BAD):
        for reason in Judge(Settings()).judge(raw, NOW).reasons:
            assert len(way_out(reason)) > 20
    assert "clock" in way_out(Reason("event_time", "1", "at most 120 s ahead of the clock"))
    assert "shorten" in way_out(Reason("user_id", "text of 2000 characters", "at most 1,000 characters"))


def test_explain_says_then_now_and_the_way_out(shopper: Any) -> None:
    shopper.broker = Broker(orders=[], dead=[letter(), letter(GOOD.replace(b"2024", b"2222"), 5)])
    said = shopper("explain", "orders/2/1").stdout
    assert "text of 5 characters" in said
    assert "collector_tstamp" in said
    assert "shopper dlq replay --file repaired --id orders/2/1" in said
    assert "none by a repair" in shopper("explain", "orders/2/5").stdout


def recent(raw: bytes = GOOD) -> bytes:
    """The record, of now."""
    import time

    return raw.replace(b"2024-03-05T12:00:00Z", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()).encode())


def test_what_would_be_accepted_goes_back_to_its_partition_and_is_marked(shopper: Any) -> None:
    broker = shopper.broker = Broker(orders=[], dead=[letter(now := recent(), 1), letter(BAD, 2)])
    result = shopper("replay", "--waiting", "--yes")
    assert result.exit_code == 0, result.output
    assert "2 letters: 1 would be accepted now, 1 to be sent, 1 not" in result.stderr
    assert "not orders/2/2: it would be dead, for 1 reason" in result.stderr
    (topic, raw, partition), (marked, mark, _) = broker.sent
    assert (topic, raw, partition, marked) == ("orders", now, 2, "dead")
    made = read_dead_letter(mark)
    assert (made.id, made.kind, made.reasons[0].expected) == ("orders/2/1", "replayed", "orders/2/0")
    assert [each["offset"] for each in listed(shopper("list", "--json", "--waiting"))] == [2]
    assert "undecodable, replayed" in " ".join(shopper("list").stdout.split())
    again = shopper("replay", "orders/2/1")
    assert again.exit_code == 1
    assert "--again" in again.stderr
    assert shopper("replay", "orders/2/1", "--again").exit_code == 0
    assert "replayed" in shopper("show", "orders/2/1").stdout


def test_a_dry_run_sends_nothing(shopper: Any) -> None:
    broker = shopper.broker = Broker(orders=[], dead=[letter(recent())])
    result = shopper("replay", "--kind", "undecodable", "--dry-run")
    assert result.exit_code == 0
    assert "1 to be sent" in result.stderr
    assert broker.sent == []


def test_a_question_is_asked_before_many_are_sent(shopper: Any) -> None:
    broker = shopper.broker = Broker(orders=[], dead=[letter(recent())])
    assert shopper("replay", "--kind", "undecodable", input="n\n").exit_code == 1
    assert broker.sent == []
    assert shopper("replay", "--kind", "undecodable", input="y\n").exit_code == 0
    assert len(broker.sent) == 2


def test_a_hopeless_one_can_be_sent_as_it_is(shopper: Any) -> None:
    broker = shopper.broker = Broker(orders=[], dead=[letter(BAD)])
    assert shopper("replay", "orders/2/1", "--hopeless").exit_code == 0
    assert broker.sent[0][1] == BAD


def test_a_row_of_a_side_input_is_sent_anew_and_not_from_its_letter(shopper: Any) -> None:
    (products,) = side_inputs(["products"])
    dead = SideDecoder(products).decode(b"1", b'{"price":"free"}')
    assert isinstance(dead, Dead)
    shopper.broker = Broker(orders=[], dead=[dead_letter(b'{"price":"free"}', dead, "products", 2, 1, NOW)])
    assert "side.products" in shopper("show", "products/2/1").stdout
    explained = " ".join(shopper("explain", "products/2/1").stdout.split())
    assert "cannot be judged: it is a row of a side input" in explained
    for flags in ((), ("--hopeless", "--again", "--from-topic")):
        result = shopper("replay", *flags, "products/2/1")
        assert result.exit_code == 1
        assert "by `shopper side load`" in result.stderr
    assert shopper.broker.sent == []


def test_a_letter_of_another_topic_is_refused(shopper: Any) -> None:
    shopper.broker = Broker(orders=[], dead=[letter(recent(), topic="carts")])
    assert "--topic carts" in shopper("replay", "carts/2/1").stderr


@pytest.mark.parametrize("kept", ["whole", "gone", "other"])
def test_a_record_that_was_cut_comes_whole_from_where_it_was(shopper: Any, kept: str) -> None:
    raw = recent().replace(b"{", b'{"more":"' + b"a" * RAW_BYTES + b'",', 1)
    original = {"whole": [raw], "gone": [], "other": [raw + b" "]}[kept]
    broker = shopper.broker = Broker(orders=original, dead=[letter(raw, 0)])
    refused = shopper("replay", "orders/2/0")
    assert refused.exit_code == 1
    assert "--from-topic" in refused.stderr
    result = shopper("replay", "orders/2/0", "--from-topic")
    assert result.exit_code == (0 if kept == "whole" else 1), result.output
    if kept == "whole":
        assert hashlib.sha256(broker.sent[0][1]).digest() == hashlib.sha256(raw).digest()
        assert "accepted" in shopper("explain", "orders/2/0").stdout
    else:
        assert {"gone": "no more", "other": "another record"}[kept] in result.stderr
        assert "cannot be judged" in shopper("explain", "orders/2/0").stdout
    assert "cut" in shopper("show", "orders/2/0", "--raw").stderr


def test_wrong_usage_of_replay_is_told(shopper: Any, nowhere: Path) -> None:
    shopper.broker = Broker(orders=[], dead=[letter()])
    (nowhere / "two").write_bytes(GOOD + b"\n" + GOOD)
    for arguments in (
        (),
        ("orders/2/1", "--kind", "bug"),
        ("--file", "two"),
        ("--file", "two", "--id", "orders/2/1"),
        ("--since", "whenever"),
        ("--kind", "bugs"),
    ):
        assert shopper("replay", *arguments).exit_code == 2, arguments
    missing = shopper("replay", "--file", "none", "--id", "orders/2/1")
    assert missing.exit_code == 1
    assert "none" in missing.stderr


def test_a_broker_that_keeps_its_records_to_itself_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.kafka.reading.PATIENCE_S", 0)
    broker = Broker(dead=[letter()])
    broker.silent = True
    topic = DeadLetterTopic(broker, Settings(dead_letter_topic="dead"))
    with pytest.raises(StalledError, match="dead/2"):
        list(topic.newest_first())


def test_since_begins_where_kafka_says() -> None:
    broker = Broker(dead=[letter(offset=n) for n in range(5)])
    topic = DeadLetterTopic(broker, Settings(dead_letter_topic="dead"))
    assert [found.letter.offset for found in topic.newest_first(since=3)] == [4, 3]
    assert list(topic.newest_first(since=99)) == []
    assert broker.end_offsets([TopicPartition("dead", 2)])[TopicPartition("dead", 2)] == 5


def test_brackets_in_a_letter_are_no_markup(shopper: Any) -> None:
    shopper.broker = Broker(orders=[], dead=[letter(reason=Reason("[/bold]", "[red]", "[link=x]"))])
    for command in (("list",), ("list", "--summary"), ("show", "orders/2/1"), ("explain", "orders/2/1")):
        result = shopper(*command)
        assert result.exit_code == 0, result.output
        assert "[/bold]" in result.stdout
