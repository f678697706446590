"""What the decode function hands to one bucket: events with their records, the others already judged."""

from collections.abc import Sequence
from typing import Final

import msgspec

from events.event import Event
from features.entities.state import Combined
from features.identity import Move


class Record(msgspec.Struct, array_like=True, gc=False):
    """One event and where it came from. `raw` is a view into the batch, needed for dead letters only."""

    partition: int
    offset: int
    event: Event
    raw: memoryview


class Forgetting(msgspec.Struct, array_like=True, gc=False):
    """A control record: the shopper is forgotten, with all that stands in the batch before `before`."""

    partition: int
    offset: int
    shopper: str
    before: int
    """Index into the batch's records."""


class Login(msgspec.Struct, array_like=True, gc=False):
    """A user on a device, told to the device's bucket; the events themselves go to the user's."""

    device: str
    user: str
    first: int
    """Event time of the first of them, epoch ms."""
    last: int
    before: int
    """Index into the batch's records: they came before that one."""


class Stage(msgspec.Struct, array_like=True, gc=False):
    """What entities are told: shoppers who are forgotten, then what is added."""

    forgotten: list[str]
    added: list[Combined]


class Batch(msgspec.Struct, array_like=True):
    """One bucket's share of the records that one call decoded. New fields go to the end, with a default."""

    bucket: int
    newest: int = 0
    """Greatest Kafka timestamp of the call's records, epoch ms."""
    reads: dict[int, tuple[int, int]] = {}
    """Partition -> (records that this bucket accounts for, the greatest offset). Of branches that run
    apart one accounts for records; the others say 0, and how far they are: so they know what is read anew."""
    filtered: dict[str, int] = {}
    letters: list[str] = []
    """Dead letters of records that could not be decoded."""
    records: list[Record] = []
    forgets: list[Forgetting] = []
    again: bool = False
    """Whether its one record may have been accounted for before a migration."""
    logins: list[Login] = []
    unlinks: list[Forgetting] = []
    """Control records that others account for: to every bucket of devices, and from there to the user's."""
    moves: list[Move] = []
    """What devices hand over to users of this bucket."""
    restated: dict[str, int] = {}
    """User -> when a run began, epoch ms: all rows are to stand above what was written before."""
    stages: list[Stage] = []
    """For buckets of entities, one after the other."""
    counts: dict[str, int] = {}
    """What is counted beside the verdicts, of events that waited and of side inputs."""


class Head(msgspec.Struct, array_like=True):
    """What is to be known of a batch before it is decoded."""

    bucket: int
    newest: int = 0
    reads: msgspec.Raw = msgspec.Raw()
    filtered: msgspec.Raw = msgspec.Raw()
    letters: msgspec.Raw = msgspec.Raw()
    records: msgspec.Raw = msgspec.Raw()
    forgets: msgspec.Raw = msgspec.Raw()
    again: bool = False
    logins: msgspec.Raw = msgspec.Raw()
    unlinks: msgspec.Raw = msgspec.Raw()
    moves: msgspec.Raw = msgspec.Raw()
    restated: msgspec.Raw = msgspec.Raw()
    stages: msgspec.Raw = msgspec.Raw()
    counts: msgspec.Raw = msgspec.Raw()


def together(batches: Sequence[Batch]) -> Batch:
    """The work of several batches of a bucket as that of one; what they account for is left out."""
    if len(batches) == 1:
        return batches[0]
    whole = Batch(batches[0].bucket, max(batch.newest for batch in batches), {}, {}, [], [])
    for batch in batches:
        before = len(whole.records)
        for mine, theirs in ((whole.forgets, batch.forgets), (whole.unlinks, batch.unlinks)):
            for each in theirs:
                each.before += before
                mine.append(each)
        for login in batch.logins:
            login.before += before
            whole.logins.append(login)
        whole.records += batch.records
        whole.moves += batch.moves
        whole.restated |= batch.restated
        whole.stages += batch.stages
    return whole


_ENCODER: Final = msgspec.msgpack.Encoder()
_HEADS: Final = msgspec.msgpack.Decoder(Head)
_DECODER: Final = msgspec.msgpack.Decoder(Batch)


def encode(batch: Batch) -> bytes:
    """The batch as bytes."""
    return _ENCODER.encode(batch)


def head_of(data: bytes) -> Head:
    """The head of the batch in `data`."""
    return _HEADS.decode(data)


def decode(data: bytes) -> Batch:
    """The batch in `data`, which must outlive it."""
    return _DECODER.decode(data)
