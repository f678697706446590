"""Orders of shops that send no transactions: a checkout step after an add."""

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from events.event import Money
from features.aggregates.base import BEGINNING, KEPT, MOST_CURRENCIES, WHOLE, Accs, Fact, Reading, Trail

Entries = list[list[Any]]
"""[event time (epoch ms), event id, session, change (1 add, -1 remove, 0 step, 2 transaction),
{currency: minor}, quantity, currency of the add], in order."""

TRANSACTED = 2


class StepOrder(NamedTuple):
    """An order that the rule makes."""

    at: int
    event_id: str
    session: str | bytes | None
    money: Money | None
    items: int


@dataclass(frozen=True)
class StepOrders(Trail):
    """The first step `step` of a session after an add is an order.

    It is worth the session's adds less its removes since the last order. A transaction is an order too, so
    what came before it is bought.

    >>> from features.facts import PurchaseFact
    >>> orders = StepOrders(2)
    >>> add = PurchaseFact(at=1, session=b"s", change=1, moved=(Money(4299, "USD"),), quantity=1)
    >>> acc = orders.add(orders.add(orders.zero(), add), PurchaseFact(at=2, session=b"s", step=2))
    >>> orders.result(acc), orders.items(acc), orders.value(acc, Reading(currency="USD"))
    (1, 1, Money(minor=4299, currency='USD'))
    """

    step: int
    gap_ms: int = 1_800_000
    """Pause between entries without a session id that makes them two sessions."""
    keep: int = KEPT

    looks_back = True
    monetary = True
    history = True

    @property
    def idle(self) -> bool:
        """Whether the rule is off."""
        return not self.step

    def zero(self) -> Entries:
        """Nothing happened."""
        return []

    def add(self, acc: Entries, fact: Fact) -> Entries:
        """Insert an add, a remove or the step in order; the earliest gives way."""
        change = TRANSACTED if fact.transacted else fact.change
        if not change and fact.step != self.step:
            return acc
        moved: dict[str, int] = {}
        for money in fact.moved:
            if money.currency in moved or len(moved) < MOST_CURRENCIES:
                moved[money.currency] = moved.get(money.currency, 0) + money.minor
        currency = fact.moved[0].currency if fact.moved else None
        entry = [fact.at, fact.event_id, fact.session, change, moved, fact.quantity, currency]
        insort(acc, entry, key=_moment)
        del acc[: -self.keep]
        return acc

    def grow(self, accs: Accs, slot: int, fact: Fact, start: int) -> int | None:
        """Nothing changes at other steps."""
        if not (fact.transacted or fact.change) and fact.step != self.step:
            return None
        accs[slot] = self.add(accs.get(slot) or [], fact)
        return BEGINNING

    def merge(self, left: Entries, right: Entries) -> Entries:
        """Both in order, the last of them."""
        return sorted([*left, *right], key=_moment)[-self.keep :]

    def prune(self, acc: Entries, start: int) -> Entries | None:
        """What is still inside the longest window."""
        return [entry for entry in acc if entry[0] >= start] or None

    def halve(self, acc: Entries) -> tuple[Entries | None, int]:
        """The last entries."""
        gone = (len(acc) + 1) // 2
        return acc[gone:] or None, acc[gone - 1][0]

    def result(self, acc: Entries, reading: Reading = WHOLE) -> int:
        """The number of orders inside."""
        return sum(1 for _ in self._orders(acc, reading))

    def items(self, acc: Entries, reading: Reading = WHOLE) -> int:
        """The items of those orders."""
        return sum(order.items for order in self._orders(acc, reading))

    def value(self, acc: Entries, reading: Reading = WHOLE) -> Money | None:
        """What they are worth in the chosen currency, None if none has a value in it."""
        worth = self._worth(acc, reading)
        return Money(sum(worth), reading.currency) if worth else None  # type: ignore[arg-type]

    def valued(self, acc: Entries, reading: Reading = WHOLE) -> int:
        """How many of them have a value in the chosen currency."""
        return len(self._worth(acc, reading))

    def told(self, acc: Entries, reading: Reading = WHOLE) -> list[Any] | None:
        """Event time, event id and currency of the latest one with a value, None without any."""
        known = [[o.at, o.event_id, o.money.currency] for o in self._orders(acc, reading) if o.money]
        return known[-1] if known else None

    def currencies(self, acc: Entries, reading: Reading = WHOLE) -> list[str] | None:
        """The currencies of those with a value, None without any."""
        return [order.money.currency for order in self._orders(acc, reading) if order.money] or None

    def sessions(self, acc: Entries, reading: Reading = WHOLE) -> list[tuple[Any, int]]:
        """Session and event time (epoch ms) of each of them."""
        return [(order.session, order.at) for order in self._orders(acc, reading)]

    def _worth(self, acc: Entries, reading: Reading) -> list[int]:
        orders = self._orders(acc, reading)
        return [o.money.minor for o in orders if o.money and o.money.currency == reading.currency]

    def _orders(self, acc: Entries, reading: Reading) -> Iterator[StepOrder]:
        carts: dict[str | None, list[list[Any]]] = {}
        last = BEGINNING
        for entry in acc:
            cart = carts.setdefault(entry[2], [])
            if entry[2] is None:
                if entry[0] > last + self.gap_ms:
                    cart.clear()
                last = entry[0]
            if entry[3] == TRANSACTED:
                cart.clear()
            elif entry[3]:
                cart.append(entry)
            elif any(change[3] > 0 for change in cart):
                if entry[0] >= reading.start:
                    yield _order(entry, cart)
                cart.clear()


def _order(step: list[Any], cart: list[list[Any]]) -> StepOrder:
    at, event_id, session = step[:3]
    currencies = [change[6] for change in cart if change[3] > 0 and change[6]]
    items = max(0, sum(change[3] * change[5] for change in cart))
    if not currencies:
        return StepOrder(at, event_id, session, None, items)
    currency = currencies[-1]
    minor = sum(change[3] * change[4].get(currency, 0) for change in cart)
    return StepOrder(at, event_id, session, Money(max(0, minor), currency), items)


def _moment(entry: list[Any]) -> tuple[int, str]:
    return entry[0], entry[1]
