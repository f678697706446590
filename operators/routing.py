"""From raw records to batches: decode, split into branches, sort into buckets. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from events.bucket import bucket_of
from events.decoder import Decoder
from events.event import Event
from events.sources.decoder import SourceDecoder
from events.sources.reader import Position
from events.verdict import Dead, Filtered, Forget, Verdict
from features.split import Split
from features.views import BRANCHES
from operators.batch import Batch, Forgetting, Login, Record, encode
from operators.places import place_of, topic_and_partition
from operators.settled import Settled
from sinks.dead_letters import dead_letter

ACCOUNTANT: Final = "session"
"""The branch that wants every event, so the one that accounts for every record where branches run apart."""
ENTITIES: Final = "entities"
"""The operator that holds entities beyond the shopper, where there are views of them."""
RANKINGS: Final = "rankings"
"""The one that puts sorted sets over all entities together."""
DEVICES: Final = "devices"
"""The operator that holds those who have not logged in, where logins count."""


class Routed(NamedTuple):
    """A batch on its way to one bucket of one operator."""

    host: str
    """The branch that the operator hosts, empty for all; of those of devices `devices_of` says the name."""
    bucket: int
    payload: bytes


def devices_of(branch: str) -> str:
    """Name of the operator that holds devices: for one branch, or for all.

    >>> devices_of(""), devices_of("cart")
    ('devices', 'devices-cart')
    """
    return f"{DEVICES}-{branch}" if branch else DEVICES


@dataclass(frozen=True)
class Router:
    """Sorts records into batches, one a bucket and operator that they touch.

    Args:
        decoder: tells events from what cannot be used; that of a declared source knows their places, too.
        topic: named in dead letters.
        buckets: how many buckets there are.
        split: None where one operator hosts all branches.
        identity: whether devices have operators of their own, which know who is logged in.
        number: of the topic, in what buckets remember (`operators.places`).
    """

    decoder: Decoder | SourceDecoder
    topic: str
    buckets: int
    split: Split | None = None
    identity: bool = False
    number: int = 0
    settled: Settled = field(default_factory=Settled)

    def route(
        self,
        partitions: Sequence[int],
        offsets: Sequence[int],
        raws: Sequence[bytes],
        newest: int,
        at: int,
        times: Sequence[int | None] = (),
    ) -> list[Routed]:
        """Route the records of one call.

        `newest` is their greatest Kafka timestamp, `at` the clock, both epoch ms; `times` are the Kafka
        timestamps of each, which only a declared source's decoder needs.
        """
        batches = _Batches(newest, ACCOUNTANT if self.split else "")
        identity, fused, buckets = self.identity, self.split is None, self.buckets
        verdicts = self._verdicts(partitions, offsets, raws, times)
        places = [place_of(self.number, each) for each in partitions] if self.number else partitions
        for partition, offset, raw, verdict in zip(places, offsets, raws, verdicts, strict=True):
            if type(verdict) is Event:
                record = Record(partition, offset, verdict, raw)  # type: ignore[arg-type]
                if identity and verdict.device_id is not None:
                    self._identified(batches, record, verdict.device_id, at)
                    continue
                bucket = bucket_of(verdict.shopper, buckets)
                if fused:
                    batches.at("", bucket, partition, offset, 1).records.append(record)
                    continue
                for branch in self._branches(batches, verdict):
                    batches.put(branch, bucket, record, branch == batches.home)
            elif type(verdict) is Forget:
                self._forget(batches, verdict.shopper, partition, offset)
            else:
                batch = batches.at(batches.home, offset % self.buckets, partition, offset, 1)
                if type(verdict) is Dead:
                    _, number = topic_and_partition(partition)
                    letter = dead_letter(raw, verdict, self.topic, number, offset, at)
                    batch.letters.append(letter.decode())
                elif type(verdict) is Filtered:
                    batch.filtered[verdict.reason] = batch.filtered.get(verdict.reason, 0) + 1
        return [Routed(host, bucket, encode(batch)) for (host, bucket), batch in batches.made.items()]

    def _verdicts(
        self,
        partitions: Sequence[int],
        offsets: Sequence[int],
        raws: Sequence[bytes],
        times: Sequence[int | None],
    ) -> Iterable[Verdict]:
        if not isinstance(self.decoder, SourceDecoder):
            return map(self.decoder.decode, raws)
        decode, topic = self.decoder.decode, self.topic
        return [
            decode(raw, Position(topic, partition, offset, at))
            for partition, offset, raw, at in zip(partitions, offsets, raws, times, strict=True)
        ]

    def _hosts(self) -> Sequence[str]:
        """The operators of users, by the branch that each hosts: one for all, or one a branch."""
        return ("",) if self.split is None else BRANCHES

    def _branches(self, batches: "_Batches", event: Event) -> Sequence[str]:
        if self.split is None:
            return (batches.home,)
        return (batches.home, *[branch for branch in self.split.of(event) if branch != batches.home])

    def _identified(self, batches: "_Batches", record: Record, device: str, at: int) -> None:
        """An event of a device: to the device's bucket, or to the user's and a word to the device's."""
        event, user = record.event, record.event.user_id
        bucket = bucket_of(device, self.buckets)
        wanted = self._branches(batches, event)
        straight = user is not None and self.settled(device, user, at)
        for branch in wanted:
            if straight:
                batches.put(branch, bucket_of(event.shopper, self.buckets), record, branch == batches.home)
            else:
                batches.put(devices_of(branch), bucket, record, branch == batches.home)
        if event.merged:
            self._merge(batches, record)
        if user is not None:
            for branch in self._hosts():
                if straight or branch not in wanted:
                    batches.tell(devices_of(branch), bucket, record, device, user)

    def _merge(self, batches: "_Batches", record: Record) -> None:
        """What Snowplow found to be one person's is as if that person had logged in on each."""
        event = record.event
        into = event.merged_into or event.shopper
        for branch in self._hosts():
            for device in (*event.merged, into) if into != event.user_id else event.merged:
                batches.tell(devices_of(branch), bucket_of(device, self.buckets), record, device, into)

    def _forget(self, batches: "_Batches", shopper: str, partition: int, offset: int) -> None:
        """To the bucket of the shopper, and to all where devices may know of logins."""
        for branch in self._hosts():
            home = branch == batches.home
            batch = batches.at(branch, bucket_of(shopper, self.buckets), partition, offset, int(home))
            batch.forgets.append(Forgetting(partition, offset, shopper, len(batch.records)))
            for bucket in range(self.buckets) if self.identity else ():
                batch = batches.at(devices_of(branch), bucket, partition, offset, 0)
                batch.unlinks.append(Forgetting(partition, offset, shopper, len(batch.records)))


