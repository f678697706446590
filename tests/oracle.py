"""The oracle: every feature of every key, computed again from the definitions alone.

It keeps the raw events and scans them for each read-out; nothing is a running total. The file is long for
one module because it is meant to be read from top to bottom beside the definitions: what arrival decides
(`History`), what a window holds, what a session holds, how a value is written.

Order of arrival matters only where the definitions say so: duplicates, repeated transactions, room in a
bounded set, sessions that give way or have expired. Those answers are taken once, when an event arrives, and
are kept beside it in `Kept`. Everything else follows from the set of kept events and from `as_of`.
"""

import json
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import groupby, pairwise

import msgspec

from events.event import (
    ADD_TO_CART,
    CHECKOUT_STEP,
    LIST_CLICK,
    LIST_VIEW,
    PAGE_PING,
    PAGE_VIEW,
    PRODUCT_VIEW,
    PROMO_CLICK,
    PROMO_VIEW,
    REFUND,
    REMOVE_FROM_CART,
    SCREEN_VIEW,
    TRANSACTION,
    TRANSACTION_ERROR,
    TRANSACTION_ITEM,
    UNTYPED_ACTION,
    Event,
    Money,
)

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

MINOR_DIGITS = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3}
"""Digits of the minor unit (ISO 4217) where they are not 2."""

