"""Sessions: the tracker's, or runs of events no further apart than a gap. Pure."""

from typing import Any

from events.event import UNTYPED_ACTION, Event
from features.aggregates.base import BEGINNING
from features.currencies import make_room
from features.facts import cut, cut_id
from features.plan import SessionPlan, limited
from features.reader import ALL
from features.settings import Definitions
from features.state import SessionState, ShopperState, accs_of

MOST_OPEN = 8
MOST_KEPT = 64


class Sessions:
    """Keeps one shopper's sessions, merging gap sessions that an event bridges."""

    def __init__(self, plan: SessionPlan, definitions: Definitions) -> None:
        """Remember the view and the two lengths of time."""
        self._plan = plan
        self._own = plan.own_bits()
        self._gap = definitions.session_gap_ms
        self.retention = definitions.session_retention_ms
        """How long rows outlive the last event, ms."""

    def add(self, state: ShopperState, event: Event, order: bool) -> bool:
        """Count an event in its session; False if the session is over and the event older than it."""
        key = cut(event.session_id) or ""
        found = self.find(state, key, event.at, event.at)
        if not found and event.at + self.retention <= state.at:
            return False
        session = self._session(state, event, found, key)
        bits = self._stretch(session, event)
        if self.close(session, state.at):
            bits |= self._bit("open")
        if event.kind != UNTYPED_ACTION:
            bits |= self._grow(state, session, event, order)
        # Before a crash it may have counted for the device, whose row has the same start then.
        session.moved |= event.user_id is None and event.device_id not in (None, event.shopper)
        touch(session, bits)
        state.keep = max(state.keep, session.last + self.retention)
        state.next = min(state.next, self.due(session))
        self.evict(state)
        return True

    def drop_unknown(self, state: ShopperState) -> None:
        """Take out what only another release accumulates."""
        known = self._plan.aggregates.keys()
        for session in state.sessions:
            accs = accs_of(session)
            if not accs.keys() <= known:
                session.accs = {slot: acc for slot, acc in accs.items() if slot in known}

    def leave(self, state: ShopperState) -> None:
        """Close and drop what is due at `state.at`."""
        at, over = state.at, False
        for session in state.sessions:
            if not session.closed and at >= session.last + self._gap:
                session.closed = True
                touch(session, self._bit("open"))
            over |= at >= session.last + self.retention
        if over:
            state.sessions = [s for s in state.sessions if at < s.last + self.retention]

    def due(self, session: SessionState) -> int:
        """The next moment (epoch ms) at which the session changes."""
        return session.last + (self.retention if session.closed else self._gap)

    def find(self, state: ShopperState, key: str, first: int, last: int) -> list[SessionState]:
        """The sessions to which events from `first` to `last` (epoch ms) belong: several they bridge."""
        if key:
            return [session for session in state.sessions if session.key == key]
        gap = self._gap
        return [s for s in state.sessions if not s.key and s.first - gap <= last and first <= s.last + gap]

    def close(self, session: SessionState, at: int) -> bool:
        """Let the session be open or closed as it is at `at` (epoch ms); whether that changed it."""
        before = session.closed
        session.closed = at >= session.last + self._gap
        return session.closed != before

    def join(self, session: SessionState, other: SessionState) -> None:
        """Let a session grow by another one."""
        aggregates, accs = self._plan.aggregates, accs_of(session)
        lost = make_room(self._plan, accs, accs_of(other), (accs, accs_of(other)))
        session.capped |= other.capped or lost > BEGINNING
        session.events += other.events
        session.first = min(session.first, other.first)
        session.last, session.last_id = max((session.last, session.last_id), (other.last, other.last_id))
        session.moved |= other.moved
        for slot, acc in accs_of(other).items():
            if slot in accs:
                accs[slot], lost = aggregates[slot].united(accs[slot], acc)
                session.capped |= lost > BEGINNING
            else:
                accs[slot] = acc

    def evict(self, state: ShopperState) -> None:
        """Let those with the oldest last events give way where there are too many."""
        while len(state.sessions) > MOST_OPEN:
            opened = [session for session in state.sessions if not session.closed]
            if len(opened) > MOST_OPEN:
                state.sessions.remove(min(opened, key=_end))
            elif len(state.sessions) > MOST_KEPT:
                state.sessions.remove(min(state.sessions, key=_end))
            else:
                return
            state.overflow += 1

    def until(self, session: SessionState) -> int:
        """When its rows expire (epoch ms)."""
        return session.last + self.retention

    def _bit(self, own: str) -> int:
        return self._own.get(own, 0)

    def _session(
        self, state: ShopperState, event: Event, found: list[SessionState], key: str
    ) -> SessionState:
        if not found:
            session = SessionState(key, event.at, event.at, cut_id(event.event_id))
            state.sessions.append(session)
            return session
        if found[0].key:
            return found[0]
        found.sort(key=_start)
        start = min(found[0].first, event.at)
        state.ended = [ended for ended in state.ended if ended[0] != start]
        state.ended += [(s.first, self.until(s)) for s in found if s.first != start]
        if event.at != start:
            state.denied.append(event.at)
        session = found[0]
        for other in found[1:]:
            self.join(session, other)
            state.sessions.remove(other)
        if len(found) > 1 or session.first != start:
            session.written = session.shown = None  # another session by now, or another id
        return session

    def _stretch(self, session: SessionState, event: Event) -> int:
        """Let the session reach to the event; the bits of its own fields that change."""
        bits = self._bit("events")
        session.events += 1
        if event.at < session.first:
            session.first = event.at
            bits |= self._bit("start") | self._bit("duration")
        end = event.at, cut_id(event.event_id)
        if end > (session.last, session.last_id):
            session.last, session.last_id = end
            bits |= self._bit("duration")
        return bits

    def _grow(self, state: ShopperState, session: SessionState, event: Event, order: bool) -> int:
        fact: Any = self._plan.fact(event, order)
        touches, accs, bits = self._plan.touches(event.kind), accs_of(session), 0
        if touches.mixed >= 0 and fact.currencies:
            fact, given = limited(fact, touches, accs), fact
            if fact is not given:
                session.capped = True
                state.overflow += 1
        for several in (touches.trails, touches.panes):
            for bit, slot, grow in several:
                lost = grow(accs, slot, fact, BEGINNING)
                if lost is not None:
                    bits |= bit
                    if lost > BEGINNING:
                        session.capped = True
                        state.overflow += 1
        return bits


def touch(session: SessionState, bits: int) -> None:
    """Note that accumulators of the session changed, until its row is asked for."""
    if session.changed:
        # What changed before the state was bytes is not known any more.
        session.__dict__["touched"] = session.__dict__.get("touched", ALL) | bits
    else:
        session.changed = True
        session.__dict__["touched"] = bits


def touched(session: SessionState) -> int:
    """The bits that were noted since; they are forgotten by this."""
    session.changed = False
    bits: int = session.__dict__.pop("touched", ALL)
    return bits


def _start(session: SessionState) -> int:
    return session.first


def _end(session: SessionState) -> tuple[int, str]:
    return session.last, session.last_id
