"""Records of a topic from here to there, as they lie."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kafka import KafkaConsumer

PATIENCE_S: Final = 20.0
"""How long an answer of Kafka is waited for."""
_CHUNK: Final = 500


class StalledError(Exception):
    """Kafka has records, but does not give them."""


def between(kafka: KafkaConsumer, starts: Mapping[Any, int], ends: Mapping[Any, int]) -> Iterator[Any]:
    """The records of each partition from its start (inclusive) to its end (exclusive).

    Raises:
        StalledError: if they do not come.
    """
    kafka.assign(list(starts))
    for place, start in starts.items():
        kafka.seek(place, start)
    until = time.monotonic() + PATIENCE_S
    while any(kafka.position(place) < end for place, end in ends.items()):
        if time.monotonic() > until:
            names = ", ".join(f"{place.topic}/{place.partition}" for place in starts)
            msg = f"Kafka does not give the records of {names} within {PATIENCE_S:g} s"
            raise StalledError(msg)
        for place, got in kafka.poll(timeout_ms=500, max_records=_CHUNK).items():
            yield from (record for record in got if record.offset < ends[place])
            until = time.monotonic() + PATIENCE_S
