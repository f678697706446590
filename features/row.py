"""The feature row: what the logic says of one entity and window, before it becomes a Redis hash."""

from typing import Final, NamedTuple

import msgspec

from events.event import Money


class MeanMoney(NamedTuple):
    """An exact mean: `minor / count` minor units of `currency`."""

    minor: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody needs
    currency: str


Value = bool | int | float | str | list[str] | Money | MeanMoney


NEVER_AGAIN: Final = 10**12 - 1
"""`seen` of a deletion that no row of the same life may follow: the greatest that a fence can hold."""


class FeatureRow(msgspec.Struct, gc=False):
    """The features of one entity over one window (or of one session), as of `at`.

    `values` is None where the row is to be deleted (a gap session that became another). In a job whose
    branches run apart, a branch whose window has become empty gives a row with `until <= at` that holds its
    zeros.
    """

    entity: str
    """`user` or `session`."""
    entity_id: str
    window: str
    """`5min`, `1h`, `24h`, or `session`."""
    values: dict[str, Value] | None
    at: int
    """As of when the values are right, epoch milliseconds."""
    next: int
    """When the values next change if no event comes, epoch milliseconds."""
    until: int
    """When the row expires, epoch milliseconds."""
    seen: int
    """Records routed to the shopper so far: the middle part of the fence."""
    capped: bool = False
    owner: str = ""
    """For `session` entities: the shopper who holds this part of the session."""
    start: int = 0
    """For `session` entities: least event time of this part; the least (start, owner) owns the row."""
    base: tuple[int, int] | None = None
    """`(seen, at)` of the row before, where this one holds what may have changed since; None: it is whole."""
    absent: tuple[str, ...] = ()
    """Beside a `base`: the features that may have had a value and have none now."""
    forgotten: bool = False
    """Whether the shopper is forgotten: the key goes, whatever its fence, and leaves no tombstone."""
    if_there: bool = False
    """Beside `values` None: whether nothing is to be done where there is no such row."""
    same_as: str = ""
    """The user whom a device's row points to, beside `values` without any: who reads it reads the user's."""
    moved: bool = False
    """For `session` entities: whether this part came from a device to its user; of parts with the same start
    it owns the row."""
    tail: tuple[str, ...] = ()
    """Of entities beyond the shopper: what follows the id in the key, instead of `features:<window>`. Their
    `owner` is the entry of their state."""
    ranked: bool = False
    """Whether `values` are members of a sorted set and their scores."""
