"""From raw records of side inputs to what operators are told of them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from events.bucket import bucket_of
from events.sides.decoder import SideDecoder
from events.sides.row import PRODUCTS, SideRow
from events.verdict import Dead
from operators.batch import Batch, encode
from operators.combining import Combining
from operators.joining import Change
from operators.joining import encode as encode_joining
from operators.routed import ACCOUNTANT, CATALOGUE, ENTITIES, Routed
from sinks.dead_letters import dead_letter


class Told(NamedTuple):
    """What became of one call."""

    routed: list[Routed]
    letters: list[str]


@dataclass(frozen=True)
class SideRouter:
    """Sorts the rows of one side input by who wants them.

    Args:
        decoder: of the side input.
        buckets: how many buckets there are.
        apart: whether branches have operators of their own; one of them counts.
        completes: whether the catalogue completes events.
        combining: what makes batches for entities, where there are views of them.
        ends: by partition, how far the catalogue's topic went when the job was submitted.
    """

    decoder: SideDecoder
    buckets: int
    apart: bool = False
    completes: bool = False
    combining: Combining | None = None
    ends: Mapping[int, int] = field(default_factory=dict)
    _read: set[int] = field(default_factory=set, init=False)

    def route(
        self,
        partitions: Sequence[int],
        offsets: Sequence[int],
        values: Sequence[bytes],
        keys: Sequence[bytes],
        at: int,
    ) -> Told:
        """Route the records of one call; `at` is the clock, epoch ms."""
        side = self.decoder.side
        rows: list[SideRow] = []
        letters: list[str] = []
        for partition, offset, key, value in zip(partitions, offsets, keys, values, strict=True):
            row = self.decoder.decode(key, value)
            if isinstance(row, Dead):
                letters.append(dead_letter(value, row, side.topic, partition, offset, at).decode())
            else:
                rows.append(row)
        gone = sum(row.gone for row in rows)
        told = {"rows": len(rows) - gone, "tombstones": gone, "dead": len(letters)}
        counts = {f"side.{side.table}.{name}": number for name, number in told.items() if number}
        routed: list[Routed] = []
        if self.combining is not None:
            told_beyond = self.combining.sides(rows, 0)
            if self.combining.lost:
                counts["facts.lost"] = self.combining.lost
            routed += [Routed(ENTITIES, number, payload) for number, payload in told_beyond]
        bucket = partitions[0] % self.buckets
        # Without a time, for how fresh events are is none of its business.
        counted = Batch(bucket, counts=counts)
        routed.append(Routed(ACCOUNTANT if self.apart else "", bucket, encode(counted)))
        if self.completes and side.table == PRODUCTS:
            routed += self._changes(rows, partitions, offsets)
        return Told(routed, letters)

    def _changes(
        self, rows: Sequence[SideRow], partitions: Sequence[int], offsets: Sequence[int]
    ) -> list[Routed]:
        changes: dict[int, Change] = {}
        for row in rows:
            number = bucket_of(row.key, self.buckets)
            changes.setdefault(number, Change(number, [], [])).rows.append(row)
        for partition, offset in zip(partitions, offsets, strict=True):
            if partition not in self._read and offset >= self.ends.get(partition, 0) - 1:
                self._read.add(partition)
                for number in range(self.buckets):
                    changes.setdefault(number, Change(number, [], [])).loaded.append(partition)
        return [Routed(CATALOGUE, number, encode_joining(change)) for number, change in changes.items()]
