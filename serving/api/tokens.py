"""Tokens that let callers in: compared in constant time, kept as digests, rotated by their file."""

import logging
import time
from collections.abc import Callable, Iterable
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Final

from serving.api.terms import SHORTEST_TOKEN, TermsError

logger = logging.getLogger("shopper.api")

LOOK_EVERY_S: Final = 1.0
"""The file is looked at so often at most."""
_Mark = tuple[int, int, int]


class Tokens:
    """Those of the settings and those of a file. Their text is not kept."""

    def __init__(
        self, given: Iterable[str], file: Path | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the file, where there is one.

        Raises:
            TermsError: if it cannot be read, or holds what is no token.
        """
        self._given = frozenset(map(_digest, given))
        self._file = file
        self._clock = clock
        self._looked_at = clock()
        self._mark: _Mark | None = None
        self._of_file: frozenset[bytes] = frozenset()
        if file is not None:
            self._mark = _mark_of(file)
            self._of_file = _read(file)
            if not (self._of_file or self._given):
                msg = f"api_tokens_file: {file} holds no token; write one a line (`openssl rand -hex 32`)"
                raise TermsError(msg)

    @property
    def wanted(self) -> bool:
        """Whether callers need one. With a file they do, whatever becomes of it."""
        return bool(self._given) or self._file is not None

    def known(self, token: str) -> str | None:
        """A name for the token, which does not give it away; None: nobody knows it."""
        self._look()
        given, found = _digest(token), None
        for digest in self._given | self._of_file:
            # Every one is compared, so that how long it takes says nothing.
            if compare_digest(digest, given):
                found = digest.hex()[:16]
        return found

    def _look(self) -> None:
        if self._file is None or self._clock() - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = self._clock()
        try:
            mark = _mark_of(self._file)
            if mark != self._mark:
                self._of_file, self._mark = _read(self._file), mark
                logger.info("tokens were read again: %d in %s", len(self._of_file), self._file)
        except TermsError as error:
            # Whoever rotates tokens may be halfway; those that were read last go on.
            logger.error("%s; those that were read last are used", error)  # noqa: TRY400  no trace is wanted


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()


def _mark_of(file: Path) -> _Mark:
    try:
        status = file.stat()
    except OSError as error:
        raise _unreadable(file, error) from None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(file: Path) -> frozenset[bytes]:
    try:
        lines = [line.strip() for line in file.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(file, error) from None
    tokens = [line for line in lines if line and not line.startswith("#")]
    if any(len(token) < SHORTEST_TOKEN for token in tokens):
        msg = f"api_tokens_file: a line of {file} has fewer than {SHORTEST_TOKEN} characters"
        raise TermsError(msg)
    return frozenset(map(_digest, tokens))


def _unreadable(file: Path, error: Exception) -> TermsError:
    said = error.strerror if isinstance(error, OSError) else "not text"
    return TermsError(f"api_tokens_file: {file} cannot be read ({said})")
