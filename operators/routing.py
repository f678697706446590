"""From raw records to batches: decode, split into branches, sort into buckets. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from events.bucket import bucket_of
from events.decoder import Decoder
from events.event import Event
from events.verdict import Dead, Forget
from features.split import Split
from features.views import BRANCHES
from operators.batch import Batch, Forgetting, Record, encode
from sinks.dead_letters import dead_letter

ACCOUNTANT: Final = "session"
"""The branch that wants every event, so the one that accounts for every record where branches run apart."""


class Routed(NamedTuple):
    """A batch on its way: the branch is empty where one operator hosts all."""

    branch: str
    bucket: int
    payload: bytes


@dataclass(frozen=True)
class Router:
    """Sorts records into batches, one a bucket (and branch) that they touch.

    Args:
        decoder: tells events from what cannot be used.
        topic: named in dead letters.
        buckets: how many buckets there are.
        split: None where one operator hosts all branches.
    """

    decoder: Decoder
    topic: str
    buckets: int
    split: Split | None = None

    def route(
        self,
        partitions: Sequence[int],
        offsets: Sequence[int],
        raws: Sequence[bytes],
        newest: int,
        at: int,
    ) -> list[Routed]:
        """Route the records of one call.

        `newest` is their greatest Kafka timestamp, `at` the clock, both epoch ms.
        """
        batches: dict[tuple[str, int], Batch] = {}
        home = ACCOUNTANT if self.split else ""
        decode, buckets = self.decoder.decode, self.buckets
        for partition, offset, raw in zip(partitions, offsets, raws, strict=True):
            verdict = decode(raw)
            if type(verdict) is Event:
                bucket = bucket_of(verdict.shopper, buckets)
                record = Record(partition, offset, verdict, raw)  # type: ignore[arg-type]
                batch = _batch(batches, home, bucket, newest)
                batch.records.append(record)
                if self.split:
                    for branch in self.split.of(verdict):
                        if branch != home:
                            other = _batch(batches, branch, bucket, newest)
                            other.records.append(record)
                            other.reads[partition] = 0, offset
            elif type(verdict) is Forget:
                bucket = bucket_of(verdict.shopper, buckets)
                for branch in BRANCHES if self.split else (home,):
                    batch = _batch(batches, branch, bucket, newest)
                    before = len(batch.records)
                    batch.forgets.append(Forgetting(partition, offset, verdict.shopper, before))
                    if branch != home:
                        batch.reads[partition] = 0, offset
                batch = batches[home, bucket]
            else:
                batch = _batch(batches, home, offset % buckets, newest)
                if type(verdict) is Dead:
                    letter = dead_letter(raw, verdict, self.topic, partition, offset, at)
                    batch.letters.append(letter.decode())
                else:
                    reason = verdict.reason  # type: ignore[union-attr]
                    batch.filtered[reason] = batch.filtered.get(reason, 0) + 1
            read, greatest = batch.reads.get(partition, (0, offset))
            batch.reads[partition] = (read + 1, max(greatest, offset))
        return [Routed(branch, bucket, encode(batch)) for (branch, bucket), batch in batches.items()]


def _batch(batches: dict[tuple[str, int], Batch], branch: str, bucket: int, newest: int) -> Batch:
    batch = batches.get((branch, bucket))
    if batch is None:
        batch = batches[branch, bucket] = Batch(bucket, newest, {}, {}, [], [])
    return batch
