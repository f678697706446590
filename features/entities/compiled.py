"""An entity view with what is looked up once, and the values that its features have. Pure."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from features.definition import Derived
from features.entities.aggregates import Tally, Trend
from features.entities.definition import RANKING, EntityFeature, EntityView
from features.entities.sides import Side


class Value(NamedTuple):
    """What gives a feature: a read-out of the accumulator in a slot, or a function of features before it."""

    name: str
    slot: int
    read: Callable[..., Any]
    inputs: tuple[str, ...] | None = None


class LookedUp(NamedTuple):
    """A row that is looked up: its slot among accumulators, and which part of the key is its own."""

    slot: int
    table: str
    part: int


class Compiled(NamedTuple):
    """A view with what is looked up once."""

    view: EntityView
    aggregates: dict[int, Any]
    """Over facts, by slot."""
    trends: dict[int, Trend]
    tallies: dict[int, Tally]
    wanted: frozenset[str] | None
    values: list[Value]
    """What gives each feature, in their order."""
    ranked: frozenset[str]
    shown: tuple[str, ...]
    leading: list[tuple[str, int, Callable[..., Any]]]
    """Name of a sorted set over all, and what gives its scores."""
    kept: dict[str, int]
    """Side inputs whose rows are kept with the entities, and their slots."""
    looked_up: list[LookedUp]
    """The others that it reads."""
    tells: Value | None
    """What gives the names that others look up."""


def compiled(view: EntityView, tables: Collection[str]) -> Compiled:
    """A view, of a job that has the side inputs `tables`, what views tell among them."""
    every = {feature.slot: feature.aggregate for feature in view.accumulated()}
    aggregates = {slot: each for slot, each in every.items() if not isinstance(each, Side)}
    values = {feature.name: _value_of(feature, tables) for feature in view.features}
    sides = {slot: each for slot, each in every.items() if isinstance(each, Side)}
    return Compiled(
        view,
        aggregates,
        {slot: each for slot, each in aggregates.items() if isinstance(each, Trend)},
        {slot: each for slot, each in aggregates.items() if isinstance(each, Tally)},
        view.kinds,
        list(values.values()),
        frozenset(feature.name for feature in view.public() if feature.type == RANKING),
        tuple([feature.name for feature in view.public()]),
        [(":".join(each.key), values[each.feature].slot, values[each.feature].read) for each in view.leaders],
        {side.table: slot for slot, side in sides.items() if view.keeps(side)},
        [
            LookedUp(slot, side.table, view.key.index(side.part))
            for slot, side in sides.items()
            if _has(side, tables) and not view.keeps(side)
        ],
        values.get(view.tells),
    )


def values_of(known: Compiled, accs: Mapping[int, Any]) -> dict[str, Any]:
    """Every feature's value, those of ingredients, too."""
    values: dict[str, Any] = {}
    for name, slot, read, inputs in known.values:
        if inputs is None:
            values[name] = read(accs.get(slot))
        else:
            values[name] = read(*[values[each] for each in inputs])
    return values


def identity(feature: EntityFeature | Derived) -> str:
    """What a feature's value depends on beside what came."""
    if isinstance(feature, Derived):
        return feature.identity
    return f"{feature.name} {feature.type} {feature.slot} {feature.read}"


def _value_of(feature: EntityFeature | Derived, tables: Collection[str]) -> Value:
    if isinstance(feature, Derived):
        return Value(feature.name, 0, feature.function, feature.inputs)
    if isinstance(feature.aggregate, Side) and not _has(feature.aggregate, tables):
        return Value(feature.name, feature.slot, _nothing)
    return Value(feature.name, feature.slot, getattr(feature.aggregate, feature.read))


def _has(side: Side, tables: Collection[str]) -> bool:
    return side.table in tables and (not side.beside or side.beside in tables)


def _nothing(acc: Any) -> None:
    """Of a table that is no input, whatever was known of it."""
