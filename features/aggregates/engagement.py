"""Snowplow's engaged time: heartbeats of page views."""

from dataclasses import dataclass
from typing import Any

from features.aggregates.base import MOST_IN_TOTAL, WHOLE, Accs, Aggregate, Fact, Reading

HEARTBEAT_S = 10
MINIMUM_VISIT_S = 5

State = list[Any]
"""[whether any event told a `web_page.id`, number of heartbeats, {that id of each page viewed or pinged: its
heartbeat numbers (device's clock // 10 s), sorted}]"""


@dataclass(frozen=True)
class Engagement(Aggregate):
    """Pages by `web_page.id` and their pings' heartbeats. Source: dbt-snowplow-web, `engaged_time_in_s`.

    >>> from features.facts import SessionFact
    >>> engagement, acc = Engagement(), Engagement().zero()
    >>> for second in (0, 12, 21):
    ...     acc = engagement.add(acc, SessionFact(page_id="p", viewed=True, beat=second // 10))
    >>> engagement.result(acc), engagement.pages(acc)
    (25, 1)
    """

    def zero(self) -> State:
        """No pages."""
        return [False, 0, {}]

    def add(self, acc: State, fact: Fact) -> State:
        """The page of the fact, and its heartbeat if it is a ping."""
        if fact.page_id is not None:
            acc[0] = True
            if fact.viewed:
                beats = acc[2].setdefault(fact.page_id, [])
                if fact.beat is not None and fact.beat not in beats:
                    beats.append(fact.beat)
                    beats.sort()
                    acc[1] += 1
        return acc

    def grow(self, accs: Accs, slot: int, fact: Fact) -> bool:
        """Take the page or heartbeat if there is room for it."""
        if fact.page_id is None:
            return False
        acc: State = accs.get(slot) or self.zero()
        accs[slot] = acc
        if fact.viewed:
            beats = acc[2].get(fact.page_id)
            full = len(acc[2]) >= MOST_IN_TOTAL if beats is None else False
            if full or (fact.beat not in (beats or ()) and fact.beat and acc[1] >= MOST_IN_TOTAL):
                return True
        self.add(acc, fact)
        return False

    def merge(self, left: State, right: State) -> State:
        """Pages and heartbeats united."""
        for page, beats in right[2].items():
            left[2][page] = sorted({*left[2].get(page, ()), *beats})
        return [left[0] or right[0], sum(map(len, left[2].values())), left[2]]

    def result(self, acc: State, reading: Reading = WHOLE) -> int | None:
        """Engaged seconds, None without any `web_page.id`."""
        if not acc[0]:
            return None
        beats: int = acc[1]
        pinged = sum(1 for page in acc[2].values() if page)
        return HEARTBEAT_S * (beats - pinged) + MINIMUM_VISIT_S * pinged

    def pages(self, acc: State, reading: Reading = WHOLE) -> int | None:
        """Number of pages viewed or pinged, None without any `web_page.id`."""
        return len(acc[2]) if acc[0] else None
