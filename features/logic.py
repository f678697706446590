"""The logic of one shopper: an event or the passing of time changes the state, the state gives rows. Pure."""

from collections.abc import Iterable
from typing import Any, Final, Literal
from zlib import crc32

from msgspec import Raw

from events.event import TRANSACTION, TRANSACTION_ITEM, Event
from features.aggregates.base import BEGINNING, Accs
from features.bound import FITS, spend
from features.definition import FeatureView
from features.digest import SIZE, digest, place
from features.identified import Identified
from features.levels import drop_unknown, enter, leave, level_of
from features.merging import Merging
from features.plan import Plan, Touches, limited
from features.row import FeatureRow
from features.rows import Windows
from features.session_rows import SessionRows
from features.sessions import Sessions
from features.settings import Definitions
from features.state import (
    FUTURE_MS,
    GRACE_MS,
    REMEMBERED_IDS,
    Level,
    ShopperState,
    drop_excess,
    dump,
    load,
    next_of,
    orders_of,
    pane_of,
    panes_of,
    total_of,
    trail_of,
)
from features.views import BRANCHES
from features.views import views as all_views

Verdict = Literal["applied", "duplicate", "late", "future"]

NEVER: Final = 2**62


ORDERED: Final = frozenset({TRANSACTION, TRANSACTION_ITEM})
"""Orders, and lines of orders that trackers send one by one."""
LINE_SIZE: Final = 7
"""Bytes of a line's key, by which it is told from an order's (`features.state.drop_excess`)."""


