"""Rows of side inputs, or of what a view tells, that entities look up: who reads which, who is to be told.

A row lies in the bucket's map beside the entities. Who makes a row of an entity looks up what it says then;
and when it changes, the entities that read it are looked at once more, some at a time. That a row's readers
are to be told stands in its own state until the last of them was looked at, so that a crash tells them again.

Who reads it is known in memory only: it follows from the names of the entries. Pure.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from events.bucket import bucket_of
from features.entities.sides import EVERY_MS, NEVER, replace, side_entry
from features.entities.state import Combined, EntityState, parts_of

TOLD: Final = 100
"""Readers of one row that a look at it puts on the schedule; one wake-up may look at several hundred rows."""


class Readers:
    """Who reads each row. Most rows of shoppers have one reader, who needs no set.

    >>> readers = Readers()
    >>> readers.add("row", "ann"), readers.add("row", "bob"), readers.drop("row", "ann"), readers.of("row")
    (None, None, None, ['bob'])
    """

    def __init__(self) -> None:
        """Begin with nobody."""
        self._of: dict[str, str | set[str]] = {}

    def add(self, row: str, reader: str) -> None:
        """Take note that an entity reads a row."""
        held = self._of.setdefault(row, reader)
        if isinstance(held, set):
            held.add(reader)
        elif held != reader:
            self._of[row] = {held, reader}

    def drop(self, row: str, reader: str) -> None:
        """Take note that it does not any more."""
        held = self._of.get(row)
        if isinstance(held, set):
            held.discard(reader)
        if not held or held == reader:
            self._of.pop(row, None)

    def of(self, row: str) -> list[str]:
        """Those of a row, in no order."""
        held = self._of.get(row, set())
        return list(held) if isinstance(held, set) else [held]

    def __contains__(self, row: str) -> bool:
        """Whether a row has any."""
        return row in self._of


class Reading(Protocol):
    """What is asked of the logic of entities."""

    @property
    def looked_up(self) -> frozenset[str]:  # noqa: D102
        ...

    def reads(self, entry: str) -> list[tuple[str, str]]: ...  # noqa: D102


@dataclass
class Round:
    """The readers of one row who are still to be put on the schedule."""

    left: list[str]
    again: bool = False
    """Whether the row changed since it began: then there is another."""


class Sides:
    """The rows of an operator instance that entities look up."""

    def __init__(self, logic: Reading, buckets: int) -> None:
        """`buckets` is how many there are: the first part of an entity's key says which holds it."""
        self._logic = logic
        self._buckets = buckets
        self._readers = Readers()
        self._rounds: dict[str, Round] = {}
        self.owed: set[str] = set()
        """Entities whose rows are to be made again, whatever their own moment."""

    def at(self, entry: str, table: str, key: str) -> str:
        """Name of the row of a table that an entity looks up, in the entity's bucket."""
        return side_entry(table, key, bucket_of(parts_of(entry)[1][0], self._buckets))

    def met(self, entry: str) -> None:
        """Take note that there is such an entity."""
        for table, key in self._logic.reads(entry):
            self._readers.add(self.at(entry, table, key), entry)

    def gone(self, entry: str) -> None:
        """Take note that there is no such entity, or row, any more."""
        self.owed.discard(entry)
        self._rounds.pop(entry, None)
        for table, key in self._logic.reads(entry):
            self._readers.drop(self.at(entry, table, key), entry)

    def put(self, state: EntityState, more: Combined, as_of: int, *, looked_at: bool = False) -> bool:
        """Let a row be what is said now, at `as_of` (epoch ms); whether that is anything new.

        With `looked_at` its readers are told even if there is none yet: one may come in the same batch.
        """
        row = more.entry
        if not replace(state, more.accs, as_of):
            return False
        state.changed |= looked_at or row in self._readers
        if row in self._rounds:
            self._rounds[row].again = True
        else:
            state.next = max(state.at, state.written + EVERY_MS) if state.changed else NEVER
        return True

    def look(self, row: str, state: EntityState, as_of: int) -> list[str]:
        """Tell some of a row's readers, whom it gives, or note that all have been told; `as_of` is epoch ms.

        Those who are given are to be looked at by `state.at`: before the next look at the row.
        """
        state.at = max(state.at, as_of)
        round_ = self._rounds.get(row)
        if round_ is None:
            round_ = self._rounds[row] = Round(self._readers.of(row))
            state.written = state.at
        told, round_.left = round_.left[:TOLD], round_.left[TOLD:]
        if told:
            self.owed.update(told)
            state.next = state.at + 1
            return told
        del self._rounds[row]
        state.changed = round_.again
        state.next = max(state.at + 1, state.written + EVERY_MS) if round_.again else NEVER
        return []