class _Batches:
    """The batches of one call that are being made."""

    def __init__(self, newest: int, home: str) -> None:
        self.made: dict[tuple[str, int], Batch] = {}
        self.home = home
        self._newest = newest

    def at(self, host: str, bucket: int, partition: int, offset: int, read: int) -> Batch:
        """The batch of a bucket, which takes note of a record and accounts for it if `read` is 1."""
        batch = self.made.get((host, bucket))
        if batch is None:
            # Lists and dictionaries of its own cost less here than msgspec's copies of the defaults.
            batch = self.made[host, bucket] = Batch(bucket, self._newest, {}, {}, [], [])
        reads = batch.reads
        if partition in reads:
            known, greatest = reads[partition]
            reads[partition] = known + read, max(greatest, offset)
        else:
            reads[partition] = read, offset
        return batch

    def put(self, host: str, bucket: int, record: Record, home: bool) -> None:
        """Add an event."""
        self.at(host, bucket, record.partition, record.offset, int(home)).records.append(record)

    def tell(self, host: str, bucket: int, record: Record, device: str, user: str) -> None:
        """Add a login on a device; the event goes another way."""
        batch = self.at(host, bucket, record.partition, record.offset, 0)
        at, before = record.event.at, len(batch.records)
        last = batch.logins[-1] if batch.logins else None
        if last is not None and (last.device, last.user, last.before) == (device, user, before):
            last.first, last.last = min(last.first, at), max(last.last, at)
        else:
            batch.logins.append(Login(device, user, at, at, before))
