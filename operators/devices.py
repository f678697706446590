"""Events of devices: they count for the device, until somebody logs in on it. Knows no Flink."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from events.verdict import Dead
from features.identity import MERGE, Move
from features.logic import ShopperLogic
from features.pointing import POINTED_MS, never_begun, pointing_rows
from features.row import FeatureRow
from features.state import ShopperState
from operators.applying import Applier, Items, Read, stretches
from operators.batch import Batch, Forgetting, Login, Record
from operators.floors import Floors
from operators.outcome import Outcome, Spoiled
from operators.store import LEDGER

Item = Record | Login

_TAKE_OVER_MS: Final = 2_000
"""After which a device's bucket writes rows that point, though the receiver has."""
_RENEW_MS: Final = POINTED_MS // 2
"""Rows that point are written again when they have no longer to live, if the device goes on."""


@dataclass
class _Work:
    """What came of a device's items."""

    verdicts: list[tuple[str, bool | None, Record]] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    forwards: list[Record] = field(default_factory=list)
    rows: list[FeatureRow] = field(default_factory=list)
    """Deletions."""
    changed: bool = False


class Devices(Applier):
    """Applies events to devices' states, or gives them on to whoever is logged in.

    The state of a device holds its logins. What it held before the first moves to the user with it; its rows
    then point to the user.
    """

    def __init__(
        self,
        logic: ShopperLogic,
        read: Read,
        items: Items,
        postpone_ms: int = 60_000,
        *,
        tells: bool = False,
    ) -> None:
        """Keep the logic; `items` are asked for when a user is to be forgotten, and for nothing else."""
        super().__init__(logic, read, postpone_ms, tells=tells)
        self._items = items

    def apply(
        self, work: Batch, as_of: int, floors: Floors | None = None, outcome: Outcome | None = None
    ) -> Outcome:
        """Apply a batch's records and logins in their order, device by device."""
        outcome = outcome or Outcome()
        self._floors = {} if floors is None else floors
        for begin, end, unlink in stretches(work.unlinks, len(work.records)):
            devices: dict[str, list[Item]] = {}
            for item in _in_order(work, begin, end, last=unlink is None):
                devices.setdefault(_device(item), []).append(item)
            for device, items in devices.items():
                self._device(device, items, as_of, outcome)
            if unlink is not None:
                self._unlink(unlink, as_of, outcome)
        outcome.gone += [each for each in outcome.forgotten if each not in outcome.data]
        return outcome

    def _device(self, device: str, items: list[Item], as_of: int, outcome: Outcome) -> None:
        data = self._data(device, outcome)
        try:
            self._at_once(device, items, data, as_of, outcome)
        except Exception:  # noqa: BLE001  whatever it is, it costs one record and not the job
            for item in items:
                self._alone(device, item, as_of, outcome)

    def _at_once(
        self, device: str, items: Sequence[Item], data: bytes | None, as_of: int, outcome: Outcome
    ) -> None:
        state, work = self._state(data), _Work()
        before = _users(state)
        for item in items:
            self._take(state, device, item, as_of, work)
        if len(state.logins) > 1:
            # Who has the device's own id reads a pointer there, and no row that could be wrong.
            outcome.shared.update(user for user in _users(state) if user != device)
        before_floor = state.seen
        self._go_on(device, state, data)
        for move in work.moves:
            move.seen += state.seen - before_floor
        rows = self._logic.rows(state, device) if work.changed else []
        rows += work.rows
        rows += self._point(state, device, before, as_of, work)
        if work.changed:
            self._keep(device, state, as_of, outcome)
        outcome.give(rows)
        outcome.moves += work.moves
        outcome.forwards += work.forwards
        for verdict, order, record in work.verdicts:
            outcome.judge(verdict, record, order)

    def _alone(self, device: str, item: Item, as_of: int, outcome: Outcome) -> None:
        """The same with one item, which is left out if it fails."""
        data = self._data(device, outcome)
        try:
            self._at_once(device, (item,), data, as_of, outcome)
        except Exception as error:  # noqa: BLE001  as above
            self._tell(error)
            if not isinstance(item, Record):
                outcome.lost += 1
                return
            outcome.spoiled.append(Spoiled("bug", item, Dead("", ()), error))
            counted = self._count_seen(device, data)
            if counted is not None:
                outcome.data[device] = counted
                outcome.next[device] = self._logic.next_of(counted)

    def _take(self, state: ShopperState, device: str, item: Item, as_of: int, work: _Work) -> None:
        logic = self._logic
        if isinstance(item, Login):
            learnt = logic.learn(state, item.user, item.first, as_of)
            if item.last != item.first:
                learnt |= logic.learn(state, item.user, item.last, as_of)
            work.changed |= learnt
            self._hand_over(state, device, work)
            return
        event = item.event
        if event.user_id is not None:
            work.changed |= logic.learn(state, event.user_id, event.at, as_of)
            self._hand_over(state, device, work)
            work.forwards.append(item)
            return
        if state.logins:
            work.changed |= logic.remember(state, as_of)
        user = logic.owner(state, event.at)
        if user is None:
            work.verdicts.append((*self._judged(state, event, as_of), item))
            work.changed = True
        else:
            work.forwards.append(replace(item, event=replace(event, shopper=user)))
            work.rows += never_begun(logic, device, event, as_of)

    def _hand_over(self, state: ShopperState, device: str, work: _Work) -> None:
        moving = self._logic.hand_over(state) if state.logins else b""
        if moving:
            work.changed = True
            _rise(state)
            work.moves.append(Move(device, state.logins[0][2], state.seen, moving))

    def _point(
        self, state: ShopperState, device: str, before: list[str], as_of: int, work: _Work
    ) -> list[FeatureRow]:
        """Rows that point to whoever logged in last; where something moves, the receiver writes them.

        Also where another was heard of who was there before: a run that ended in a crash may have heard of
        that one alone, so that its rows are in Redis.
        """
        if self._logic.definitions.identity != MERGE or not state.logins:
            return []
        user = state.logins[-1][2]
        if not (work.moves or _users(state) != before or state.pointed < as_of + _RENEW_MS):
            return []
        work.changed = True
        if work.moves and work.moves[-1].user == user != device:
            # The receiver writes them. Should Redis lose that, this bucket would not notice: so they are
            # written from here, too, a moment later.
            state.pointed = as_of + _TAKE_OVER_MS
            state.next = min(state.next, state.pointed)
            return []
        state.pointed = as_of + POINTED_MS
        if user == device:
            return []
        state.seen += 1
        _rise(state)
        return pointing_rows(self._logic, Move(device, user, state.seen), as_of)

    def _more_rows(self, state: ShopperState, device: str, as_of: int, *, whole: bool) -> list[FeatureRow]:
        """Rows that point: again, or for the first time from here."""
        if not state.pointed or not state.logins or state.gone(as_of):
            return []
        if state.pointed <= as_of:
            state.pointed = as_of + POINTED_MS
        elif not whole:
            return []
        return pointing_rows(self._logic, Move(device, state.logins[-1][2], state.seen), as_of)

    def _unlink(self, forget: Forgetting, as_of: int, outcome: Outcome) -> None:
        """Forget a device, or that a user was logged in on any; the user's own bucket is told after that."""
        shopper, linked = forget.shopper, False
        for device, data in (dict(self._items()) | outcome.data).items():
            if device == LEDGER or (device in outcome.forgotten and device not in outcome.data):
                continue
            if device == shopper:
                self._erase(device, as_of, outcome)
                continue
            state = self._logic.load(data)
            if not self._logic.unlearn(state, shopper):
                continue
            linked = True
            if not state.logins:
                self._erase(device, as_of, outcome)
                continue
            state.pointed = 0
            work = _Work()
            outcome.give(self._point(state, device, [], as_of, work))
            self._keep(device, state, as_of, outcome)
        if linked:
            outcome.unlinks.append(replace(forget, before=len(outcome.forwards)))

    def _erase(self, device: str, as_of: int, outcome: Outcome) -> None:
        """Nothing is left of a device, neither its state nor its rows."""
        data = self._data(device, outcome)
        if data is not None:
            self._erased(device, self._state(data), as_of, outcome)
            self._tell_forgotten(device, outcome)
            outcome.data.pop(device, None)
            outcome.next.pop(device, None)

    def _data(self, shopper: str, outcome: Outcome) -> bytes | None:
        """What this very batch has made of it stands above what is stored."""
        made = outcome.data.get(shopper)
        return made if made is not None else super()._data(shopper, outcome)


def _users(state: ShopperState) -> list[str]:
    return [user for _, _, user in state.logins]


def _rise(state: ShopperState) -> None:
    """Let rows that point stand above all that the device wrote, also before a crash.

    A replay may meet the login before events that counted for the device the first time, and then counts
    fewer for it. So the count goes on from the last login's second: greater, and the same in any order.
    """
    state.seen = max(state.seen, state.logins[-1][1] // 1000)


def _device(item: Item) -> str:
    return item.device if isinstance(item, Login) else item.event.device_id or ""


def _in_order(work: Batch, begin: int, end: int, *, last: bool) -> Iterable[Item]:
    """Records of a stretch, and logins where they came between them."""
    if not work.logins:
        return work.records[begin:end]
    items: list[Item] = []
    place = begin
    for login in work.logins:  # which are in order, as the records are
        if begin <= login.before < end or (last and login.before == end):
            items += work.records[place : login.before]
            items.append(login)
            place = login.before
    items += work.records[place:end]
    return items
