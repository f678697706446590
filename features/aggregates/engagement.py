"""Snowplow's engaged time: heartbeats of page views."""

from dataclasses import dataclass
from typing import Any

from features.aggregates.base import BEGINNING, MOST_VALUES, WHOLE, Accs, Aggregate, Fact, Reading
from features.digest import SIZE, place

HEARTBEAT_S = 10
MINIMUM_VISIT_S = 5
BEAT = 6
WIDTH = SIZE + BEAT

State = list[Any]
"""[whether any event told a `web_page.id`; pages viewed or pinged: bytes, 8 each; heartbeats: bytes, the
page's 8 and 6 of a number (device's clock // 10 s) each; how many pages have heartbeats]"""


@dataclass(frozen=True)
class Engagement(Aggregate):
    """Pages by the digest of `web_page.id` and their pings' heartbeats. Source: dbt-snowplow-web.

    There it is called `engaged_time_in_s`. A session has room for `most` pages and as many heartbeats.

    >>> from features.facts import SessionFact
    >>> engagement, acc = Engagement(), Engagement().zero()
    >>> for second in (0, 12, 21):
    ...     acc = engagement.add(acc, SessionFact(page_key=b"12345678", viewed=True, beat=second // 10))
    >>> engagement.result(acc), engagement.pages(acc)
    (25, 1)
    """

    most: int = MOST_VALUES

    def zero(self) -> State:
        """No pages."""
        return [False, b"", b"", 0]

    def add(self, acc: State, fact: Fact) -> State:
        """The page of the fact, and its heartbeat if it is a ping."""
        accs = {0: acc}
        self.grow(accs, 0, fact, BEGINNING)
        return accs[0]

    def grow(self, accs: Accs, slot: int, fact: Fact, start: int) -> int | None:
        """Take the page and heartbeat if there is room for them."""
        page = fact.page_key
        if page is None:
            return None
        acc: State = accs.setdefault(slot, self.zero())
        told = None if acc[0] else BEGINNING
        acc[0] = True
        if not fact.viewed:
            return told
        if place(acc[1], page) < 0:
            if len(acc[1]) >= self.most * SIZE:
                return int(fact.at)
            acc[1] += page
            told = BEGINNING
        beaten = None if fact.beat is None else self._beat(acc, page, fact)
        return told if beaten is None else beaten

    def _beat(self, acc: State, page: bytes, fact: Fact) -> int | None:
        beat = page + (fact.beat % 2 ** (8 * BEAT)).to_bytes(BEAT)
        if place(acc[2], beat, WIDTH) >= 0:
            return None
        if len(acc[2]) >= self.most * WIDTH:
            return int(fact.at)
        acc[3] += place(acc[2], page, WIDTH) < 0
        acc[2] += beat
        return BEGINNING

    def merge(self, left: State, right: State) -> State:
        """Pages and heartbeats united."""
        pages = {*_records(left[1], SIZE), *_records(right[1], SIZE)}
        beats = {*_records(left[2], WIDTH), *_records(right[2], WIDTH)}
        return _state(left[0] or right[0], sorted(pages), sorted(beats))

    def halve(self, acc: State) -> tuple[State, int]:
        """Half of the pages, with their heartbeats."""
        pages = _records(acc[1], SIZE)
        kept = pages[(len(pages) + 1) // 2 :]
        known = set(kept)
        return _state(acc[0], kept, [b for b in _records(acc[2], WIDTH) if b[:SIZE] in known]), BEGINNING

    def result(self, acc: State, reading: Reading = WHOLE) -> int | None:
        """Engaged seconds, None without any `web_page.id`."""
        if not acc[0]:
            return None
        beats, pinged = len(acc[2]) // WIDTH, acc[3]
        return int(HEARTBEAT_S * (beats - pinged) + MINIMUM_VISIT_S * pinged)

    def pages(self, acc: State, reading: Reading = WHOLE) -> int | None:
        """Number of pages viewed or pinged, None without any `web_page.id`."""
        return len(acc[1]) // SIZE if acc[0] else None


def _state(told: bool, pages: list[bytes], beats: list[bytes]) -> State:
    return [told, b"".join(pages), b"".join(beats), len({beat[:SIZE] for beat in beats})]


def _records(acc: bytes, width: int) -> list[bytes]:
    return [acc[i : i + width] for i in range(0, len(acc), width)]
