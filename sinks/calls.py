"""One command of a pipeline: what it says, where it goes, how it comes apart."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1
from typing import Any, Final, NamedTuple

import msgspec

from sinks.text import cleaned

BATCH_ROWS: Final = 1_000
BATCH_BYTES: Final = 4 * 1024 * 1024
CALL_ROWS: Final = 100
"""Rows that one script call writes where a node has all keys; Redis does nothing else for a millisecond.
One call a shopper would cost it a fifth more."""

_encode: Final = msgspec.msgpack.Encoder().encode


class Script(NamedTuple):
    """A Lua script by its text and the name that Redis gives it."""

    text: str
    sha: str

    @classmethod
    def of(cls, text: str) -> "Script":
        """The script of this text."""
        # Redis names scripts by their SHA-1; nothing is kept secret by it.
        return cls(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


@dataclass(slots=True, eq=False)
class Call:
    """A command for one slot: an EVALSHA of some rows, or (`script` None) a plain HSET."""

    key: str
    """Says which node of a cluster it goes to; all its keys share a slot."""
    args: tuple[Any, ...]
    script: Script | None = None
    rows: tuple[tuple[str, Sequence[Any]], ...] = ()
    """(key, argument) of each row, for the case that it must be taken apart."""
    subjects: tuple[str, ...] = ()
    """The shopper of each row."""
    beside: tuple[tuple[str, ...], ...] = ()
    """For each row the further keys that its script touches, in the same slot."""
    everywhere: bool = False
    """Whether it goes to every node of a cluster, each with a key of its own."""
    asking: tuple[str, int] | None = None
    """The node that takes this call while its slot moves there."""

    @property
    def size(self) -> int:
        """Bytes on the wire, about."""
        last = self.args[-1]
        return len(last) if isinstance(last, bytes) else sum(len(arg) for arg in self.args)

    def apart(self) -> list["Call"]:
        """A call for each row: while a slot moves, a cluster takes one key at a time."""
        if self.script is None:
            return [self]
        if self.beside:
            pairs = zip(self.rows, self.beside, strict=True)
            return [evaluation_beside(self.script, [row], [others]) for row, others in pairs]
        subjects = self.subjects or ("",) * len(self.rows)
        return [
            evaluation(self.script, [row], [whose]) for row, whose in zip(self.rows, subjects, strict=True)
        ]

    def tagged(self, tag: str) -> "Call":
        """The same for one node: its keys carry a hash tag. A plain HSET stays as it is."""
        if self.script is None:
            return self
        return evaluation(self.script, [(f"{key}:{{{tag}}}", row) for key, row in self.rows])


def evaluation(
    script: Script, rows: Sequence[tuple[str, Sequence[Any]]], subjects: Sequence[str] = ()
) -> Call:
    """The call that runs `script` over `rows`, in ONE MessagePack argument.

    Arguments of their own would cost four times as much to pack (bench/redis_write.py).
    """
    keys, arguments = zip(*rows, strict=True)
    try:
        argument = _encode(arguments)
    except UnicodeEncodeError:
        argument = _encode(cleaned(arguments))
    return Call(
        keys[0], ("EVALSHA", script.sha, len(keys), *keys, argument), script, tuple(rows), tuple(subjects)
    )


def evaluation_beside(
    script: Script, rows: Sequence[tuple[str, Sequence[Any]]], beside: Sequence[tuple[str, ...]]
) -> Call:
    """The same where the script touches further keys of each row, given behind the row's own."""
    keys = [key for (first, _), others in zip(rows, beside, strict=True) for key in (first, *others)]
    call = evaluation(script, rows)
    call.args = ("EVALSHA", script.sha, len(keys), *keys, call.args[-1])
    call.beside = tuple(beside)
    return call


def plain(key: str, mapping: Mapping[str, str | int]) -> Call:
    """A plain HSET."""
    return Call(key, ("HSET", key, *(text for pair in mapping.items() for text in map(str, pair))))


def cut(calls: Iterable[Call]) -> Iterator[list[Call]]:
    """Pipelines of at most `BATCH_ROWS` rows and `BATCH_BYTES`, unless one call alone is larger."""
    batch: list[Call] = []
    rows = size = 0
    for call in calls:
        more = max(1, len(call.rows))
        if batch and (rows + more > BATCH_ROWS or size + call.size > BATCH_BYTES):
            yield batch
            batch, rows, size = [], 0, 0
        batch.append(call)
        rows, size = rows + more, size + call.size
    if batch:
        yield batch
