"""Sums of money, each currency apart, in minor units."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from operator import attrgetter

from events.event import Money
from features.aggregates.base import BEGINNING, WHOLE, Acc, Accs, Aggregate, Fact, Reading
from features.row import MeanMoney

Sums = dict[str, list[int]]


@dataclass(frozen=True)
class MoneySum(Aggregate):
    """Sum and number of the amounts in the tuple `field`.

    Accumulator: currency -> [sum, number], minor units. Which currencies there are is the view's business.

    >>> from features.facts import CartFact
    >>> total = MoneySum("values")
    >>> acc = total.add(total.zero(), CartFact(values=(Money(1000, "EUR"), Money(5, "JPY"))))
    >>> total.result(acc, Reading(currency="JPY"))
    Money(minor=5, currency='JPY')
    """

    field: str

    monetary = True

    def __post_init__(self) -> None:
        """Look the field's getter up once."""
        object.__setattr__(self, "_get", attrgetter(self.field))

    def zero(self) -> Sums:
        """No amounts."""
        return {}

    def add(self, acc: Sums, fact: Fact) -> Sums:
        """Every amount of the fact."""
        for money in self._get(fact):  # type: ignore[attr-defined]
            self._put(acc, money.currency, money.minor)
        return acc

    def merge(self, left: Sums, right: Sums) -> Sums:
        """Currency by currency."""
        for currency, (amount, number) in right.items():
            entry = left.setdefault(currency, [0, 0])
            entry[0] += amount
            entry[1] += number
        return left

    def remove(self, total: Sums, pane: Sums) -> Acc:
        """Sums subtracted; a currency without an amount left is gone."""
        for currency, (amount, number, *_) in pane.items():
            entry = total[currency]
            entry[0] -= amount
            entry[1] -= number
            if not entry[1]:
                del total[currency]
        return total or None

    def grow(self, accs: Accs, slot: int, fact: Fact, start: int) -> int | None:
        """Nothing changes where there are no amounts."""
        amounts: Iterable[Money] = self._get(fact)  # type: ignore[attr-defined]
        if not amounts:
            return None
        acc = accs.get(slot)
        if acc is None:
            acc = accs[slot] = {}
        for money in amounts:
            self._put(acc, money.currency, money.minor)
        return BEGINNING

    def only(self, acc: Sums, currencies: Container[str]) -> Sums:
        """The amounts in these currencies."""
        return {known: sums for known, sums in acc.items() if known in currencies}

    def result(self, acc: Sums, reading: Reading = WHOLE) -> Money | None:
        """The sum in the chosen currency, None where nothing contributed to it."""
        currency = reading.currency
        return None if currency not in acc else Money(acc[currency][0], currency)

    def mean(self, acc: Sums, reading: Reading = WHOLE) -> MeanMoney | None:
        """The exact mean in the chosen currency."""
        currency = reading.currency
        return None if currency not in acc else MeanMoney(acc[currency][0], acc[currency][1], currency)

    @staticmethod
    def _put(acc: Sums, currency: str, minor: int) -> None:
        entry = acc.get(currency)
        if entry is None:
            acc[currency] = [minor, 1]
            return
        entry[0] += minor
        entry[1] += 1
