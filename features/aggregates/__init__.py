"""Aggregates: one a file, each a monoid over plain data with a doctest as its manual."""

from features.aggregates.bag import Bag
from features.aggregates.base import Aggregate, Reading, Trail
from features.aggregates.cart_value import CartValue
from features.aggregates.changes import Changes
from features.aggregates.count import Count
from features.aggregates.distinct import Distinct
from features.aggregates.engagement import Engagement
from features.aggregates.funnel import Funnel
from features.aggregates.greatest import Greatest
from features.aggregates.latest import Latest, LatestEntry
from features.aggregates.money_spread import MoneySpread
from features.aggregates.money_sum import MoneySum
from features.aggregates.own import Own
from features.aggregates.recent import Recent
from features.aggregates.step_orders import StepOrders
from features.aggregates.total import Total
from features.aggregates.touch import FirstTouch, LastPage

__all__ = [
    "Aggregate",
    "Bag",
    "CartValue",
    "Changes",
    "Count",
    "Distinct",
    "Engagement",
    "FirstTouch",
    "Funnel",
    "Greatest",
    "LastPage",
    "Latest",
    "LatestEntry",
    "MoneySpread",
    "MoneySum",
    "Own",
    "Reading",
    "Recent",
    "StepOrders",
    "Total",
    "Trail",
]
