"""What is kept of one entity, and what a batch adds to one, as plain data."""

from functools import lru_cache
from typing import Any, Final

import msgspec

GRACE_MS: Final = 60_000
"""State outlives its row by this."""
_MARK: Final = "\x1f"


class Combined(msgspec.Struct, array_like=True, gc=False):
    """What a batch adds to one entity: its facts, merged before they travel."""

    entry: str
    """Which entity (`entry_of`)."""
    seen: int = 0
    """How many facts they are."""
    last: int = 0
    """Greatest event time, epoch ms."""
    accs: dict[int, Any] = {}


class EntityState(msgspec.Struct, array_like=True):
    """All that is kept of one entity. New fields go to the end, with a default."""

    next: int = 0
    """The next moment (epoch ms) at which a value changes, a row is due or something is dropped; first, so
    that `features.state.next_of` reads it."""
    at: int = 0
    """The latest `as_of`; it never goes back."""
    seen: int = 0
    """Facts that were counted: the middle part of the fence."""
    last: int = 0
    """Greatest event time."""
    written: int = 0
    """As of when the last row was given."""
    changed: bool = False
    """Whether something came since."""
    accs: dict[int, Any] = {}


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(EntityState)

dump = _ENCODER.encode
load = _DECODER.decode


def entry_of(view: str, parts: tuple[str, ...]) -> str:
    r"""Name of an entity's entry in the bucket's map: the view and the parts of the key.

    >>> entry_of("item", ("ann", "hat")).split("\x1f")
    ['item', 'ann', 'hat']
    """
    return _MARK.join((view, *[_escaped(part) for part in parts]))


@lru_cache(16_384)  # each is looked at several times a batch
def parts_of(entry: str) -> tuple[str, tuple[str, ...]]:
    r"""The view and the parts that `entry_of` joined.

    >>> parts_of(entry_of("item", ("a\x1fn", "100%")))
    ('item', ('a\x1fn', '100%'))
    """
    view, *parts = entry.split(_MARK)
    return view, tuple([part.replace("%1F", _MARK).replace("%25", "%") for part in parts])


def _escaped(part: str) -> str:
    return part.replace("%", "%25").replace(_MARK, "%1F") if "%" in part or _MARK in part else part
