"""Names of the keys, ids percent-encoded as the job does it, and the bucket of a shopper."""

import re
from hashlib import md5
from typing import Final

from shopper_reader.errors import InvalidURLError

_UNSAFE: Final = re.compile(r"[\s:%{}\x00-\x20\x7f-\x9f\ud800-\udfff]")
_EMPTY: Final = "%"
"""An empty id; nothing else is encoded so."""


def encode_id(raw: str) -> str:
    """`raw` with `:`, `%`, `{`, `}`, whitespace and control characters percent-encoded.

    >>> encode_id("a:b c")
    'a%3Ab%20c'
    """
    if _UNSAFE.search(raw) is None:
        return raw or _EMPTY
    return _UNSAFE.sub(_percent, raw)


def bucket_of(shopper: str, buckets: int) -> str:
    """The bucket of the job's state that holds the shopper, as its progress names it.

    >>> bucket_of("shopper@example.com", 16)
    '0'
    """
    digest = md5(shopper.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    return str(int(digest[:4], 16) % buckets)


class Keys:
    """The names of one installation's keys: its prefix, and whether ids are hash tags."""

    def __init__(self, prefix: str = "", cluster: bool = False) -> None:
        """Take over the two.

        Raises:
            InvalidURLError: if the prefix would become the hash tag of every key.
        """
        if re.search(r"[{}\s\x00-\x20]", prefix):
            msg = f"prefix is {prefix!r}; no braces, whitespace or control characters may be in it"
            raise InvalidURLError(msg)
        self._prefix = prefix
        self._left, self._right = ("{", "}") if cluster else ("", "")

    def shopper(self, shopper: str) -> bytes:
        """What the keys of a shopper begin with, up to the window's label."""
        return f"{self._prefix}user:{self._left}{encode_id(shopper)}{self._right}:features:".encode()

    def session(self, session_id: str) -> bytes:
        """The key of a session by its id."""
        return f"{self._prefix}session:{self._left}{encode_id(session_id)}{self._right}:features".encode()

    def progress(self, job: str) -> bytes:
        """The key under which a job tells how far it is."""
        return f"{self._prefix}pipeline:{job}:progress".encode()


def _percent(match: "re.Match[str]") -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))
