"""What is kept of one shopper, as plain data.

The structs are array-like MessagePack: compact, and a field added at the end with a default restores from
older bytes. Bytes begin with the moment at which something changes, so that it can be read without decoding
the rest. What an event does not touch stays MessagePack (`msgspec.Raw`): `opened` decodes it when it is
needed.
"""

from typing import Any

import msgspec

from features.aggregates.base import BEGINNING, Accs

Written = tuple[int, int, int]
"""(seen, at, until) of a row that was given."""


class Level(msgspec.Struct, array_like=True):
    """The part of a rolling window that no shorter window holds: panes by number, and their totals."""

    first: int = 0
    """Number of the oldest pane; greater than `last` where there is none."""
    last: int = -1
    total: Any = {}
    """Accumulators over the panes of this level."""
    panes: Any = {}
    """Accumulators by pane. A pane without any still says that an event was there."""

    @property
    def empty(self) -> bool:
        """Whether it has no pane."""
        return self.last < self.first


class SessionState(msgspec.Struct, array_like=True, dict=True):
    """One session of the shopper (or the shopper's part of it)."""

    key: str
    """The tracker's session id; empty for a gap session, whose id follows from its start."""
    first: int
    """Least event time, epoch ms."""
    last: int
    last_id: str
    """Id of the event at `last`; the greatest where several are."""
    events: int = 0
    closed: bool = False
    capped: bool = False
    changed: bool = True
    """Whether its row was not asked for since it changed."""
    written: Written | None = None
    """Its last row under the session's own key; None: the next one is whole."""
    shown: Written | None = None
    """Its last row as the shopper's current session."""
    accs: Any = {}
    moved: bool = False
    """Whether it, or a part of it, came from a device: its state (`ShopperLogic.merge`) or an event."""


class ShopperState(msgspec.Struct, array_like=True, dict=True):
    """All that is kept of one shopper: below 64 kB, whatever comes (`features.bound`)."""

    next: int = 0
    """The next moment (epoch ms) at which a value changes or something is dropped."""
    shape: int = 0
    """Fingerprint of the windows; with other windows they start empty."""
    edition: int = 0
    """Fingerprint of the features; with others the next rows are whole."""
    at: int = 0
    """The latest `as_of`; it never goes back."""
    seen: int = 0
    """Records routed to the shopper, whatever their verdict."""
    keep: int = 0
    """The latest moment at which a row expires; a minute later nothing is kept."""
    room: int = 0
    """Bytes that events may add before the state's size has to be measured."""
    ids: bytes = b""
    """8-byte hashes of the last event ids, oldest first."""
    orders: Any = {}
    """8-byte hash of a transaction id -> until when it is remembered."""
    levels: list[Level] = []
    trails: dict[int, Any] = {}
    """Accumulators that all windows share."""
    sessions: list[SessionState] = []
    changed: int = 0
    """Bit set of the windows whose rows were not asked for since they changed."""
    written: list[Written | None] = []
    """The last row of each window; None: the next one is whole."""
    ended: list[tuple[int, int]] = []
    """Gap sessions that became others: (start, until) of the rows to delete."""
    overflow: int = 0
    """What did not fit into a cap, ever."""
    lost: int = BEGINNING
    """Event time (epoch ms) of the latest that did not fit: windows that reach back to it are marked."""
    current: str = ""
    """Id of the session that the shopper's `session` row showed last."""

    denied: list[int] = []
    """Times (epoch ms) of events that began no gap session. In a run that met the events in another order and
    crashed they may have begun one: its row, if it is there, is to be deleted."""
    logins: list[tuple[int, int, str]] = []
    """Of a device: who was logged in on it, as `features.identity` tells."""
    pointed: int = 0
    """Of a device: until when (epoch ms) its rows point to a user."""
    deleted: list[tuple[int, int]] = []
    """What was told of `ended`, the latest: told again where every row is, for a Redis may have lost it."""

    def gone(self, as_of: int) -> bool:
        """Whether nothing is left that a row or a later event could need."""
        return as_of >= self.keep + GRACE_MS


GRACE_MS = 60_000
"""State outlives its rows by this."""
FUTURE_MS = 120_000
"""How far ahead of `as_of` an event time may lie, be it that of a login alone."""
REMEMBERED_IDS = 1024
REMEMBERED_ORDERS = 256
MOST_DELETED = 8
"""Rows of gap sessions that are remembered as deleted. More of one shopper's are deleted within hours of each
other only where clocks are broken."""


