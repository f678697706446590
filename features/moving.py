"""What leaves a device's state when its user is known. Pure."""

from typing import Final

from features.state import MOST_DELETED, ShopperState, dump, orders_of

MOVED: Final = ("ids", "orders", "levels", "trails", "sessions", "ended", "denied", "overflow", "lost")
"""What events left in a state."""


def holds_events(state: ShopperState) -> bool:
    """Whether events left anything that could count for a user."""
    return bool(
        state.ids
        or state.sessions
        or state.trails
        or orders_of(state)
        or not all(level.empty for level in state.levels)
    )


def move_out(state: ShopperState, fresh: ShopperState, retention_ms: int) -> bytes:
    """Take out of the state what events left in it, as the bytes of a state.

    What stays is who was logged in, and a count that is one higher: rows that are written with it stand above
    all that the device wrote.

    Args:
        state: the device's; its `next` and `room` are to be told anew.
        fresh: a state without events, which is used up.
        retention_ms: how long rows of sessions outlive their last event.
    """
    # Whoever takes them deletes the rows of gap sessions, once; should Redis lose that, it is told from here.
    gone = [(session.first, session.last + retention_ms) for session in state.sessions if not session.key]
    state.deleted = (state.deleted + gone)[-MOST_DELETED:]
    for name in MOVED:
        held = getattr(state, name)
        setattr(state, name, getattr(fresh, name))
        setattr(fresh, name, held)
    fresh.next, fresh.at, fresh.seen, fresh.keep = state.next, state.at, state.seen, state.keep
    state.written, state.changed, state.current = list(fresh.written), 0, ""
    state.__dict__.pop("touched", None)
    state.seen += 1
    return dump(fresh)
