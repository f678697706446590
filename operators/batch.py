"""What the decode function hands to one bucket: events with their records, the others already judged.

Raw records are seven eighths of the bytes, and only dead letters need them. Of those who are behind they go
compressed, those of a batch together: for some microseconds a record a batch is a quarter as large, in the
network, in the state where it waits, and in checkpoints.
"""

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from zstandard import ZstdCompressor, ZstdDecompressor

from events.event import Event
from features.entities.state import Combined
from features.identity import Move


class Record(msgspec.Struct, array_like=True, gc=False):
    """One event and where it came from."""

    partition: int
    offset: int
    event: Event
    raw: memoryview | int
    """The record as it was read; in a batch that was encoded, how many bytes of its `raws` that is."""


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
    raws: bytes = b""
    """The raw records of `records`, one behind the other, compressed by Zstandard; see `Raws`."""


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
    raws: msgspec.Raw = msgspec.Raw()


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


LEVEL: Final = 1
"""Of Zstandard: 2 µs a record of 2.2 kB where 40 are together, for an eighth of its bytes."""
MOST_UNPACKED: Final = 64 * 1024 * 1024
"""So many bytes of raw records are kept unpacked at most, but for the last batch."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_HEADS: Final = msgspec.msgpack.Decoder(Head)
_DECODER: Final = msgspec.msgpack.Decoder(Batch)


class _Codecs(threading.local):
    """Of each thread, since operators share the interpreter, and these let go of its lock while they work."""

    def __init__(self) -> None:
        self.compressor = ZstdCompressor(LEVEL)
        self.decompressor = ZstdDecompressor()


_codecs: Final = _Codecs()


class Raws:
    """The raw records of batches that were decoded; a batch is unpacked when one of its is asked for.

    >>> event = Event("ann", "e-1", 1_700_000_000_000, "page_view")
    >>> batch = Batch(0, records=[Record(0, 7, event, memoryview(b"as it was read"))])
    >>> batch = decode(encode_all([batch], packed=True)[0])
    >>> batch.records[0].raw, Raws([batch]).of(batch.records[0])
    (14, b'as it was read')
    """

    def __init__(self, batches: Sequence[Batch]) -> None:
        """Keep the batches."""
        self._batches = batches
        self._places: dict[tuple[int, int], tuple[int, int, int]] | None = None
        """Partition and offset -> number of the batch, begin and end in what it unpacks to."""
        self._unpacked: dict[int, bytes] = {}

    def of(self, record: Record) -> bytes:
        """The bytes of a record of these batches, as they were read."""
        if not isinstance(record.raw, int):
            return bytes(record.raw)
        if self._places is None:
            self._places = dict(self._placed())
        number, begin, end = self._places[record.partition, record.offset]
        return self._whole(number)[begin:end]

    def _placed(self) -> Iterator[tuple[tuple[int, int], tuple[int, int, int]]]:
        for number, batch in enumerate(self._batches):
            place = 0
            for record in batch.records:
                if isinstance(record.raw, int):
                    yield (record.partition, record.offset), (number, place, place + record.raw)
                    place += record.raw

    def _whole(self, number: int) -> bytes:
        whole = self._unpacked.get(number)
        if whole is None:
            if sum(map(len, self._unpacked.values())) > MOST_UNPACKED:
                self._unpacked.clear()
            whole = self._unpacked[number] = _codecs.decompressor.decompress(self._batches[number].raws)
        return whole


def encode(batch: Batch) -> bytes:
    """The batch as bytes, its raw records as they are there."""
    return _ENCODER.encode(batch)


def encode_all(batches: Sequence[Batch], *, packed: bool) -> list[bytes]:
    """Batches, whose records have their bytes, each as bytes; with `packed`, its raw records are compressed.

    All in one call: each lets go of the interpreter's lock, and may wait milliseconds to have it back.
    """
    joined: list[Any] = []
    if packed:  # a batch of logins alone has no records
        joined = [b"".join([each.raw for each in batch.records]) for batch in batches if batch.records]  # type: ignore[misc]
    if not any(joined):
        return list(map(encode, batches))
    made: Any = iter(_codecs.compressor.multi_compress_to_buffer(joined, threads=1))
    return [encode(_packed(batch, next(made).tobytes()) if batch.records else batch) for batch in batches]


def _packed(batch: Batch, raws: bytes) -> Batch:
    return replace(batch, records=list(map(_sized, batch.records)), raws=raws)


def _sized(record: Record) -> Record:
    return Record(record.partition, record.offset, record.event, len(record.raw))  # type: ignore[arg-type]


def head_of(data: bytes) -> Head:
    """The head of the batch in `data`."""
    return _HEADS.decode(data)


def decode(data: bytes) -> Batch:
    """The batch in `data`, which must outlive it."""
    return _DECODER.decode(data)
