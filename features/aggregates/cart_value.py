"""What lies in the cart."""

from bisect import insort
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from events.event import Money
from features.aggregates.base import BEGINNING, KEPT, MOST_CURRENCIES, WHOLE, Fact, Reading, Trail

State = list[Any]
"""[changes [[at, event id, {currency: signed minor}]], latest transaction [at, event id], totals {currency:
[at, event id, minor]}]"""


@dataclass(frozen=True)
class CartValue(Trail):
    """Value of the cart after its last change.

    The total that came with the latest cart event, 0 after a later transaction. Where no event in the window
    told a total in the chosen currency: the adds less the removes since the last transaction, over the last
    `keep` changes, clamped at 0 once, at the end.

    >>> from features.facts import CartFact
    >>> cart = CartValue()
    >>> acc = cart.add(cart.zero(), CartFact(at=1, event_id="a", change=1, values=(Money(500, "EUR"),)))
    >>> acc = cart.add(acc, CartFact(at=2, event_id="b", change=-1, values=(Money(200, "EUR"),)))
    >>> cart.result(acc, Reading(currency="EUR"))
    Money(minor=300, currency='EUR')
    """

    keep: int = KEPT

    monetary = True
    history = True

    def zero(self) -> State:
        """Nothing happened."""
        return [[], [], {}]

    def add(self, acc: State, fact: Fact) -> State:
        """A transaction (`change` 0), or a change with what it moved and told."""
        if not fact.change:
            acc[1] = max(acc[1], [fact.at, fact.event_id])
            return acc
        moved: dict[str, int] = {}
        for money in fact.values:
            moved[money.currency] = moved.get(money.currency, 0) + fact.change * money.minor
        insort(acc[0], [fact.at, fact.event_id, moved], key=_moment)
        del acc[0][: -self.keep]
        if fact.total is not None:
            _tell(acc[2], fact.total.currency, [fact.at, fact.event_id, fact.total.minor])
        return acc

    def merge(self, left: State, right: State) -> State:
        """Both histories in order, the last of them."""
        totals = left[2]
        for currency, told in right[2].items():
            _tell(totals, currency, told)
        changes = sorted([*left[0], *right[0]], key=_moment)[-self.keep :]
        return [changes, max(left[1], right[1]), totals]

    def prune(self, acc: State, start: int) -> State | None:
        """What is still inside."""
        acc[0] = [change for change in acc[0] if change[0] >= start]
        if acc[1] and acc[1][0] < start:
            acc[1] = []
        acc[2] = {currency: told for currency, told in acc[2].items() if told[0] >= start}
        return acc if acc[0] or acc[1] or acc[2] else None

    def halve(self, acc: State) -> tuple[State, int]:
        """The last changes; totals and the transaction stay."""
        gone = (len(acc[0]) + 1) // 2
        lost = acc[0][gone - 1][0] if gone else BEGINNING
        acc[0] = acc[0][gone:]
        return acc, lost

    def only(self, acc: State, currencies: Container[str]) -> State:
        """What moved and was told in these currencies."""
        for change in acc[0]:
            change[2] = {known: minor for known, minor in change[2].items() if known in currencies}
        acc[2] = {known: told for known, told in acc[2].items() if known in currencies}
        return acc

    def result(self, acc: State, reading: Reading = WHOLE) -> Money | None:
        """The value in the chosen currency, None without one."""
        currency = reading.currency
        if currency is None:
            return None
        bought = acc[1] if acc[1] and acc[1][0] >= reading.start else []
        told = acc[2].get(currency)
        if told and told[0] >= reading.start:
            return Money(0 if bought > told[:2] else told[2], currency)
        since = [
            change[2].get(currency, 0)
            for change in acc[0]
            if change[0] >= reading.start and change[:2] > bought
        ]
        return Money(max(0, sum(since)), currency)


def _moment(entry: list[Any]) -> tuple[int, str]:
    return entry[0], entry[1]


def _tell(totals: dict[str, list[Any]], currency: str, told: list[Any]) -> None:
    totals[currency] = max(totals.get(currency, told), told)
    if len(totals) > MOST_CURRENCIES:
        del totals[min(totals, key=lambda known: totals[known])]
