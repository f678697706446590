"""What is kept of one shopper, as plain data.

The structs are array-like MessagePack: compact, and a field added at the end with a default restores from
older bytes. Bytes begin with the moment at which something changes, so that it can be read without decoding
the rest.
"""

from typing import Any

import msgspec

from features.aggregates.base import Accs


class WindowState(msgspec.Struct, array_like=True, dict=True):
    """One rolling window: panes by number, and their running totals.

    Its `__dict__`, which is not part of the bytes, may keep the values last read of each view (see
    `read_views`).
    """

    panes: dict[int, Any] = {}
    """Accumulators of each pane; MessagePack (`msgspec.Raw`) as long as nothing touches the pane."""
    total: dict[int, Any] = {}
    """Accumulators over all panes."""
    open: list[int] = []
    """Numbers of the panes that are not packed at the moment."""

    @property
    def read_views(self) -> dict[str, Any]:
        """Values last read, by view; whoever changes a view's accumulators drops its entry."""
        found: dict[str, Any] = self.__dict__.setdefault("views", {})
        return found


class SessionState(msgspec.Struct, array_like=True):
    """One session of the shopper (or the shopper's part of it)."""

    key: str
    """The tracker's session id; empty for a gap session, whose id follows from its start."""
    first: int
    """Least event time, epoch ms."""
    last: int
    last_id: str
    """Id of the event at `last`; the greatest where several are."""
    events: int = 0
    accs: dict[int, Any] = {}
    closed: bool = False
    capped: bool = False
    changed: bool = True
    """Whether its row was not asked for since it changed."""


class ShopperState(msgspec.Struct, array_like=True):
    """All that is kept of one shopper: bounded by panes and caps, never by events."""

    next: int = 0
    """The next moment (epoch ms) at which a value changes or something is dropped."""
    shape: int = 0
    """Fingerprint of the windows; with other windows the panes start empty."""
    at: int = 0
    """The latest `as_of`; it never goes back."""
    seen: int = 0
    """Records routed to the shopper, whatever their verdict."""
    keep: int = 0
    """The latest moment at which a row expires; a minute later nothing is kept."""
    ids: bytes = b""
    """8-byte hashes of the last event ids, oldest first."""
    orders: dict[bytes, int] = {}
    """8-byte hash of a transaction id -> until when it is remembered."""
    windows: list[WindowState] = []
    trails: dict[int, Any] = {}
    sessions: list[SessionState] = []
    changed: int = 0
    """Bit set of the windows whose rows were not asked for since they changed."""
    ended: list[tuple[int, int]] = []
    """Gap sessions that became others: (start, until) of the rows to delete."""
    overflow: int = 0
    """What did not fit into a cap, ever."""
    current: str = ""
    """Id of the session that the `session` row showed last."""

    def gone(self, as_of: int) -> bool:
        """Whether nothing is left that a row or a later event could need."""
        return as_of >= self.keep + GRACE_MS


GRACE_MS = 60_000
"""State outlives its rows by this."""

_ENCODER = msgspec.msgpack.Encoder()
_PANE = msgspec.msgpack.Decoder(dict[int, Any])


class _Packed(WindowState, array_like=True, dict=True):
    panes: dict[int, msgspec.Raw] = {}


class _Stored(ShopperState, array_like=True):
    windows: list[_Packed] = []  # type: ignore[assignment]


class _Head(msgspec.Struct, array_like=True):
    next: int


_STORED = msgspec.msgpack.Decoder(_Stored)
_FIRST = msgspec.msgpack.Decoder(_Head)


def pane_of(window: WindowState, number: int) -> Accs:
    """The accumulators of one pane, unpacked for change; a new pane where there was none."""
    pane = window.panes.get(number)
    if type(pane) is dict:
        return pane
    opened: Accs = {} if pane is None else _PANE.decode(pane)
    window.panes[number] = opened
    window.open.append(number)
    return opened


def peek(pane: Any) -> Accs:
    """The accumulators of one pane, for reading."""
    return pane if type(pane) is dict else _PANE.decode(pane)


def dump(state: ShopperState) -> bytes:
    """The state as bytes; panes that were touched are packed again."""
    for window in state.windows:
        for number in window.open:
            pane = window.panes.get(number)
            if type(pane) is dict:
                window.panes[number] = msgspec.Raw(_ENCODER.encode(pane))
        window.open.clear()
    return _ENCODER.encode(state)


def load(data: bytes) -> ShopperState:
    """The state in `data`.

    Raises:
        msgspec.DecodeError: if the bytes are no state.
    """
    return _STORED.decode(data)


def next_of(data: bytes) -> int:
    """`ShopperState.next` of the bytes, without decoding the rest."""
    return _FIRST.decode(data).next