class ShopperLogic(Identified):
    """Applies events to shoppers' states and reads their rows, for a list of views.

    Args:
        views: what to compute; by default the whole catalogue. A job whose branches run apart gives one
            branch's.
        definitions: the shop's settings of meaning.
        whole: whether every row is whole. Where only some branches are hosted, it always is.
    """

    def __init__(
        self,
        views: Iterable[FeatureView] | None = None,
        definitions: Definitions | None = None,
        whole: bool = False,
    ) -> None:
        """Compile the views."""
        self.definitions = definitions or Definitions()
        hosted = all_views(self.definitions) if views is None else tuple(views)
        self._plan = plan = Plan(hosted, self.definitions)
        self._windows = self.definitions.windows if plan.rolling else ()
        self._all = (1 << len(self._windows)) - 1
        self._longest = self.definitions.windows[-1]
        self._shape = crc32(repr(self._windows).encode())
        told = [(view.name, [view.identity(feature) for feature in view.features]) for view in hosted]
        self.catalogue = crc32(repr((told, self._windows)).encode())
        """Fingerprint of the features: rows that another one made are to be made anew."""
        self.partial = plan.session is None
        """Whether an emptied window gives a row of zeros, for other branches may have something inside."""
        whole = whole or {view.branch for view in hosted} != set(BRANCHES)
        self._window_rows = Windows(plan, self._windows, whole, self.partial)
        self._sessions = self._session_rows = None
        if plan.session is not None:
            self._sessions = Sessions(plan.session, self.definitions)
            self._session_rows = SessionRows(plan.session, self._sessions, self.definitions, whole)
        self._merging = Merging(plan, self._windows, self._sessions)

    def zero(self) -> ShopperState:
        """The state of a shopper who was never seen."""
        return ShopperState(
            shape=self._shape,
            edition=self.catalogue,
            room=FITS,
            levels=[Level() for _ in self._windows],
            written=[None] * len(self._windows),
        )

    def load(self, data: bytes) -> ShopperState:
        """The state in `data`; where the windows were others, they start empty.

        What only another release accumulates is dropped: kept without being kept up to date, it would not fit
        together any more if that release came back.

        Raises:
            msgspec.DecodeError: if the bytes are no state.
        """
        state = load(data)
        if state.shape != self._shape:
            state.levels = [Level() for _ in self._windows]
            state.written = [None] * len(self._windows)
            state.shape, state.changed = self._shape, 0
        if state.edition != self.catalogue:
            self._adopt(state)
        return state

    dump = staticmethod(dump)
    next_of = staticmethod(next_of)

    def apply(self, state: ShopperState, event: Event, as_of: int) -> Verdict:
        """Count an event at `as_of` (epoch ms).

        After an exception (a bug in a view) the state is not to be used: take it again from its bytes.
        """
        self.advance(state, as_of)
        state.seen += 1
        if event.at > state.at + FUTURE_MS:
            return "future"
        key = digest(event.event_id)
        if place(state.ids, key) >= 0:
            return "duplicate"
        if state.next <= state.at:
            state.next = NEVER
        if not self._count(state, event):
            state.next = self._due(state)
            return "late"
        state.ids = (state.ids + key)[-REMEMBERED_IDS * SIZE :]
        if spend(state, event, self._plan):
            self._again(state)
        return "applied"

    def orders(self, state: ShopperState, event: Event, as_of: int) -> bool:
        """Whether an event that is about to be applied is an order, or a line of one, not told before."""
        if event.kind not in ORDERED:
            return False
        self.advance(state, as_of)
        return order_key(event) not in orders_of(state)

    def advance(self, state: ShopperState, as_of: int) -> None:
        """Let time pass to `as_of`: panes leave, sessions close, what is over is dropped."""
        state.at = at = max(state.at, as_of)
        if at < state.next:
            return
        if state.gone(at):
            self._forget(state)
        passed = leave(state.levels, self._windows, at, self._plan.aggregates)
        if passed.changed:
            known = self._plan.bits
            bits = sum(map(known.__getitem__, passed.slots | (state.trails.keys() & known.keys())))
            looks_back = not self._plan.looking_back.keys().isdisjoint(state.trails)
            self._window_rows.left(state, self._all if looks_back else passed.changed, bits)
            if passed.changed > self._all >> 1:
                self._prune(state, self._longest.first_pane(at) * self._longest.pane_ms)
        if self._sessions is not None:
            self._sessions.leave(state)
        state.next = self._due(state)

    def rows(self, state: ShopperState, shopper: str) -> list[FeatureRow]:
        """The rows that changed since they were last asked for, each on top of the one before it."""
        rows: list[FeatureRow] = []
        if state.changed:
            self._window_rows.changed(state, shopper, rows)
        if self._session_rows is not None:
            self._session_rows.changed(state, shopper, rows)
        return rows

    def all_rows(self, state: ShopperState, shopper: str) -> list[FeatureRow]:
        """Every row that exists, whole, changed or not."""
        self._again(state)
        return self.rows(state, shopper)

    def again(self, state: ShopperState, at: int) -> None:
        """Have every row given again, whole, not later than `at` (epoch ms)."""
        self._again(state)
        state.next = min(state.next, at)

    def _count(self, state: ShopperState, event: Event) -> bool:
        told = order_key(event) if event.kind in ORDERED else None
        order = event.kind in ORDERED and told not in orders_of(state)
        used = self._roll(state, event, order)
        if self._sessions is not None and self._sessions.add(state, event, order):
            used = True
        if used and told is not None:
            self._remember_order(state, told, event.at)
        return used

    def _roll(self, state: ShopperState, event: Event, order: bool) -> bool:
        wanted = self._plan.wanted(event)
        i = level_of(self._windows, event.at, state.at) if wanted else len(self._windows)
        if i == len(self._windows):
            return False
        window = self._windows[i]
        number = event.at // window.pane_ms
        enter(state.levels[i], number)
        start = self._windows[0].first_pane(state.at) * self._windows[0].pane_ms
        bits = 0
        for maker, touches in wanted:
            fact = maker(event, order, self.definitions)
            bits |= self._fold(state, state.levels[i], number, touches, fact, start)
        self._window_rows.touch(state, self._all & -(1 << i), bits)
        if i and not self._plan.looking_back.keys().isdisjoint(state.trails):
            self._window_rows.touch(state, self._all, sum(self._plan.looking_back.values()))
        state.keep = max(state.keep, self._longest.leaves_at(event.at // self._longest.pane_ms))
        state.next = min(state.next, window.leaves_at(number))
        return True

    def _fold(
        self, state: ShopperState, level: Level, number: int, touches: Touches, fact: Any, start: int
    ) -> int:
        """Let one view's accumulators grow; the bits of those that changed."""
        trails, bits = state.trails, 0
        if touches.mixed >= 0 and fact.currencies:
            trail_of(trails, touches.mixed)
            fact, given = limited(fact, touches, trails), fact
            if fact is not given:
                self._lose(state, fact.at)
        for bit, slot, grow in touches.trails:
            if type(trails.get(slot)) is Raw:
                trail_of(trails, slot)
            lost = grow(trails, slot, fact, start)
            if lost is not None:
                bits |= bit
                if lost > BEGINNING:
                    self._lose(state, lost)
        if touches.panes or touches.named:
            pane = pane_of(panes_of(level), number)
            bits |= _count(touches, fact, pane, total_of(level), trails)
        return bits

    def _lose(self, state: ShopperState, at: int) -> None:
        state.overflow += 1
        state.lost = max(state.lost, at)

    def _remember_order(self, state: ShopperState, key: bytes, at: int) -> None:
        until = self._longest.leaves_at(at // self._longest.pane_ms)
        if until > state.at:
            orders = orders_of(state)
            orders[key] = max(orders.get(key, 0), until)
            state.overflow += drop_excess(orders)

    def _prune(self, state: ShopperState, start: int) -> None:
        """Drop what is older than every window."""
        for slot in list(state.trails):
            acc = trail_of(state.trails, slot)
            before = len(acc)
            left = self._plan.aggregates[slot].prune(acc, start)  # type: ignore[attr-defined]
            if left is None:
                del state.trails[slot]
            else:
                state.trails[slot] = left
            if slot in self._plan.looking_back and (left is None or len(left) != before):
                self._window_rows.touch(state, self._all, self._plan.looking_back[slot])
        orders = orders_of(state)
        if orders:
            state.orders = {key: until for key, until in orders.items() if until > state.at}

    def _due(self, state: ShopperState) -> int:
        due = state.keep + GRACE_MS
        for window, level in zip(self._windows, state.levels, strict=True):
            if level.first <= level.last:
                due = min(due, window.leaves_at(level.first))
        if self._sessions is not None:
            for session in state.sessions:
                due = min(due, self._sessions.due(session))
        return due

    def _adopt(self, state: ShopperState) -> None:
        """Take over the state of a release with other windows or features."""
        known = self._plan.aggregates.keys()
        state.trails = {slot: acc for slot, acc in state.trails.items() if slot in known}
        for level in state.levels:
            drop_unknown(level, known)
        if self._sessions is not None:
            self._sessions.drop_unknown(state)
        state.edition = self.catalogue
        self._forget_rows(state)

    def _forget(self, state: ShopperState) -> None:
        state.ids = b""
        state.orders = {}
        state.logins = []
        state.seen = state.pointed = 0
        state.lost = BEGINNING

    def _again(self, state: ShopperState) -> None:
        """Let every row be given again, whole."""
        self._forget_rows(state)
        state.changed = self._all
        for session in state.sessions:
            session.changed = True

    def _forget_rows(self, state: ShopperState) -> None:
        self._window_rows.forget(state)
        if self._session_rows is not None:
            self._session_rows.forget(state)


def order_key(event: Event) -> bytes | None:
    """What tells an order, or a line of one, when it comes again; None where nothing does."""
    if event.transaction_id is None:
        return None
    if event.kind == TRANSACTION:
        return digest(event.transaction_id)
    product = event.products[0].id if event.products else None
    return None if product is None else digest(f"{event.transaction_id}\n{product}")[:LINE_SIZE]


def _count(touches: Touches, fact: Any, pane: Accs, total: Accs, trails: Accs) -> int:
    """Add a fact to a pane and its level's totals; the bits of what changed, but for names."""
    bits = 0
    for bit, slot, grow in touches.panes:
        if grow(pane, slot, fact, BEGINNING) is not None:
            grow(total, slot, fact, BEGINNING)
            bits |= bit
    for slot, bag in touches.named:
        if slot in trails:
            bag.weigh(pane, slot, fact, trails[slot])
            bag.weigh(total, slot, fact, trails[slot])
    return bits
