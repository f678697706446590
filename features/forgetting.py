"""What is to be deleted of a shopper who is forgotten. Pure."""

from features.logic import ShopperLogic
from features.row import FeatureRow
from features.session_rows import session_id
from features.state import ShopperState


def forgotten_rows(logic: ShopperLogic, state: ShopperState, shopper: str, as_of: int) -> list[FeatureRow]:
    """A deletion for every key that the logic's views may have written of the shopper.

    They are told whether or not the state knows of such a row, for the store may hold an older one. Keys of
    sessions are those that the state holds; of other sessions only the expiry is left.
    """

    def row(entity: str, entity_id: str, window: str) -> FeatureRow:
        return FeatureRow(entity, entity_id, window, None, as_of, as_of, as_of, state.seen, forgotten=True)

    windows = logic.definitions.windows[: len(state.levels)]
    rows = [row("user", shopper, window.label) for window in windows]
    if not logic.partial:
        rows.append(row("user", shopper, "session"))
    for session in state.sessions:
        own = row("session", session_id(session, shopper), "session")
        own.owner, own.start = shopper, session.first
        rows.append(own)
    return rows
