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

__all__ = ["sdk_json", "shop_events"]

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
    shop = Assortment(rng)
    people = People(rng, shoppers)
    visits: list[tuple[Iterator[Draft], Device] | None]
    visits = [None] * max(1, min(int(rate_per_s * THINK_S), shoppers // 2))
    again: list[tuple[int, int, bytes]] = []
    number = 0
    while True:
        now = start_ms + int(number * 1000 / rate_per_s)
        number += 1
        if again and again[0][0] <= now:
            yield now, heappop(again)[2]
            continue
        record = _next_record(rng, shop, people, visits, now)
        luck = rng.random()
        if luck < DUPLICATES:
            heappush(again, (now + int(rng.random() ** 3 * 60_000), number, record))
        elif luck < DUPLICATES + BROKEN:
            record = broken(rng, record)
        yield now, record


def _next_record(
    rng: Random,
    shop: Assortment,
    people: People,
    visits: list[tuple[Iterator[Draft], Device] | None],
    now: int,
) -> bytes:
    """Let any visitor do the next thing; whoever has left makes room for the next."""
    place = int(rng.random() * len(visits))
    while True:
        visit = visits[place]
        if visit is None:
            shopper, device = people.draw()
            visit = visits[place] = (Visit(rng, shop, shopper, device).events(), device)
        draft = next(visit[0], None)
        if draft is not None:
            touch_session(rng, visit[1], now)
            return tsv(rng, draft, visit[1], now)
        visit[1].in_use = False
        visits[place] = None
