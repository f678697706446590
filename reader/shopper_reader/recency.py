"""Scores that fade: what was weighed once counts less the longer ago the last interaction was."""

from __future__ import annotations

from math import exp
from typing import Final

_DAY_MS: Final = 86_400_000


def faded(score: float, last_interaction_ms: int, now_ms: int, days: float = 30) -> float:
    """`score × exp(−days since the last interaction / days)`; one ahead of the clock is of now.

    >>> round(faded(10, 0, 30 * 86_400_000), 4), faded(10, 5, 0)
    (3.6788, 10.0)
    """
    return score * exp(-max(now_ms - last_interaction_ms, 0) / _DAY_MS / days)