class _Level(Level, array_like=True):
    total: msgspec.Raw = msgspec.Raw(b"\x80")
    panes: msgspec.Raw = msgspec.Raw(b"\xc4\x01\x80")


class _Session(SessionState, array_like=True, dict=True):
    accs: msgspec.Raw = msgspec.Raw(b"\x80")


class _Stored(ShopperState, array_like=True, dict=True):
    orders: msgspec.Raw = msgspec.Raw(b"\x80")
    levels: list[_Level] = []  # type: ignore[assignment]
    trails: dict[int, msgspec.Raw] = {}
    sessions: list[_Session] = []  # type: ignore[assignment]


class _Head(msgspec.Struct, array_like=True):
    next: int


_FIRST = msgspec.msgpack.Decoder(_Head)
_STORED = msgspec.msgpack.Decoder(_Stored)
_ANY = msgspec.msgpack.Decoder()
_PANES = msgspec.msgpack.Decoder(dict[int, msgspec.Raw])
_BYTES = msgspec.msgpack.Decoder(bytes)
_RAW = msgspec.Raw


def base_of(written: Written | None, at: int) -> tuple[int, int] | None:
    """What a row as of `at` can be applied on top of: the row that was given last, if it has not expired."""
    return None if written is None or written[2] <= at else written[:2]


encode = msgspec.msgpack.Encoder().encode
"""A part of a state as bytes."""


def dump(state: ShopperState) -> bytes:
    """A state as bytes; its panes are packed by this."""
    pack(state)
    return encode(state)


def pack(state: ShopperState) -> None:
    """Make one byte string of each level's panes: who loads the state steps over it in one go."""
    for level in state.levels:
        level.panes = packed(level.panes)


def packed(panes: Any) -> msgspec.Raw:
    """A level's panes as one byte string."""
    return _RAW(encode(encode(panes))) if type(panes) is dict else panes


def load(data: bytes) -> ShopperState:
    """The state in `data`.

    Raises:
        msgspec.DecodeError: if the bytes are no state.
    """
    return _STORED.decode(data)


def next_of(data: bytes) -> int:
    """`ShopperState.next` of the bytes, without decoding the rest."""
    return _FIRST.decode(data).next


def drop_excess(orders: dict[bytes, int]) -> int:
    """Drop what is too many of `orders`, and say how many: lines of orders first, the oldest first.

    A line's key is shorter than an order's. Many lines must not make an order that is told again count twice.
    """
    over = len(orders) - REMEMBERED_ORDERS
    for key in sorted(orders, key=len)[: max(over, 0)]:
        del orders[key]
    return max(over, 0)


def trail_of(trails: Accs, slot: int) -> Any:
    """A shared accumulator, decoded; None where there is none."""
    acc = trails.get(slot)
    if type(acc) is _RAW:
        acc = trails[slot] = _ANY.decode(acc)
    return acc


def total_of(level: Level) -> Accs:
    """The totals of a level, decoded."""
    total = level.total
    if type(total) is _RAW:
        total = level.total = _ANY.decode(total)
    return total  # type: ignore[no-any-return]


def panes_of(level: Level) -> dict[int, Any]:
    """The panes of a level, each still packed as long as `pane_of` did not decode it."""
    panes = level.panes
    if type(panes) is _RAW:
        panes = level.panes = _PANES.decode(_BYTES.decode(panes))
    return panes  # type: ignore[no-any-return]


def pane_of(panes: dict[int, Any], number: int) -> Accs:
    """One pane, decoded; a new one where there was none."""
    pane = panes.get(number)
    if type(pane) is dict:
        return pane
    opened: Accs = {} if pane is None else _ANY.decode(pane)
    panes[number] = opened
    return opened


def accs_of(session: SessionState) -> Accs:
    """The accumulators of a session, decoded."""
    accs = session.accs
    if type(accs) is _RAW:
        accs = session.accs = _ANY.decode(accs)
    return accs  # type: ignore[no-any-return]


def orders_of(state: ShopperState) -> dict[bytes, int]:
    """The remembered transactions, decoded."""
    orders = state.orders
    if type(orders) is _RAW:
        orders = state.orders = _ANY.decode(orders)
    return orders  # type: ignore[no-any-return]
