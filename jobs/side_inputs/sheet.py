"""What a file of CSV says of a table: each line the JSON object that the side input's declaration reads."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

import orjson

from events.sides.declaration import SideInput
from events.sides.decoder import SideDecoder
from events.sides.keys import key_record
from events.sides.targets import KEY
from events.sources.paths import Steps, steps_of
from events.verdict import Dead, Reason

_SEPARATORS: Final = (",", ";", "\t")


class SheetError(Exception):
    """The file as a whole cannot be used, so nothing of it is; the message names it and the way out."""


class Line(NamedTuple):
    """One row of the table."""

    number: int
    value: dict[str, Any]


class Refused(NamedTuple):
    """One line that cannot be used."""

    number: int
    reasons: tuple[Reason, ...]
    key: str | None = None
    """Whose row it would be, where that can be told."""


@dataclass
class Sheet:
    """The lines of a file, by the id that each is about."""

    rows: dict[str, Line] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


def key_decoder(side: SideInput) -> SideDecoder:
    """Reads nothing of a record but whose row it is, so whatever else is wrong with it does not matter."""
    fields = {name: each for name, each in side.fields.items() if name == KEY}
    return SideDecoder(SideInput(side.table, side.topic, fields, side.format))


def read_sheet(path: Path, side: SideInput) -> Sheet:
    """The rows that the file says, and the lines that cannot be used.

    Raises:
        SheetError: if it is no such file, is half written, or changes while it is read.
    """
    try:
        before = stamp(path)
        with path.open(newline="", encoding="utf-8-sig") as file:
            sheet = _Reading(path, side, file).sheet()
        after = stamp(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"{path} cannot be read as CSV in UTF-8 ({error}); nothing was sent"
        raise SheetError(msg) from None
    if before != after:
        msg = f"{path} changed while it was read; nothing was sent. Write it aside, then rename it"
        raise SheetError(msg)
    return sheet


def stamp(path: Path) -> tuple[int, int, int]:
    """What differs once a file was written or replaced.

    Raises:
        OSError: if there is no such file.
    """
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


class _Reading:
    def __init__(self, path: Path, side: SideInput, file: TextIO) -> None:
        self._path = path
        self._whole, self._key = SideDecoder(side), key_decoder(side)
        self._by_record_key = KEY not in side.fields
        head = file.readline()
        file.seek(0)
        self._separator = max(_SEPARATORS, key=head.count)
        self._lines = csv.reader(file, delimiter=self._separator, strict=True)
        self._columns = self._header(side)

    def sheet(self) -> Sheet:
        """Read every line."""
        sheet = Sheet()
        for number, cells, last in self._numbered():
            if len(cells) == len(self._columns):
                self._add(number, cells, sheet)
                continue
            if last and len(cells) < len(self._columns):
                end = f"after {len(cells)} of {len(self._columns)} cells"
                msg = f"{self._path} ends within line {number}, {end}: it is half written; nothing was sent"
                raise SheetError(msg)
            reason = Reason("the line", f"{len(cells)} cells", f"{len(self._columns)}, as the header has")
            sheet.refused.append(Refused(number, (reason,)))
        return sheet

    def _header(self, side: SideInput) -> list[Steps]:
        names = [name.strip() for name in next(self._lines, [])]
        if not any(names):
            msg = f"{self._path} is empty; its first line must name the columns. Nothing was sent"
            raise SheetError(msg)
        told = ", ".join(names)
        if not all(names) or len(set(names)) < len(names):
            msg = f"{self._path} names its columns {told}; each needs a name of its own. Nothing was sent"
            raise SheetError(msg)
        keys = paths_of(side, KEY) or (KEY,)
        if not {*keys} & {*names}:
            wanted = " or ".join(keys)
            msg = f"{self._path} has no column {wanted}; its columns are {told}. Nothing was sent"
            raise SheetError(msg)
        paths = {path for name in side.fields for path in paths_of(side, name)}
        columns = [(steps_of(name) if name in paths else None) or (name,) for name in names]
        for column in columns:
            if any(column[:length] in columns for length in range(1, len(column))):
                within = ".".join(map(str, column))
                msg = f"{self._path} has the column {within} beside one that it lies in. Nothing was sent"
                raise SheetError(msg)
        return columns

    def _numbered(self) -> Iterator[tuple[int, list[str], bool]]:
        """Each row with the line it begins in, and whether it is the last; blank lines are passed over."""
        before: tuple[int, list[str]] | None = None
        number = self._lines.line_num + 1
        for cells in self._lines:
            if any(cell.strip() for cell in cells):
                if before is not None:
                    yield *before, False
                before = number, cells
            number = self._lines.line_num + 1
        if before is not None:
            yield *before, True

    def _add(self, number: int, cells: list[str], sheet: Sheet) -> None:
        value: dict[str, Any] = {}
        for steps, cell in zip(self._columns, cells, strict=True):
            if cell.strip():
                _put(value, steps, cell.strip())
        record_key = key_record(value.pop(KEY, "")) if self._by_record_key else b""
        raw = orjson.dumps(value)
        verdict = self._whole.decode(record_key, raw)
        if isinstance(verdict, Dead):
            named = self._key.decode(record_key, raw)
            sheet.refused.append(
                Refused(number, verdict.reasons, None if isinstance(named, Dead) else named.key)
            )
        elif (earlier := sheet.rows.get(verdict.key)) is not None:
            reason = Reason("the key", f"that of line {earlier.number}", "one line a key")
            sheet.refused.append(Refused(number, (reason,), verdict.key))
        else:
            sheet.rows[verdict.key] = Line(number, value)


def paths_of(side: SideInput, name: str) -> tuple[str, ...]:
    """The places where a field may be, as they are declared; those within lists no column can stand for."""
    if name not in side.fields:
        return ()
    path = side.fields[name].path
    paths = (path,) if isinstance(path, str) else path
    return tuple(each for each in paths if all(isinstance(step, str) for step in steps_of(each) or (0,)))


def _put(value: dict[str, Any], steps: Steps, cell: str) -> None:
    *way, last = steps
    for step in way:
        value = value.setdefault(str(step), {})
    value[str(last)] = cell
