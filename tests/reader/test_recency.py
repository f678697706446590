"""Scores fade with the days since the last interaction."""

from math import exp

from shopper_reader.recency import faded

DAY = 86_400_000


def test_a_score_fades_by_e_in_thirty_days_unless_told_otherwise() -> None:
    assert faded(10, 0, 30 * DAY) == 10 * exp(-1)
    assert faded(10, 0, 7 * DAY, days=7) == 10 * exp(-1)
    assert faded(10, DAY, DAY) == 10


def test_a_clock_behind_makes_no_score_grow() -> None:
    assert faded(10, DAY, 0) == 10
