"""Where to read on in a topic, for each of its partitions."""

from collections.abc import Mapping

from jobs.cluster.standing import StandingError
from jobs.kafka.client import consumer, places_of
from jobs.settings import Settings


def read_on(settings: Settings, positions: Mapping[int, int], covers_from: int) -> dict[int, tuple[int, int]]:
    """For every partition, the offset to read from and its end: below that, records may have been counted.

    Without a position a partition is read from where the job began.

    Args:
        settings: the broker and the topic.
        positions: by partition, an offset below which every record was counted.
        covers_from: when the job began, epoch milliseconds of Kafka's timestamps.

    Raises:
        KafkaUnreachableError: if no broker answers.
        MissingTopicError: if there is no such topic.
        StandingError: if a partition ends before its position: it is not the topic that was read.
    """
    with consumer(settings) as kafka:
        places = places_of(kafka, settings, settings.topic)
        ends = kafka.end_offsets(places)
        begins = kafka.offsets_for_times(dict.fromkeys(places, covers_from))
    found: dict[int, tuple[int, int]] = {}
    for place in places:
        begin, end = begins.get(place), ends[place]
        start = positions.get(place.partition, end if begin is None else begin.offset)
        if start > end:
            msg = (
                f"partition {place.partition} of {settings.topic} at {settings.kafka_bootstrap} ends at"
                f" {end}, but the job has read up to {start}: it is another topic"
            )
            raise StandingError(msg)
        found[place.partition] = start, end
    if missing := sorted(positions.keys() - found.keys()):
        msg = f"{settings.topic} at {settings.kafka_bootstrap} lacks partitions that were read: {missing}"
        raise StandingError(msg)
    return found
