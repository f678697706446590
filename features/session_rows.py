"""Rows of sessions: under their own ids, and the shopper's current one. Pure."""

from copy import copy

import msgspec

from features.aggregates.base import Reading
from features.plan import SessionPlan
from features.reader import ALL, read
from features.row import NEVER_AGAIN, FeatureRow
from features.sessions import Sessions, touched
from features.settings import Definitions
from features.state import MOST_DELETED, SessionState, ShopperState, accs_of, base_of


class SessionReading(msgspec.Struct, gc=False):
    """A session's own fields, as its view reads them."""

    id: str
    start: int
    duration: int
    open: bool
    events: int


class SessionRows:
    """Makes the rows of one shopper's sessions."""

    def __init__(self, plan: SessionPlan, sessions: Sessions, definitions: Definitions, whole: bool) -> None:
        """Keep the view, and whether the sessions' own keys are written, and all rows whole."""
        self._plan = plan
        self._sessions = sessions
        self._keys = definitions.session_keys
        self._whole = whole

    def changed(self, state: ShopperState, shopper: str, rows: list[FeatureRow]) -> None:
        """Add the rows that changed since they were last asked for."""
        if state.ended or state.denied:
            self._deletions(state, shopper, rows)
        if not state.sessions:
            return
        current = state.sessions[0] if len(state.sessions) == 1 else max(state.sessions, key=_last)
        for session in state.sessions:
            if session.changed or session is current:
                self._rows_of(state, session, shopper, session is current, rows)

    def forget(self, state: ShopperState) -> None:
        """Let the next row of every session be a whole one, and rows that were deleted be deleted again."""
        state.ended += [ended for ended in state.deleted if ended not in state.ended]
        state.deleted = []
        for session in state.sessions:
            session.written = session.shown = None

    def _rows_of(
        self, state: ShopperState, session: SessionState, shopper: str, current: bool, rows: list[FeatureRow]
    ) -> None:
        name = session_id(session, shopper)
        shown = base_of(session.shown, state.at) if name == state.current else None
        if not session.changed and shown is not None:
            return
        reading = SessionReading(
            name, session.first, session.last - session.first, not session.closed, session.events
        )
        changed, bits = session.changed, touched(session)
        own = None
        if changed and self._keys:
            own = self._row(state, session, shopper, reading, bits, base_of(session.written, state.at))
            session.written = state.seen, state.at, own.until
            rows.append(own)
        if current:
            if own is None or (own.base is None) != (shown is None):
                mine = self._row(state, session, shopper, reading, bits, shown)
            else:
                mine = copy(own)
                mine.base = None if own.base is None else shown
            mine.entity, mine.entity_id = "user", shopper
            state.current, session.shown = name, (state.seen, state.at, mine.until)
            rows.append(mine)

    def _row(
        self,
        state: ShopperState,
        session: SessionState,
        shopper: str,
        reading: SessionReading,
        bits: int,
        base: tuple[int, int] | None,
    ) -> FeatureRow:
        """The row under the session's own key, on top of the one that is stored there."""
        whole = self._whole or base is None or bits == ALL
        accs = accs_of(session)
        values, absent = read(
            self._plan.program(ALL if whole else bits), (accs,), accs, Reading(session=reading)
        )
        return FeatureRow(
            "session",
            reading.id,
            "session",
            values,
            state.at,
            self._sessions.due(session),
            self._sessions.until(session),
            state.seen,
            session.capped,
            shopper,
            reading.start,
            None if whole else base,
            () if whole else tuple(absent),
            moved=session.moved,
        )

    def _deletions(self, state: ShopperState, shopper: str, rows: list[FeatureRow]) -> None:
        """Rows of gap sessions that are others by now; an id that was given up never comes back."""
        kept = self._sessions.retention
        told = {at: (at + kept, True) for at in state.denied} | {
            at: (till, False) for at, till in state.ended
        }
        for start, (until, if_there) in told.items() if self._keys else ():
            row = FeatureRow(
                "session", f"{shopper}~{start}", "session", None, state.at, until, until, NEVER_AGAIN
            )
            row.owner, row.start, row.if_there = shopper, start, if_there
            rows.append(row)
        left = [ended for ended in (*state.deleted, *state.ended) if ended[1] > state.at]
        state.deleted = left[-MOST_DELETED:]
        state.ended = []
        state.denied.clear()


def session_id(session: SessionState, shopper: str) -> str:
    """The tracker's id, or the one that a gap session's start makes."""
    return session.key or f"{shopper}~{session.first}"


def _last(session: SessionState) -> tuple[int, str]:
    return session.last, session.last_id
