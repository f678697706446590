"""Where the fences of shoppers begin who were forgotten. Pure.

A shopper who comes back begins anew, and so would the fence: then an older row that comes back too (a Redis
restored from a copy, a writer that should be dead) would refuse the new ones until it expires. So the number
of records is remembered, as long as such a row could live, under a hash instead of the id.
"""

from hashlib import blake2b
from typing import Final

Floors = dict[bytes, tuple[int, int]]
"""Hash of the shopper's id -> (records routed to the shopper, until when it matters in epoch ms)."""

MOST: Final = 1_000
_HASH: Final = 8


def remember(floors: Floors, shopper: str, seen: int, as_of: int, until: int) -> None:
    """Note how many records a forgotten shopper had; what is over goes, then the oldest.

    >>> floors: Floors = {b"over": (7, 10)}
    >>> remember(floors, "ann", 3, as_of=10, until=20)
    >>> floor(floors, "ann"), floor(floors, "bob"), len(floors)
    (3, 0, 1)
    """
    for other in [other for other, (_, end) in floors.items() if end <= as_of]:
        del floors[other]
    floors[_digest(shopper)] = (seen, until)
    while len(floors) > MOST:
        del floors[next(iter(floors))]


def floor(floors: Floors, shopper: str) -> int:
    """How many records had been routed to the shopper when forgotten; 0 for others."""
    return floors.get(_digest(shopper), (0, 0))[0] if floors else 0


def _digest(shopper: str) -> bytes:
    return blake2b(shopper.encode("utf-8", "surrogatepass"), digest_size=_HASH).digest()
