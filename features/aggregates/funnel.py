"""The checkout funnel: which sessions began a checkout, and which of those bought."""

from dataclasses import dataclass
from typing import Any

from features.aggregates.base import MOST_IN_PANE, MOST_IN_TOTAL, WHOLE, Accs, Aggregate, Fact, Reading

State = list[Any]
"""[{session id: bits}, [[first, last, bits], …]]: sessions with an id, gap sessions as event-time runs."""

STARTED = 1
ORDERED = 2


@dataclass(frozen=True)
class Funnel(Aggregate):
    """Sessions with a first checkout step, and those of them with an order.

    Sessions without an id are the runs of facts no further than `gap_ms` apart, so the view must get a fact
    of every event that has no session id.

    >>> from features.facts import PurchaseFact
    >>> funnel = Funnel(gap_ms=1_800_000)
    >>> acc = funnel.add(funnel.zero(), PurchaseFact(session="s", step=1))
    >>> funnel.result(acc), funnel.completed(acc)
    (1, 0.0)
    >>> funnel.completed(funnel.add(acc, PurchaseFact(session="s", order=True)))
    1.0
    """

    gap_ms: int

    def zero(self) -> State:
        """No sessions."""
        return [{}, []]

    def add(self, acc: State, fact: Fact) -> State:
        """The session of the fact, as far as the fact takes it."""
        bits = (STARTED if fact.step == 1 else 0) | (ORDERED if fact.order else 0)
        if fact.session is None:
            acc[1] = _runs([*acc[1], [fact.at, fact.at, bits]], self.gap_ms)
        elif bits:
            acc[0][fact.session] = acc[0].get(fact.session, 0) | bits
        return acc

    def merge(self, left: State, right: State) -> State:
        """Sessions united; runs that touch become one."""
        for session, bits in right[0].items():
            left[0][session] = left[0].get(session, 0) | bits
        left[1] = _runs([*left[1], *right[1]], self.gap_ms)
        return left

    def fold(self, pane: Accs, total: Accs, slot: int, fact: Fact) -> bool:
        """Take the session if there is room for it."""
        if fact.session is not None:
            if fact.step != 1 and not fact.order:
                return False
            inside = pane.get(slot) or [{}]
            whole = total.get(slot) or [{}]
            if fact.session not in inside[0] and (
                len(inside[0]) >= MOST_IN_PANE
                or (fact.session not in whole[0] and len(whole[0]) >= MOST_IN_TOTAL)
            ):
                return True
        return super().fold(pane, total, slot, fact)

    def result(self, acc: State, reading: Reading = WHOLE) -> int:
        """How many sessions began a checkout."""
        return sum(bits & STARTED for bits in _all_bits(acc))

    def completed(self, acc: State, reading: Reading = WHOLE) -> float | None:
        """Of those, the share with an order; None without any."""
        began = [bits for bits in _all_bits(acc) if bits & STARTED]
        return sum(bits == STARTED | ORDERED for bits in began) / len(began) if began else None


def _all_bits(acc: State) -> list[int]:
    return [*acc[0].values(), *(run[2] for run in acc[1])]


def _runs(runs: list[list[int]], gap_ms: int) -> list[list[int]]:
    joined: list[list[int]] = []
    for first, last, bits in sorted(runs):
        if joined and first <= joined[-1][1] + gap_ms:
            joined[-1][1] = max(joined[-1][1], last)
            joined[-1][2] |= bits
        else:
            joined.append([first, last, bits])
    return joined
