"""What entity views accumulate: `lift` makes an accumulator of a fact, `merge` one of two, in any order.

Accumulators are plain data. What a batch adds to an entity is merged before it travels, and what arrives is
merged into the state, by the same function.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from events.event import Money
from features.digest import digest
from features.entities import hyperloglog
from features.entities.interaction import ADD, CLICK, PURCHASE, VIEW, Fact
from features.entities.settings import Weights
from features.facts import HEARTBEAT_MS
from features.row import MeanMoney
from features.settings import Window

MOST_NAMES: Final = 1_000
"""Categories, or sellers, that are kept of one shopper."""
MOST_BEAT_WORDS: Final = 200
"""Words of heartbeats that are kept of one page: a day of them, longer than a page is kept, takes 138."""
MOST_MINOR: Final = 2**63 - 1
"""Minor units to which prices add up: MessagePack has no greater signed integer."""
_DAY_MS: Final = 86_400_000
_WORD: Final = 63
_COLUMN: Final = {VIEW: 0, CLICK: 1, ADD: 2, PURCHASE: 3}


class Aggregate(Protocol):
    """A commutative monoid over facts; None is the accumulator of no fact."""

    def lift(self, fact: Fact) -> Any:
        """The accumulator of one fact; None where it says nothing."""

    def merge(self, left: Any, right: Any) -> Any:
        """The accumulator of both; `left` may be used up."""

    def result(self, acc: Any) -> Any:
        """The value; None: there is none."""


@dataclass(frozen=True)
class Count:
    """How many facts, of some kinds or of all.

    >>> Count("view").lift(Fact("click", 0, "ann")), Count().result(None)
    (None, 0)
    """

    kinds: tuple[str, ...]

    def __init__(self, *kinds: str) -> None:
        object.__setattr__(self, "kinds", kinds)

    def lift(self, fact: Fact) -> int | None:
        """One, or nothing."""
        return 1 if not self.kinds or fact.kind in self.kinds else None

    def merge(self, left: int, right: int) -> int:
        """Their sum."""
        return left + right

    def result(self, acc: int | None) -> int:
        """The number."""
        return acc or 0


@dataclass(frozen=True)
class First:
    """Event time of the earliest fact."""

    def lift(self, fact: Fact) -> int:
        """The event time."""
        return fact.at

    def merge(self, left: int, right: int) -> int:
        """The earlier."""
        return min(left, right)

    def result(self, acc: int | None) -> int | None:
        """Epoch milliseconds."""
        return acc

    def seconds(self, acc: int | None) -> int | None:
        """Epoch seconds, rounded down."""
        return None if acc is None else acc // 1000


@dataclass(frozen=True)
class Last(First):
    """Event time of the latest fact."""

    def merge(self, left: int, right: int) -> int:
        """The later."""
        return max(left, right)


@dataclass(frozen=True)
class Days:
    """Different days of UTC with a fact: a bit a day, in words of 63 days.

    >>> days = Days()
    >>> days.result(days.merge(days.lift(Fact("view", 0, "ann")), days.lift(Fact("view", 86_400_000, "ann"))))
    2
    """

    def lift(self, fact: Fact) -> dict[int, int]:
        """Its day."""
        word, bit = divmod(fact.at // _DAY_MS, _WORD)
        return {word: 1 << bit}

    def merge(self, left: dict[int, int], right: Mapping[int, int]) -> dict[int, int]:
        """The days of both."""
        for word, bits in right.items():
            left[word] = left.get(word, 0) | bits
        return left

    def result(self, acc: Mapping[int, int] | None) -> int:
        """How many."""
        return sum(bits.bit_count() for bits in (acc or {}).values())


@dataclass(frozen=True)
class Beats:
    """Different heartbeats of a page: a bit each, in words of 63.

    A tracker whose clock jumps would add a word a ping; those for which there is no room are left out.
    """

    def lift(self, fact: Fact) -> dict[int, int] | None:
        """That of a ping."""
        if fact.beat is None:
            return None
        word, bit = divmod(fact.beat, _WORD)
        return {word: 1 << bit}

    def merge(self, left: dict[int, int], right: Mapping[int, int]) -> dict[int, int]:
        """Those of both, as far as there is room."""
        for word, bits in right.items():
            if word in left or len(left) < MOST_BEAT_WORDS:
                left[word] = left.get(word, 0) | bits
        return left

    def result(self, acc: Mapping[int, int] | None) -> int:
        """Seconds looked at."""
        return Days().result(acc) * HEARTBEAT_MS // 1000


@dataclass(frozen=True)
class Shown:
    """Products viewed on a page, each with the seconds that were credited to its pair."""

    def lift(self, fact: Fact) -> dict[str, int] | None:
        """Those of a view, without a second yet."""
        return dict.fromkeys(fact.products, 0) or None

    def merge(self, left: dict[str, int], right: Mapping[str, int]) -> dict[str, int]:
        """Those of both, as far as there is room."""
        for product in right:
            if len(left) < MOST_NAMES:
                left.setdefault(product, 0)
        return left

    def result(self, acc: Mapping[str, int] | None) -> int:
        """How many different ones."""
        return len(acc or {})


@dataclass(frozen=True)
class Seconds:
    """Time that another view credits (`EntityView.gives`)."""

    def lift(self, fact: Fact) -> None:
        """Nothing: no fact of its own tells it."""

    def merge(self, left: int, right: int) -> int:
        """Their sum."""
        return left + right

    def result(self, acc: int | None) -> int | None:
        """Seconds; None: nothing was credited."""
        return acc


@dataclass(frozen=True)
class Shoppers:
    """Different shoppers: exactly up to 1,000, then by HyperLogLog (standard error 1.6 %)."""

    def lift(self, fact: Fact) -> bytes:
        """The shopper's digest."""
        return digest(fact.shopper)

    def merge(self, left: bytes, right: bytes) -> bytes:
        """Both together."""
        return hyperloglog.add(left, right)

    def result(self, acc: bytes | None) -> int:
        """How many."""
        return hyperloglog.count(acc or b"")


