"""Where to read on in the topics, for each of their partitions."""

from collections.abc import Mapping

from events.sides.row import PRODUCTS
from jobs.cluster.standing import StandingError
from jobs.kafka.client import all_places, consumer, places_of
from jobs.settings import Settings
from operators.places import topic_and_partition


def read_on(settings: Settings, positions: Mapping[int, int], covers_from: int) -> dict[int, tuple[int, int]]:
    """For every place, the offset to read from and its end: below that, records may have been counted.

    Without a position a partition is read from where the job began.

    Args:
        settings: the broker and the topics.
        positions: by place (`operators.places`), an offset below which every record was counted.
        covers_from: when the job began, epoch milliseconds of Kafka's timestamps.

    Raises:
        KafkaUnreachableError: if no broker answers.
        MissingTopicError: if one of the topics does not exist.
        StandingError: if a partition ends before its position: it is not the topic that was read.
    """
    with consumer(settings) as kafka:
        places = all_places(kafka, settings)
        ends = kafka.end_offsets([*places])
        begins = kafka.offsets_for_times(dict.fromkeys(places, covers_from))
    found: dict[int, tuple[int, int]] = {}
    for place, number in places.items():
        begin, end = begins.get(place), ends[place]
        start = positions.get(number, end if begin is None else begin.offset)
        if start > end:
            msg = (
                f"partition {place.partition} of {place.topic} at {settings.kafka_bootstrap} ends at"
                f" {end}, but the job has read up to {start}: it is another topic"
            )
            raise StandingError(msg)
        found[number] = start, end
    read = set(settings.topics().values())
    # A source that is declared no more is left behind on purpose.
    still = {place for place in positions if topic_and_partition(place)[0] in read}
    if missing := sorted(still - found.keys()):
        names = ", ".join(settings.topics())
        msg = f"{names} at {settings.kafka_bootstrap} lacks partitions that were read: {missing}"
        raise StandingError(msg)
    return found


def catalogue_ends(settings: Settings) -> dict[int, int]:
    """How far the partitions of the catalogue's topic go now; those without a record are left out.

    Empty where there is no catalogue.

    Raises:
        KafkaUnreachableError: if no broker answers.
        MissingTopicError: if the topic does not exist.
    """
    topics = [side.topic for side in settings.declared_sides if side.table == PRODUCTS]
    if not topics:
        return {}
    with consumer(settings) as kafka:
        places = places_of(kafka, settings, topics[0])
        begins, ends = kafka.beginning_offsets(places), kafka.end_offsets(places)
    return {place.partition: end for place, end in ends.items() if end > begins[place]}
