"""What a session knows of itself."""

from dataclasses import dataclass
from typing import Any

from features.aggregates.base import WHOLE, Aggregate, Fact, Reading


@dataclass(frozen=True)
class Own(Aggregate):
    """The session's own `field` (id, start, duration, open, events); it accumulates nothing.

    >>> from types import SimpleNamespace
    >>> Own("events").result(None, Reading(session=SimpleNamespace(events=3)))
    3
    """

    field: str

    @property
    def idle(self) -> bool:
        """Nothing to add, ever."""
        return True

    def zero(self) -> None:
        """Nothing."""

    def add(self, acc: None, fact: Fact) -> None:
        """Nothing."""

    def merge(self, left: None, right: None) -> None:
        """Nothing."""

    def result(self, acc: None, reading: Reading = WHOLE) -> Any:
        """The field."""
        return getattr(reading.session, self.field)
