"""Ids of people as keyed hashes, for shops that keep no e-mail, not even as an id."""

from hashlib import blake2b
from typing import Final

_DIGEST_BYTES: Final = 16
"""128 bits: no two of 10**12 ids are likely to meet."""


def hashing_key(secret: str) -> bytes:
    """The key made of a secret of any length."""
    return blake2b(secret.encode(), digest_size=32, person=b"shopper-ids").digest()


def hashed_id(raw: str, key: bytes) -> str:
    """The hash of an id, 32 hexadecimal digits; without the key nobody can try ids out.

    >>> hashed_id("ann@example.com", hashing_key("some secret"))
    'd211f2f5d9c65d010343287ac097ec4b'
    """
    # Lone surrogates come from broken escapes in JSON.
    return blake2b(raw.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES, key=key).hexdigest()


def stored_id(raw: str, key: bytes) -> str:
    """The id by which a shopper is kept: a hash where there is a key.

    >>> stored_id("ann", b"")
    'ann'
    """
    return hashed_id(raw, key) if key else raw
