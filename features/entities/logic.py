"""Logic of entities: events give facts, a batch's facts one addition, additions states, states rows. Pure."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple
from zlib import crc32

from events.event import Event
from features.definition import Derived
from features.entities.aggregates import Seconds, Shown, Tally, Trend
from features.entities.definition import RANKING, EntityFeature, EntityView, slot_of
from features.entities.interaction import Fact, facts, kind_of, page_fact
from features.entities.settings import EntitySettings
from features.entities.state import GRACE_MS, Combined, EntityState, dump, entry_of, load, parts_of
from features.entities.views import VIEWS, entity_views
from features.row import FeatureRow, Value

SHOWN: Final = slot_of(Shown())
SECONDS: Final = slot_of(Seconds())


class Score(NamedTuple):
    """How an entity stands among its likes: of the sorted set `leaders`, a member and its score now."""

    leaders: str
    member: str
    score: int


class _Value(NamedTuple):
    """What gives a feature: a read-out of the accumulator in a slot, or a function of features before it."""

    name: str
    slot: int
    read: Callable[..., Any]
    inputs: tuple[str, ...] | None = None


class _Compiled(NamedTuple):
    """A view with what is looked up once."""

    view: EntityView
    aggregates: dict[int, Any]
    """By slot."""
    trends: dict[int, Trend]
    tallies: dict[int, Tally]
    wanted: frozenset[str] | None
    values: list[_Value]
    """What gives each feature, in their order."""
    ranked: frozenset[str]
    shown: tuple[str, ...]
    leading: list[tuple[str, int, Callable[..., Any]]]
    """Name of a sorted set over all, and what gives its scores."""


class EntityLogic:
    """What a list of entity views makes of events.

    Args:
        settings: of meaning.
        views: what to compute; by default those that the settings name.
    """

    def __init__(self, settings: EntitySettings, views: Iterable[EntityView] | None = None) -> None:
        """Compile the views."""
        given = entity_views(settings) if views is None else tuple(views)
        self.views: Final = {view.name: _compiled(view) for view in given}
        self._pages = any(view.of == "page" for view in given)
        known = [*[make(settings) for make in VIEWS.values()], *given]
        self._expiries = {view.name: view.expiry_ms for view in known}
        told = [
            (view.name, view.key, view.row, [_identity(feature) for feature in view.features])
            for view in given
        ]
        self.catalogue = crc32(repr((told, settings)).encode())
        """Fingerprint of the features: rows that another one made are to be made anew."""

    load = staticmethod(load)
    dump = staticmethod(dump)

    def combine(self, into: dict[str, Combined], event: Event, order: bool) -> None:
        """Add the facts of an applied event to what a batch adds to each entity.

        `order` says of a transaction, or a line of one, whether it is new.
        """
        kind = kind_of(event, order)
        page = page_fact(event) if self._pages else None
        if kind is None and page is None:
            return
        for compiled in self.views.values():
            of = compiled.view.of
            if of == "page":
                made: Iterable[Fact] = (page,) if page is not None else ()
            else:
                made = facts(event, kind, of) if kind is not None else ()
            for fact in made:
                if compiled.wanted is None or fact.kind in compiled.wanted:
                    _combine(into, compiled, fact)

    def owed(self, state: EntityState, entry: str) -> list[Combined]:
        """What an entity has for others of its bucket since it was asked: time, for a page's products."""
        name, parts = parts_of(entry)
        compiled = self.views[name]
        view = compiled.view
        if view.gives not in self.views:
            return []
        seconds = _values(compiled, state)["_seconds"]
        shown = state.accs.get(SHOWN, {})
        owed = [
            Combined(entry_of(view.gives, (parts[0], product)), 0, 0, {SECONDS: seconds - credited})
            for product, credited in shown.items()
            if seconds > credited
        ]
        shown.update(dict.fromkeys(shown, seconds))
        return owed

    def knows(self, entry: str) -> bool:
        """Whether the entry's view runs."""
        return parts_of(entry)[0] in self.views

    def leads(self, entry: str) -> bool:
        """Whether the entry's view runs and has sorted sets over all: a restore reads no other states."""
        known = self.views.get(parts_of(entry)[0])
        return known is not None and bool(known.leading)

    def add(self, state: EntityState, more: Combined, as_of: int) -> None:
        """Count what a batch adds, at `as_of` (epoch ms)."""
        aggregates = self.views[parts_of(more.entry)[0]].aggregates
        for slot, acc in more.accs.items():
            mine, aggregate = state.accs.get(slot), aggregates.get(slot)
            if aggregate is not None:
                state.accs[slot] = acc if mine is None else aggregate.merge(mine, acc)
        state.seen += more.seen
        state.last = max(state.last, more.last)
        state.changed = True
        self.advance(state, more.entry, as_of)

    def advance(self, state: EntityState, entry: str, as_of: int) -> None:
        """Let time pass to `as_of`: panes leave."""
        compiled = self.views[parts_of(entry)[0]]
        state.at = at = max(state.at, as_of)
        for slot, trend in compiled.trends.items():
            acc = state.accs.get(slot)
            if acc is None or trend.leaves(acc) > at:
                continue
            left = trend.prune(acc, at)
            state.changed = True
            if left is None:
                del state.accs[slot]
            else:
                state.accs[slot] = left
        state.next = self._due(state, compiled)

    def gone(self, state: EntityState, entry: str) -> bool:
        """Whether nothing is left of it that a row could need."""
        return state.at >= self.until(state, entry)

    def until(self, state: EntityState, entry: str) -> int:
        """Until when a row may need it, epoch ms; also of a view that there is and that does not run."""
        return state.last + self._expiries.get(parts_of(entry)[0], 0) + GRACE_MS

    def rows(self, state: EntityState, entry: str, *, whole: bool = False) -> list[FeatureRow]:
        """The rows if they changed and the last ones are old enough, or if `whole` asks for them."""
        compiled = self.views[parts_of(entry)[0]]
        due = state.changed and state.at >= state.written + compiled.view.every_ms
        if not due and not whole:
            return []
        state.written, state.changed = state.at, False
        state.next = self._due(state, compiled)
        return list(self._rows(state, entry, compiled))

    def forgotten(self, state: EntityState, entry: str, as_of: int) -> list[FeatureRow]:
        """A deletion for every key of the entity; of a view that runs no more the keys are not known."""
        if not self.knows(entry):
            return []
        rows = list(self._rows(state, entry, self.views[parts_of(entry)[0]]))
        for row in rows:
            row.values, row.forgotten, row.at, row.until = None, True, as_of, as_of
        return rows

    def scores(self, state: EntityState, entry: str) -> Iterator[Score]:
        """How the entity stands in each sorted set of its view."""
        name, parts = parts_of(entry)
        for key, slot, read in self.views[name].leading:
            yield Score(key, parts[-1], read(state.accs.get(slot)) or 0)

    def belongs(self, entry: str, shopper: str) -> bool:
        """Whether it is an entry of the shopper; of a view that runs no more, any that begins alike."""
        name, parts = parts_of(entry)
        known = self.views.get(name)
        return parts[0] == shopper and (known is None or known.view.key[0] == "shopper")

    def _due(self, state: EntityState, compiled: _Compiled) -> int:
        view = compiled.view
        due = state.last + view.expiry_ms + GRACE_MS
        for slot, trend in compiled.trends.items():
            acc = state.accs.get(slot)
            if acc is not None:
                due = min(due, trend.leaves(acc))
        return min(due, state.written + view.every_ms) if state.changed else due

    def _rows(self, state: EntityState, entry: str, compiled: _Compiled) -> Iterator[FeatureRow]:
        view, (_, parts) = compiled.view, parts_of(entry)
        if view.gives:
            return
        values, until = _values(compiled, state), state.last + view.expiry_ms
        leaves = [
            trend.leaves(acc) for slot, trend in compiled.trends.items() if (acc := state.accs.get(slot))
        ]
        moment = min([until, *leaves])
        capped = any(tally.full(state.accs.get(slot, {})) for slot, tally in compiled.tallies.items())
        first, *words = view.row
        rest = [each for pair in zip(words, parts[1:], strict=False) for each in pair]
        head = [*rest, *words[len(parts) - 1 :]]
        shown: dict[str, Value] = {}
        for name in compiled.shown:
            value = values[name]
            if name in compiled.ranked:
                yield FeatureRow(
                    first, parts[0], "", value, state.at, moment, until, state.seen, capped,
                    tail=(*rest, name), ranked=True, owner=entry,
                )  # fmt: skip
            elif value is not None:
                shown[name] = value
        yield FeatureRow(
            first,
            parts[0],
            "",
            shown,
            state.at,
            moment,
            until,
            state.seen,
            capped,
            tail=tuple(head),
            owner=entry,
        )


