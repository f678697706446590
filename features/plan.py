"""Views compiled for the hot path: which accumulators a kind of event touches, and how a row is read."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from events.event import UNTYPED_ACTION, Event
from features.aggregates.base import Accs, Aggregate, Reading, Trail
from features.aggregates.count import Count
from features.definition import FeatureView
from features.reader import ViewReader
from features.row import Value
from features.settings import Definitions

CAPPED = 0x10000
"""Slot, beyond those of features, that counts what the caps kept out of a pane."""


class Touch(NamedTuple):
    """One accumulator that a fact changes."""

    slot: int
    aggregate: Aggregate


class ViewPlan:
    """One view, compiled."""

    def __init__(self, view: FeatureView, definitions: Definitions) -> None:
        """Resolve slots, read-outs and what an empty view says (`empty`)."""
        self.view = view
        self._definitions = definitions
        self.aggregates: dict[int, Aggregate] = {view.slot(f): f.aggregate for f in view.accumulated()}
        self._paned = frozenset(slot for slot, each in self.aggregates.items() if not each.trail)
        self._trails = frozenset(slot for slot, each in self.aggregates.items() if each.trail)
        self._reader = ViewReader(view)
        self._touches: dict[str, tuple[tuple[Touch, ...], tuple[Touch, ...]]] = {}
        self.empty: dict[str, Value] = {}
        if view.scope == "rolling":
            self.empty = self._reader.read({}, {}, Reading())

    def fact(self, event: Event, order: bool) -> Any:
        """The view's fact of an event that it wants."""
        return self.view.fact(event, order, self._definitions)

    def touches(self, kind: str) -> tuple[tuple[Touch, ...], tuple[Touch, ...]]:
        """The paned accumulators and the trails that a fact of `kind` changes."""
        found = self._touches.get(kind)
        if found is None:
            slots = {
                self.view.slot(f): f
                for f in self.view.accumulated()
                if (not f.on or kind in f.on) and not f.aggregate.idle
            }
            touched = [Touch(slot, f.aggregate) for slot, f in slots.items()]
            found = (
                tuple(touch for touch in touched if not touch.aggregate.trail),
                tuple(touch for touch in touched if touch.aggregate.trail),
            )
            self._touches[kind] = found
        return found

    def read(self, totals: Accs, trails: Accs, reading: Reading) -> dict[str, Value]:
        """The view's values; what has no value is not there."""
        if self._paned.isdisjoint(totals) and self._trails.isdisjoint(trails):
            return self.empty
        return self._reader.read(totals, trails, reading)

    def read_session(self, accs: Accs, reading: Reading) -> dict[str, Value]:
        """The values of one session."""
        return self._reader.read(accs, accs, reading)


class Plan:
    """The views of one host, compiled."""

    def __init__(self, views: Iterable[FeatureView], definitions: Definitions) -> None:
        """Compile each view.

        Raises:
            ValueError: if accumulators of two views share a slot.
        """
        plans = [ViewPlan(view, definitions) for view in views]
        self.rolling = [plan for plan in plans if plan.view.scope == "rolling"]
        self.looking_back: dict[int, str] = {}
        """Slots of trails whose older entries can change what a window says, and their views."""
        for plan in self.rolling:
            for slot, aggregate in plan.aggregates.items():
                if isinstance(aggregate, Trail) and aggregate.looks_back:
                    self.looking_back[slot] = plan.view.name
        self.session = next((plan for plan in plans if plan.view.scope == "session"), None)
        self.aggregates: dict[int, Aggregate] = {CAPPED: Count()}
        for plan in self.rolling:
            if clash := self.aggregates.keys() & plan.aggregates.keys():
                msg = f"view {plan.view.name!r}: its slots {sorted(clash)} are another view's; rename it"
                raise ValueError(msg)
            self.aggregates.update(plan.aggregates)

    def wanted(self, event: Event) -> list[ViewPlan]:
        """The rolling views that make a fact of the event."""
        if event.kind == UNTYPED_ACTION:
            return []
        return [plan for plan in self.rolling if plan.view.wants(event)]
