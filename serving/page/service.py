"""What the page's routes need of whoever knows Kafka, Redis and the job."""

from collections.abc import Mapping
from typing import Any, Protocol

Told = Mapping[str, Any]
"""Plain data that becomes JSON."""


class RefusedError(Exception):
    """What was asked for cannot be done; the message is for the person who asked."""


class PageService(Protocol):
    """Answers the page; each call may block for a while, and comes from any thread."""

    def about(self) -> Told:
        """What never changes: windows, features, branches, and what the page may do."""

    def stored(self, shopper: str) -> Told:
        """The id by which a shopper is kept, of the id that the shop knows."""

    def watch(self, shopper: str) -> None:
        """Somebody looks at a shopper from now on."""

    def leave(self, shopper: str) -> None:
        """Somebody looks at that shopper no more."""

    def frame(self, shopper: str, since: int) -> tuple[Told, int]:
        """Everything that moves, with the events after number `since`, and the number to go on from."""

    def why(self, shopper: str, window: str, feature: str) -> Told:
        """What is behind a value.

        Raises:
            RefusedError: if that cannot be told.
        """

    def visitor(self, visitor: str) -> Told:
        """Who a visitor of the page is as a shopper.

        Raises:
            RefusedError: if nobody may act here.
        """

    def act(self, visitor: str, deed: str, product: str) -> Told:
        """Let a visitor do something as a shopper.

        Raises:
            RefusedError: if it cannot be done, or nobody may act here.
        """

    def disrupt(self, visitor: str, what: str) -> Told:
        """Break something.

        Raises:
            RefusedError: if it cannot be done, or nothing may be broken here.
        """
