"""Partitions of several topics as one number each, for a bucket's record of what it has read.

A job reads one topic of Snowplow's events and any number of declared sources. The partitions of the former
keep their numbers, so a state from before there were sources goes on; those of a source lie above, each topic
in a range of its own that only its name decides: sources come and go, and their order means nothing.
"""

from typing import Final
from zlib import crc32

SHIFT: Final = 20
"""Kafka's partitions are fewer than 2**20."""
SNOWPLOWS: Final = (1 << SHIFT) - 1
"""The greatest place of Snowplow's events; all above are of declared sources."""


def number_of(topic: str) -> int:
    """The number of a source's topic, never 0, which is that of Snowplow's events.

    >>> number_of("interactions")
    1401648317
    """
    return crc32(topic.encode()) or 1


def place_of(number: int, partition: int) -> int:
    """A partition of a topic as one number.

    >>> place_of(0, 7), place_of(3, 7)
    (7, 3145735)
    """
    return number << SHIFT | partition


def topic_and_partition(place: int) -> tuple[int, int]:
    """The number of the topic, and the partition, that `place_of` made `place` of.

    >>> topic_and_partition(3145735)
    (3, 7)
    """
    return place >> SHIFT, place & SNOWPLOWS
