"""Read recorded events: files of one record a line, gzipped or not, in the order of the files and lines."""

import gzip
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from io import BufferedReader
from pathlib import Path
from typing import Final, cast

STANDARD_INPUT: Final = Path("-")
_GZIP: Final = b"\x1f\x8b"


def records(files: Iterable[Path]) -> Iterator[bytes]:
    """Yield the records of `files`, one after the other; `-` is standard input. Empty lines are no records.

    Gzip is told by its first two bytes, whatever the name.

    Raises:
        OSError: if a file cannot be read, or its gzip is damaged (EOFError if it is cut off).
    """
    for file in files:
        with ExitStack() as stack:
            standard = cast("BufferedReader", sys.stdin.buffer)
            raw = standard if file == STANDARD_INPUT else stack.enter_context(file.open("rb"))
            zipped = raw.peek(2)[:2] == _GZIP
            lines = stack.enter_context(gzip.open(raw)) if zipped else raw
            for line in lines:
                record = line.rstrip(b"\r\n")
                if record:
                    yield record
