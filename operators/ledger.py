"""A bucket's own record, kept in its state beside the shoppers: accounting, position and the life of the run.

It is written with the shoppers' states in one call, so counters replay exactly.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from operators.batch import Batch
from operators.floors import Floors
from operators.places import SNOWPLOWS, topic_and_partition

VERDICTS: Final = ("applied", "filtered", "duplicate", "late", "dead")
"""Every record read ends in exactly one of them."""

OF_A_TABLE: Final = ("rows", "tombstones", "dead")
"""What the records of a side input are; they are no events, and in none of the sums."""


class Controls(msgspec.Struct, array_like=True):
    """What control records left behind."""

    offsets: dict[int, int] = {}
    """Partition -> greatest offset of a control record that was carried out."""
    floors: Floors = {}
    """How many records had been routed to each shopper who was forgotten (`operators.floors`)."""


class Ledger(msgspec.Struct, array_like=True):
    """One bucket's record. New fields go to the end, with a default."""

    life: int = 0
    """When the run that began without state was submitted, epoch ms: the first part of the fence."""
    covers_from: int = 0
    """From when on the job has read, epoch ms of Kafka's timestamps."""
    as_of: int = 0
    """The latest clock this bucket saw, epoch ms; it never goes back."""
    event_time: int = 0
    """Greatest event time applied, epoch ms."""
    newest: int = 0
    """Greatest Kafka timestamp read, epoch ms."""
    counts: dict[str, int] = {}
    """`read`, `batches`, the verdicts, their kinds (`dead.bug`), what the sink did (`rows.written`)."""
    partitions: dict[int, tuple[int, int]] = {}
    """Partition -> (records read, greatest offset)."""
    number: int = 0
    """Of the last write that Redis acknowledged; see `sinks.sequence`."""
    catalogue: int = 0
    """Fingerprint of the features that the rows in Redis hold."""
    controls: Controls = msgspec.field(default_factory=Controls)
    resumed: int = 0
    """Which migration the state went through last (`JobConfig.resume`, as a number)."""
    had: dict[int, int] = {}
    """Partition -> the greatest offset before that migration."""

    def add(self, name: str, number: int = 1) -> None:
        """Count."""
        if number:
            self.counts[name] = self.counts.get(name, 0) + number

    def add_of(self, place: int, name: str, number: int = 1) -> None:
        """Count for the declared source that the place is of, as `source.<its number>.<name>`."""
        if place > SNOWPLOWS:
            topic, _ = topic_and_partition(place)
            self.add(f"source.{topic}.{name}", number)

    def has(self, batch: Batch) -> bool:
        """Whether the batch, of records that are read again, was accounted for before the migration.

        Nothing was under way then, so a bucket had all records of a partition up to the greatest it had seen,
        save those that waited for the catalogue: where they still do, they are in the state of `completing`.
        """
        return bool(batch.reads) and all(
            offset <= self.had.get(partition, -1) for partition, (_, offset) in batch.reads.items()
        )

    def resume(self, migration: int, waiting: Iterable[Batch]) -> None:
        """Remember how far it was, where the state begins to go on after a migration.

        What waits is part of the state, too.
        """
        if not migration or migration == self.resumed:
            return
        self.resumed = migration
        self.had = {partition: offset for partition, (_, offset) in self.partitions.items()}
        for batch in waiting:
            for partition, (_, offset) in batch.reads.items():
                self.had[partition] = max(self.had.get(partition, -1), offset)

    def take(self, batch: Batch) -> None:
        """Account for what the decode function already judged."""
        self.add("batches")
        for partition, (records, offset) in batch.reads.items():
            read, greatest = self.partitions.get(partition, (0, offset))
            self.partitions[partition] = (read + records, max(greatest, offset))
            self.add("read", records)
            if partition > SNOWPLOWS:
                self.add_of(partition, "read", records)
        # Whoever decoded it reads one topic.
        place = next(iter(batch.reads), 0)
        for reason, number in batch.filtered.items():
            self.add("filtered", number)
            self.add(f"filtered.{reason}", number)
            self.add_of(place, "filtered", number)
        if batch.letters:
            self.add("dead", len(batch.letters))
            self.add("dead.undecodable", len(batch.letters))
            self.add_of(place, "dead", len(batch.letters))
        self.add("applied", len(batch.forgets))
        self.add("forgotten", len(batch.forgets))
        if batch.forgets:
            self.add_of(place, "applied", len(batch.forgets))
        for name, number in batch.counts.items():
            self.add(name, number)
        offsets = self.controls.offsets
        for forget in (*batch.forgets, *batch.unlinks):
            offsets[forget.partition] = max(offsets.get(forget.partition, 0), forget.offset)
        self.newest = max(self.newest, batch.newest)

    def give_away(self, partition: int) -> None:
        """Leave a record that was read to the bucket to which it goes on, which accounts for it."""
        read, offset = self.partitions[partition]
        self.partitions[partition] = (read - 1, offset)
        self.add("read", -1)
        self.add_of(partition, "read", -1)

    def progress(self, clock: int) -> dict[str, Any]:
        """What a status line needs, as plain data; `clock` is the wall time, epoch ms."""
        return {
            "at": clock,
            "as_of": self.as_of,
            "life": self.life,
            "covers_from": self.covers_from,
            "event_time": self.event_time,
            "kafka_time": self.newest,
            "partitions": {
                str(partition): {"read": read, "offset": offset}
                for partition, (read, offset) in sorted(self.partitions.items())
            },
            "counts": dict(sorted(self.counts.items())),
            "controls": {str(partition): offset for partition, offset in self.controls.offsets.items()},
        }


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Ledger)


def dump(ledger: Ledger) -> bytes:
    """The ledger as bytes."""
    return _ENCODER.encode(ledger)


def load(data: bytes) -> Ledger:
    """The ledger in `data`."""
    return _DECODER.decode(data)
