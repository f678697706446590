"""What a shop declares of a side input: a table, its topic, and where in its records the fields are."""

from dataclasses import dataclass
from typing import Any, Self

from events.sides.checking import checked
from events.sources.declaration import Field, fields_of


@dataclass(frozen=True, slots=True)
class SideInput:
    """One table that lies in one topic, and how its records are read.

    Raises:
        SourceError: with everything that is wrong, at once.
    """

    table: str
    """One of `events.sides.row.TABLES`; stands in counters and dead letters."""
    topic: str
    fields: dict[str, Field]
    """By `targets.ROW`; without `key` it is the Kafka record's key."""
    format: str = "json"
    """One of `events.sources.formats.FORMATS`."""

    def __post_init__(self) -> None:
        """Check the declaration as a whole."""
        checked(self.as_table(), f"side input {self.table!r}")

    def as_table(self) -> dict[str, Any]:
        """The declaration as a file of TOML would have it."""
        return {
            "table": self.table,
            "topic": self.topic,
            "format": self.format,
            "fields": {name: each.table() for name, each in self.fields.items()},
        }

    @classmethod
    def of(cls, table: dict[str, Any], file: str) -> Self:
        """The declaration in a table, as it stands in `file`.

        Raises:
            SourceError: with everything that is wrong, at once.
        """
        checked(table, file)
        return cls(table["table"], table["topic"], fields_of(table["fields"]), table.get("format", "json"))
