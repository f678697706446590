"""Where reading begins and how Kafka is asked, as it is told to Flink's table source."""

import pytest

from jobs.job_config import JobConfig
from jobs.microbatch import FETCHED, consumer, startup

NOW = 1_700_000_000_000


def config(**changes: object) -> JobConfig:
    base = {
        "life": NOW,
        "kafka_bootstrap": "127.0.0.1:9092",
        "redis_url": "redis://127.0.0.1",
        "checkpoint_dir": "file:///x",
    }
    return JobConfig(**base | changes)  # type: ignore[arg-type]


def test_a_new_life_begins_where_it_is_told_to() -> None:
    assert startup(config(start="earliest")) == {"scan.startup.mode": "earliest-offset"}
    assert startup(config(start="latest")) == {"scan.startup.mode": "latest-offset"}
    assert startup(config(start=17))["scan.startup.timestamp-millis"] == "17"
    assert startup(config())["scan.startup.mode"] == "timestamp"
    assert startup(config(start="group-offsets"))["properties.auto.offset.reset"] == "earliest"


@pytest.mark.parametrize("start", ["recent", "latest", 17, "group-offsets"])
def test_with_a_state_what_it_does_not_know_is_read_from_the_beginning(start: str | int) -> None:
    restored = config(start=start, restore_from="file:///savepoint")
    assert startup(restored) == {"scan.startup.mode": "earliest-offset"}


def test_a_migration_says_it_for_each_partition() -> None:
    again = startup(config(restore_from="file:///savepoint", resume={1: (7, 9), 0: (5, 5)}))
    assert again["scan.startup.specific-offsets"] == "partition:0,offset:5;partition:1,offset:7"


def test_kafka_is_asked_for_more_at_once_unless_the_settings_say_otherwise() -> None:
    told = consumer(config(job_name="shop", kafka_properties={"fetch.max.wait.ms": "7"}))
    assert told == {
        "bootstrap.servers": "127.0.0.1:9092",
        "group.id": "shop",
        "fetch.min.bytes": FETCHED["fetch.min.bytes"],
        "fetch.max.wait.ms": "7",
    }
