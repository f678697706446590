"""How a view's row is read from its accumulators, compiled so that only what is there costs anything."""

from collections.abc import Callable
from typing import Any, NamedTuple

from features.aggregates.base import Accs, Reading
from features.aggregates.own import Own
from features.definition import Derived, Feature, FeatureView
from features.row import Value

ReadOut = Callable[[Any, Reading], Any]


class Slot(NamedTuple):
    """One accumulator and the features that are read from it."""

    slot: int
    trail: bool
    reads: tuple[tuple[str, ReadOut], ...]


class Phase(NamedTuple):
    """Features that may be read in any order, then those derived from them."""

    slots: tuple[Slot, ...]
    derived: tuple[tuple[str, tuple[str, ...], Callable[..., Any]], ...]


class ViewReader:
    """Reads one view: the currency first, then the rest, on top of what an empty view says."""

    def __init__(self, view: FeatureView) -> None:
        """Sort the features into phases."""
        self._view = view
        chosen = max(
            (i + 1 for i, feature in enumerate(view.features) if feature.name in view.currency), default=0
        )
        self._first = self._phase(view.features[:chosen])
        self._rest = self._phase(view.features[chosen:])
        self._own = tuple(
            (f.name, getattr(f.aggregate, f.read)) for f in view.accumulated() if isinstance(f.aggregate, Own)
        )
        self._hidden = tuple(f.name for f in view.features if f.name.startswith("_"))
        self._blank = {
            f.name: value
            for f in view.accumulated()
            if not isinstance(f.aggregate, Own)
            and (value := getattr(f.aggregate, f.read)(f.aggregate.zero(), Reading())) is not None
        }

    def read(self, totals: Accs, trails: Accs, reading: Reading) -> dict[str, Value]:
        """The view's values; what has no value is not there."""
        values: dict[str, Any] = self._blank.copy()
        reading.currency = None
        for name, own in self._own:
            values[name] = own(None, reading)
        if self._first.slots:
            _fill(values, self._first, totals, trails, reading)
            reading.currency = next((values[name] for name in self._view.currency if name in values), None)
        _fill(values, self._rest, totals, trails, reading)
        for name in self._hidden:
            values.pop(name, None)
        return values

    def _phase(self, features: tuple[Feature | Derived, ...]) -> Phase:
        slots: dict[int, list[Feature]] = {}
        for feature in features:
            if isinstance(feature, Feature) and not isinstance(feature.aggregate, Own):
                slots.setdefault(self._view.slot(feature), []).append(feature)
        return Phase(
            tuple(self._slot(slot, reads) for slot, reads in slots.items()),
            tuple((f.name, f.inputs, f.function) for f in features if isinstance(f, Derived)),
        )

    def _slot(self, slot: int, features: list[Feature]) -> Slot:
        aggregate = features[0].aggregate
        trail = aggregate.trail and self._view.scope == "rolling"
        return Slot(slot, trail, tuple((f.name, getattr(aggregate, f.read)) for f in features))


def _fill(values: dict[str, Any], phase: Phase, totals: Accs, trails: Accs, reading: Reading) -> None:
    for slot, trail, reads in phase.slots:
        acc = (trails if trail else totals).get(slot)
        if acc is not None:
            for name, read in reads:
                value = read(acc, reading)
                if value is None:
                    values.pop(name, None)
                else:
                    values[name] = value
    for name, inputs, function in phase.derived:
        value = function(*[values.get(each) for each in inputs])
        if value is not None:
            values[name] = value
