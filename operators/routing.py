"""From raw records to batches: decode, split into branches, sort into buckets. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from events.bucket import bucket_of
from events.decoder import Decoder
from events.event import Event
from events.sides.completing import wanting
from events.sources.decoder import SourceDecoder
from events.sources.reader import Position
from events.verdict import Dead, Filtered, Forget, Verdict
from features.split import Split
from features.views import BRANCHES
from operators.batch import Forgetting, Record
from operators.places import place_of, topic_and_partition
from operators.routed import ACCOUNTANT, Batches, Held, Routed, devices_of
from operators.settled import Settled
from sinks.dead_letters import dead_letter


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
        completes: whether events wait for what the catalogue says of their products.
    """

    decoder: Decoder | SourceDecoder
    topic: str
    buckets: int
    split: Split | None = None
    identity: bool = False
    number: int = 0
    completes: bool = False
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
        batches = Batches(newest, ACCOUNTANT if self.split else "")
        completes, held = self.completes, Held(self.buckets, newest)
        verdicts = self._verdicts(partitions, offsets, raws, times)
        places = [place_of(self.number, each) for each in partitions] if self.number else partitions
        for partition, offset, raw, verdict in zip(places, offsets, raws, verdicts, strict=True):
            if type(verdict) is Event:
                record = Record(partition, offset, verdict, raw)  # type: ignore[arg-type]
                if completes and (lacks := wanting(verdict)):
                    held.add(record, lacks)
                else:
                    self._place(batches, record, at)
            elif type(verdict) is Forget:
                if completes:
                    held.forget(verdict.shopper, partition, offset)
                else:
                    self._forget(batches, verdict.shopper, partition, offset)
            else:
                batch = batches.at(batches.home, offset % self.buckets, partition, offset, 1)
                if type(verdict) is Dead:
                    _, number = topic_and_partition(partition)
                    letter = dead_letter(raw, verdict, self.topic, number, offset, at)
                    batch.letters.append(letter.decode())
                elif type(verdict) is Filtered:
                    batch.filtered[verdict.reason] = batch.filtered.get(verdict.reason, 0) + 1
        return [*batches.routed(at), *held.routed()] if completes else batches.routed(at)

    def onward(
        self,
        bucket: int,
        steps: Iterable[Record | Forgetting],
        newest: int,
        at: int,
        counts: Mapping[str, int] = MappingProxyType({}),
    ) -> list[Routed]:
        """Route events that waited, and control records behind them, as `route` would have.

        Args:
            bucket: where `counts` go.
            steps: in the order in which they are to count.
            newest: greatest Kafka timestamp of their calls, epoch ms.
            at: the clock, epoch ms.
            counts: what is to be counted beside the verdicts.
        """
        batches = Batches(newest, ACCOUNTANT if self.split else "")
        for step in steps:
            if isinstance(step, Record):
                self._place(batches, step, at)
            else:
                self._forget(batches, step.shopper, step.partition, step.offset)
        if counts:
            batches.batch(batches.home, bucket).counts = dict(counts)
        return batches.routed(at)

    def _place(self, batches: Batches, record: Record, at: int) -> None:
        event = record.event
        if self.identity and event.device_id is not None:
            self._identified(batches, record, event.device_id, at)
            return
        bucket = bucket_of(event.shopper, self.buckets)
        if self.split is None:
            batches.put("", bucket, record, home=True)
            return
        for branch in self._branches(batches, event):
            batches.put(branch, bucket, record, branch == batches.home)

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

    def _branches(self, batches: Batches, event: Event) -> Sequence[str]:
        if self.split is None:
            return (batches.home,)
        return (batches.home, *[branch for branch in self.split.of(event) if branch != batches.home])

    def _identified(self, batches: Batches, record: Record, device: str, at: int) -> None:
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

    def _merge(self, batches: Batches, record: Record) -> None:
        """What Snowplow found to be one person's is as if that person had logged in on each."""
        event = record.event
        into = event.merged_into or event.shopper
        for branch in self._hosts():
            for device in (*event.merged, into) if into != event.user_id else event.merged:
                batches.tell(devices_of(branch), bucket_of(device, self.buckets), record, device, into)

    def _forget(self, batches: Batches, shopper: str, partition: int, offset: int) -> None:
        """To the bucket of the shopper, and to all where devices may know of logins."""
        for branch in self._hosts():
            home = branch == batches.home
            batch = batches.at(branch, bucket_of(shopper, self.buckets), partition, offset, int(home))
            batch.forgets.append(Forgetting(partition, offset, shopper, len(batch.records)))
            for bucket in range(self.buckets) if self.identity else ():
                batch = batches.at(devices_of(branch), bucket, partition, offset, 0)
                batch.unlinks.append(Forgetting(partition, offset, shopper, len(batch.records)))
