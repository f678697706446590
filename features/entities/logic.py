"""Logic of entities: events give facts, a batch's facts one addition, additions states, states rows. Pure."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final, NamedTuple
from zlib import crc32

from events.bucket import bucket_of
from events.event import Event
from events.sides.row import TABLES, SideRow
from features.entities.aggregates import Seconds, Shown
from features.entities.compiled import Compiled, compiled, identity, values_of
from features.entities.definition import EntityView, slot_of
from features.entities.interaction import Fact, facts, kind_of, page_fact
from features.entities.settings import EntitySettings
from features.entities.sides import (
    EVERYWHERE,
    FAVOURITES,
    NEVER,
    PART,
    Pull,
    Side,
    kept,
    kept_names,
    replace,
    side_entry,
    table_of,
)
from features.entities.state import GRACE_MS, Combined, EntityState, dump, entry_of, load, parts_of
from features.entities.views import VIEWS, entity_views
from features.facts import cut
from features.row import FeatureRow, Value

SHOWN: Final = slot_of(Shown())
SECONDS: Final = slot_of(Seconds())


class Score(NamedTuple):
    """How an entity stands among its likes: of the sorted set `leaders`, a member and its score now."""

    leaders: str
    member: str
    score: int


class EntityLogic:
    """What a list of entity views makes of events.

    Args:
        settings: of meaning.
        views: what to compute; by default those that the settings name.
        tables: side inputs of the job; what a view reads of another is absent.
    """

    def __init__(
        self,
        settings: EntitySettings,
        views: Iterable[EntityView] | None = None,
        tables: Collection[str] = TABLES,
    ) -> None:
        """Compile the views."""
        given = entity_views(settings) if views is None else tuple(views)
        known = {*tables, *[view.name for view in given if view.tells]}
        self.views: Final = {view.name: compiled(view, known) for view in given}
        self.tables: Final = frozenset(side.table for view in given for side in view.sides()) & set(tables)
        """Side inputs that a view reads."""
        self.looked_up: Final = frozenset(
            each.table for known in self.views.values() for each in known.looked_up
        )
        """Those of which entities look rows up that are kept apart."""
        self._pages = any(view.of == "page" for view in given)
        every = [*[make(settings) for make in VIEWS.values()], *given]
        self._expiries = {view.name: view.expiry_ms for view in every}
        told = [
            (view.name, view.key, view.row, [identity(feature) for feature in view.features], _said(view))
            for view in given
        ]
        self.catalogue = crc32(repr((told, settings, sorted(self.tables))).encode())
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
        for known in self.views.values():
            of = known.view.of
            if of == "page":
                made: Iterable[Fact] = (page,) if page is not None else ()
            else:
                made = facts(event, kind, of) if kind is not None else ()
            for fact in made:
                if known.wanted is None or fact.kind in known.wanted:
                    _combine(into, known, fact)

    def told(self, row: SideRow, buckets: int) -> Iterator[tuple[int, Combined]]:
        """What a row of a side input adds to entries of the views that read it, each with its bucket."""
        table, acc = row.table, kept(row)
        if table not in self.tables:
            return
        key = row.key if PART[table] == "shopper" else str(cut(row.key))
        for name, known in self.views.items():
            if table in known.kept:
                entry = entry_of(name, (key,))
                yield bucket_of(key, buckets), Combined(entry, accs={known.kept[table]: acc})
        if table in self.looked_up:
            for bucket in range(buckets) if table in EVERYWHERE else (bucket_of(key, buckets),):
                yield bucket, Combined(side_entry(table, key, bucket), accs={slot_of(Side(table)): acc})

    def says(self, state: EntityState, entry: str, *, gone: bool = False) -> list[Combined]:
        """What an entity tells those of its bucket that look it up.

        Once it is `gone` that is nothing any more, also where nobody looks it up now: somebody did before.
        """
        name, parts = parts_of(entry)
        known = self.views.get(name)
        if gone and name == FAVOURITES:
            names = None
        elif known is not None and known.tells is not None and name in self.looked_up and not gone:
            names = known.tells.read(state.accs.get(known.tells.slot))
        else:
            return []
        return [Combined(side_entry(name, parts[0], 0), accs={slot_of(Side(name)): kept_names(names)})]

    def owed(self, state: EntityState, entry: str) -> list[Combined]:
        """What an entity has for others of its bucket since it was asked: time, for a page's products."""
        name, parts = parts_of(entry)
        known = self.views.get(name)
        if known is None or (view := known.view).gives not in self.views:
            return []
        seconds = values_of(known, state.accs)["_seconds"]
        shown = state.accs.get(SHOWN, {})
        owed = [
            Combined(entry_of(view.gives, (parts[0], product)), 0, 0, {SECONDS: seconds - credited})
            for product, credited in shown.items()
            if seconds > credited
        ]
        shown.update(dict.fromkeys(shown, seconds))
        return owed

    def knows(self, entry: str) -> bool:
        """Whether the entry's view runs, or one looks up the row that the entry is."""
        return parts_of(entry)[0] in self.views or table_of(entry) in self.looked_up

    def reads(self, entry: str) -> list[tuple[str, str]]:
        """The rows of side inputs that an entity looks up: table and key."""
        name, parts = parts_of(entry)
        known = self.views.get(name)
        return [] if known is None else [(each.table, parts[each.part]) for each in known.looked_up]

    def leads(self, entry: str) -> bool:
        """Whether the entry's view runs and has sorted sets over all: a restore reads no other states."""
        known = self.views.get(parts_of(entry)[0])
        return known is not None and bool(known.leading)

    def add(self, state: EntityState, more: Combined, as_of: int) -> None:
        """Count what a batch adds, at `as_of` (epoch ms)."""
        known = self.views[parts_of(more.entry)[0]]
        if not more.seen and known.kept and not more.accs.keys().isdisjoint(known.kept.values()):
            state.changed |= replace(state, more.accs, as_of)
            self.advance(state, more.entry, as_of)
            return
        aggregates = known.aggregates
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
        known = self.views[parts_of(entry)[0]]
        state.at = at = max(state.at, as_of)
        for slot, trend in known.trends.items():
            acc = state.accs.get(slot)
            if acc is None or trend.leaves(acc) > at:
                continue
            left = trend.prune(acc, at)
            state.changed = True
            if left is None:
                del state.accs[slot]
            else:
                state.accs[slot] = left
        state.next = self._due(state, known)

    def gone(self, state: EntityState, entry: str) -> bool:
        """Whether nothing is left of it that a row could need."""
        return state.at >= self.until(state, entry)

    def remains(self, state: EntityState, entry: str) -> bool:
        """Let go what is gone; whether a row of a side input is left, which goes when its tombstone comes."""
        slots = self.views[parts_of(entry)[0]].kept.values()
        state.accs = {slot: acc for slot, acc in state.accs.items() if slot in slots}
        state.seen = state.last = state.written = 0
        state.changed, state.next = False, NEVER
        return bool(state.accs)

    def until(self, state: EntityState, entry: str) -> int:
        """Until when a row may need it, epoch ms; also of a view that there is and that does not run."""
        return state.last + self._expiries.get(parts_of(entry)[0], 0) + GRACE_MS

    def rows(
        self, state: EntityState, entry: str, *, whole: bool = False, pull: Pull | None = None
    ) -> list[FeatureRow]:
        """The rows if they changed and the last ones are old enough, or if `whole` asks for them.

        `pull` looks up rows of side inputs that are kept apart.
        """
        known = self.views[parts_of(entry)[0]]
        due = state.changed and state.at >= state.written + known.view.every_ms
        if not due and not whole:
            return []
        state.written, state.changed = state.at, False
        state.next = self._due(state, known)
        accs = state.accs
        if known.looked_up and pull is not None:
            parts = parts_of(entry)[1]
            accs = accs | {slot: pull(table, parts[part]) for slot, table, part in known.looked_up}
        return list(self._rows(state, entry, known, accs))

    def forgotten(self, state: EntityState, entry: str, as_of: int) -> list[FeatureRow]:
        """A deletion for every key of the entity; of a view that runs no more the keys are not known."""
        known = self.views.get(parts_of(entry)[0])
        if known is None:
            return []
        rows = list(self._rows(state, entry, known, state.accs))
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
        known, table = self.views.get(name), table_of(entry)
        if table is not None:
            return parts[0] == shopper and PART.get(table) == "shopper"
        return parts[0] == shopper and (known is None or known.view.key[0] == "shopper")

    def _due(self, state: EntityState, known: Compiled) -> int:
        view = known.view
        due = state.last + view.expiry_ms + GRACE_MS
        for slot, trend in known.trends.items():
            acc = state.accs.get(slot)
            if acc is not None:
                due = min(due, trend.leaves(acc))
        return min(due, state.written + view.every_ms) if state.changed else due

    def _rows(
        self, state: EntityState, entry: str, known: Compiled, accs: dict[int, Any]
    ) -> Iterator[FeatureRow]:
        view, (_, parts) = known.view, parts_of(entry)
        if view.gives:
            return
        values, until = values_of(known, accs), state.last + view.expiry_ms
        leaves = [trend.leaves(acc) for slot, trend in known.trends.items() if (acc := state.accs.get(slot))]
        moment = min([until, *leaves])
        capped = any(tally.full(state.accs.get(slot, {})) for slot, tally in known.tallies.items())
        first, *words = view.row
        rest = [each for pair in zip(words, parts[1:], strict=False) for each in pair]
        head = [*rest, *words[len(parts) - 1 :]]
        shown: dict[str, Value] = {}
        for name in known.shown:
            value = values[name]
            if name in known.ranked:
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


def _said(view: EntityView) -> tuple[str, list[tuple[str, str]]]:
    """What a view tells, and what it reads of other views and tables: a change is told to who is there."""
    return view.tells, sorted((side.table, side.beside) for side in view.sides())


def _combine(into: dict[str, Combined], known: Compiled, fact: Fact) -> None:
    """Add a fact to what a batch adds to its entity."""
    view = known.view
    entry = entry_of(view.name, tuple([getattr(fact, part) for part in view.key]))
    held = into.get(entry)
    if held is None:
        held = into[entry] = Combined(entry, 0, fact.at, {})
    held.seen += 1
    held.last = max(held.last, fact.at)
    for slot, aggregate in known.aggregates.items():
        acc = aggregate.lift(fact)
        if acc is not None:
            mine = held.accs.get(slot)
            held.accs[slot] = acc if mine is None else aggregate.merge(mine, acc)
