"""The part of a shopper's logic that knows of devices and their users. Pure."""

from abc import ABC, abstractmethod

from features.bound import fit
from features.identity import MERGE, OFF, learn, owner, unlearn
from features.merging import Merging
from features.moving import holds_events, move_out
from features.plan import Plan
from features.settings import Definitions, Window
from features.state import FUTURE_MS, ShopperState


class Identified(ABC):
    """Learns who is logged in on a device, and moves what the device did to its user.

    A device's event without a user goes through `remember` and `owner`; one with a user through `learn` and
    `hand_over`, whose bytes are for `merge`.
    """

    definitions: Definitions
    _plan: Plan
    _longest: Window
    _merging: Merging

    @abstractmethod
    def zero(self) -> ShopperState:
        """The state of a shopper who was never seen."""

    @abstractmethod
    def load(self, data: bytes) -> ShopperState:
        """The state in `data`."""

    @abstractmethod
    def advance(self, state: ShopperState, as_of: int) -> None:
        """Let time pass to `as_of`."""

    @abstractmethod
    def _due(self, state: ShopperState) -> int:
        """The next moment (epoch ms) at which something changes."""

    @abstractmethod
    def _again(self, state: ShopperState) -> None:
        """Let every row be given again, whole."""

    def learn(self, state: ShopperState, user: str, at: int, as_of: int) -> bool:
        """Note on a device that `user` was logged in at the event time `at` (both epoch ms).

        What lies too far ahead of `as_of` is a broken clock, and not believed.

        Returns:
            Whether the state changed, be it by time.
        """
        passed = max(state.at, as_of) >= state.next
        self.advance(state, as_of)
        believed = self.definitions.identity != OFF and at <= state.at + FUTURE_MS
        told = believed and learn(state.logins, user, at)
        if told and fit(state, self._plan):
            self._again(state)
        return self._keep_logins(state) or told or passed

    def remember(self, state: ShopperState, as_of: int) -> bool:
        """Keep the logins of a device that is heard of at `as_of` (epoch ms); whether that changed the state.

        They are kept until an event of the longest window's next pane would have left it: so a device that
        goes on changes its state once a pane, and not with every event.
        """
        passed = max(state.at, as_of) >= state.next
        self.advance(state, as_of)
        return self._keep_logins(state) or passed

    def owner(self, state: ShopperState, at: int) -> str | None:
        """The user for whom a device's event without one counts, by its event time `at` (epoch ms).

        None: it counts for the device. Time must have passed for the state (`advance`), for logins are
        forgotten.
        """
        return owner(state.logins, at, self.definitions.identity)

    def unlearn(self, state: ShopperState, user: str) -> bool:
        """Forget on a device that `user` was logged in; whether that changed the state."""
        return unlearn(state.logins, user)

    def hand_over(self, state: ShopperState) -> bytes:
        """Take what events left in a device's state out of it, for `merge`.

        Nothing moves (the bytes are empty) where no login is known or history does not move.
        """
        if self.definitions.identity != MERGE or not state.logins or not holds_events(state):
            return b""
        data = move_out(state, self.zero(), self.definitions.session_retention_ms)
        fit(state, self._plan)
        state.next = self._due(state)
        return data

    def merge(self, state: ShopperState, data: bytes, as_of: int) -> None:
        """Let what a device handed over count for the user whose state this is, as of `as_of` (epoch ms).

        Raises:
            msgspec.DecodeError: if the bytes are no state.
        """
        moved = self.load(data)
        at = max(as_of, state.at, moved.at)
        self.advance(state, at)
        self.advance(moved, at)
        self._merging.merge(state, moved)
        fit(state, self._plan)
        state.next = self._due(state)
        self._again(state)

    def _keep_logins(self, state: ShopperState) -> bool:
        until = self._longest.leaves_at(state.at // self._longest.pane_ms + 1)
        if not state.logins or until <= state.keep:
            return False
        state.keep = until
        state.next = self._due(state)
        return True
