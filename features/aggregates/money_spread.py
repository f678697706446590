"""Sums of money that also know their least and greatest amount."""

from dataclasses import dataclass

from events.event import Money
from features.aggregates.base import REBUILD, WHOLE, Acc, Reading
from features.aggregates.money_sum import MoneySum, Sums


@dataclass(frozen=True)
class MoneySpread(MoneySum):
    """Sum, number, least and greatest of the amounts in the tuple `field`.

    Accumulator: currency -> [sum, number, least, greatest], minor units.

    >>> from features.facts import ProductFact
    >>> spread = MoneySpread("prices")
    >>> acc = spread.add(spread.zero(), ProductFact(prices=(Money(1000, "EUR"), Money(2500, "EUR"))))
    >>> euros = Reading(currency="EUR")
    >>> spread.result(acc, euros), spread.least(acc, euros), spread.span(acc, euros)
    (Money(minor=3500, currency='EUR'), Money(minor=1000, currency='EUR'), Money(minor=1500, currency='EUR'))
    """

    def merge(self, left: Sums, right: Sums) -> Sums:
        """Currency by currency."""
        for currency, (amount, number, least, greatest) in right.items():
            entry = left.get(currency)
            if entry is None:
                left[currency] = [amount, number, least, greatest]
            else:
                entry[0] += amount
                entry[1] += number
                entry[2] = min(entry[2], least)
                entry[3] = max(entry[3], greatest)
        return left

    def remove(self, total: Sums, pane: Sums) -> Acc:
        """Sums subtracted; the panes that stay are asked where an extreme leaves."""
        left = super().remove(total, pane)
        for currency, (_, _, least, greatest) in pane.items():
            entry = total.get(currency)
            if entry is not None and (least == entry[2] or greatest == entry[3]):
                return REBUILD
        return left

    def least(self, acc: Sums, reading: Reading = WHOLE) -> Money | None:
        """The least amount in the chosen currency."""
        currency = reading.currency
        return None if currency not in acc else Money(acc[currency][2], currency)

    def greatest(self, acc: Sums, reading: Reading = WHOLE) -> Money | None:
        """The greatest amount in the chosen currency."""
        currency = reading.currency
        return None if currency not in acc else Money(acc[currency][3], currency)

    def span(self, acc: Sums, reading: Reading = WHOLE) -> Money | None:
        """Greatest less least in the chosen currency."""
        currency = reading.currency
        return None if currency not in acc else Money(acc[currency][3] - acc[currency][2], currency)

    @staticmethod
    def _put(acc: Sums, currency: str, minor: int) -> None:
        entry = acc.get(currency)
        if entry is None:
            acc[currency] = [minor, 1, minor, minor]
            return
        entry[0] += minor
        entry[1] += 1
        if minor < entry[2]:
            entry[2] = minor
        elif minor > entry[3]:
            entry[3] = minor
