"""Slots of a Redis Cluster: which hash tag belongs to one."""

from binascii import crc_hqx
from functools import cache
from itertools import count
from typing import Final

SLOTS: Final = 16_384


@cache
def tag_of_slot(slot: int) -> str:
    """The least number whose text, as a hash tag, belongs to `slot`.

    >>> tag_of_slot(crc_hqx(b"7", 0) % SLOTS)
    '7'
    """
    return next(text for text in map(str, count()) if crc_hqx(text.encode(), 0) % SLOTS == slot)
