"""Dead letters as JSON: a record that gave no event, why, its bytes, to explain and replay it. Pure."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import PurePath
from traceback import walk_tb
from typing import Final, Literal

import msgspec

from events.verdict import Dead, Reason

Kind = Literal["undecodable", "future", "bug", "misrouted", "replayed"]
"""`replayed` is no dead record: it marks that the one of the same id was sent again."""

RAW_BYTES: Final = 65_536
"""So much of the raw record is kept; `size` and `sha256` are those of the whole."""

_OURS: Final = frozenset({"events", "features", "operators", "sinks", "jobs"})
_IDENTIFYING: Final = re.compile(
    r"user|shopper|session|device|email|ip_?address|(^|[._])id\b|_id\b|userid", re.IGNORECASE
)
_MASK: Final = "•••"


class Bug(msgspec.Struct, frozen=True):
    """Where our own code failed. No message: it might quote the record."""

    exception: str
    """Qualified name of its class."""
    place: str
    """`package/module.py:line` of the innermost frame in our packages; empty where none is."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could not be used. In JSON, `raw` is base64."""

    id: str
    """`<topic>/<partition>/<offset>`."""
    kind: Kind
    wire_format: str
    """The format that was tried; empty where none was."""
    reasons: tuple[Reason, ...]
    topic: str
    partition: int
    offset: int
    at: int
    """When it was found dead, epoch milliseconds."""
    size: int
    """Bytes of the whole record."""
    sha256: str
    """Digest of the whole record, in hex."""
    raw: bytes | None
    """Its first `RAW_BYTES`; None where a listing hides them."""
    bug: Bug | None = None

    @property
    def whole(self) -> bool:
        """Whether `raw` is all of the record, so that it can be replayed from here."""
        return self.raw is not None and len(self.raw) == self.size


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(DeadLetter).decode


def dead_letter(
    raw: bytes,
    dead: Dead,
    topic: str,
    partition: int,
    offset: int,
    at: int,
    kind: Kind = "undecodable",
    error: BaseException | None = None,
) -> bytes:
    """The dead letter of one record, as it goes to the topic; `error` is what a `bug` raised."""
    return _encode(
        DeadLetter(
            id=f"{topic}/{partition}/{offset}",
            kind=kind,
            wire_format=dead.wire_format,
            reasons=dead.reasons,
            topic=topic,
            partition=partition,
            offset=offset,
            at=at,
            size=len(raw),
            sha256=hashlib.sha256(raw).hexdigest(),
            raw=raw[:RAW_BYTES],
            bug=bug_of(error) if error is not None else None,
        )
    )


def read_dead_letter(data: bytes) -> DeadLetter:
    """The letter that `dead_letter` wrote; fields that it does not know are passed over.

    Raises:
        msgspec.MsgspecError: if `data` is no dead letter.
    """
    return _decode(data)


def masked(letter: DeadLetter) -> DeadLetter:
    """The letter as listings show it: without the record, and without values of fields that name a person."""
    return msgspec.structs.replace(letter, raw=None, reasons=_masked(letter.reasons))


def bug_of(error: BaseException) -> Bug:
    """Class and place of `error`, never its message."""
    place = ""
    for frame, line in walk_tb(error.__traceback__):
        # Paths differ between machines and inside archives; from the package's name on they are the same.
        parts = PurePath(frame.f_code.co_filename).parts
        start = next((i for i in reversed(range(len(parts))) if parts[i] in _OURS), None)
        if start is not None and str(frame.f_globals.get("__name__", "")).split(".")[0] in _OURS:
            place = f"{'/'.join(parts[start:])}:{line}"
    return Bug(f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins."), place)


def _masked(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    return tuple(
        reason._replace(value=_MASK) if _IDENTIFYING.search(reason.field) else reason for reason in reasons
    )
