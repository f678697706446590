"""Text that is only compared or counted, as eight bytes; and sets of such bytes in one piece."""

from hashlib import blake2b
from typing import Final

SIZE: Final = 8


def digest(text: str) -> bytes:
    """Eight bytes in place of `text`; two texts share them once in 10¹⁹ pairs.

    >>> digest("hat") == digest("hat"), digest("hat") == digest("cap"), len(digest("hat"))
    (True, False, 8)
    """
    return blake2b(text.encode(), digest_size=SIZE).digest()


def place(records: bytes, key: bytes, width: int = SIZE, offset: int = 0) -> int:
    """Where in records of `width` bytes one begins that has `key` at `offset`; -1 if none does.

    >>> place(b"aabbccdd", b"cc", width=4), place(b"aabbccdd", b"bc", width=2)
    (4, -1)
    """
    found = records.find(key)
    while found >= 0 and found % width != offset:
        found = records.find(key, found + 1)
    return found - offset if found >= 0 else -1
