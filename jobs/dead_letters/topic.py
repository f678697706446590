"""The dead-letter topic, read from its newest letter backwards."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

import msgspec
from kafka import KafkaConsumer, TopicPartition

from jobs.kafka.client import places_of
from jobs.kafka.reading import between
from jobs.settings import Settings
from sinks.dead_letters import DeadLetter, read_dead_letter

CHUNK: Final = 500
"""Letters of a partition that are read at a time; each has at most some 90 kB."""


@dataclass(frozen=True)
class Found:
    """A letter and where it lies."""

    letter: DeadLetter
    partition: int
    """Of the dead-letter topic."""
    replays: tuple[DeadLetter, ...] = ()
    """Marks that it was replayed, the newest first."""


@dataclass
class DeadLetterTopic:
    """Reads letters over a consumer that belongs to no group."""

    kafka: KafkaConsumer
    settings: Settings
    unreadable: int = field(default=0, init=False)
    """Records met that are no dead letters."""

    def newest_first(self, since: int = 0) -> Iterator[Found]:
        """Every letter, each once though it was written again after a crash, the newest first.

        Args:
            since: epoch milliseconds; what was written before is left out.

        Raises:
            MissingTopicError: if there is no such topic.
            StalledError: if Kafka does not give what it has.
        """
        known: set[tuple[object, ...]] = set()
        replays: dict[str, list[DeadLetter]] = {}
        for record in self._backwards(since):
            try:
                letter = read_dead_letter(record.value or b"")
            except msgspec.MsgspecError:
                self.unreadable += 1
                continue
            if letter.kind == "replayed":
                replays.setdefault(letter.id, []).append(letter)
                continue
            identity = (letter.id, letter.kind, letter.bug)
            if identity not in known:
                known.add(identity)
                yield Found(letter, record.partition, tuple(replays.get(letter.id, ())))

    def find(self, ids: Iterable[str]) -> dict[str, Found]:
        """The newest letters of these ids, as far as they are there."""
        wanted, found = set(ids), {}
        for each in self.newest_first():
            if each.letter.id in wanted and each.letter.id not in found:
                found[each.letter.id] = each
                if len(found) == len(wanted):
                    break
        return found

    def _backwards(self, since: int) -> Iterator[Any]:
        """Records, chunk by chunk of all partitions together."""
        places = places_of(self.kafka, self.settings, self.settings.dead_letter_topic)
        ends = dict(self.kafka.end_offsets(places))
        begins = dict(self.kafka.beginning_offsets(places))
        if since:
            for place, at in self.kafka.offsets_for_times(dict.fromkeys(places, since)).items():
                begins[place] = at.offset if at else ends[place]
        while left := {place: end for place, end in ends.items() if begins[place] < end}:
            starts = {place: max(begins[place], end - CHUNK) for place, end in left.items()}
            records = list(between(self.kafka, starts, left))
            yield from sorted(records, key=attrgetter("timestamp", "offset"), reverse=True)
            ends |= starts


def original(kafka: KafkaConsumer, letter: DeadLetter) -> bytes | None:
    """The whole record of a letter, from the topic it came from; None where Kafka has it no more."""
    place = TopicPartition(letter.topic, letter.partition)
    if letter.partition not in (kafka.partitions_for_topic(letter.topic) or ()):
        return None
    (begin,), (end,) = kafka.beginning_offsets([place]).values(), kafka.end_offsets([place]).values()
    if not begin <= letter.offset < end:
        return None
    records = list(between(kafka, {place: letter.offset}, {place: letter.offset + 1}))
    return (records[0].value or b"") if records else None
