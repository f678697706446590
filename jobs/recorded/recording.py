"""Read recorded events: files of one record a line, gzipped or not, in the order of the files and lines."""

import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from io import BufferedReader
from pathlib import Path
from typing import Final, cast

STANDARD_INPUT: Final = Path("-")
_GZIP: Final = b"\x1f\x8b"


class RecordingError(Exception):
    """A file cannot be read; the message names it."""

    def __init__(self, file: Path, error: Exception) -> None:
        """Say which and why."""
        name = "standard input" if file == STANDARD_INPUT else str(file)
        super().__init__(f"cannot read {name}: {getattr(error, 'strerror', None) or error}")


def records(files: Iterable[Path]) -> Iterator[bytes]:
    """Yield the records of `files`, one after the other; `-` is standard input. Empty lines are no records.

    Gzip is told by its first two bytes, whatever the name.

    Raises:
        RecordingError: if a file cannot be read, or its gzip is damaged or cut off.
    """
    for file in files:
        try:
            yield from _records(file)
        except (OSError, EOFError, zlib.error) as error:
            raise RecordingError(file, error) from None


def _records(file: Path) -> Iterator[bytes]:
    with ExitStack() as stack:
        standard = cast("BufferedReader", sys.stdin.buffer)
        raw = standard if file == STANDARD_INPUT else stack.enter_context(file.open("rb"))
        zipped = raw.peek(2)[:2] == _GZIP
        lines = stack.enter_context(gzip.open(raw)) if zipped else raw
        for line in lines:
            record = line.rstrip(b"\r\n")
            if record:
                yield record
