"""What the decode function hands to one bucket: events with their records, the others already judged."""

from typing import Final

import msgspec

from events.event import Event


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
