"""The vocabulary in which entities are declared: key, feature, view."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal
from zlib import crc32

from features.definition import TYPES, Derived, check_names
from features.entities.interaction import Of
from features.entities.sides import EVERYWHERE, FAVOURITES, PART, Side

Part = Literal["shopper", "product", "category", "seller", "page"]
RANKING: Final = "ranking"
"""The type of a feature that is a sorted set of its own."""

_GIVES: Final = {
    "event": {"shopper"},
    "product": {"shopper", "product", "seller"},
    "category": {"shopper", "category", "seller"},
    "seller": {"shopper", "seller"},
    "page": {"shopper", "page"},
}
_MS: Final = timedelta(milliseconds=1)


def slot_of(aggregate: Any) -> int:
    """Where the accumulator of an aggregate lies in the state."""
    return crc32(repr(aggregate).encode()) & 0xFFFF


@dataclass(frozen=True)
class EntityFeature:
    """One value that a view gives of an entity: a read-out of an aggregate over the entity's facts.

    Two features of a view with the same aggregate share one accumulator. A name that begins with `_` is an
    ingredient of derived features and is not written.

    Raises:
        ValueError: if the type is unknown or `read` is no read-out of the aggregate.
    """

    name: str
    aggregate: Any
    doc: str
    read: str = "result"
    type: str = "int"
    unit: str = ""

    def __post_init__(self) -> None:
        """Check type and read-out at import time rather than at the first event."""
        if self.type not in TYPES | {RANKING}:
            msg = f"feature {self.name!r}: type {self.type!r} is none of {sorted(TYPES | {RANKING})}"
            raise ValueError(msg)
        if not callable(getattr(self.aggregate, self.read, None)):
            msg = f"feature {self.name!r}: {type(self.aggregate).__name__} has no read-out {self.read!r}"
            raise ValueError(msg)  # noqa: TRY004 (the declaration is wrong, not its type)

    @property
    def slot(self) -> int:
        """Where its accumulator lies in the state; a changed definition begins empty."""
        return slot_of(self.aggregate)


@dataclass(frozen=True)
class Leaders:
    """A sorted set of the entities of one view that lead by a feature."""

    feature: str
    key: tuple[str, ...]
    """Of the sorted set, its parts: `products`, `trending`, `1h`."""
    most: int
    lives: timedelta
    """How long it outlives the last change: as long as one can count in it."""
    doc: str


@dataclass(frozen=True)
class EntityView:
    """Features of one kind of entity.

    Raises:
        ValueError: if the key has a part that its facts do not, a derived feature reads what is not there, a
            name comes twice, two accumulators would share a slot, rows of a side input that it reads lie in
            other buckets, or what it tells cannot be looked up.
    """

    name: str
    key: tuple[Part, ...]
    """What identifies an entity; the first part says which bucket holds it."""
    of: Of
    """What of an event makes a fact."""
    row: tuple[str, ...]
    """Words of the Redis key: one before each part, and what follows."""
    expiry: timedelta
    """How long state and rows outlive the last fact."""
    features: tuple[EntityFeature | Derived, ...]
    kinds: frozenset[str] | None = None
    """Kinds of interaction that it wants; None: all."""
    every: timedelta = timedelta(seconds=1)
    """A row is written at most so often."""
    leaders: tuple[Leaders, ...] = ()
    gives: str = ""
    """The view of shopper and product that is credited with time; this one then has no row of its own."""
    tells: str = ""
    """A feature, a list of names, that other views look up as a row of the table of this view's name."""

    def __post_init__(self) -> None:
        """Check the view's own consistency."""
        if not self.key or not set(self.key) <= _GIVES[self.of] or len(set(self.key)) < len(self.key):
            given = ", ".join(sorted(_GIVES[self.of]))
            msg = f"view {self.name!r}: key {self.key}; facts of a {self.of} have {given}"
            raise ValueError(msg)
        if not self.gives and len(self.row) not in (len(self.key), len(self.key) + 1):
            msg = (
                f"view {self.name!r}: row {self.row} needs a word for each of {self.key}, and may have a last"
            )
            raise ValueError(msg)
        check_names(self.name, self.features)
        for side in self.sides():
            if side.part not in self.key or (side.part != self.key[0] and side.table not in EVERYWHERE):
                where = "be in the key" if side.table in EVERYWHERE else "begin the key"
                msg = f"view {self.name!r}: to read {side.table!r}, {side.part!r} must {where} {self.key}"
                raise ValueError(msg)
        if self.tells and not (
            self.name == FAVOURITES and self.key == (PART[FAVOURITES],) and self.tells in self._lists()
        ):
            msg = (
                f"view {self.name!r}: tells {self.tells!r}, which must be one of its lists {self._lists()}; "
                f"and only {FAVOURITES!r}, of {PART[FAVOURITES]!r} alone, is looked up"
            )
            raise ValueError(msg)
        if not {each.feature for each in self.leaders} <= {each.name for each in self.accumulated()}:
            told = [each.feature for each in self.leaders]
            msg = f"view {self.name!r}: leaders by {told}, not all features with an aggregate of their own"
            raise ValueError(msg)
        aggregates = {feature.aggregate: feature.slot for feature in self.accumulated()}
        if len(set(aggregates.values())) < len(aggregates):
            msg = f"view {self.name!r}: two accumulators share a slot; change one of the aggregates"
            raise ValueError(msg)

    def accumulated(self) -> list[EntityFeature]:
        """The features that are not derived."""
        return [feature for feature in self.features if isinstance(feature, EntityFeature)]

    def _lists(self) -> list[str]:
        return [each.name for each in self.accumulated() if each.type == "list"]

    def sides(self) -> list[Side]:
        """The side inputs that it reads."""
        return list({each.aggregate: None for each in self.accumulated() if isinstance(each.aggregate, Side)})

    def keeps(self, side: Side) -> bool:
        """Whether rows of a side input are kept with its entities, for they go by the whole key.

        What another view tells is kept once, beside them.
        """
        return self.key == (side.part,) and side.table != FAVOURITES

    def public(self) -> list[EntityFeature | Derived]:
        """The features that are written."""
        return [feature for feature in self.features if not feature.name.startswith("_")]

    def pattern(self, name: str = "") -> str:
        """The Redis key, as documents have it; of the sorted set `name`, where it is given."""
        words = [f"{word}:<{part}>" for word, part in zip(self.row, self.key, strict=False)]
        return ":".join([*words, *([name] if name else self.row[len(self.key) :])])

    @property
    def expiry_ms(self) -> int:
        """The expiry in milliseconds."""
        return self.expiry // _MS

    @property
    def every_ms(self) -> int:
        """The pace in milliseconds."""
        return self.every // _MS
