"""For whom events count, told in the order of arrival: the rule of `features.identity`, without states."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, NamedTuple

from events.event import Event
from features.identity import MERGE, OFF, Run, learn, owner, unlearn
from features.settings import Definitions
from features.state import FUTURE_MS

MOST_DEVICES: Final = 100_000


class Attributed(NamedTuple):
    """Whose an event is."""

    shopper: str
    """The user, else the device."""
    moves: tuple[tuple[str, str], ...] = ()
    """(device, user): all that the device did so far is the user's from now on."""


class _Known(NamedTuple):
    runs: list[Run]
    keep: int
    """Until when they are known, epoch ms."""


class Attribution:
    """Remembers who logged in on which device, of the devices heard of last."""

    def __init__(self, definitions: Definitions | None = None, most: int = MOST_DEVICES) -> None:
        """Begin without a login."""
        definitions = definitions or Definitions()
        self._mode = definitions.identity
        self._longest = definitions.windows[-1]
        self._most = most
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def of(self, event: Event, now: int) -> Attributed:
        """Tell whose an event is that comes at `now` (epoch ms); its logins are learned before that."""
        if self._mode == OFF:
            return Attributed(event.shopper)
        moves = tuple(
            (device, user)
            for each, by in _logins(event)
            for device, user in self._login(each, by, event.at, now)
        )
        if event.user_id is not None or event.device_id is None:
            return Attributed(event.shopper, moves)
        runs = self._runs(event.device_id, now)
        return Attributed(owner(runs, event.at, self._mode) or event.shopper, moves)

    def forget(self, shopper: str) -> None:
        """Forget a device, and that a user was logged in on any."""
        self._known.pop(shopper, None)
        for device, known in list(self._known.items()):
            unlearn(known.runs, shopper)
            if not known.runs:
                del self._known[device]

    def _login(self, device: str, user: str, at: int, now: int) -> Iterator[tuple[str, str]]:
        if at > now + FUTURE_MS:
            return
        runs = self._runs(device, now)
        learn(runs, user, at)
        self._keep(device, runs, now)
        if self._mode == MERGE and runs[0][2] != device:
            yield device, runs[0][2]

    def _runs(self, device: str, now: int) -> list[Run]:
        known = self._known.get(device)
        if known is None or known.keep <= now:
            return []
        self._keep(device, known.runs, now)
        return known.runs

    def _keep(self, device: str, runs: list[Run], now: int) -> None:
        self._known[device] = _Known(runs, self._longest.leaves_at(now // self._longest.pane_ms + 1))
        self._known.move_to_end(device)
        if len(self._known) > self._most:
            self._known.popitem(last=False)


def _logins(event: Event) -> Iterator[tuple[str, str]]:
    """(device, user) of each login that an event tells."""
    if event.user_id is not None and event.device_id is not None:
        yield event.device_id, event.user_id
    if event.merged:
        into = event.merged_into or event.shopper
        devices = event.merged if into == event.user_id else (*event.merged, into)
        for device in devices:
            yield device, into