Mean = Fraction
"""An exact mean in major units."""
Value = bool | int | float | str | list[str] | Money | Mean | None
Values = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Window:
    """The last `size` ms in panes of `width` ms."""

    label: str
    size: int
    width: int

    def leaves(self, at: int) -> int:
        """Moment at which the pane of event time `at` leaves the window."""
        return (at // self.width + 1) * self.width + self.size


@dataclass(frozen=True, slots=True)
class OracleDefinitions:
    """What a shop may set, and the bounds. Times in ms."""

    windows: tuple[Window, ...] = (
        Window("5min", 5 * MINUTE, 10 * SECOND),
        Window("1h", HOUR, MINUTE),
        Window("24h", 24 * HOUR, 15 * MINUTE),
    )
    session_gap: int = 30 * MINUTE
    session_retention: int = 24 * HOUR
    session_keys: bool = True
    """Whether `session:<id>:features` is written."""
    recommendation_words: tuple[str, ...] = ("recommend", "also be interested")
    checkout_order_step: int = 0
    """Step of the checkout-step rule; 0 is off."""
    ahead: int = 120 * SECOND
    """How far ahead of `as_of` an event may be."""
    outlives: int = MINUTE
    """How long a shopper's state outlives its last row."""
    remembered_ids: int = 1_024
    set_values: int = 1_000
    """Of a set, as many values count as were seen last."""
    bag_values: int = 100
    currencies: int = 4
    trail: int = 64
    identity: str = "merge"
    """What a login changes: `off`, `forward`, `merge`."""
    live_shopper: bool = False
    """Whether sessions tell their device types and the latest platform, too."""
    login_runs: int = 8
    """Of so many runs of one user's logins on a device the first and the last are known."""
    open_sessions: int = 8
    sessions: int = 64
    text: int = 255

    @property
    def longest(self) -> Window:
        return max(self.windows, key=lambda window: window.size)


# ---------------------------------------------------------------- what arrival decides


@dataclass(eq=False, slots=True)
class Kept:
    """An applied event with what its arrival decided."""

    event: Event
    is_order: bool
    """A transaction that repeats no remembered one."""
    is_line: bool = False
    """A line of an order that repeats no remembered one."""
    refused: set[tuple[str, str, Hashable]] = field(default_factory=set)
    """(`window` or `session`, name of the set, value) that found no room when the event arrived."""

    @property
    def key(self) -> tuple[int, str]:
        """What "latest" and "first" compare."""
        return self.event.at, self.event.event_id

    @property
    def typed(self) -> bool:
        return self.event.kind != UNTYPED_ACTION


@dataclass(frozen=True, slots=True)
class Order:
    revenue: Money | None
    items: int


@dataclass(eq=False, slots=True)
class Session:
    """One session of one shopper; `tracker_id` is None for a gap session."""

    tracker_id: str | None
    events: list[Kept]
    taken: dict[str, set[Hashable]]
    moved: bool = False
    """Whether a part of it was a device's before its user was known."""

    @property
    def first(self) -> tuple[int, str]:
        return min(kept.key for kept in self.events)

    @property
    def last(self) -> tuple[int, str]:
        return max(kept.key for kept in self.events)

    def id(self, shopper: str) -> str:
        return self.tracker_id if self.tracker_id is not None else f"{shopper}~{self.first[0]}"


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One part of a session as a row; the part that began it owns the session's key."""

    start: int
    shopper: str
    session_id: str
    until: int
    fields: dict[str, str]
    moved: bool = False

    @property
    def claim(self) -> tuple[int, bool, str]:
        """The least one owns the key."""
        return self.start, not self.moved, self.shopper


class History:
    """All that is remembered of one shopper."""

    def __init__(self, shopper: str, as_of: int, definitions: OracleDefinitions) -> None:
        self.shopper = shopper
        self.definitions = definitions
        self.as_of = as_of
        self.seen = 0
        self.applied_ids: list[str] = []
        self.kept: list[Kept] = []
        self.transactions: dict[tuple[str | None, ...], int] = {}
        """Until when each transaction id is remembered."""
        self.taken: dict[str, dict[Hashable, int]] = defaultdict(dict)
        """Bag or currencies of a view -> value -> event time at which it was last seen."""
        self.sessions: list[Session] = []
        self.gave_way: list[SessionRow] = []
        self.last_until = 0
        self.logins: list[tuple[int, str]] = []
        """Of a device: (event time, user), as far as they are known."""

    def forgotten(self, as_of: int) -> bool:
        return as_of >= self.last_until + self.definitions.outlives

    def arrive(self, event: Event, as_of: int) -> str:
        """Keep the event if its verdict is `applied`; return the verdict."""
        self.as_of = max(self.as_of, as_of)
        self.seen += 1
        self.sessions = [s for s in self.sessions if self.as_of < self._until(s)]
        event = cut(event, self.definitions.text)
        if event.at > self.as_of + self.definitions.ahead:
            return "future"
        if event.event_id in self.applied_ids[-self.definitions.remembered_ids :]:
            return "duplicate"
        if self._late(event):
            return "late"
        self.applied_ids.append(event.event_id)
        new = self._is_new(event)
        kept = Kept(event, new and event.kind == TRANSACTION, new and event.kind == TRANSACTION_ITEM)
        if kept.typed:
            self._enter_windows(kept)
        self._enter_session(kept)
        return "applied"

    def _late(self, event: Event) -> bool:
        """Whether nothing can count it: windows never count an untyped action."""
        return (
            (event.kind == UNTYPED_ACTION or self.definitions.longest.leaves(event.at) <= self.as_of)
            and not self._sessions_of(event)
            and event.at + self.definitions.session_retention <= self.as_of
        )

    def _is_new(self, event: Event) -> bool:
        """Whether no remembered transaction has the same id, and of lines the same first product.

        The event's own is remembered from now on.
        """
        if event.kind not in (TRANSACTION, TRANSACTION_ITEM):
            return False
        name: tuple[str | None, ...] = (event.transaction_id,)
        if event.kind == TRANSACTION_ITEM:
            name = (event.transaction_id, event.products[0].id if event.products else None)
        if None in name:
            return True
        until = self.transactions.get(name, 0)
        self.transactions[name] = max(until, self.definitions.longest.leaves(event.at))
        return until <= self.as_of

    def _enter_windows(self, kept: Kept) -> None:
        self.kept.append(kept)
        at, longest = kept.event.at, self.definitions.longest
        if longest.leaves(at) <= self.as_of:
            return
        self.last_until = max(self.last_until, longest.leaves(at))
        for name, value in values_in_windows(kept):
            if not self._take(name, value, at):
                kept.refused.add(("window", name, value))

    def _take(self, name: str, value: Hashable, at: int) -> bool:
        """Take the value if there is room in the longest window, or if it is there already."""
        leaves = self.definitions.longest.leaves
        taken = {v: last for v, last in self.taken[name].items() if leaves(last) > self.as_of}
        self.taken[name] = taken
        bounds = self.definitions
        if value not in taken and len(taken) >= (
            bounds.currencies if name.endswith("currency") else bounds.bag_values
        ):
            return False
        taken[value] = max(taken.get(value, at), at)
        return True

    def _sessions_of(self, event: Event) -> list[Session]:
        """The sessions with state that the event belongs to: several where it bridges gap sessions."""
        gap = self.definitions.session_gap
        mine = [session for session in self.sessions if session.tracker_id == event.session_id]
        if event.session_id is not None:
            return mine
        return [s for s in mine if s.first[0] - gap <= event.at <= s.last[0] + gap]

    def _enter_session(self, kept: Kept) -> None:
        parts = self._sessions_of(kept.event)
        if not parts and kept.event.at + self.definitions.session_retention <= self.as_of:
            return
        session = Session(kept.event.session_id, [], defaultdict(set))
        for part in parts:
            self.sessions.remove(part)
            session.events += part.events
            session.moved |= part.moved
            for name, values in part.taken.items():
                session.taken[name] |= values
        session.events.append(kept)
        self.sessions.append(session)
        self._enter_session_sets(kept, session)
        self._make_room(kept)
        if session in self.sessions:
            written_over = session.id(self.shopper)
            self.gave_way = [row for row in self.gave_way if row.session_id != written_over]
            self.last_until = max(self.last_until, self._until(session))

    def _enter_session_sets(self, kept: Kept, session: Session) -> None:
        for name, value in values_in_session(kept) if kept.typed else ():
            taken = session.taken[name]
            bounds = self.definitions
            limit = bounds.currencies if name.endswith("currency") else bounds.set_values
            if value in taken or len(taken) < limit:
                taken.add(value)
            else:
                kept.refused.add(("session", name, value))

    def _make_room(self, newest: Kept) -> None:
        """Let the session with the oldest last event give way where there are too many.

        The row of that session stays as it was before this event.
        """
        gap = self.definitions.session_gap
        opened = [s for s in self.sessions if self.as_of < s.last[0] + gap]
        for sessions, limit in (
            (opened, self.definitions.open_sessions),
            (self.sessions, self.definitions.sessions),
        ):
            if len(sessions) > limit:
                oldest = min(sessions, key=lambda s: s.last)
                self.sessions.remove(oldest)
                before = [kept for kept in oldest.events if kept is not newest]
                if before:
                    former = Session(oldest.tracker_id, before, {})
                    row = self._session_row(former, self.as_of, self._orders(self.as_of))
                    del row.fields["_at"], row.fields["_seen"]
                    self.gave_way.append(row)

    # ------------------------------------------------------------ who it was

    def log_in(self, user: str, at: int, as_of: int) -> None:
        """Know of a login on this device; of a user's logins in a row only the first and the last."""
        self.as_of = max(self.as_of, as_of)
        if at <= self.as_of + self.definitions.ahead:
            inorder = sorted({*self.logins, (at, user)})
            runs = [list(run) for _, run in groupby(inorder, key=lambda login: login[1])]
            self.logins = [
                login for run in runs[-self.definitions.login_runs :] for login in sorted({run[0], run[-1]})
            ]
        self.hear(as_of)

    def hear(self, as_of: int) -> None:
        """Logins are known until an event that comes a pane later would have left the longest window."""
        self.as_of = max(self.as_of, as_of)
        if self.logins:
            longest = self.definitions.longest
            self.last_until = max(self.last_until, longest.leaves(self.as_of + longest.width))

    def owner(self, at: int) -> str | None:
        """For whom an event without a user counts; None: for the device."""
        before = [user for moment, user in self.logins if moment <= at]
        if before:
            return before[-1]
        return self.logins[0][1] if self.logins and self.definitions.identity == "merge" else None

    def take_in(self, device: "History", until: int) -> None:
        """Own all that was the device's, whose rows live until then.

        No set of the oracle's streams meets its bound by that.
        """
        self.as_of = max(self.as_of, device.as_of)
        self.seen += device.seen
        bound = self.definitions.remembered_ids
        mine = self.applied_ids[-bound:]
        self.applied_ids = [each for each in device.applied_ids[-bound:] if each not in mine] + mine
        self.kept += device.kept
        for told, remembered in device.transactions.items():
            self.transactions[told] = max(remembered, self.transactions.get(told, 0))
        for name, values in device.taken.items():
            for value, last in values.items():
                self.taken[name][value] = max(last, self.taken[name].get(value, last))
        self.last_until = max(self.last_until, until, self.as_of)
        self.sessions = [s for s in self.sessions if self.as_of < self._until(s)]
        for session in device.sessions:
            if self.as_of < self._until(session):
                self._take_in_session(session)

    def _take_in_session(self, session: Session) -> None:
        """One session with mine of that id; a gap session with all of mine that a pause does not part."""
        gap = self.definitions.session_gap
        for part in [s for s in self.sessions if s.tracker_id == session.tracker_id]:
            apart = part.first[0] > session.last[0] + gap or session.first[0] > part.last[0] + gap
            if session.tracker_id is None and apart:
                continue
            self.sessions.remove(part)
            session.events += part.events
            for name, values in part.taken.items():
                session.taken[name] |= values
        session.moved = True
        self.sessions.append(session)
        opened = [s for s in self.sessions if self.as_of < s.last[0] + gap]
        if len(opened) > self.definitions.open_sessions:
            self.sessions.remove(min(opened, key=lambda s: s.last))

    # ------------------------------------------------------------ rows

    def window_rows(self, as_of: int) -> Iterator[tuple[str, dict[str, str]]]:
        """(window label, fields) of the windows that hold a typed event at `as_of`."""
        as_of = max(as_of, self.as_of)
        orders = self._orders(as_of)
        for window in self.definitions.windows:
            inside = [kept for kept in self.kept if window.leaves(kept.event.at) > as_of]
            if not inside:
                continue
            scope = Scope("window", inside, orders, self.definitions)
            leaving = [window.leaves(kept.event.at) for kept in inside]
            capped = scope.overfull or any(
                place == "window" for kept in inside for place, _, _ in kept.refused
            )
            stamps = self._stamps(as_of, min(leaving), max(leaving), capped)
            yield window.label, written(window_values(scope)) | stamps

    def session_rows(self, as_of: int) -> list[SessionRow]:
        """The sessions with a row at `as_of`, by last event; those that gave way come first."""
        as_of = max(as_of, self.as_of)
        live = [session for session in self.sessions if as_of < self._until(session)]
        orders = self._orders(as_of)
        rows = [self._session_row(session, as_of, orders) for session in sorted(live, key=lambda s: s.last)]
        return [row for row in self.gave_way if as_of < row.until] + rows

    def _session_row(self, session: Session, as_of: int, orders: Mapping[Kept, Order]) -> SessionRow:
        typed = [kept for kept in session.events if kept.typed]
        own = step_orders(typed, self.definitions, one_session=True)
        own |= {kept: order for kept, order in orders.items() if kept.is_order}
        scope = Scope("session", typed, own, self.definitions)
        start, end, until = session.first[0], session.last[0], self._until(session)
        closes = end + self.definitions.session_gap
        values: Values = {
            "session_id": session.id(self.shopper),
            "session_start": start,
            "session_duration": end - start,
            "session_open": as_of < closes,
            "event_count": len(session.events),
        }
        capped = any(place == "session" for kept in typed for place, _, _ in kept.refused)
        stamps = self._stamps(as_of, closes if as_of < closes else until, until, capped)
        fields = written(values | session_values(scope)) | stamps
        return SessionRow(start, self.shopper, session.id(self.shopper), until, fields, session.moved)

    def _stamps(self, as_of: int, following: int, until: int, capped: bool) -> dict[str, str]:
        stamps = {"_at": as_of, "_next": following, "_until": until, "_seen": self.seen}
        return {name: str(value) for name, value in stamps.items()} | ({"_capped": "1"} if capped else {})

    def _until(self, session: Session) -> int:
        return session.last[0] + self.definitions.session_retention

    def _orders(self, as_of: int) -> dict[Kept, Order]:
        """Every order: the first transactions, and the steps that are orders by the checkout-step rule."""
        orders = step_orders(
            [k for k in self.kept if self.definitions.longest.leaves(k.event.at) > as_of], self.definitions
        )
        for kept in self.kept:
            if kept.is_order:
                orders[kept] = Order(kept.event.revenue, units(kept.event))
        return orders


def values_in_windows(kept: Kept) -> Iterator[tuple[str, Hashable]]:
    """(bag or currencies, value) of all that needs room in a window."""
    event = kept.event
    for product in event.products:
        if event.kind in (PRODUCT_VIEW, LIST_VIEW) and product.category is not None:
            yield "categories", product.category
        if (kept.is_order or kept.is_line) and product.category is not None:
            yield "purchased categories", product.category
    prices = [product.price for product in event.products]
    amounts: dict[str, list[Money | None]] = {
        "product currency": prices if event.kind == PRODUCT_VIEW else [],
        "cart currency": [event.cart_total, *prices] if event.kind in (ADD_TO_CART, REMOVE_FROM_CART) else [],
        "purchase currency": [
            event.revenue if kept.is_order else None,
            event.refund if event.kind == REFUND else None,
        ],
    }
    for name, candidates in amounts.items():
        yield from ((name, amount.currency) for amount in candidates if amount is not None)


def values_in_session(kept: Kept) -> Iterator[tuple[str, Hashable]]:
    """(set, value) of all that needs room in a session's distinct sets, currencies among it."""
    event = kept.event
    if event.page_id is not None and event.kind == PAGE_VIEW:
        yield "pages viewed", event.page_id
    if event.page_id is not None and event.kind in (PAGE_VIEW, PAGE_PING):
        yield "pages", event.page_id
    if event.page_id is not None and event.kind == PAGE_PING and event.created_at is not None:
        yield "pages with pings", event.page_id
        yield "heartbeats", (event.page_id, event.created_at // (10 * SECOND))
    if kept.is_order and event.revenue is not None:
        yield "session currency", event.revenue.currency


def step_orders(
    remembered: Sequence[Kept], definitions: OracleDefinitions, one_session: bool = False
) -> dict[Kept, Order]:
    """Orders by the checkout-step rule, walking the last changes of the cart by event time."""
    step = definitions.checkout_order_step
    if not step:
        return {}
    sessions = sessions_of(remembered, definitions.session_gap)
    if one_session:
        sessions = dict.fromkeys(sessions, "the one")
    entries = [
        kept
        for kept in remembered
        if kept.event.kind in (ADD_TO_CART, REMOVE_FROM_CART, TRANSACTION)
        or (kept.event.kind == CHECKOUT_STEP and kept.event.step == step)
    ]
    orders: dict[Kept, Order] = {}
    since_order: dict[Hashable, list[Kept]] = defaultdict(list)
    for kept in sorted(entries, key=lambda k: k.key)[-definitions.trail :]:
        changes = since_order[sessions[kept]]
        if kept.event.kind in (ADD_TO_CART, REMOVE_FROM_CART):
            changes.append(kept)
        elif kept.event.kind == TRANSACTION:
            changes.clear()
        elif any(change.event.kind == ADD_TO_CART for change in changes):
            orders[kept] = order_of(changes)
            changes.clear()
    return orders


def order_of(changes: Sequence[Kept]) -> Order:
    """What a step orders: adds less removes, not below zero, in the currency of the latest priced add."""
    priced_adds = [
        product.price.currency
        for kept in reversed(changes)
        if kept.event.kind == ADD_TO_CART
        for product in kept.event.products
        if product.price is not None
    ]
    currency = priced_adds[0] if priced_adds else None
    worth = units = 0
    for kept in changes:
        sign = 1 if kept.event.kind == ADD_TO_CART else -1
        for product in kept.event.products:
            units += sign * product.quantity
            if product.price is not None and product.price.currency == currency:
                worth += sign * product.price.minor * product.quantity
    return Order(None if currency is None else Money(max(worth, 0), currency), max(units, 0))


def sessions_of(events: Sequence[Kept], gap: int) -> dict[Kept, Hashable]:
    """The session of each event: the tracker's, else the run of events without one that it belongs to."""
    sessions: dict[Kept, Hashable] = {}
    start: int | None = None
    last: int | None = None
    for kept in sorted(events, key=lambda k: k.key):
        if kept.event.session_id is not None:
            sessions[kept] = kept.event.session_id
            continue
        if last is None or kept.event.at > last + gap:
            start = kept.event.at
        last = kept.event.at
        sessions[kept] = (start,)
    return sessions


def cut(event: Event, limit: int) -> Event:
    """The event with the text that is kept in state cut to `limit` characters."""
    products = tuple(
        msgspec.structs.replace(p, id=p.id and p.id[:limit], category=p.category and p.category[:limit])
        for p in event.products
    )
    names = (
        "session_id",
        "page_id",
        "page",
        "referrer",
        "campaign",
        "source",
        "medium",
        "platform",
        "device",
        "location",
        "transaction_id",
    )
    texts = {name: text[:limit] for name in names if (text := getattr(event, name)) is not None}
    return msgspec.structs.replace(event, products=products, **texts)


# ---------------------------------------------------------------- what a row is computed from


class Scope:
    """The typed events of one window or session, by (event time, event_id): the last one is the latest."""

    def __init__(
        self, place: str, events: Sequence[Kept], orders: Mapping[Kept, Order], definitions: OracleDefinitions
    ) -> None:
        self.place = place
        self.events = sorted(events, key=lambda kept: kept.key)
        self.orders = {kept: orders[kept] for kept in self.events if kept in orders}
        self.definitions = definitions

    def of(self, *kinds: str) -> list[Kept]:
        return [kept for kept in self.events if kept.event.kind in kinds]

    def count(self, *kinds: str) -> int:
        return len(self.of(*kinds))

    @property
    def overfull(self) -> bool:
        """Whether a set has more values than are kept."""
        products = {p.id for kept in self.of(PRODUCT_VIEW) for p in kept.event.products if p.id is not None}
        return max(len(products), len(self.checkouts())) > self.definitions.set_values

    def checkouts(self) -> dict[Hashable, int]:
        """Sessions with an id that began a checkout or ordered, and when they last did."""
        return {
            kept.event.session_id: kept.event.at
            for kept in self.events
            if kept.event.session_id is not None
            and (kept.is_order or (kept.event.kind == CHECKOUT_STEP and kept.event.step == 1))
        }

    def fits(self, kept: Kept, name: str, value: Hashable) -> bool:
        return (self.place, name, value) not in kept.refused

    def money(self, view: str, kept: Kept, amounts: Sequence[Money | None]) -> list[Money]:
        """The amounts that are there and whose currency found room."""
        present = [amount for amount in amounts if amount is not None]
        return [amount for amount in present if self.fits(kept, f"{view} currency", amount.currency)]

    def latest(self, name: str) -> str | None:
        """The value that the latest event which has one says of `name`."""
        values: list[str] = [v for kept in self.events if (v := getattr(kept.event, name)) is not None]
        return values[-1] if values else None


def chosen_currency(money_events: Sequence[Sequence[Money]]) -> str | None:
    """The currency of the latest money event: of its first amount."""
    return next((amounts[0].currency for amounts in reversed(money_events) if amounts), None)


def currency_values(view: str, money_events: Sequence[Sequence[Money]]) -> Values:
    several = len({amount.currency for amounts in money_events for amount in amounts}) > 1
    return {
        f"{view}_currency": chosen_currency(money_events),
        f"{view}_currency_mixed": True if several else None,
    }


def total(amounts: Sequence[Money], currency: str | None) -> Money | None:
    """Σ of the amounts in that currency; None where there are none."""
    minors = [amount.minor for amount in amounts if amount.currency == currency]
    return Money(sum(minors), currency) if minors and currency else None


def mean(amounts: Sequence[Money], currency: str | None) -> Mean | None:
    sum_of = total(amounts, currency)
    if sum_of is None:
        return None
    count = sum(amount.currency == currency for amount in amounts)
    return Fraction(sum_of.minor, count * 10 ** minor_digits(sum_of.currency))


def ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def top(weights: Sequence[tuple[str, int, int]]) -> tuple[str, int] | None:
    """Of (value, weight, event time): the value that weighs most, and its weight.

    Ties go to the greatest event time, then to the alphabet.
    """
    if not weights:
        return None
    weight_of: dict[str, int] = defaultdict(int)
    latest_of: dict[str, int] = {}
    for value, weight, at in weights:
        weight_of[value] += weight
        latest_of[value] = max(latest_of.get(value, at), at)
    best = min(weight_of, key=lambda value: (-weight_of[value], -latest_of[value], value))
    return best, weight_of[best]


# ---------------------------------------------------------------- what a window holds


def window_values(scope: Scope) -> Values:
    return (
        product_values(scope)
        | category_values(scope)
        | cart_values(scope)
        | purchase_values(scope)
        | context_values(scope)
    )


def product_values(scope: Scope) -> Values:
    views = scope.of(PRODUCT_VIEW)
    ids = [(kept, p.id) for kept in views for p in kept.event.products if p.id is not None]
    unique = sorted({name for _, name in ids})[: scope.definitions.set_values]
    latest = [kept for kept, _ in ids][-1:]
    money = [scope.money("product", kept, [p.price for p in kept.event.products]) for kept in views]
    currency = chosen_currency(money)
    prices = [amount for amounts in money for amount in amounts if amount.currency == currency]
    least = min(prices, key=lambda price: price.minor, default=None)
    greatest = max(prices, key=lambda price: price.minor, default=None)
    words = [word.casefold() for word in scope.definitions.recommendation_words]
    lists = [(kept.event.list_name or "").casefold() for kept in scope.of(LIST_CLICK)]
    return currency_values("product", money) | {
        "product_view_count": len(views),
        "unique_products_viewed": len(unique),
        "return_view_count": len(views) - len(unique),
        "avg_viewed_price": mean(prices, currency),
        "min_viewed_price": least,
        "max_viewed_price": greatest,
        "price_range_viewed": Money(greatest.minor - least.minor, least.currency)
        if least and greatest
        else None,
        "last_product_viewed": next((name for kept, name in ids if kept in latest), None),
        "promo_view_count": scope.count(PROMO_VIEW),
        "promo_click_count": scope.count(PROMO_CLICK),
        "promo_click_rate": ratio(scope.count(PROMO_CLICK), scope.count(PROMO_VIEW)),
        "list_click_count": len(lists),
        "recommendation_click_count": sum(any(word in name for word in words) for name in lists),
    }


def category_values(scope: Scope) -> Values:
    entities = [
        (kept, product.category)
        for kept in scope.of(PRODUCT_VIEW, LIST_VIEW)
        for product in kept.event.products
        if product.category is not None
    ]
    fitting = [(name, 1, kept.event.at) for kept, name in entities if scope.fits(kept, "categories", name)]
    first = top(fitting)
    return {
        "category_view_count": len(entities),
        "list_view_count": scope.count(LIST_VIEW),
        "unique_categories": len({name for name, _, _ in fitting}),
        "top_category": first[0] if first else None,
        "top_category_share": ratio(first[1], len(fitting)) if first else None,
    }


def cart_values(scope: Scope) -> Values:
    adds, removes = scope.of(ADD_TO_CART), scope.of(REMOVE_FROM_CART)
    money = [
        scope.money("cart", kept, [kept.event.cart_total, *(p.price for p in kept.event.products)])
        for kept in scope.of(ADD_TO_CART, REMOVE_FROM_CART)
    ]
    currency = chosen_currency(money)
    return currency_values("cart", money) | {
        "cart_add_count": len(adds),
        "cart_remove_count": len(removes),
        "cart_update_count": len(adds) + len(removes),
        "cart_added_value": total(moved(scope, adds), currency),
        "cart_removed_value": total(moved(scope, removes), currency),
        "last_cart_change": max((kept.event.at for kept in (*adds, *removes)), default=None),
        "cart_value": Money(cart_value(scope, currency), currency) if currency else None,
    }


def moved(scope: Scope, changes: Sequence[Kept]) -> list[Money]:
    """Price times quantity of each priced product that was put in or taken out."""
    return [
        Money(price.minor * product.quantity, price.currency)
        for kept in changes
        for product in kept.event.products
        for price in scope.money("cart", kept, [product.price])
    ]


def cart_value(scope: Scope, currency: str) -> int:
    """What the cart is worth after the latest that is known of it, in minor units."""
    changes = scope.of(ADD_TO_CART, REMOVE_FROM_CART)
    emptied = max((kept.key for kept in scope.of(TRANSACTION)), default=(-1, ""))
    told = [
        (kept.key, amount.minor)
        for kept in changes
        for amount in scope.money("cart", kept, [kept.event.cart_total])
        if amount.currency == currency
    ]
    if told:
        key, minor = told[-1]
        return 0 if emptied > key else minor
    recent = [kept for kept in changes[-scope.definitions.trail :] if kept.key > emptied]
    added = moved(scope, [kept for kept in recent if kept.event.kind == ADD_TO_CART])
    removed = moved(scope, [kept for kept in recent if kept.event.kind == REMOVE_FROM_CART])
    value = sum(a.minor for a in added if a.currency == currency)
    value -= sum(a.minor for a in removed if a.currency == currency)
    return max(value, 0)


def items_purchased(scope: Scope) -> int:
    """Those of the orders, and of lines that come one by one."""
    lines = [kept.event for kept in scope.events if kept.is_line]
    return sum(order.items for order in scope.orders.values()) + sum(map(units, lines))


def units(event: Event) -> int:
    """How many a transaction or a line is of."""
    told = event.total_quantity
    return sum(product.quantity for product in event.products) if told is None else told


def purchase_values(scope: Scope) -> Values:
    refunds = scope.of(REFUND)
    revenues = {kept: scope.money("purchase", kept, [o.revenue]) for kept, o in scope.orders.items()}
    refunded = {kept: scope.money("purchase", kept, [kept.event.refund]) for kept in refunds}
    paid = [amount for amounts in revenues.values() for amount in amounts]
    by_event = revenues | refunded
    money = [by_event[kept] for kept in scope.events if kept in by_event]
    currency = chosen_currency(money)
    bought = [
        (product.category, product.quantity, kept.event.at)
        for kept in scope.events
        if kept.is_order or kept.is_line
        for product in kept.event.products
        if product.category is not None and scope.fits(kept, "purchased categories", product.category)
    ]
    first = top(bought)
    return (
        currency_values("purchase", money)
        | checkout_values(scope)
        | {
            "orders_count": len(scope.orders),
            "order_value": total(paid, currency),
            "avg_order_value": mean(paid, currency),
            "items_purchased": items_purchased(scope),
            "top_purchased_category": first[0] if first else None,
            "refund_count": len(refunds),
            "refund_value": total([amount for amounts in refunded.values() for amount in amounts], currency),
        }
    )


def checkout_values(scope: Scope) -> Values:
    session_of = sessions_of(scope.events, scope.definitions.session_gap)
    known = scope.checkouts()
    last = sorted(known, key=lambda session: -known[session])[: scope.definitions.set_values]
    steps = [kept for kept in scope.of(CHECKOUT_STEP) if kept.event.step is not None]
    started = {
        session_of[kept] for kept in steps if kept.event.step == 1 and kept.event.session_id in (*last, None)
    }
    ordered = {session_of[kept] for kept in scope.orders}
    return {
        "checkout_started_count": len(started),
        "checkout_furthest_step": furthest_step(scope),
        "checkout_completion_rate": ratio(len(started & ordered), len(started)),
    }


def furthest_step(scope: Scope) -> int | None:
    return max((k.event.step for k in scope.of(CHECKOUT_STEP) if k.event.step is not None), default=None)


def context_values(scope: Scope) -> Values:
    located = [(kept, kept.event.location) for kept in scope.events if kept.event.location is not None]
    latest_at: dict[str, int] = {}
    for kept, location in located:
        latest_at[location] = kept.event.at
    recent_first = sorted(latest_at, key=lambda location: (-latest_at[location], location))
    trail = [location for _, location in located][-scope.definitions.trail :]
    devices = {kept.event.device for kept in scope.events if kept.event.device is not None}
    return {
        "shopper_locations": recent_first[:10] or None,
        "region_changes": sum(one != other for one, other in pairwise(trail)),
        "device_types": sorted(devices) or None,
        "latest_device": scope.latest("device"),
        "latest_platform": scope.latest("platform"),
    }


# ---------------------------------------------------------------- what a session holds


def session_values(scope: Scope) -> Values:
    """The features of a session that its typed events decide."""
    values = session_counts(scope) | visit_values(scope) | engagement_values(scope)
    if scope.definitions.live_shopper:
        values |= {name: context_values(scope)[name] for name in ("device_types", "latest_platform")}
    return values | session_cart_values(scope)


def session_counts(scope: Scope) -> Values:
    money = [
        scope.money("session", kept, [scope.orders[kept].revenue])
        for kept in scope.events
        if kept in scope.orders
    ]
    paid = [amount for amounts in money for amount in amounts]
    views, adds = scope.count(PRODUCT_VIEW), scope.count(ADD_TO_CART)
    return currency_values("session", money) | {
        "page_count": page_count(scope),
        "product_view_count": views,
        "list_view_count": scope.count(LIST_VIEW),
        "cart_add_count": adds,
        "cart_remove_count": scope.count(REMOVE_FROM_CART),
        "orders_count": len(scope.orders),
        "items_purchased": items_purchased(scope),
        "order_value": total(paid, chosen_currency(money)),
        "cart_ratio": ratio(adds, views),
        "search_count": sum(kept.event.search for kept in scope.events),
        "checkout_step": furthest_step(scope),
        "converted": bool(scope.orders),
    }


def page_count(scope: Scope) -> int:
    views = scope.of(PAGE_VIEW)
    pages = {
        kept.event.page_id
        for kept in views
        if kept.event.page_id is not None and scope.fits(kept, "pages viewed", kept.event.page_id)
    }
    return len(pages) + sum(kept.event.page_id is None for kept in views) + scope.count(SCREEN_VIEW)


def visit_values(scope: Scope) -> Values:
    """Where the visit came from, with what, and where it ended."""
    pages = [
        kept
        for kept in scope.of(PAGE_VIEW, PAGE_PING, SCREEN_VIEW)
        if kept.event.page is not None or kept.event.page_id is not None
    ]
    telling = pages or scope.events
    if not telling:
        return {}
    first, last = telling[0].event, telling[-1].event
    return {
        "marketing_campaign": first.campaign,
        "marketing_source": first.source,
        "marketing_medium": first.medium,
        "referrer": first.referrer,
        "landing_page": first.page,
        "device_type": first.device,
        "exit_page": last.page,
    }


def engagement_values(scope: Scope) -> Values:
    acted = scope.count(ADD_TO_CART, REMOVE_FROM_CART, CHECKOUT_STEP, TRANSACTION, REFUND, TRANSACTION_ERROR)
    bounce = page_count(scope) < 2 and scope.count(PRODUCT_VIEW) < 2 and not acted
    if all(kept.event.page_id is None for kept in scope.events):
        return {"bounce": bounce}
    pages, pinged, heartbeats = (
        {
            value
            for kept in scope.events
            for name, value in values_in_session(kept)
            if name == wanted and scope.fits(kept, name, value)
        }
        for wanted in ("pages", "pages with pings", "heartbeats")
    )
    engaged_time = 10 * (len(heartbeats) - len(pinged)) + 5 * len(pinged)
    return {
        "bounce": bounce,
        "engaged_time": engaged_time,
        "engaged": len(pages) >= 2 or engaged_time >= 20 or bool(scope.orders),
    }


def session_cart_values(scope: Scope) -> Values:
    created = 0
    for kept in scope.of(ADD_TO_CART):
        prices = [product.price for product in kept.event.products if product.price is not None]
        cart = kept.event.cart_total
        one_currency = cart is not None and all(price.currency == cart.currency for price in prices)
        if cart and prices and one_currency and sum(price.minor for price in prices) == cart.minor:
            created += 1
    touched = scope.count(ADD_TO_CART, REMOVE_FROM_CART) or scope.orders
    return {
        "carts_created": created,
        "cart_abandoned": len(scope.orders) < created if touched else None,
    }


# ---------------------------------------------------------------- how it is written


def minor_digits(currency: str) -> int:
    return MINOR_DIGITS.get(currency, 2)


def text(value: bool | float | str | list[str] | Money | Mean) -> str:
    """A value as Redis holds it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Money):
        return format(Decimal(value.minor).scaleb(-minor_digits(value.currency)), "f")
    if isinstance(value, Fraction):
        ten_thousandths = round(value * 10_000)  # round() of a fraction is half-even
        return format(Decimal(ten_thousandths).scaleb(-4), "f")
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def written(values: Values) -> dict[str, str]:
    """The fields of a row: a value that is missing has none."""
    return {name: text(value) for name, value in values.items() if value is not None}


def encoded(name: str) -> str:
    """An id as a part of a key: `:`, `%`, braces, whitespace and control characters percent-encoded."""
    return "".join(
        "".join(f"%{byte:02X}" for byte in char.encode())
        if char in ":%{}" or char.isspace() or ord(char) < 0x20 or 0x7F <= ord(char) <= 0x9F
        else char
        for char in name
    )


# ---------------------------------------------------------------- the oracle


class Oracle:
    """Takes events one by one and tells, whenever it is asked, what Redis must hold."""

    def __init__(self, definitions: OracleDefinitions | None = None) -> None:
        self.definitions = definitions or OracleDefinitions()
        self._histories: dict[tuple[str, str], History] = {}
        """By (`user` or `device`, id); without identity rule all are users."""

    def arrive(self, event: Event, as_of: int) -> str:
        """The verdict: `applied`, `duplicate`, `late` or `future`."""
        return self._receiver(event, as_of).arrive(event, as_of)

    def _receiver(self, event: Event, as_of: int) -> History:
        """For whom the event counts, when the login that it may be is known."""
        if self.definitions.identity == "off":
            return self._history("user", event.shopper, as_of)
        if event.user_id is None:
            device = self._history("device", event.shopper, as_of)
            device.hear(as_of)
            owner = device.owner(event.at)
            return device if owner is None else self._history("user", owner, as_of)
        if event.device_id is not None:
            self._log_in(event.device_id, event.user_id, event.at, as_of)
        return self._history("user", event.user_id, as_of)

    def _log_in(self, name: str, user: str, at: int, as_of: int) -> None:
        """What the device did moves to the user, once: afterwards nothing counts for the device."""
        device = self._history("device", name, as_of)
        until = device.last_until
        device.log_in(user, at, as_of)
        if self.definitions.identity == "merge" and device.applied_ids and device.logins:
            left = History(name, device.as_of, self.definitions)
            left.seen, left.logins, left.last_until = device.seen + 1, device.logins, device.last_until
            self._histories["device", name] = left
            self._history("user", user, device.as_of).take_in(device, until)

    def _history(self, what: str, name: str, as_of: int) -> History:
        """What is remembered of it at `as_of`."""
        history = self._histories.get((what, name))
        if history is None or history.forgotten(max(as_of, history.as_of)):
            former = history.as_of if history else 0
            history = History(name, max(as_of, former), self.definitions)
            self._histories[what, name] = history
        return history

    def forget(self, shopper: str) -> None:
        """Remember nothing of a shopper, and nowhere that it was logged in."""
        for what in ("user", "device"):
            self._histories.pop((what, shopper), None)
        for history in self._histories.values():
            history.logins = [login for login in history.logins if login[1] != shopper]

    def seen(self, shopper: str) -> int:
        """How many records a user's rows count, or a device's."""
        known = [self._histories.get((what, shopper)) for what in ("user", "device")]
        return max((history.seen for history in known if history), default=0)

    def rows(self, as_of: int) -> dict[str, dict[str, str]]:
        """Every key that exists at `as_of`, with its fields."""
        keys: dict[str, dict[str, str]] = {}
        parts: list[SessionRow] = []
        for (_, shopper), history in self._histories.items():
            if history.forgotten(max(as_of, history.as_of)):
                continue
            for label, fields in history.window_rows(as_of):
                keys[f"user:{encoded(shopper)}:features:{label}"] = fields
            sessions = history.session_rows(as_of)
            parts += sessions
            if sessions:
                keys[f"user:{encoded(shopper)}:features:session"] = sessions[-1].fields
        if self.definitions.session_keys:
            for part in sorted(parts, key=lambda p: p.claim, reverse=True):
                keys[f"session:{encoded(part.session_id)}:features"] = part.fields
        return keys


def expected_rows(
    arrivals: Sequence[tuple[Event, int]], as_of: int, definitions: OracleDefinitions | None = None
) -> dict[str, dict[str, str]]:
    """Every Redis key that exists at `as_of` (no prefix, no hash tag) with its fields, `_v` excepted.

    `arrivals` are events in their order of arrival, each with the moment at which it was processed; where the
    moments of a shopper go back, the greatest so far counts. `_at` is `as_of` and `_seen` counts all records
    of the shopper, as if every row were written at `as_of`. The row of a session that gave way stays as it
    was and has neither.
    """
    oracle = Oracle(definitions)
    for event, moment in arrivals:
        oracle.arrive(event, moment)
    return oracle.rows(as_of)


def verdicts(
    arrivals: Sequence[tuple[Event, int]], definitions: OracleDefinitions | None = None
) -> list[str]:
    """The verdict of each arrival: `applied`, `duplicate`, `late` or `future`."""
    oracle = Oracle(definitions)
    return [oracle.arrive(event, moment) for event, moment in arrivals]
