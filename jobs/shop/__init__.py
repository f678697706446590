"""A synthetic shop: enriched events of shoppers who look, search, buy and send back. Seeded, repeatable."""

from collections.abc import Iterator
from heapq import heappop, heappush
from random import Random
from typing import Final

from jobs.shop.assortment import Assortment
from jobs.shop.flaws import broken
from jobs.shop.people import Device, People, touch_session
from jobs.shop.record import Draft, tsv
from jobs.shop.sdk_json import sdk_json
from jobs.shop.visit import Visit

__all__ = ["Crowd", "sdk_json", "shop_events"]

THINK_S: Final = 8.0
"""Mean pause between two events of a visit."""
DUPLICATES: Final = 0.02
BROKEN: Final = 0.01


def shop_events(seed: int, shoppers: int, start_ms: int, rate_per_s: float) -> Iterator[tuple[int, bytes]]:
    """Yield `(send at, record)` for ever: epoch milliseconds, never falling, and an enriched TSV line.

    `rate_per_s` counts every record, the duplicates (2 %, up to a minute after the first) and the broken ones
    (1 %) included. Event times lie up to two minutes before the sending. The same arguments give the same
    records. `sdk_json` makes of a record what Snowbridge would.
    """
    rng = Random(seed)
    crowd = Crowd(rng, shoppers, min(int(rate_per_s * THINK_S), shoppers // 2))
    again: list[tuple[int, int, bytes]] = []
    number = 0
    while True:
        now = start_ms + int(number * 1000 / rate_per_s)
        number += 1
        if again and again[0][0] <= now:
            yield now, heappop(again)[2]
            continue
        record = tsv(rng, *crowd.act(now), now)
        luck = rng.random()
        if luck < DUPLICATES:
            heappush(again, (now + int(rng.random() ** 3 * 60_000), number, record))
        elif luck < DUPLICATES + BROKEN:
            record = broken(rng, record)
        yield now, record


class Crowd:
    """The visitors who are in the shop at the same time; whoever leaves makes room for the next."""

    def __init__(self, rng: Random, shoppers: int, visitors: int) -> None:
        """Let up to `visitors` of `shoppers` people be there at once."""
        self._rng = rng
        self._shop = Assortment(rng)
        self._people = People(rng, shoppers)
        self._visits: list[tuple[Iterator[Draft], Device] | None] = [None] * max(1, visitors)

    def act(self, now: int) -> tuple[Draft, Device]:
        """Let any visitor do the next thing, at `now` (epoch ms); what it is, and on which device."""
        place = int(self._rng.random() * len(self._visits))
        while True:
            visit = self._visits[place]
            if visit is None:
                shopper, device = self._people.draw()
                steps = Visit(self._rng, shopper, device, self._shop).events()
                visit = self._visits[place] = steps, device
            draft = next(visit[0], None)
            if draft is not None:
                touch_session(self._rng, visit[1], now)
                return draft, visit[1]
            visit[1].in_use = False
            self._visits[place] = None
