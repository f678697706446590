"""What a shop may set about the meaning of its features. A value here changes values in Redis."""

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

from features.identity import MERGE, MODES

_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A rolling window: the last `size` of event time, kept in panes of `pane`, both epoch-aligned.

    An event counts from the moment it is seen until the end of its pane plus `size`.

    >>> Window("5min", timedelta(minutes=5), timedelta(seconds=10)).size_ms
    300000

    Raises:
        ValueError: if a pane does not divide the size, or either is not positive.
    """

    label: str
    size: timedelta
    pane: timedelta
    size_ms: int = field(init=False, repr=False)
    pane_ms: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the tiling and keep both lengths as milliseconds."""
        if self.pane < _MS or self.size < self.pane or self.size % self.pane:
            msg = (
                f"window {self.label!r}: a pane of {self.pane} does not divide the size {self.size}; "
                "choose a pane that fits into the window a whole number of times"
            )
            raise ValueError(msg)
        object.__setattr__(self, "size_ms", self.size // _MS)
        object.__setattr__(self, "pane_ms", self.pane // _MS)

    def first_pane(self, as_of: int) -> int:
        """Index of the oldest pane that is inside at `as_of` (epoch ms)."""
        return (as_of - self.size_ms) // self.pane_ms

    def leaves_at(self, pane: int) -> int:
        """The moment (epoch ms) from which pane number `pane` no longer counts."""
        return (pane + 1) * self.pane_ms + self.size_ms


FIVE_MINUTES = Window("5min", timedelta(minutes=5), timedelta(seconds=10))
ONE_HOUR = Window("1h", timedelta(hours=1), timedelta(minutes=1))
ONE_DAY = Window("24h", timedelta(hours=24), timedelta(minutes=15))


@dataclass(frozen=True, slots=True)
class Definitions:
    """The shop's settings of meaning; the defaults are those of the catalogue.

    Raises:
        ValueError: if two windows share a label, there is none, or they do not nest; if there is no such
            identity rule.
    """

    windows: tuple[Window, ...] = (FIVE_MINUTES, ONE_HOUR, ONE_DAY)
    session_gap: timedelta = timedelta(minutes=30)
    """Pause that closes a session, and that separates sessions where the tracker gave no id."""
    session_retention: timedelta = timedelta(hours=24)
    """How long a session's state and rows outlive its last event."""
    session_keys: bool = True
    """Whether `session:<id>:features` is written beside `user:<id>:features:session`."""
    recommendation_words: tuple[str, ...] = ("recommend", "also be interested")
    """A list whose name contains one of these, ignoring case, is a recommendation."""
    checkout_order_step: int = 0
    """The checkout step that counts as an order, for shops that send no transactions; 0: none does."""
    identity: str = MERGE
    """What a login changes: one of `features.identity.MODES`."""
    live_shopper: bool = False
    """Whether sessions also have the features that only the Live Shopper job shows of them."""

    def __post_init__(self) -> None:
        """Check what the windows promise each other, and the identity rule."""
        if self.identity not in MODES:
            msg = f"identity is {self.identity!r}; it must be one of {', '.join(MODES)}"
            raise ValueError(msg)
        labels = [window.label for window in self.windows]
        if not labels or len(set(labels)) < len(labels) or "session" in labels:
            msg = f"windows {labels}: give at least one, each with a label of its own other than 'session'"
            raise ValueError(msg)
        for shorter, longer in pairwise(self.windows):
            if longer.pane % shorter.pane or longer.size < shorter.size + shorter.pane:
                least = shorter.size + shorter.pane
                msg = (
                    f"windows {shorter.label!r} and {longer.label!r} do not nest: list them from the "
                    f"shortest to the longest; {longer.label!r} must be at least {least} long, with panes "
                    f"that are a multiple of {shorter.pane}"
                )
                raise ValueError(msg)

    @property
    def reach_ms(self) -> int:
        """How long an event can count in a window, milliseconds: the longest window and one of its panes."""
        return self.windows[-1].size_ms + self.windows[-1].pane_ms

    @property
    def session_gap_ms(self) -> int:
        """The gap in milliseconds."""
        return self.session_gap // _MS

    @property
    def session_retention_ms(self) -> int:
        """The retention in milliseconds."""
        return self.session_retention // _MS
