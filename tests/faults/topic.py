"""What is in the topic: the records in the order in which the job reads them, decoded as the job decodes."""

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b

from kafka import KafkaConsumer, TopicPartition

from events.decoder import Decoder
from events.event import Event
from events.verdict import Filtered
from tests.faults.persons import Arrival, Persons, is_login

WAIT_MS = 500


class Topic:
    """Follows the topic; what was read stays read."""

    def __init__(self, bootstrap: str, name: str, partitions: int) -> None:
        self._places = [TopicPartition(name, number) for number in range(partitions)]
        self._bootstrap = bootstrap
        self._next = dict.fromkeys(self._places, 0)
        self._decode = Decoder().decode
        self.persons = Persons()
        self.digests: Counter[bytes] = Counter()
        """Every record's digest: what arrived of what was sent."""
        self.undecodable: Counter[str] = Counter()
        self.rescales: list[int] = []
        """When the job was about to be stopped to go on at another parallelism, epoch ms."""

    @property
    def size(self) -> int:
        return self.digests.total()

    def ends(self) -> int:
        """How many records the topic holds now."""
        with _consumer(self._bootstrap) as consumer:
            return sum(consumer.end_offsets(self._places).values())

    def catch_up(self) -> int:
        """Read to the present end; return how many records there are."""
        with _consumer(self._bootstrap) as consumer:
            ends = consumer.end_offsets(self._places)
            consumer.assign(self._places)
            for place, offset in self._next.items():
                consumer.seek(place, offset)
            while any(self._next[place] < ends[place] for place in self._places):
                for place, records in consumer.poll(WAIT_MS).items():
                    for record in records:
                        self.add(place.partition, record.offset, record.timestamp, record.value or b"")
                        self._next[place] = record.offset + 1
        return self.size

    def shoppers(self) -> list[str]:
        return self.persons.ids()

    def arrivals(self, shopper: str) -> Iterator[Arrival]:
        """What counts for a user who has no device, or for a device until somebody logs in there."""
        person = self.persons.of(shopper)
        for event, sent_at in person.arrivals() if person else ():
            if event.device_id == shopper and is_login(event, sent_at):
                return
            if event.shopper == shopper:
                yield Arrival(event, sent_at)

    def add(self, partition: int, offset: int, sent_at: int, raw: bytes) -> None:
        """Take in a record of the topic."""
        self.digests[digest(raw)] += 1
        verdict = self._decode(raw)
        if isinstance(verdict, Event):
            self.persons.of_event(verdict).add(verdict, sent_at, partition, offset)
        else:
            self.undecodable["filtered" if isinstance(verdict, Filtered) else "dead"] += 1


def digest(raw: bytes) -> bytes:
    return blake2b(raw, digest_size=16).digest()


def _consumer(bootstrap: str) -> KafkaConsumer:
    return KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
