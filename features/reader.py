"""How values are read from accumulators: programs compiled for what may have changed.

A program names, view by view, the features to read. It is compiled once for each set of accumulators that
changed together, and reads what they and the currency chosen decide, directly or by derivation.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from features.aggregates.base import Accs, Aggregate, Reading
from features.aggregates.own import Own
from features.compile import (
    ALONE,
    COUNTED,
    NAMED,
    NEVER,
    NUMBER,
    PANES,
    TRAIL,
    Join,
    Part,
    Phase,
    Run,
    Slot,
    compiled,
)
from features.definition import Derived, Feature, FeatureView
from features.row import Value

ALL: Final = -1
"""The bits of every accumulator."""
MOST_PROGRAMS: Final = 4_096
"""So many are remembered."""
NOBODY: Final[tuple[list[Any], dict[int, int]]] = ([0, {}], {})


class Program(NamedTuple):
    """What is to be read of all views."""

    parts: tuple[Part, ...]
    paned: bool
    """Whether any of it lies in panes."""
    runs: tuple[Run, ...]
    """A function for each part."""


class Reader:
    """Compiles programs for views whose accumulators have bits."""

    def __init__(self, views: Iterable[FeatureView], bits: dict[int, int]) -> None:
        """Remember the views; `bits` gives the bit of each slot."""
        self._bits = bits
        hosted = tuple(views)
        self._slots = {view.name: {f.name: view.slot(f) for f in view.accumulated()} for view in hosted}
        """By view and feature: a slot is made of words, which takes long."""
        self._views = [
            (view, sum({bits[slot] for slot in self._slots[view.name].values()})) for view in hosted
        ]
        self._programs: dict[int, Program] = {}
        self._compiled: dict[tuple[str, int], tuple[Part, Run]] = {}

    def program(self, bits: int) -> Program:
        """What to read when the accumulators of these bits changed."""
        found = self._programs.get(bits)
        if found is None:
            if len(self._programs) >= MOST_PROGRAMS:
                self._programs.clear()
            # Few sets of one view's accumulators change together, many of all views'.
            each = [self._view(view, bits & own) for view, own in self._views if bits & own]
            parts, runs = [part for part, _ in each], [run for _, run in each]
            slots = [slot for part in parts for phase in (part.first, part.rest) for slot in phase.slots]
            paned = any(slot.kept in (PANES, NAMED, NUMBER) for slot in slots)
            found = self._programs[bits] = Program(tuple(parts), paned, tuple(runs))
        return found

    def _view(self, view: FeatureView, bits: int) -> tuple[Part, Run]:
        found = self._compiled.get((view.name, bits))
        if found is None:
            part = self._part(view, bits)
            found = self._compiled[view.name, bits] = part, compiled(part)
        return found

    def _part(self, view: FeatureView, bits: int) -> Part:
        slots, changed = self._slots[view.name], self._changed(view, bits)
        needed = _needed(view, changed)
        chosen = max((i + 1 for i, f in enumerate(view.features) if f.name in view.currency), default=0)
        first = [feature for feature in view.features[:chosen] if feature.name in needed]
        rest = [feature for feature in view.features[chosen:] if feature.name in needed]
        return Part(
            tuple(
                (f.name, getattr(f.aggregate, f.read))
                for f in (*first, *rest)
                if isinstance(f, Feature) and isinstance(f.aggregate, Own)
            ),
            _phase(view, slots, first),
            tuple(name for name in view.currency if name in needed),
            _phase(view, slots, rest),
            tuple(f.name for f in view.public() if f.name in changed),
        )

    def _changed(self, view: FeatureView, bits: int) -> set[str]:
        slots = self._slots[view.name]
        changed: set[str] = set()
        for feature in view.features:
            if isinstance(feature, Derived):
                hit = not changed.isdisjoint(feature.inputs)
            else:
                hit = bool(bits & self._bits[slots[feature.name]]) or (
                    feature.aggregate.monetary and not changed.isdisjoint(view.currency)
                )
            if hit:
                changed.add(feature.name)
        return changed


def read(
    program: Program, totals: Sequence[Accs], trails: Accs, reading: Reading
) -> tuple[dict[str, Value], list[str]]:
    """The values of a program's features, and the names of those that have none.

    Args:
        program: what to read.
        totals: accumulators over panes, whose sum is read.
        trails: the shared accumulators.
        reading: the window or session; its currency is set here.
    """
    values: dict[str, Value] = {}
    absent: list[str] = []
    for run in program.runs:
        run(values, absent, totals, trails, reading)
    return values, absent


def _needed(view: FeatureView, changed: set[str]) -> set[str]:
    """What changed, what it is derived from, and what chooses its currency."""
    needed = _with_inputs(view, changed)
    if any(isinstance(f, Feature) and f.aggregate.monetary and f.name in needed for f in view.features):
        needed = _with_inputs(view, needed.union(view.currency))
    return needed


def _with_inputs(view: FeatureView, names: set[str]) -> set[str]:
    needed = set(names)
    for feature in reversed(view.features):
        if isinstance(feature, Derived) and feature.name in needed:
            needed.update(feature.inputs)
    return needed


def _phase(view: FeatureView, known: Mapping[str, int], features: Sequence[Feature | Derived]) -> Phase:
    slots: dict[int, list[Feature]] = {}
    for feature in features:
        if isinstance(feature, Feature) and not isinstance(feature.aggregate, Own):
            slots.setdefault(known[feature.name], []).append(feature)
    return Phase(
        tuple(_slot(view, slot, reads) for slot, reads in slots.items()),
        tuple((f.name, f.inputs, f.function) for f in features if isinstance(f, Derived)),
    )


def _slot(view: FeatureView, slot: int, features: list[Feature]) -> Slot:
    aggregate = features[0].aggregate
    nothing = NOBODY if aggregate.named else aggregate.zero()
    reads = tuple((f.name, getattr(aggregate, f.read)) for f in features)
    blanks = {name: read_out(nothing, Reading()) for name, read_out in reads}
    return Slot(slot, _kept(view, aggregate), _joined(aggregate), reads, blanks)


def _kept(view: FeatureView, aggregate: Aggregate) -> int:
    if aggregate.idle:
        return NEVER
    if view.scope == "session":
        return COUNTED if aggregate.number else ALONE
    if aggregate.named:
        return NAMED
    return TRAIL if aggregate.trail else NUMBER if aggregate.number else PANES


def _joined(aggregate: Aggregate) -> Join:
    def join(left: Any, right: Any) -> Any:
        return aggregate.merge(aggregate.merge(aggregate.zero(), left), right)

    return join
