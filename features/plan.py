"""Views compiled for the hot path: which accumulators a kind of event touches, and how a row is read."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from events.event import UNTYPED_ACTION, Event
from features.aggregates.bag import Bag
from features.aggregates.base import Accs, Aggregate, Reading, Trail
from features.aggregates.own import Own
from features.definition import FactMaker, FeatureView
from features.reader import ALL, Program, Reader, read
from features.row import Value
from features.settings import Definitions

Grow = Callable[[Accs, int, Any, int], int | None]


class Touch(NamedTuple):
    """One accumulator that a fact changes."""

    bit: int
    slot: int
    grow: Grow
    """`Aggregate.grow` of the accumulator."""


class Touches(NamedTuple):
    """What a fact of one kind changes."""

    trails: tuple[Touch, ...]
    """Kept once a shopper, names of bags among them."""
    panes: tuple[Touch, ...]
    named: tuple[tuple[int, Bag], ...]
    """Kept in both ways."""
    mixed: int
    """Slot of the currencies that have room; -1 where the fact has no amounts."""
    most: int
    """How many."""


class ViewPlan:
    """One view, compiled."""

    def __init__(
        self, view: FeatureView, definitions: Definitions, bits: dict[int, int] | None = None
    ) -> None:
        """Resolve slots and read-outs, and give each slot a bit in `bits`.

        Raises:
            ValueError: if slots are another view's, or a session's view keeps names.
        """
        bits = {} if bits is None else bits
        self.view = view
        self._definitions = definitions
        self.aggregates: dict[int, Aggregate] = {view.slot(f): f.aggregate for f in view.accumulated()}
        if clash := bits.keys() & self.aggregates.keys():
            msg = f"view {view.name!r}: its slots {sorted(clash)} are another view's; rename it"
            raise ValueError(msg)
        if view.scope == "session" and any(each.named for each in self.aggregates.values()):
            msg = f"view {view.name!r}: a session has no panes for a Bag; count with Distinct instead"
            raise ValueError(msg)
        for number, slot in enumerate(self.aggregates, len(bits)):
            bits[slot] = 1 << number  # not of `len`, which is a C integer where this is compiled
        self.mixed = next((view.slot(f) for f in view.accumulated() if f.name == view.mixed), -1)
        """Slot of the currencies that have room; -1 where there is no such thing."""
        self._bits = bits
        self._touches: dict[str, Touches] = {}

    def fact(self, event: Event, order: bool) -> Any:
        """The view's fact of an event that it wants."""
        return self.view.fact(event, order, self._definitions)

    def touches(self, kind: str) -> Touches:
        """The accumulators that a fact of `kind` changes."""
        found = self._touches.get(kind)
        if found is None:
            features = [
                f for f in self.view.accumulated() if (not f.on or kind in f.on) and not f.aggregate.idle
            ]
            slots = {self.view.slot(f): f.aggregate for f in features}
            last = [slot for slot, each in slots.items() if each.trail or each.named]
            touched = {slot: Touch(self._bits[slot], slot, each.grow) for slot, each in slots.items()}
            mixed = next((f for f in features if f.name == self.view.mixed), None)
            found = self._touches[kind] = Touches(
                tuple(touched[slot] for slot in last),
                tuple(touch for slot, touch in touched.items() if slot not in last),
                tuple((slot, each) for slot, each in slots.items() if isinstance(each, Bag)),
                self.view.slot(mixed) if mixed else -1,
                getattr(mixed.aggregate, "most", 0) if mixed else 0,
            )
        return found

    def own_bits(self) -> dict[str, int]:
        """The bit of each of a session's own fields."""
        return {
            each.field: self._bits[slot] for slot, each in self.aggregates.items() if isinstance(each, Own)
        }

    def empty(self) -> dict[str, Value]:
        """What a view of rolling windows says where nothing is inside."""
        return read(Reader((self.view,), self._bits).program(ALL), (), {}, Reading())[0]


class Plan:
    """The views of one host, compiled."""

    def __init__(self, views: Iterable[FeatureView], definitions: Definitions) -> None:
        """Compile each view.

        Raises:
            ValueError: if accumulators of two views share a slot.
        """
        hosted = tuple(views)
        bits: dict[int, int] = {}
        self.rolling = [ViewPlan(view, definitions, bits) for view in hosted if view.scope == "rolling"]
        self.bits = dict(bits)
        """Of each slot of the rolling views."""
        self.aggregates: dict[int, Aggregate] = {}
        for plan in self.rolling:
            self.aggregates.update(plan.aggregates)
        self.trails = [slot for slot, each in self.aggregates.items() if each.trail or each.named]
        self.looking_back = {
            slot: bits[slot]
            for slot, each in self.aggregates.items()
            if isinstance(each, Trail) and each.looks_back and not each.idle
        }
        """Slots of trails whose older entries can change what a window says, and their bits."""
        self.reader = Reader((plan.view for plan in self.rolling), bits)
        session = next((view for view in hosted if view.scope == "session"), None)
        self.session = None if session is None else SessionPlan(session, definitions)
        self._wanted: dict[tuple[str, bool], list[tuple[FactMaker, Touches]]] = {}

    def wanted(self, event: Event) -> list[tuple[FactMaker, Touches]]:
        """How the rolling views that want the event make a fact of it, and what that touches."""
        key = (event.kind, event.session_id is None)
        found = self._wanted.get(key)
        if found is None:
            views = [] if event.kind == UNTYPED_ACTION else self.rolling
            found = self._wanted[key] = [
                (each.view.fact, each.touches(event.kind)) for each in views if each.view.wants(event)
            ]
        return found


class SessionPlan(ViewPlan):
    """The view of sessions, compiled."""

    def __init__(self, view: FeatureView, definitions: Definitions) -> None:
        """Slots of sessions lie apart from those of windows."""
        bits: dict[int, int] = {}
        super().__init__(view, definitions, bits)
        self._reader = Reader((view,), bits)

    def program(self, bits: int) -> Program:
        """What to read when the accumulators of these bits changed."""
        return self._reader.program(bits)


def limited(fact: Any, touches: Touches, trails: Accs) -> Any:
    """The fact with amounts only in the currencies that have room; the fact itself if they all have."""
    known = trails.get(touches.mixed) or {}
    for currency in fact.currencies:
        if currency not in known:
            break
    else:
        return fact
    allowed = {*known, *[each for each in fact.currencies if each not in known][: touches.most - len(known)]}
    return fact if allowed.issuperset(fact.currencies) else fact.limited(allowed)
