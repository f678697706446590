"""A shopper's state stays below 64 kB, whatever comes: what gives way where the caps do not see to that.

In this order, until the state fits: sessions other than the current one, those with the oldest last event
first; the older half of every set and bag, again and again; all currencies but the one seen last; the older
half of the remembered ids and ordered histories. Counts, sums and the money that is shown stay exact.
"""

from collections.abc import Container, Iterator
from typing import Final

from events.event import Event
from features.aggregates.base import BEGINNING, Accs, Aggregate
from features.digest import SIZE
from features.plan import Plan
from features.state import (
    SessionState,
    ShopperState,
    accs_of,
    encode,
    orders_of,
    packed,
    pane_of,
    panes_of,
    total_of,
    trail_of,
)

MOST_BYTES: Final = 65_536
"""No state is longer."""
FITS: Final = 60_000
"""So long a state may be after an event; the passing of time moves panes, which can add a little."""
AN_EVENT: Final = 4_500
"""More than one event adds, its products apart."""
A_PRODUCT: Final = 400
A_SESSION: Final = 120
"""More than a session takes, its id and accumulators apart."""
A_SHOPPER: Final = 500
"""More than a shopper takes, all that grows apart."""
ROUNDS: Final = 12
"""Halvings after which nothing of a cap's size is left."""


def spend(state: ShopperState, event: Event, plan: Plan) -> bool:
    """Account for the bytes that an event may add; True if something had to give way."""
    state.room -= AN_EVENT + A_PRODUCT * len(event.products)
    return state.room < 0 and fit(state, plan)


def fit(state: ShopperState, plan: Plan) -> bool:
    """Measure the state; True if something had to give way."""
    state.room = FITS - _size(state)
    if state.room >= 0:
        return False
    for _ in _ways(state, plan):
        state.overflow += 1
        state.room = FITS - _size(state)
        if state.room >= 0:
            break
    return True


def _size(state: ShopperState) -> int:
    """Length of the state's bytes at most; it does not depend on which rows were asked for."""
    # The panes as `dump` packs them, but left open: the next event looks into them again.
    levels = [(level.first, level.last, level.total, packed(level.panes)) for level in state.levels]
    sessions = [(session.key, session.accs) for session in state.sessions]
    kept = (state.ids, state.orders, levels, state.trails, sessions, state.ended, state.denied, state.deleted)
    return len(encode((*kept, state.logins))) + A_SESSION * len(sessions) + A_SHOPPER


def _ways(state: ShopperState, plan: Plan) -> Iterator[None]:
    """Let one thing after the other give way."""
    order = sorted(state.sessions, key=_end)
    for session in order[:-1]:
        state.sessions.remove(session)
        yield
    current = order[-1] if order and plan.session else None
    for _ in range(ROUNDS):
        _halve(state, plan, current, histories=False)
        yield
    _one_currency(state, plan, current)
    yield
    for _ in range(ROUNDS):
        _halve(state, plan, current, histories=True)
        state.ids = state.ids[(len(state.ids) // SIZE + 1) // 2 * SIZE :]
        orders = orders_of(state)
        state.orders = dict(list(orders.items())[(len(orders) + 1) // 2 :])
        yield
    if current is not None:
        state.sessions.remove(current)
        yield


def _halve(state: ShopperState, plan: Plan, current: SessionState | None, *, histories: bool) -> None:
    for slot in plan.trails:
        aggregate = plan.aggregates[slot]
        if aggregate.history == histories and trail_of(state.trails, slot):
            lost = _halved(state.trails, slot, aggregate)
            state.lost = max(state.lost, lost)
            if aggregate.named and lost > BEGINNING:
                _forget_numbers(state, slot)
    if current is not None and plan.session is not None:
        accs = accs_of(current)
        for slot, aggregate in plan.session.aggregates.items():
            if aggregate.history == histories and slot in accs:
                current.capped |= _halved(accs, slot, aggregate) > BEGINNING


def _halved(accs: Accs, slot: int, aggregate: Aggregate) -> int:
    left, lost = aggregate.halve(accs[slot])
    if left is None:
        del accs[slot]
    else:
        accs[slot] = left
    return lost


def _forget_numbers(state: ShopperState, slot: int) -> None:
    """Take the weights of names that gave way out of panes and totals."""
    names = state.trails.get(slot, [0, {}])[1]
    numbers = {number for number, _ in names.values()}
    for accs in paned(state):
        if slot in accs:
            accs[slot] = {number: weight for number, weight in accs[slot].items() if number in numbers}


def _one_currency(state: ShopperState, plan: Plan, current: SessionState | None) -> None:
    for view in plan.rolling:
        seen: dict[str, int] = trail_of(state.trails, view.mixed) or {}
        if len(seen) > 1:
            last = max(seen, key=lambda currency: (seen[currency], currency))
            state.lost = max(state.lost, *[at for currency, at in seen.items() if currency != last])
            for accs in (state.trails, *paned(state)):
                only(accs, view.aggregates, {last})
    if current is not None and plan.session is not None:
        accs = accs_of(current)
        seen = accs.get(plan.session.mixed) or {}
        if len(seen) > 1:
            current.capped = True
            last = max(seen, key=lambda currency: (seen[currency], currency))
            only(accs, plan.session.aggregates, {last})


def only(accs: Accs, aggregates: dict[int, Aggregate], currencies: Container[str]) -> None:
    """Leave out amounts in other currencies."""
    for slot in accs.keys() & aggregates.keys():
        accs[slot] = aggregates[slot].only(trail_of(accs, slot), currencies)


def paned(state: ShopperState) -> Iterator[Accs]:
    """Panes and totals of every level."""
    for level in state.levels:
        yield total_of(level)
        panes = panes_of(level)
        for number in panes:
            yield pane_of(panes, number)


def _end(session: SessionState) -> tuple[int, str]:
    return session.last, session.last_id
