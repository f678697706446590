"""How a session came in, and where it went out."""

from dataclasses import dataclass
from typing import Any

from features.aggregates.base import BEGINNING, WHOLE, Accs, Aggregate, Fact, Reading

Touch = list[Any]
"""[0 for a page event else 1, event time (epoch ms), event id, values…] or [] for none."""

FIRST_VALUES = ("campaign", "source", "medium", "referrer", "page", "device")


@dataclass(frozen=True)
class FirstTouch(Aggregate):
    """The earliest page view, ping or screen view with a page, else the earliest event.

    >>> from features.facts import SessionFact
    >>> first = FirstTouch()
    >>> acc = first.add(first.zero(), SessionFact(at=1, event_id="a", source="mail"))
    >>> acc = first.add(acc, SessionFact(at=2, event_id="b", page_event=True, source="google"))
    >>> first.source(acc)
    'google'
    """

    def zero(self) -> Touch:
        """No event."""
        return []

    def add(self, acc: Touch, fact: Fact) -> Touch:
        """The earlier of the two, a page event before any other."""
        rank, at = 0 if fact.page_event else 1, fact.at
        if acc and (acc[0] < rank or (acc[0] == rank and acc[1] < at)):
            return acc  # the usual case, told without making the values
        return self.merge(
            acc, [rank, at, fact.event_id] + [getattr(fact, name) or "" for name in FIRST_VALUES]
        )

    def grow(self, accs: Accs, slot: int, fact: Fact, start: int) -> int | None:
        """Nothing changes where an earlier one is known."""
        known = accs.get(slot)
        accs[slot] = found = self.add(known or [], fact)
        return None if found is known else BEGINNING

    def merge(self, left: Touch, right: Touch) -> Touch:
        """The earlier of the two."""
        if not left or not right:
            return left or right
        return min(left, right)

    def result(self, acc: Touch, reading: Reading = WHOLE) -> str | None:
        """The landing page."""
        return acc[7] or None if acc else None

    def campaign(self, acc: Touch, reading: Reading = WHOLE) -> str | None:
        """Its marketing campaign."""
        return acc[3] or None if acc else None

    def source(self, acc: Touch, reading: Reading = WHOLE) -> str | None:
        """Its marketing source."""
        return acc[4] or None if acc else None

    def medium(self, acc: Touch, reading: Reading = WHOLE) -> str | None:
        """Its marketing medium."""
        return acc[5] or None if acc else None

    def referrer(self, acc: Touch, reading: Reading = WHOLE) -> str | None:
        """Its referrer."""
        return acc[6] or None if acc else None

    def device(self, acc: Touch, reading: Reading = WHOLE) -> str | None:
        """Its device type."""
        return acc[8] or None if acc else None


@dataclass(frozen=True)
class LastPage(Aggregate):
    """Page of the latest page view, ping or screen view with a page, else of the latest event.

    >>> from features.facts import SessionFact
    >>> last = LastPage()
    >>> acc = last.add(last.zero(), SessionFact(at=1, event_id="a", page_event=True, page="/cart"))
    >>> last.result(last.add(acc, SessionFact(at=2, event_id="b", page="/thanks")))
    '/cart'
    """

    def zero(self) -> Touch:
        """No event."""
        return []

    def add(self, acc: Touch, fact: Fact) -> Touch:
        """The later of the two, a page event before any other."""
        touch = [1 if fact.page_event else 0, fact.at, fact.event_id, fact.page or ""]
        return max(acc, touch)

    def grow(self, accs: Accs, slot: int, fact: Fact, start: int) -> int | None:
        """Nothing changes where the page is the same."""
        known = accs.get(slot)
        accs[slot] = found = self.add(known or [], fact)
        return None if known and known[3] == found[3] else BEGINNING

    def merge(self, left: Touch, right: Touch) -> Touch:
        """The later of the two."""
        return max(left, right)

    def result(self, acc: Touch, reading: Reading = WHOLE) -> str | None:
        """The page."""
        return acc[3] or None if acc else None
