"""Sessions: the tracker's, or runs of events no further apart than a gap. Pure."""

from typing import Any

import msgspec

from events.event import UNTYPED_ACTION, Event
from features.aggregates.base import Accs, Reading
from features.facts import TEXT_LIMIT
from features.plan import ViewPlan
from features.row import FeatureRow
from features.settings import Definitions
from features.state import SessionState, ShopperState

MOST_OPEN = 8
MOST_KEPT = 64


class SessionReading(msgspec.Struct, gc=False):
    """A session's own fields, as its view reads them."""

    id: str
    start: int
    duration: int
    open: bool
    events: int


class Sessions:
    """Keeps one shopper's sessions, merging gap sessions that an event bridges."""

    def __init__(self, plan: ViewPlan, definitions: Definitions) -> None:
        """Remember the view and the two lengths of time."""
        self._plan = plan
        self._gap = definitions.session_gap_ms
        self._retention = definitions.session_retention_ms

    def add(self, state: ShopperState, event: Event, order: bool) -> bool:
        """Count an event in its session; False if the session is over and the event older than it."""
        found = self._find(state, event)
        if not found and event.at + self._retention <= state.at:
            return False
        session = self._session(state, event, found)
        session.events += 1
        session.changed = True
        session.first = min(session.first, event.at)
        session.last, session.last_id = max(
            (session.last, session.last_id), (event.at, event.event_id[:TEXT_LIMIT])
        )
        session.closed = state.at >= session.last + self._gap
        if event.kind != UNTYPED_ACTION:
            self._grow(session, event, order)
        state.keep = max(state.keep, session.last + self._retention)
        state.next = min(state.next, self.due(session))
        self._evict(state)
        return True

    def drop_unknown(self, state: ShopperState) -> None:
        """Take out what only another release accumulates."""
        known = self._plan.aggregates.keys()
        for session in state.sessions:
            if not session.accs.keys() <= known:
                session.accs = {slot: acc for slot, acc in session.accs.items() if slot in known}

    def leave(self, state: ShopperState) -> None:
        """Close and drop what is due at `state.at`."""
        for session in state.sessions:
            if not session.closed and state.at >= session.last + self._gap:
                session.closed = session.changed = True
        if any(state.at >= session.last + self._retention for session in state.sessions):
            state.sessions = [s for s in state.sessions if state.at < s.last + self._retention]

    def due(self, session: SessionState) -> int:
        """The next moment (epoch ms) at which the session changes."""
        return session.last + (self._retention if session.closed else self._gap)

    def until(self, session: SessionState) -> int:
        """When its rows expire (epoch ms)."""
        return session.last + self._retention

    def row(self, state: ShopperState, session: SessionState, shopper: str) -> FeatureRow:
        """The row under the session's own key."""
        own = SessionReading(
            id=session_id(session, shopper),
            start=session.first,
            duration=session.last - session.first,
            open=not session.closed,
            events=session.events,
        )
        return FeatureRow(
            entity="session",
            entity_id=own.id,
            window="session",
            values=self._plan.read_session(session.accs, Reading(session=own)),
            at=state.at,
            next=self.due(session),
            until=self.until(session),
            seen=state.seen,
            capped=session.capped,
            owner=shopper,
            start=own.start,
        )

    def _find(self, state: ShopperState, event: Event) -> list[SessionState]:
        if event.session_id is not None:
            key = event.session_id[:TEXT_LIMIT]
            return [session for session in state.sessions if session.key == key]
        gap = self._gap
        return [s for s in state.sessions if not s.key and s.first - gap <= event.at <= s.last + gap]

    def _session(self, state: ShopperState, event: Event, found: list[SessionState]) -> SessionState:
        if not found:
            key = (event.session_id or "")[:TEXT_LIMIT]
            session = SessionState(key, event.at, event.at, event.event_id[:TEXT_LIMIT])
            state.sessions.append(session)
            return session
        if found[0].key:
            return found[0]
        found.sort(key=_start)
        start = min(found[0].first, event.at)
        state.ended = [ended for ended in state.ended if ended[0] != start]
        state.ended += [(s.first, self.until(s)) for s in found if s.first != start]
        session = found[0]
        for other in found[1:]:
            self._merge(session, other)
            state.sessions.remove(other)
        return session

    def _merge(self, session: SessionState, other: SessionState) -> None:
        session.events += other.events
        session.capped |= other.capped
        session.last, session.last_id = max((session.last, session.last_id), (other.last, other.last_id))
        aggregates = self._plan.aggregates
        accs: Accs = session.accs
        for slot, acc in other.accs.items():
            if slot in accs:
                accs[slot] = aggregates[slot].merge(accs[slot], acc)
            else:
                accs[slot] = acc

    def _grow(self, session: SessionState, event: Event, order: bool) -> None:
        fact: Any = self._plan.fact(event, order)
        for touches in self._plan.touches(event.kind):
            for slot, aggregate in touches:
                if aggregate.grow(session.accs, slot, fact):
                    session.capped = True

    def _evict(self, state: ShopperState) -> None:
        if len(state.sessions) <= MOST_OPEN:
            return
        opened = [session for session in state.sessions if not session.closed]
        if len(opened) > MOST_OPEN:
            state.sessions.remove(min(opened, key=_end))
            state.overflow += 1
        elif len(state.sessions) > MOST_KEPT:
            state.sessions.remove(min(state.sessions, key=_end))
            state.overflow += 1


def session_id(session: SessionState, shopper: str) -> str:
    """The tracker's id, or the one that a gap session's start makes."""
    return session.key or f"{shopper}~{session.first}"


def _start(session: SessionState) -> int:
    return session.first


def _end(session: SessionState) -> tuple[int, str]:
    return session.last, session.last_id
