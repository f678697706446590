"""Declared sources in settings, configuration and what looks after the job, without a broker."""

from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

from jobs import forgetting
from jobs.cluster import preflight as trying
from jobs.cluster.standing import StandingError
from jobs.dead_letters.judgement import Judge
from jobs.dead_letters.topic import Found
from jobs.inputs import sources
from jobs.job_config import JobConfig, JobConfigError
from jobs.kafka import offsets
from jobs.kafka.client import MissingTopicError
from jobs.microbatch import QUERY, SOURCE_QUERY, generation, resumed, startup
from jobs.settings import Settings, SettingsError, load
from jobs.settings.job import job_config
from jobs.watching import lag as lags
from jobs.watching.lag import Lag
from jobs.watching.progress import Position, Progress
from jobs.watching.status import Status
from operators.places import number_of, place_of
from tests.jobs.test_dead_letter_commands import Broker, letter
from tests.jobs.test_job_config import config
from tests.jobs.test_status import text

NAMED = ("interactions", "shop-events")
INTERACTIONS, EVENTS = number_of("interactions"), number_of("events")
NOW = 1_700_000_000_000


pytestmark = pytest.mark.usefixtures("nowhere")


def test_sources_go_from_the_settings_into_the_job(nowhere: Path) -> None:
    (nowhere / "shopper.toml").write_text('sources = ["interactions", "shop-events"]\n')
    settings = load().settings
    assert settings.sources == load({"sources": "interactions, shop-events"}).settings.sources == NAMED
    assert settings.topics() == {"snowplow-enriched-good": 0, "interactions": INTERACTIONS, "events": EVENTS}
    made = job_config(settings, life=NOW, checkpoint_dir="file:///c")
    assert made.sources == sources(NAMED)
    assert made.source_topics == {INTERACTIONS: "interactions", EVENTS: "events"}
    assert JobConfig.from_json(made.to_json()) == made


def test_a_shop_without_snowplow_names_no_topic() -> None:
    settings = load({"topic": "", "sources": "shop-events"}).settings
    assert settings.topics() == {"events": EVENTS}
    assert job_config(settings, life=NOW, checkpoint_dir="file:///c").topic == ""


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"sources": "interactoins"}, "name = 'interactoins'; expected one of clickstream-events"),
        ({"sources": "none.toml"}, "path = 'none.toml'; expected a readable file"),
        ({"sources": "interactions", "topic": "interactions"}, "would be read twice"),
        ({"topic": ""}, "nothing would be read"),
    ],
)
def test_sources_that_cannot_be_read_are_refused(flags: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(flags)
    assert [problem.setting for problem in caught.value.problems] == ["sources"]
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "more",
    [
        {"topic": ""},
        {"topic": "interactions", "sources": sources(["interactions"])},
        {"sources": sources(["interactions"]) * 2},
    ],
)
def test_a_job_reads_each_topic_once(more: dict[str, Any]) -> None:
    with pytest.raises(JobConfigError, match="topics are"):
        config(**more)


def test_topics_whose_numbers_meet_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.job_config.number_of", lambda _: 7)
    with pytest.raises(JobConfigError, match="cannot be told apart"):
        config(sources=sources(NAMED))


def test_each_topic_reads_on_from_its_own_places() -> None:
    made = config(
        sources=sources(NAMED), resume={0: (5, 9), 1: (6, 9), place_of(EVENTS, 1): (7, 8)}, restore_from="s"
    )
    assert resumed(made) == {0: (5, 9), 1: (6, 9)}
    assert startup(made)["scan.startup.specific-offsets"] == "partition:0,offset:5;partition:1,offset:6"
    assert startup(made, EVENTS)["scan.startup.specific-offsets"] == "partition:1,offset:7"
    # A source that was not read before a migration begins as in a first run.
    assert startup(made, INTERACTIONS)["scan.startup.mode"] == "timestamp"
    assert startup(config(restore_from="s"), EVENTS)["scan.startup.mode"] == "earliest-offset"


def test_a_sources_query_tells_times_and_snowplows_is_what_it_was() -> None:
    assert "ARRAY_AGG(kafka_time) AS times" in SOURCE_QUERY
    assert "times" not in QUERY
    assert len({generation("a"), generation("b"), generation("a", SOURCE_QUERY)}) == 3


def settings(**more: Any) -> Settings:
    return Settings(**{"topic": "orders", "sources": NAMED} | more)


class Brokers(Broker):
    """Several topics, each with partitions 2 and whatever else is named."""

    def begin(self, monkeypatch: pytest.MonkeyPatch, *modules: Any) -> "Brokers":
        @contextmanager
        def client(_: Settings) -> Any:
            yield self

        for module in modules:
            for name in ("consumer", "producer"):
                if hasattr(module, name):
                    monkeypatch.setattr(module, name, client)
        return self

    def pause(self, place: Any) -> None:
        del self._at[place]