def _combine(into: dict[str, Combined], compiled: _Compiled, fact: Fact) -> None:
    """Add a fact to what a batch adds to its entity."""
    view = compiled.view
    entry = entry_of(view.name, tuple([getattr(fact, part) for part in view.key]))
    held = into.get(entry)
    if held is None:
        held = into[entry] = Combined(entry, 0, fact.at, {})
    held.seen += 1
    held.last = max(held.last, fact.at)
    for slot, aggregate in compiled.aggregates.items():
        acc = aggregate.lift(fact)
        if acc is not None:
            mine = held.accs.get(slot)
            held.accs[slot] = acc if mine is None else aggregate.merge(mine, acc)


def _compiled(view: EntityView) -> _Compiled:
    aggregates = {feature.slot: feature.aggregate for feature in view.accumulated()}
    values = {feature.name: _value_of(feature) for feature in view.features}
    return _Compiled(
        view,
        aggregates,
        {slot: each for slot, each in aggregates.items() if isinstance(each, Trend)},
        {slot: each for slot, each in aggregates.items() if isinstance(each, Tally)},
        view.kinds,
        list(values.values()),
        frozenset(feature.name for feature in view.public() if feature.type == RANKING),
        tuple([feature.name for feature in view.public()]),
        [(":".join(each.key), values[each.feature].slot, values[each.feature].read) for each in view.leaders],
    )


def _value_of(feature: EntityFeature | Derived) -> _Value:
    if isinstance(feature, Derived):
        return _Value(feature.name, 0, feature.function, feature.inputs)
    return _Value(feature.name, feature.slot, getattr(feature.aggregate, feature.read))


def _values(compiled: _Compiled, state: EntityState) -> dict[str, Any]:
    values: dict[str, Any] = {}
    accs = state.accs
    for name, slot, read, inputs in compiled.values:
        if inputs is None:
            values[name] = read(accs.get(slot))
        else:
            values[name] = read(*[values[each] for each in inputs])
    return values


def _identity(feature: EntityFeature | Derived) -> str:
    if isinstance(feature, Derived):
        return feature.identity
    return f"{feature.name} {feature.type} {feature.slot} {feature.read}"
