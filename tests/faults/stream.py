"""The known stream: what is sent depends on the seed alone, its times on the moment of sending.

It is made so that no verdict and no value depends on when a record is processed, as long as a run is
shorter than an hour or two: a record's age is far from the bounds at which it would be late or in the future,
and a repeated record is the same to the byte. Half of the devices and of those who have none keep to one
partition each, so that the order of their records is known; those of the other half are spread, as Snowplow's
are, and have nothing whose value depends on the order. The same goes for customers: what their devices did
comes to them by two ways. Of devices that several share only the sums over all who do are known.
"""

from collections import Counter, deque
from collections.abc import Iterator
from heapq import heappop, heappush
from random import Random
from typing import NamedTuple
from zlib import crc32

from jobs.shop.flaws import broken
from jobs.shop.people import Device, Shopper, touch_session
from jobs.shop.record import Draft, tsv
from jobs.shop.tracker import Tracker
from tests.faults.households import Households, is_customer

MINUTE = 60_000
HOUR = 60 * MINUTE
DUPLICATES = 0.02
BROKEN = 0.01
REPEATED_WITHIN = 2_000
"""A record is sent again at most so many records later: far fewer than 1,024 are its shopper's."""
AT_THE_EDGE = 0.01
"""Share of records about as old as a window, so that they leave it during the run; of keyed shoppers only."""
EDGES = ((4 * MINUTE, 5 * MINUTE), (55 * MINUTE, 65 * MINUTE))
HOURS_LATE = 0.01
TOO_LATE = 0.02
TOO_EARLY = 0.002
SESSIONLESS = 10
"""One in so many devices has no session id, so that a gap makes its sessions."""


class Sent(NamedTuple):
    partition: int
    record: bytes


def is_keyed(shopper: str) -> bool:
    """Whether the order is known of what counts for the shopper: of a device, until somebody logs in."""
    return not is_customer(shopper) and _keeps_to_one(shopper)


def _keeps_to_one(sender: str) -> bool:
    return crc32(b"keyed " + sender.encode()) % 2 == 0


class Stream:
    """Record after record; `next_record(now)` is what is sent at `now` (epoch ms)."""

    def __init__(self, seed: int, shoppers: int, partitions: int) -> None:
        self._rng = Random(seed)
        self._crowd = Households(self._rng, shoppers, shoppers // 4)
        self._wave: deque[tuple[Shopper, Device]] = deque()
        self._partitions = partitions
        self._number = 0
        self._again: list[tuple[int, Sent]] = []
        self._known: Counter[tuple[str, str]] = Counter()
        self._last_order: dict[str, Draft] = {}

    def records(self, count: int, start_ms: int, step_ms: int) -> Iterator[Sent]:
        """As many records as would be sent every `step_ms`; for tests of the stream itself."""
        return (self.next_record(start_ms + i * step_ms) for i in range(count))

    def log_in(self, most: int) -> int:
        """Let the next records be logins on devices that were anonymous so far; how many there will be."""
        self._wave.extend(self._crowd.residents.log_in(most))
        return len(self._wave)

    def next_record(self, now: int) -> Sent:
        self._number += 1
        if self._wave:
            return self._login(*self._wave.popleft(), now)
        if self._again and self._again[0][0] <= self._number:
            return heappop(self._again)[1]
        draft, device = self._draw(now)
        shopper = device.user_id or device.anonymous_id
        record = tsv(self._rng, draft, device, now - self._age(shopper, device))
        luck = self._rng.random()
        if luck < BROKEN:
            return Sent(self._anywhere(), broken(self._rng, record))
        self._known[shopper, device.session_id] += 1
        sent = Sent(self._place(device), record)
        # Between two logins, the same record may be one user's and then another's.
        for_one = bool(device.user_id) or not self._crowd.residents.is_shared(device)
        if luck < BROKEN + DUPLICATES and for_one:
            again = Sent(self._place(device), record)
            heappush(self._again, (self._number + 1 + int(self._rng.random() ** 3 * REPEATED_WITHIN), again))
        return sent

    def _login(self, shopper: Shopper, device: Device, now: int) -> Sent:
        touch_session(self._rng, device, now)
        self._lose_session(device)
        page = Tracker(self._rng, shopper, device).open("/account", "Your account")
        return Sent(self._place(device), tsv(self._rng, page, device, now))

    def _draw(self, now: int) -> tuple[Draft, Device]:
        while True:
            draft, device = self._crowd.act(now)
            self._crowd.attend(device)
            self._lose_session(device)
            shopper = device.user_id or device.anonymous_id
            # The first of two transactions with one id is the order: which one that is must be known.
            repeats = '"transaction"' in draft.unstruct and self._last_order.get(shopper) == draft
            if '"transaction"' in draft.unstruct:
                self._last_order[shopper] = draft
            if is_keyed(shopper) or not repeats:
                return draft, device

    def _age(self, shopper: str, device: Device) -> int:
        """How much older than usual the record is, ms."""
        luck, share = self._rng.random(), self._rng.random()
        if luck < HOURS_LATE:
            return int((2 + 18 * share) * HOUR)
        luck -= HOURS_LATE
        # A shopper of whom nothing is kept is forgotten between two records, so these come later. And what is
        # too late still belongs to its session where that is known: it must be known, or there must be none.
        known = self._known[shopper, device.session_id] > 2
        if 0 <= luck < TOO_EARLY and known:
            return -24 * HOUR
        luck -= TOO_EARLY
        in_order = is_keyed(shopper) and not self._crowd.residents.is_shared(device)
        if 0 <= luck < TOO_LATE and known and (in_order or not device.session_id):
            return int((26 + 14 * share) * HOUR)
        luck -= TOO_LATE
        if 0 <= luck < AT_THE_EDGE and is_keyed(shopper):
            youngest, oldest = EDGES[int(share * 1000) % 2]
            return int(youngest + (oldest - youngest) * share)
        return 0

    def _lose_session(self, device: Device) -> None:
        if crc32(device.place.encode()) % SESSIONLESS == 0:
            device.session_id, device.sends_client_session = "", False

    def _place(self, device: Device) -> int:
        sender = device.anonymous_id or device.user_id
        return crc32(sender.encode()) % self._partitions if _keeps_to_one(sender) else self._anywhere()

    def _anywhere(self) -> int:
        return self._rng.randrange(self._partitions)