def test_how_far_behind_is_told_for_every_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    Brokers(orders=[b""] * 3, interactions=[b""] * 5, events=[b""]).begin(monkeypatch, lags)
    read = {2: Position(3, 2), place_of(INTERACTIONS, 2): Position(2, 1)}
    found = lags.read_lag(settings(), Progress(partitions=read, covers_from=0))
    assert {place: (each.end, each.next, each.records) for place, each in found.items()} == {
        2: (3, 3, 0),
        place_of(INTERACTIONS, 2): (5, 2, 3),
        place_of(EVENTS, 2): (1, 0, 1),
    }


def test_a_migration_reads_on_in_every_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    Brokers(orders=[b""] * 3, interactions=[b""] * 5, events=[b""]).begin(monkeypatch, offsets)
    gone = place_of(number_of("no-longer-declared"), 0)
    place = place_of(INTERACTIONS, 2)
    found = offsets.read_on(settings(), {2: 1, place: 4, gone: 9}, covers_from=0)
    assert found == {2: (1, 3), place: (4, 5), place_of(EVENTS, 2): (0, 1)}
    with pytest.raises(StandingError, match=r"partition 2 of interactions at .* ends at 5"):
        offsets.read_on(settings(), {place: 6}, covers_from=0)
    with pytest.raises(StandingError, match=r"orders, interactions, events at .* lacks partitions"):
        offsets.read_on(settings(), {place_of(INTERACTIONS, 3): 1}, covers_from=0)


def test_whoever_is_forgotten_is_forgotten_in_every_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Brokers(orders=[], interactions=[b""], events=[b""] * 2).begin(monkeypatch, forgetting)
    sent = forgetting.send_forget(settings(), ["ann"])
    assert sent == {"ann": {2: 0, place_of(INTERACTIONS, 2): 1, place_of(EVENTS, 2): 2}}
    assert {(topic, partition) for topic, _, partition in broker.sent} == {
        ("orders", 2),
        ("interactions", 2),
        ("events", 2),
    }


def test_nobody_is_forgotten_by_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Brokers(orders=[], interactions=[]).begin(monkeypatch, forgetting)
    with pytest.raises(MissingTopicError, match="no topic events"):
        forgetting.send_forget(settings(), ["ann"])

    def silent(_: str) -> set[int]:
        raise KafkaTimeoutError

    monkeypatch.setattr(broker, "partitions_for", silent)
    with pytest.raises(MissingTopicError, match="no topic orders"):
        forgetting.send_forget(settings(), ["ann"])
    assert broker.sent == []


def test_every_topic_is_looked_for_before_a_job_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "topics_of", lambda _: {"interactions"})
    monkeypatch.setattr(trying, "_redis", lambda _: [])
    with pytest.raises(trying.PreflightError) as caught:
        trying.preflight(settings(topic=""))
    told = str(caught.value)
    assert "no topic events (source shop-events)" in told
    assert "no topic shopper-dead-letters (setting dead_letter_topic)" in told
    assert "interactions" not in told
    assert "setting topic" not in told


def test_dead_letters_are_judged_as_their_source_would(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge(settings())
    raw = b'{"userId":"ann","productId":1,"eventType":"view"}'
    assert judge.judge(raw, NOW, "events").words.startswith("accepted: product_view of 2023-11-14")
    assert not judge.judge(raw, NOW, "orders").accepted
    assert [reason.field for reason in judge.judge(b'{"userId":[]}', NOW, "events").reasons] == [
        "eventType",
        "userId",
    ]


def test_a_letter_goes_back_to_the_topic_of_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs.dead_letters import replaying
    from jobs.dead_letters.replaying import Options, Planner, send
    from sinks.dead_letters import read_dead_letter

    raw = b'{"userId":"ann","productId":1,"eventType":"view"}'
    found = [Found(read_dead_letter(letter(raw, topic=topic)), 2, ()) for topic in ("events", "carts")]
    broker = Brokers(events=[], dead=[]).begin(monkeypatch, replaying)
    ours = settings(dead_letter_topic="dead")
    planner = Planner(ours, Judge(ours), Options(), NOW, broker)
    going, other = map(planner.candidate, found)
    assert going.refusal == ""
    assert "or its source" in other.refusal
    told: list[str] = []
    send(ours, [going], NOW, lambda _, place: told.append(place))
    assert told == ["events/2/0"]
    assert broker.sent[0] == ("events", raw, 2)


def test_the_status_tells_sources_apart() -> None:
    counts = Counter[str](
        {"read": 12, "applied": 12, f"source.{EVENTS}.read": 7, f"source.{EVENTS}.applied": 7}
    )
    status = Status(
        "job",
        Progress(counts=counts, at=NOW, life=5, buckets=16),
        NOW,
        {0: Lag(5, 5, 0), place_of(EVENTS, 3): Lag(900, 10, NOW - 31_000)},
        topics={EVENTS: "events"},
    )
    assert status.sources() == {
        "events": {"read": 7, "applied": 7, "filtered": 0, "duplicate": 0, "late": 0, "dead": 0}
    }
    told = status.as_json()
    assert told["sources"] == status.sources()
    assert set(told["partitions"]) == {"0", "events/3"}
    assert "partition events/3: 890 records unread" in status.problems()[0]
    assert "events/3" in text(status)
    assert "source" in text(status)
