"""Reading a view as straight-line Python: one function for each set of accumulators that changed together.

A table of what to read would be walked for every row; the function made of it asks nothing. `source_of` shows
it: `v1` is a feature's value, `r1` how it is read, `b1` what it is without an accumulator.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from features.aggregates.base import Accs, Reading
from features.row import Value

ReadOut = Callable[[Any, Reading], Any]
Join = Callable[[Any, Any], Any]
Run = Callable[[dict[str, Value], list[str], Sequence[Accs], Accs, Reading], None]
"""Adds values of features, and names of those that have none: of totals, trails and what is read."""
PANES, TRAIL, NAMED, NUMBER, ALONE, COUNTED, NEVER = range(7)
"""Where an accumulator lies. In panes, of which NUMBERs are simply added up; in the trails, once for all
windows; NAMED ones in both. A session has one of each: ALONE, COUNTED where it is a number. What is NEVER
changed lies nowhere."""


class Slot(NamedTuple):
    """One accumulator and the features that are read from it."""

    slot: int
    kept: int
    join: Join
    reads: tuple[tuple[str, ReadOut], ...]
    blanks: dict[str, Value | None]
    """What is said where there is no accumulator."""


class Phase(NamedTuple):
    """Features that may be read in any order, then those derived from them."""

    slots: tuple[Slot, ...]
    derived: tuple[tuple[str, tuple[str, ...], Callable[..., Any]], ...]


class Part(NamedTuple):
    """What is to be read of one view."""

    own: tuple[tuple[str, ReadOut], ...]
    first: Phase
    """What chooses the currency."""
    currency: tuple[str, ...]
    rest: Phase
    names: tuple[str, ...]
    """The features that are written."""


HEAD: Final = "def run(values, absent, totals, trails, reading):\n    reading.currency = None\n"
PANED: Final = """\
    acc = None
    for total in totals:
        more = total.get({slot})
        if more is not None:
            acc = more if acc is None else {join}(acc, more)
"""
SHARED: Final = """\
    acc = trails.get({slot})
    if type(acc) is Raw:
        acc = trails[{slot}] = decode(acc)
"""
SUMMED: Final = """\
    {value} = 0
    for total in totals:
        {value} += total.get({slot}, 0)
"""
HELD: Final = """\
    acc = trails.get({slot})
"""
TAKEN: Final = """\
    {value} = trails.get({slot}, 0)
"""
ALWAYS: Final = """\
    values[{name!r}] = {value}
"""
WRITTEN: Final = """\
    if {value} is None:
        absent.append({name!r})
    else:
        values[{name!r}] = {value}
"""


def compiled(part: Part) -> Run:
    """The function that reads this part."""
    names: dict[str, Any] = {"Raw": msgspec.Raw, "decode": msgspec.msgpack.Decoder().decode}
    exec(source_of(part, names), names)  # noqa: S102 (made of the catalogue alone, nothing comes from outside)
    run: Run = names["run"]
    return run


def source_of(part: Part, names: dict[str, Any]) -> str:
    """The function's source; what it calls is put into `names`."""
    place = Places(names)
    lines = [HEAD]
    lines += [
        f"    {place.of(name)} = {place.call('r', name, read)}(None, reading)\n" for name, read in part.own
    ]
    lines += _phase(part.first, place)
    if part.currency:
        several = " or ".join(place.of(name) for name in part.currency)
        lines.append(f"    reading.currency = {several}\n")
    lines += _phase(part.rest, place)
    slots = (*part.first.slots, *part.rest.slots)
    numbers = {name for slot in slots if slot.kept in (NUMBER, COUNTED) for name, _ in slot.reads}
    for name in part.names:
        lines.append((ALWAYS if name in numbers else WRITTEN).format(value=place.of(name), name=name))
    return "".join(lines)


class Places:
    """Where the function finds what it needs for a feature."""

    def __init__(self, names: dict[str, Any]) -> None:
        """Put what is called into `names`."""
        self._names = names
        self._known: dict[str, str] = {}

    def of(self, feature: str) -> str:
        """The feature's variable."""
        return self._known.setdefault(feature, f"v{len(self._known)}")

    def call(self, letter: str, feature: str, held: object) -> str:
        """A name by which the function finds what it needs for the feature."""
        name = f"{letter}{len(self._names)}"
        self._names[name] = held
        return name


def _phase(phase: Phase, place: Places) -> Iterator[str]:
    for slot in phase.slots:
        yield from _slot(slot, place)
    for name, inputs, function in phase.derived:
        told = ", ".join(place.of(each) for each in inputs)
        yield f"    {place.of(name)} = {place.call('f', name, function)}({told})\n"


def _slot(slot: Slot, place: Places) -> Iterator[str]:
    if slot.kept in (NUMBER, COUNTED):
        line = SUMMED if slot.kept == NUMBER else TAKEN
        yield from (line.format(value=place.of(name), slot=slot.slot) for name, _ in slot.reads)
        return
    blanks = [f"{place.of(name)} = {place.call('b', name, slot.blanks[name])}\n" for name, _ in slot.reads]
    if slot.kept == NEVER:
        yield from (f"    {line}" for line in blanks)
        return
    yield from _found(slot, place)
    yield "    if acc is None:\n"
    yield from (f"        {line}" for line in blanks)
    yield "    else:\n"
    for name, read_out in slot.reads:
        yield f"        {place.of(name)} = {place.call('r', name, read_out)}(acc, reading)\n"


def _found(slot: Slot, place: Places) -> Iterator[str]:
    """How `acc` becomes the accumulator, None where there is none."""
    if slot.kept == ALONE:
        yield HELD.format(slot=slot.slot)
        return
    if slot.kept != PANES:
        yield SHARED.format(slot=slot.slot)
    if slot.kept == NAMED:
        yield "    names = acc\n"
    if slot.kept != TRAIL:
        yield PANED.format(slot=slot.slot, join=place.call("j", "", slot.join))
    if slot.kept == NAMED:
        yield "    acc = None if names is None else (names, acc or {})\n"
