"""Room for currencies where what was apart becomes one. Pure."""

from collections.abc import Iterable
from typing import Any

from features.aggregates.base import BEGINNING, Accs
from features.bound import only
from features.plan import ViewPlan
from features.state import trail_of


def make_room(view: ViewPlan, mine: Accs, theirs: Accs, parts: Iterable[Accs]) -> int:
    """Leave out amounts in currencies that find no room where two are merged: those seen before the others.

    What is shown is in the currency seen last, so it is never one of these.

    Args:
        view: which view's amounts.
        mine: where one remembers its currencies.
        theirs: where the other does.
        parts: all accumulators of both that may hold amounts.

    Returns:
        The latest event time (epoch ms) of what was left out, `BEGINNING` where all had room.
    """
    if view.mixed < 0:
        return BEGINNING
    seen: list[dict[str, int]] = [trail_of(accs, view.mixed) or {} for accs in (mine, theirs)]
    kept: Any = view.aggregates[view.mixed].merge(dict(seen[0]), seen[1])
    gone = [at for each in seen for currency, at in each.items() if currency not in kept]
    for accs in parts if gone else ():
        only(accs, view.aggregates, kept)
    return max(gone, default=BEGINNING)