@dataclass(frozen=True)
class Prices:
    """Unit prices of what was bought, of one currency; their sum ends at `MOST_MINOR`."""

    currency: str

    def lift(self, fact: Fact) -> list[int] | None:
        """Sum, number, least and greatest, in minor units."""
        held = [price.minor for price in fact.prices if price.currency == self.currency]
        return [min(sum(held), MOST_MINOR), len(held), min(held), max(held)] if held else None

    def merge(self, left: list[int], right: list[int]) -> list[int]:
        """Those of both."""
        total = min(left[0] + right[0], MOST_MINOR)
        return [total, left[1] + right[1], min(left[2], right[2]), max(left[3], right[3])]

    def result(self, acc: list[int] | None) -> MeanMoney | None:
        """Their mean."""
        return MeanMoney(acc[0], acc[1], self.currency) if acc else None

    def least(self, acc: list[int] | None) -> Money | None:
        """The least."""
        return Money(acc[2], self.currency) if acc else None

    def greatest(self, acc: list[int] | None) -> Money | None:
        """The greatest."""
        return Money(acc[3], self.currency) if acc else None


@dataclass(frozen=True)
class Trend:
    """The weight of what happened in a rolling window: numbers of each kind, pane by pane.

    Weights are applied when it is read, so that changed ones hold for what was counted before.
    """

    window: Window
    weights: Weights = field(repr=False)

    def lift(self, fact: Fact) -> dict[int, list[int]] | None:
        """One in a column of its pane."""
        column = _COLUMN.get(fact.kind)
        if column is None:
            return None
        return {fact.at // self.window.pane_ms: [int(i == column) for i in range(len(_COLUMN))]}

    def merge(self, left: dict[int, list[int]], right: Mapping[int, list[int]]) -> dict[int, list[int]]:
        """Panes added up."""
        for pane, numbers in right.items():
            mine = left.get(pane)
            left[pane] = numbers if mine is None else [a + b for a, b in zip(mine, numbers, strict=True)]
        return left

    def prune(self, acc: dict[int, list[int]], as_of: int) -> dict[int, list[int]] | None:
        """What is still inside at `as_of` (epoch ms)."""
        first = self.window.first_pane(as_of)
        return {pane: numbers for pane, numbers in acc.items() if pane >= first} or None

    def leaves(self, acc: Mapping[int, list[int]]) -> int:
        """When the first pane leaves, epoch ms."""
        return self.window.leaves_at(min(acc))

    def result(self, acc: Mapping[int, list[int]] | None) -> int:
        """The weight."""
        return sum(self.weights.of(*numbers) for numbers in (acc or {}).values())


@dataclass(frozen=True)
class Tally:
    """Weight and last moment of each category, or seller, that a shopper's facts name.

    Kept are numbers of each kind. `most` names have room; others are left out, those that come last, and
    the row is marked.
    """

    of: str
    """The field of the fact that names it."""
    kinds: tuple[str, ...]
    weights: tuple[int, ...] = field(repr=False)
    """What an interaction of each kind weighs, when it is read."""
    top_most: int = field(default=3, repr=False)
    ranked_most: int = field(default=100, repr=False)
    most: int = MOST_NAMES

    def lift(self, fact: Fact) -> dict[str, list[int]] | None:
        """One of a kind, and when."""
        name = getattr(fact, self.of)
        if not name:
            return None
        numbers = [int(kind == fact.kind) for kind in self.kinds]
        return {name: [fact.at, *numbers]}

    def merge(self, left: dict[str, list[int]], right: Mapping[str, list[int]]) -> dict[str, list[int]]:
        """Names and numbers of both, as far as there is room."""
        for name, (at, *numbers) in right.items():
            mine = left.get(name)
            if mine is not None:
                left[name] = [max(mine[0], at), *(a + b for a, b in zip(mine[1:], numbers, strict=True))]
            elif len(left) < self.most:
                left[name] = [at, *numbers]
        return left

    def result(self, acc: Mapping[str, list[int]] | None) -> int:
        """How many different ones."""
        return len(acc or {})

    def top(self, acc: Mapping[str, list[int]] | None) -> list[str] | None:
        """The heaviest; ties: most recent, then alphabetical."""
        return self._ordered(acc)[: self.top_most] or None

    def ranking(self, acc: Mapping[str, list[int]] | None) -> dict[str, int]:
        """The heaviest with their weights."""
        held = acc or {}
        return {name: self._weight(held[name]) for name in self._ordered(held)[: self.ranked_most]}

    def full(self, acc: Mapping[str, list[int]]) -> bool:
        """Whether others may have been left out."""
        return len(acc) >= self.most

    def _weight(self, held: list[int]) -> int:
        return sum(weight * n for weight, n in zip(self.weights, held[1:], strict=True))

    def _ordered(self, acc: Mapping[str, list[int]] | None) -> list[str]:
        held = acc or {}
        return sorted(held, key=lambda name: (-self._weight(held[name]), -held[name][0], name))
