"""Every aggregate with facts for it. One that is missing here fails the laws."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

from features.aggregates import (
    Bag,
    CartValue,
    Changes,
    Count,
    Distinct,
    Engagement,
    FirstTouch,
    Funnel,
    Greatest,
    LastPage,
    Latest,
    LatestEntry,
    MoneySpread,
    MoneySum,
    Own,
    Recent,
    StepOrders,
    Total,
)
from features.aggregates.base import Aggregate
from tests.features.fact_pools import CARTS, CONTEXTS, PURCHASES, SESSIONS

Drawn = tuple[bytes, bytes, bytes]
DRAWN = st.tuples(*[st.binary(max_size=8)] * 3)
"""Three groups of facts, each fact by its number in the pool."""


class Sample(NamedTuple):
    """An aggregate and facts for it."""

    aggregate: Aggregate
    pool: Sequence[Any]

    def __repr__(self) -> str:
        return repr(self.aggregate)

    def facts(self, drawn: Drawn) -> list[list[Any]]:
        """Facts of different events, in three groups."""
        unused = dict(enumerate(self.pool))
        return [[unused.pop(number) for number in group if number in unused] for group in drawn]

    def all(self, drawn: Drawn) -> list[Any]:
        """The same facts in one group."""
        return [fact for group in self.facts(drawn) for fact in group]


SAMPLES = [
    Sample(Bag("categories"), PURCHASES),
    Sample(Bag("categories", most=3), PURCHASES),
    Sample(CartValue(), CARTS),
    Sample(CartValue(keep=3), CARTS),
    Sample(Changes("location"), CONTEXTS),
    Sample(Changes("location", keep=3), CONTEXTS),
    Sample(Count(), PURCHASES),
    Sample(Count("order"), PURCHASES),
    Sample(Distinct("page_keys"), SESSIONS),
    Sample(Distinct("page_keys", most=2), SESSIONS),
    Sample(Engagement(), SESSIONS),
    Sample(FirstTouch(), SESSIONS),
    Sample(Funnel(gap_ms=1_000), PURCHASES),
    Sample(Greatest("step"), PURCHASES),
    Sample(LastPage(), SESSIONS),
    Sample(Latest("location"), CONTEXTS),
    Sample(LatestEntry("location"), CONTEXTS),
    Sample(MoneySpread("values"), CARTS),
    Sample(MoneySum("values"), CARTS),
    Sample(Own("events"), SESSIONS),
    Sample(Recent("devices"), CONTEXTS),
    Sample(Recent("places", most=3), CONTEXTS),
    Sample(StepOrders(2), PURCHASES),
    Sample(StepOrders(2, gap_ms=1_000, keep=4), PURCHASES),
    Sample(Total("items"), PURCHASES),
]
