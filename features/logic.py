"""The logic of one shopper: an event or the passing of time changes the state, the state gives rows. Pure."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final, Literal
from zlib import crc32

import msgspec

from events.event import TRANSACTION, Event
from features.aggregates.base import Reading
from features.definition import FeatureView
from features.plan import CAPPED, Plan
from features.row import FeatureRow, Value
from features.sessions import Sessions, session_id
from features.settings import Definitions
from features.state import GRACE_MS, SessionState, ShopperState, WindowState, dump, load, next_of
from features.views import views as all_views
from features.windows import Told, drop_unknown, fold, leave

Verdict = Literal["applied", "duplicate", "late", "future"]

FUTURE_MS: Final = 120_000
"""How far ahead of `as_of` an event time may lie."""
NEVER: Final = 2**62
REMEMBERED_IDS: Final = 1024
_HASH: Final = 8


class ShopperLogic:
    """Applies events to shoppers' states and reads their rows, for a list of views.

    Args:
        views: what to compute; by default the whole catalogue. A job whose branches run apart gives one
        branch's.
        definitions: the shop's settings of meaning.
    """

    def __init__(
        self, views: Iterable[FeatureView] | None = None, definitions: Definitions | None = None
    ) -> None:
        """Compile the views."""
        self.definitions = definitions or Definitions()
        hosted = all_views(self.definitions) if views is None else tuple(views)
        self._plan = Plan(hosted, self.definitions)
        self._windows = self.definitions.windows if self._plan.rolling else ()
        self._order_memory = max(self.definitions.windows, key=lambda w: w.size_ms + w.pane_ms)
        session_plan = self._plan.session
        self._sessions = Sessions(session_plan, self.definitions) if session_plan else None
        self._shape = crc32(repr(self._windows).encode())
        self.partial = self._sessions is None
        """Whether the views are only some branches', so that an emptied window gives a row of zeros."""
        told = [(view.name, [view.identity(feature) for feature in view.features]) for view in hosted]
        self.catalogue = crc32(repr((told, self._windows)).encode())
        """Fingerprint of the features: rows that another one made are to be made anew."""

    def zero(self) -> ShopperState:
        """The state of a shopper who was never seen."""
        return ShopperState(shape=self._shape, windows=[WindowState() for _ in self._windows])

    def load(self, data: bytes) -> ShopperState:
        """The state in `data`; where the windows were others, they start empty.

        What only another release accumulates is dropped: kept without being kept up to date, it would not fit
        together any more if that release came back.

        Raises:
            msgspec.DecodeError: if the bytes are no state.
        """
        state = load(data)
        if state.shape != self._shape:
            state.windows = [WindowState() for _ in self._windows]
            state.shape = self._shape
        known = self._plan.aggregates.keys()
        for window in state.windows:
            drop_unknown(window, known)
        if not state.trails.keys() <= known:
            state.trails = {slot: acc for slot, acc in state.trails.items() if slot in known}
        if self._sessions is not None:
            self._sessions.drop_unknown(state)
        return state

    dump = staticmethod(dump)
    next_of = staticmethod(next_of)

    def apply(self, state: ShopperState, event: Event, as_of: int) -> Verdict:
        """Count an event at `as_of` (epoch ms).

        After an exception (a bug in a view) the state is not to be used: take it again from its bytes.
        """
        state.seen += 1
        self.advance(state, as_of)
        if event.at > state.at + FUTURE_MS:
            return "future"
        digest = blake2b(event.event_id.encode(), digest_size=_HASH).digest()
        if _remembers(state.ids, digest):
            return "duplicate"
        if state.next <= state.at:
            state.next = NEVER
        if not self._count(state, event):
            state.next = self._due(state)
            return "late"
        state.ids = (state.ids + digest)[-REMEMBERED_IDS * _HASH :]
        return "applied"

    def advance(self, state: ShopperState, as_of: int) -> None:
        """Let time pass to `as_of`: panes leave, sessions close, what is over is dropped."""
        state.at = at = max(state.at, as_of)
        if at < state.next:
            return
        if state.gone(at):
            self._forget(state)
        for i, window in enumerate(self._windows):
            if leave(state.windows[i], window, at, self._plan.aggregates):
                state.changed |= 1 << i
        if state.trails:
            self._prune(state, min(window.first_pane(at) * window.pane_ms for window in self._windows))
        if self._sessions is not None:
            self._sessions.leave(state)
        if state.orders:
            state.orders = {key: until for key, until in state.orders.items() if until > at}
        state.next = self._due(state)

    def rows(self, state: ShopperState, shopper: str) -> list[FeatureRow]:
        """The rows that changed since they were last asked for."""
        rows: list[FeatureRow] = []
        if state.changed:
            for i in range(len(self._windows)):
                if state.changed >> i & 1:
                    self._window_row(state, shopper, i, rows)
            state.changed = 0
        if self._sessions is not None:
            self._session_rows(self._sessions, state, shopper, rows)
        return rows

    def all_rows(self, state: ShopperState, shopper: str) -> list[FeatureRow]:
        """Every row that exists, changed or not."""
        state.changed = (1 << len(self._windows)) - 1
        state.current = ""
        for session in state.sessions:
            session.changed = True
        return self.rows(state, shopper)

    def _count(self, state: ShopperState, event: Event) -> bool:
        order = event.kind == TRANSACTION and self._is_order(state, event)
        used = self._roll(state, event, order)
        if self._sessions is not None and self._sessions.add(state, event, order):
            used = True
        if used and event.kind == TRANSACTION:
            self._remember_order(state, event)
        return used

    def _roll(self, state: ShopperState, event: Event, order: bool) -> bool:
        wanted = self._plan.wanted(event)
        paned: list[Told] = []
        trails: list[Told] = []
        for plan in wanted:
            fact = plan.fact(event, order)
            for told, touches in zip((paned, trails), plan.touches(event.kind), strict=True):
                told += [(slot, aggregate, fact) for slot, aggregate in touches]
        used = False
        for i, window in enumerate(self._windows):
            number = event.at // window.pane_ms
            leaves_at = window.leaves_at(number)
            if not wanted or leaves_at <= state.at:
                continue
            used = True
            held = state.windows[i]
            state.overflow += fold(held, number, paned)
            if read := held.read_views:
                for plan in wanted:
                    read.pop(plan.view.name, None)
            state.changed |= 1 << i
            state.keep = max(state.keep, leaves_at)
            state.next = min(state.next, leaves_at)
        if used:
            self._follow(state, trails)
        return used

    def _follow(self, state: ShopperState, trails: Iterable[Told]) -> None:
        for slot, aggregate, fact in trails:
            acc = state.trails.get(slot)
            acc = aggregate.add(aggregate.zero() if acc is None else acc, fact)
            if acc:
                state.trails[slot] = acc
                if slot in self._plan.looking_back:
                    self._reread(state, self._plan.looking_back[slot])

    def _reread(self, state: ShopperState, view: str) -> None:
        """Every window's row is to be read again, for the view looks back beyond the window."""
        for i, held in enumerate(state.windows):
            if held.panes:
                held.read_views.pop(view, None)
                state.changed |= 1 << i

    def _is_order(self, state: ShopperState, event: Event) -> bool:
        return event.transaction_id is None or _digest(event.transaction_id) not in state.orders

    def _remember_order(self, state: ShopperState, event: Event) -> None:
        window = self._order_memory
        until = window.leaves_at(event.at // window.pane_ms)
        if event.transaction_id is not None and until > state.at:
            key = _digest(event.transaction_id)
            state.orders[key] = max(state.orders.get(key, 0), until)
            while len(state.orders) > REMEMBERED_IDS:
                del state.orders[next(iter(state.orders))]
                state.overflow += 1

    def _prune(self, state: ShopperState, start: int) -> None:
        kept = {}
        for slot, acc in state.trails.items():
            left = self._plan.aggregates[slot].prune(acc, start)  # type: ignore[attr-defined]
            if left is not None:
                kept[slot] = left
            if left != acc and slot in self._plan.looking_back:
                self._reread(state, self._plan.looking_back[slot])
        state.trails = kept

    def _due(self, state: ShopperState) -> int:
        due = [state.keep + GRACE_MS]
        for window, held in zip(self._windows, state.windows, strict=True):
            if held.panes:
                due.append(window.leaves_at(min(held.panes)))
        if self._sessions is not None:
            due += [self._sessions.due(session) for session in state.sessions]
        return min(due)

    def _forget(self, state: ShopperState) -> None:
        state.ids = b""
        state.orders = {}
        state.seen = 1
        state.current = ""

    def _window_row(self, state: ShopperState, shopper: str, i: int, rows: list[FeatureRow]) -> None:
        window, held = self._windows[i], state.windows[i]
        if not held.panes and not self.partial:
            return  # the key expires by itself at that very moment
        values: dict[str, Value] = {}
        reading = Reading(start=window.first_pane(state.at) * window.pane_ms)
        read = held.read_views
        for plan in self._plan.rolling:
            found = read.get(plan.view.name)
            if found is None:
                found = read[plan.view.name] = plan.read(held.total, state.trails, reading)
            values.update(found)
        following = until = state.at
        if held.panes:
            following, until = self._leaves_first(state, i), window.leaves_at(max(held.panes))
        rows.append(
            FeatureRow(
                entity="user",
                entity_id=shopper,
                window=window.label,
                values=values,
                at=state.at,
                next=following,
                until=until,
                seen=state.seen,
                capped=CAPPED in held.total,
            )
        )

    def _leaves_first(self, state: ShopperState, i: int) -> int:
        """When the window's values next change: its first pane leaves, or what it looks back to."""
        moment = self._windows[i].leaves_at(min(state.windows[i].panes))
        if not self._plan.looking_back.keys().isdisjoint(state.trails):
            farthest = max(range(len(self._windows)), key=self._reach)
            return min(moment, self._windows[farthest].leaves_at(min(state.windows[farthest].panes)))
        return moment

    def _reach(self, i: int) -> int:
        return self._windows[i].size_ms + self._windows[i].pane_ms

    def _session_rows(
        self, sessions: Sessions, state: ShopperState, shopper: str, rows: list[FeatureRow]
    ) -> None:
        for start, until in state.ended:
            if self.definitions.session_keys:
                gone = FeatureRow(
                    "session", f"{shopper}~{start}", "session", None, state.at, until, until, state.seen
                )
                gone.owner, gone.start = shopper, start
                rows.append(gone)
        state.ended.clear()
        if not state.sessions:
            return
        current = max(state.sessions, key=_last)
        for session in state.sessions:
            if session.changed or (session is current and session_id(session, shopper) != state.current):
                row = sessions.row(state, session, shopper)
                if self.definitions.session_keys and session.changed:
                    rows.append(row)
                if session is current:
                    state.current = row.entity_id
                    rows.append(msgspec.structs.replace(row, entity="user", entity_id=shopper))
                session.changed = False


def _remembers(ids: bytes, digest: bytes) -> bool:
    found = ids.find(digest)
    while found >= 0 and found % _HASH:
        found = ids.find(digest, found + 1)
    return found >= 0


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=_HASH).digest()


def _last(session: SessionState) -> tuple[int, str]:
    return session.last, session.last_id
