"""What devices hand on to users, as batches for the users' buckets. Knows no Flink."""

from typing import Final

from msgspec.structs import replace

from events.bucket import bucket_of
from operators.backlog import behind
from operators.batch import Batch, Raws, encode_all
from operators.bucket import Bucket
from operators.ledger import Ledger
from operators.outcome import Outcome

REPLAYS_MS: Final = 600_000
"""So long after a start records are taken for such as the run before may have read, at the least."""


class HandingOn:
    """Makes batches of what a bucket of devices came to."""

    def __init__(self, buckets: int, accounts: bool) -> None:
        """Keep how many buckets there are, and whether records are accounted for."""
        self._buckets = buckets
        self._accounts = accounts

    def batches(
        self, bucket: Bucket, outcome: Outcome, raws: Raws, newest: int, now: int
    ) -> list[tuple[int, bytes]]:
        """Encoded batches by the user's bucket, which accounts for those records from then on.

        Args:
            bucket: of the devices; what it gives away is noted in its ledger.
            outcome: what came of its batch.
            raws: the records of that as they were read.
            newest: greatest Kafka timestamp of that, epoch ms.
            now: epoch ms.
        """
        ledger, made = bucket.ledger, _Batches(self._buckets, newest)
        for move in outcome.moves:
            move.life = ledger.life
            made.to(move.user).moves.append(move)
        self._forward(outcome, raws, made, ledger)
        if outcome.shared and _replays(bucket, newest, now):
            self._restate(outcome.shared, made, bucket)
        ledger.add("handed_on", len(outcome.forwards))
        ledger.add("moves", len(outcome.moves))
        ledger.add("unlinks.given", len(outcome.unlinks))
        payloads = encode_all(list(made.by_bucket.values()), packed=behind(newest, now))
        return list(zip(made.by_bucket, payloads, strict=True))

    def _forward(self, outcome: Outcome, raws: Raws, made: "_Batches", ledger: Ledger) -> None:
        """Records in their order, and control records where they stood between them."""
        left = iter(outcome.unlinks)
        unlink = next(left, None)
        for place, record in enumerate([*outcome.forwards, None]):
            while unlink is not None and unlink.before <= place:
                batch = made.to(unlink.shopper)
                batch.unlinks.append(replace(unlink, before=len(batch.records)))
                unlink = next(left, None)
            if record is None:
                break
            batch = made.to(record.event.shopper)
            read, offset = batch.reads.get(record.partition, (0, record.offset))
            own = int(self._accounts)
            batch.reads[record.partition] = read + own, max(offset, record.offset)
            batch.records.append(replace(record, raw=memoryview(raws.of(record))))
            if own:
                ledger.give_away(record.partition)

    def _restate(self, users: set[str], made: "_Batches", bucket: Bucket) -> None:
        """Tell the users' buckets, each user once in a run."""
        for user in sorted(users - bucket.restated):
            made.to(user).restated[user] = bucket.met
        bucket.restated.update(users)


class _Batches:
    def __init__(self, buckets: int, newest: int) -> None:
        self._buckets = buckets
        self._newest = newest
        self.by_bucket: dict[int, Batch] = {}

    def to(self, user: str) -> Batch:
        number = bucket_of(user, self._buckets)
        if number not in self.by_bucket:
            self.by_bucket[number] = Batch(number, self._newest)
        return self.by_bucket[number]


def _replays(bucket: Bucket, newest: int, now: int) -> bool:
    """Whether a run that crashed may have read these records, and written rows of them."""
    return now < bucket.met + REPLAYS_MS or newest <= bucket.met
