"""Reads the topic and the dead letters as they come, beside the job and without disturbing it."""

import threading
import time
from collections import deque
from typing import Any, Final

import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from jobs.kafka.client import KafkaUnreachableError, consumer
from jobs.page.kept import Arrival, Kept
from jobs.page.looked_at import LookedAt
from jobs.settings import Settings
from sinks.dead_letters import DeadLetter, masked, read_dead_letter

MOST_BEHIND: Final = 50_000
"""Records that are read at the start, or after falling behind; what lies before is passed over."""
MOST_LETTERS: Final = 20
_POLL_MS: Final = 100
_LOOK_S: Final = 0.5
_AGAIN_S: Final = 1.0


class Tail(threading.Thread):
    """A thread that follows both topics from the longest window back, or a bounded number of records.

    It rests while nobody looks.
    """

    def __init__(self, settings: Settings, kept: Kept) -> None:
        """Prepare; `start` reads."""
        super().__init__(name="page-tail", daemon=True)
        self.ends: dict[int, int] = {}
        """By partition, the offset that the next record will get."""
        self.error = ""
        """Why Kafka is not read now."""
        self.letters: deque[DeadLetter] = deque(maxlen=MOST_LETTERS)
        """The latest dead letters, oldest first, without what names a person."""
        self._settings = settings
        self._kept = kept
        self._decode = settings.decoder().decode
        self._next: dict[Any, int] = {}
        self._looked_at = LookedAt()
        self.look = self._looked_at.look
        self._stopping = threading.Event()

    def run(self) -> None:
        """Read until stopped."""
        while not self._stopping.is_set():
            try:
                with consumer(self._settings) as kafka:
                    self._follow(kafka)
            except (KafkaUnreachableError, KafkaError, OSError) as error:
                self.error = str(error)
                self._stopping.wait(_AGAIN_S)

    def stop(self) -> None:
        """Read no more."""
        self._stopping.set()
        self._looked_at.wake()
        if self.is_alive():
            self.join(timeout=2)

    def _follow(self, kafka: KafkaConsumer) -> None:
        places = self._places(kafka)
        kafka.assign(places)
        for place, offset in self._starts(kafka, places).items():
            kafka.seek(place, offset)
        self.error = "" if places else f"Kafka has no topic {self._settings.topic}"
        looked = 0.0
        while not self._stopping.is_set():
            self._looked_at.rest()
            if time.monotonic() - looked > _LOOK_S:
                looked = time.monotonic()
                self._look(kafka)
            self._take(kafka.poll(timeout_ms=_POLL_MS, max_records=2_000) if places else {})
            if not places:
                self._stopping.wait(_AGAIN_S)
                return

    def _places(self, kafka: KafkaConsumer) -> list[Any]:
        topics = self._settings.topic, self._settings.dead_letter_topic
        return [
            TopicPartition(topic, number)
            for topic in topics
            for number in sorted(kafka.partitions_for_topic(topic) or ())
        ]

    def _starts(self, kafka: KafkaConsumer, places: list[Any]) -> dict[Any, int]:
        """Where it was; at first from the longest window back, as the job does, within bounds."""
        longest = self._settings.definitions().windows[-1]
        since = round(time.time() * 1000) - longest.size_ms - longest.pane_ms
        ends, begins = kafka.end_offsets(places), kafka.beginning_offsets(places)
        found = kafka.offsets_for_times(dict.fromkeys(places, since))
        most = MOST_BEHIND // max(1, len(places))
        return {
            place: self._next.get(
                place, max(begins[place], ends[place] - most, found[place].offset if found.get(place) else 0)
            )
            for place in places
        }

    def _look(self, kafka: KafkaConsumer) -> None:
        """Note the ends, and skip what cannot be caught up with."""
        own = [place for place in kafka.assignment() if place.topic == self._settings.topic]
        ends = kafka.end_offsets(own)
        self.ends = {place.partition: end for place, end in ends.items()}
        for place, end in ends.items():
            if end - kafka.position(place) > MOST_BEHIND:
                kafka.seek(place, end - MOST_BEHIND // 2)

    def _take(self, batches: dict[Any, list[Any]]) -> None:
        arrivals = []
        for place, records in batches.items():
            self._next[place] = records[-1].offset + 1
            if place.topic == self._settings.topic:
                arrivals += [
                    Arrival(each.timestamp, place.partition, each.offset, self._decode(each.value or b""))
                    for each in records
                ]
            else:
                self._letters(records)
        if arrivals:
            self._kept.add(arrivals)

    def _letters(self, records: list[Any]) -> None:
        for record in records:
            try:
                letter = read_dead_letter(record.value or b"")
            except msgspec.MsgspecError:
                continue
            # After a restart a letter may be written once more.
            if letter.kind != "replayed" and letter.id not in {each.id for each in self.letters}:
                self.letters.append(masked(letter))
