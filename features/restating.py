"""Rows that are to stand above all that a run wrote before it crashed. Pure."""

from typing import Final

from features.logic import ShopperLogic
from features.row import FeatureRow
from features.state import ShopperState

RECORDS_PER_S: Final = 100
"""A shopper's count of records is let rise by so much for each second of the clock: with fewer records until
the next crash, it rises again there."""


def restated_rows(logic: ShopperLogic, state: ShopperState, shopper: str, began: int) -> list[FeatureRow]:
    """Every row of a shopper, and the end of those that a run before `began` (epoch ms) may have left.

    That run may have counted events for the shopper that now count for somebody else: it has counted more
    records then, and its rows would be taken for newer. So the count goes on from the clock.
    """
    state.seen = max(state.seen, began * RECORDS_PER_S // 1000)
    rows = logic.all_rows(state, shopper)
    given = {row.window for row in rows if row.entity == "user"}
    labels = [window.label for window in logic.definitions.windows] + ([] if logic.partial else ["session"])
    return rows + [
        FeatureRow("user", shopper, label, {}, state.at, state.at, state.at, state.seen)
        for label in labels
        if label not in given
    ]
