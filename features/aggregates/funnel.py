"""The checkout funnel: which sessions began a checkout, and which of those bought."""

from dataclasses import dataclass
from typing import Any

from features.aggregates.base import BEGINNING, MOST_VALUES, WHOLE, Accs, Fact, Reading, Trail

State = list[Any]
"""[{session: [began, bought]}, [[first, last, began, bought], …]]: sessions with an id by its digest, gap
sessions as runs of event time; when they last began a checkout and last bought (epoch ms), 0 for never."""

Begun = tuple[bytes | tuple[int, int], bool]
"""A session by its digest, a gap session by its first and last event time (epoch ms); whether it bought."""


@dataclass(frozen=True)
class Funnel(Trail):
    """Sessions with a first checkout step, and those of them with an order: the `most` heard of last.

    Sessions without an id are the runs of facts no further than `gap_ms` apart, so the view must get a fact
    of every event that has no session id.

    >>> from features.facts import PurchaseFact
    >>> funnel = Funnel(gap_ms=1_800_000)
    >>> acc = funnel.add(funnel.zero(), PurchaseFact(at=1, session=b"s", step=1))
    >>> funnel.result(acc), funnel.begun(acc)
    (1, [(b's', False)])
    >>> acc = funnel.add(acc, PurchaseFact(at=2, session=b"s", order=True))
    >>> funnel.begun(acc), funnel.begun(acc, Reading(start=2))
    ([(b's', True)], [])
    """

    gap_ms: int
    most: int = MOST_VALUES

    def zero(self) -> State:
        """No sessions."""
        return [{}, []]

    def add(self, acc: State, fact: Fact) -> State:
        """The session of the fact, as far as the fact takes it."""
        accs = {0: acc}
        self.grow(accs, 0, fact, BEGINNING)
        return accs[0]

    def merge(self, left: State, right: State) -> State:
        """Sessions united; runs that touch become one."""
        return self.united(left, right)[0]

    def united(self, left: State, right: State) -> tuple[State, int]:
        """Sessions heard of before all that stay give way."""
        for session, (began, bought) in right[0].items():
            _put(left[0], session, began, bought)
        left[1] = _runs([*left[1], *right[1]], self.gap_ms)
        return left, self._last(left)

    def grow(self, accs: Accs, slot: int, fact: Fact, start: int) -> int | None:
        """Nothing changes by what is neither a first step, nor an order, nor without a session."""
        began, bought = fact.at if fact.step == 1 else 0, fact.at if fact.order else 0
        if fact.session is None:
            acc = accs.setdefault(slot, self.zero())
            runs = acc[1]
            if runs and not began and not bought and runs[-1][0] <= fact.at <= runs[-1][1] + self.gap_ms:
                runs[-1][1] = max(runs[-1][1], fact.at)
                return None
            acc[1] = _runs([*runs, [fact.at, fact.at, began, bought]], self.gap_ms)
            return BEGINNING
        if not (began or bought):
            return None
        acc = accs.setdefault(slot, self.zero())
        _put(acc[0], fact.session, began, bought)
        return self._last(acc)

    def prune(self, acc: State, start: int) -> State | None:
        """What was heard of since."""
        acc[0] = {session: times for session, times in acc[0].items() if max(times) >= start}
        acc[1] = [run for run in acc[1] if run[1] >= start]
        return acc if acc[0] or acc[1] else None

    def halve(self, acc: State) -> tuple[State | None, int]:
        """The sessions heard of last."""
        order = sorted(acc[0], key=lambda session: (max(acc[0][session]), session))
        gone = (len(order) + 1) // 2
        lost = max(acc[0][order[gone - 1]]) if gone else BEGINNING
        acc[0] = {session: acc[0][session] for session in order[gone:]}
        return (acc if acc[0] or acc[1] else None), lost

    def result(self, acc: State, reading: Reading = WHOLE) -> int:
        """How many sessions began a checkout."""
        return len(self.begun(acc, reading))

    def begun(self, acc: State, reading: Reading = WHOLE) -> list[Begun]:
        """Each of them, and whether it bought inside."""
        start = max(reading.start, 1)
        inside: list[Begun] = sorted(
            (key, bought >= start) for key, (began, bought) in acc[0].items() if began >= start
        )
        return inside + [((run[0], run[1]), run[3] >= start) for run in acc[1] if run[2] >= start]

    def _last(self, acc: State) -> int:
        lost = BEGINNING
        sessions = acc[0]
        while len(sessions) > self.most:
            oldest = min(sessions, key=lambda session: (max(sessions[session]), session))
            lost = max(sessions.pop(oldest))
        return lost


def _put(sessions: dict[bytes, list[int]], session: bytes, began: int, bought: int) -> None:
    known = sessions.get(session, (0, 0))
    sessions[session] = [max(known[0], began), max(known[1], bought)]


def _runs(runs: list[list[int]], gap_ms: int) -> list[list[int]]:
    joined: list[list[int]] = []
    for first, last, began, bought in sorted(runs):
        if joined and first <= joined[-1][1] + gap_ms:
            run = joined[-1]
            run[1:] = [max(run[1], last), max(run[2], began), max(run[3], bought)]
        else:
            joined.append([first, last, began, bought])
    return joined
