"""How far the job is behind Kafka, partition by partition."""

import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from kafka import KafkaConsumer

from jobs.kafka.client import all_places, consumer
from jobs.settings import Settings
from jobs.watching.progress import Position, Progress

LOOK_S: Final = 3.0
"""How long the first unread records are waited for."""


class Lag(NamedTuple):
    """One partition."""

    end: int
    """Offset that the next record will get."""
    next: int
    """Offset of the next record that the job reads."""
    oldest_unread: int
    """When that record came, by its Kafka timestamp in epoch milliseconds; 0 where nothing is unread."""

    @property
    def records(self) -> int:
        """How many are unread; negative where Kafka has less than the job has read."""
        return self.end - self.next


def read_lag(settings: Settings, progress: Progress) -> dict[int, Lag]:
    """Compare what the job has read with what Kafka has, place by place (`operators.places`).

    Raises:
        KafkaUnreachableError: if no broker answers.
        MissingTopicError: if one of the topics does not exist.
    """
    with consumer(settings) as kafka:
        places = all_places(kafka, settings)
        ends = kafka.end_offsets([*places])
        following = _following(kafka, places, ends, progress)
        unread = [place for place in places if following[place] < ends[place]]
        oldest = _timestamps(kafka, {place: following[place] for place in unread})
        return {
            number: Lag(ends[place], following[place], oldest.get(place, 0))
            for place, number in places.items()
        }


def _following(
    kafka: KafkaConsumer, places: Mapping[Any, int], ends: Mapping[Any, int], progress: Progress
) -> dict[Any, int]:
    """The next offset of each partition; one of which nothing was read begins where the job began to read."""
    found = {}
    begins = kafka.beginning_offsets([*places])
    starts = kafka.offsets_for_times(dict.fromkeys(places, progress.covers_from))
    for place, number in places.items():
        read: Position | None = progress.partitions.get(number)
        if read is not None:
            found[place] = (
                max(read.offset + 1, begins[place]) if read.offset < ends[place] else read.offset + 1
            )
        else:
            found[place] = starts[place].offset if starts.get(place) else ends[place]
    return found


def _timestamps(kafka: KafkaConsumer, offsets: Mapping[Any, int]) -> dict[Any, int]:
    """Timestamps of the records at `offsets`, or next after them."""
    found: dict[Any, int] = {}
    kafka.assign(list(offsets))
    for place, offset in offsets.items():
        kafka.seek(place, offset)
    until = time.monotonic() + LOOK_S
    while offsets.keys() - found.keys() and time.monotonic() < until:
        for place, records in kafka.poll(timeout_ms=500, max_records=500).items():
            found.setdefault(place, records[0].timestamp)
            kafka.pause(place)
    return found
