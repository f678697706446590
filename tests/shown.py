"""What Redis shows of states' rows, and where that differs from what an oracle says."""

from collections.abc import Iterable

from features.row import FeatureRow
from sinks.codec import fields_of, meta_of
from sinks.keys import key_of

Rows = dict[str, dict[str, str]]
"""Fields by key."""
FENCE_FIELDS = ("_v", "_owner", "_start", "_moved")


def hold(held: dict[str, FeatureRow], rows: Iterable[FeatureRow], at: int) -> None:
    """Put the rows of a state, as it is `at`, under their keys, save those that another's go before."""
    for row in rows:
        key = key_of(row)
        if row.values is not None and row.until > at and claim(row) <= claim(held.get(key, row)):
            held[key] = row


def claim(row: FeatureRow) -> tuple[int, bool, str]:
    """The least one owns the key of a session of which several shoppers have a part."""
    return row.start, not row.moved, row.owner


def shown(rows: Iterable[FeatureRow]) -> Rows:
    """Each row as a reader gets it."""
    return {key_of(row): fields_of(row) | _meta(row) for row in rows}


def differences(got: Rows, expected: Rows) -> list[tuple[str, str, str | None, str | None]]:
    """(key, field, ours, the oracle's) wherever the two differ."""
    nothing: dict[str, str] = {}
    return [
        (key, field, got.get(key, nothing).get(field), expected.get(key, nothing).get(field))
        for key in sorted(got.keys() | expected.keys())
        for field in sorted(got.get(key, nothing).keys() | expected.get(key, nothing).keys())
        if got.get(key, nothing).get(field) != expected.get(key, nothing).get(field)
    ]


def _meta(row: FeatureRow) -> dict[str, str]:
    return {name: text for name, text in meta_of(row, life=0).items() if name not in FENCE_FIELDS}
