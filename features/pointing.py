"""Rows that point from a device to its user. Pure."""

from typing import Final

from events.event import Event
from features.identity import MERGE, Move
from features.logic import ShopperLogic
from features.row import NEVER_AGAIN, FeatureRow

POINTED_MS: Final = 24 * 3_600_000
"""How long a row points to a user."""


def pointing_rows(logic: ShopperLogic, move: Move, as_of: int) -> list[FeatureRow]:
    """A pointer for every key of the device that the logic's views write, as of `as_of` (epoch ms).

    The device's gap sessions go on under ids of the user's, so their own rows are deleted. Its other sessions
    keep their keys: the user's rows replace the device's there. A device whose id is its user's has no
    rows beside the user's.
    """
    if move.device == move.user:
        return []
    windows = logic.definitions.windows[: len(logic.zero().levels)]
    labels = [window.label for window in windows] + ([] if logic.partial else ["session"])
    until = as_of + POINTED_MS
    pointers = [
        FeatureRow("user", move.device, label, {}, as_of, until, until, move.seen, same_as=move.user)
        for label in labels
    ]
    return pointers + (_deletions(logic, move, as_of) if move.data else [])


def never_begun(logic: ShopperLogic, device: str, event: Event, as_of: int) -> list[FeatureRow]:
    """The deletion of a gap session of the device that an event began, which now counts for a user.

    It is there only where that event was counted before a crash, before the login was heard of.
    """
    definitions = logic.definitions
    until = event.at + definitions.session_retention_ms
    mine = definitions.identity == MERGE and definitions.session_keys and not logic.partial
    if not mine or event.session_id is not None or until <= as_of:
        return []
    name = f"{device}~{event.at}"
    row = FeatureRow("session", name, "session", None, as_of, until, until, NEVER_AGAIN)
    row.owner, row.start, row.if_there = device, event.at, True
    return [row]


def _deletions(logic: ShopperLogic, move: Move, as_of: int) -> list[FeatureRow]:
    moved = logic.load(move.data)
    logic.advance(moved, as_of)
    kept = logic.definitions.session_retention_ms
    moved.ended += [(each.first, each.last + kept) for each in moved.sessions if not each.key]
    moved.sessions, moved.changed = [], 0
    return logic.rows(moved, move.device)
