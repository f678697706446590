"""What the logic costs: by step, by length of history, and how many bytes a shopper's state takes.

    python -m bench.logic --events 20000 --rounds 5 --json logic.json

Each event goes the way that it goes in the job: state from its bytes, apply, rows, their text, bytes again.
The times are CPU times of this process, the median of the rounds.
"""

import gc
import json
import os
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any, Final

from events.decoder import Decoder
from events.event import ADD_TO_CART, LIST_VIEW, PAGE_PING, PAGE_VIEW, PRODUCT_VIEW, Event, Money, Product
from features.logic import ShopperLogic
from features.replay import Replay
from jobs.shop import shop_events
from sinks.codec import fields_of

START: Final = 1_700_006_400_000
"""A midnight."""
DAY: Final = 24 * 3_600_000
STEPS: Final = ("load, apply, dump", "rows", "text")
LENGTHS: Final = (10, 100, 1_000, 10_000)


def shop(events: int, shoppers: int) -> list[Event]:
    """Events of the synthetic shop that decode."""
    records = (record for _, record in islice(shop_events(7, shoppers, START, 200), events))
    return [event for event in map(Decoder().decode, records) if isinstance(event, Event)]


def history(length: int, seed: int = 1) -> Iterator[Event]:
    """One shopper's events, evenly over 24 hours."""
    rng = Random(seed)
    for n in range(length):
        at = START + n * DAY // length
        number = int(400 * rng.random() ** 2)
        product = Product(f"SKU-{number}", f"department/shelf {number % 20}", Money(100 + number, "EUR"))
        kind = rng.choice(
            (PAGE_VIEW, PAGE_PING, PAGE_PING, PRODUCT_VIEW, PRODUCT_VIEW, LIST_VIEW, ADD_TO_CART)
        )
        yield Event(
            "ann",
            f"{rng.getrandbits(128):032x}",
            at,
            kind,
            session_id=f"session {at // (2 * 3_600_000)}",
            page_id=f"page {n // 5}",
            page=f"https://shop.example/{number}",
            location="DE/BE",
            device="phone",
            platform="web",
            created_at=at,
            products=(product,) if kind in (PRODUCT_VIEW, LIST_VIEW, ADD_TO_CART) else (),
            cart_total=Money(5_000, "EUR") if kind == ADD_TO_CART else None,
        )


def drive(
    logic: ShopperLogic, events: Sequence[Event], states: dict[str, bytes], steps: int = len(STEPS)
) -> float:
    """CPU microseconds an event, with the first so many steps."""
    begun = time.process_time()
    for event in events:
        data = states.get(event.shopper)
        state = logic.zero() if data is None else logic.load(data)
        logic.apply(state, event, event.at)
        if steps > 1:
            rows = logic.rows(state, event.shopper)
            if steps > 2:  # noqa: PLR2004 (the third)
                seen: set[int] = set()
                for row in rows:  # rows that share their values share their text
                    if id(row.values) not in seen:
                        seen.add(id(row.values))
                        fields_of(row)
        else:
            state.changed = 0
        states[event.shopper] = logic.dump(state)
    return (time.process_time() - begun) * 1e6 / len(events)


def by_step(events: Sequence[Event], rounds: int) -> dict[str, float]:
    """Microseconds of each step."""
    logic = ShopperLogic()
    sums = [median(drive(logic, events, {}, steps) for _ in range(rounds)) for steps in (1, 2, 3)]
    parts = [sums[0], sums[1] - sums[0], sums[2] - sums[1]]
    return dict(zip(STEPS, parts, strict=True)) | {"all": sums[2]}


def by_length(rounds: int) -> dict[str, float]:
    """Microseconds of one more event (the mean of the last minutes' hundred) after so many in 24 hours."""
    logic, costs = ShopperLogic(), {}
    for length in LENGTHS:
        states: dict[str, bytes] = {}
        drive(logic, list(history(length)), states, 2)
        more = [Event(*_moved(event, START + DAY + n * 100)) for n, event in enumerate(history(100, seed=2))]
        costs[str(length)] = median(drive(logic, more, dict(states)) for _ in range(rounds * 3))
    return costs


def _moved(event: Event, at: int) -> tuple[Any, ...]:
    values = [getattr(event, name) for name in event.__struct_fields__]
    values[2], values[4] = at, "session now"
    return tuple(values)


def sizes(events: Sequence[Event]) -> dict[str, float]:
    """Bytes of the states of all shoppers."""
    states: dict[str, bytes] = {}
    drive(ShopperLogic(), events, states, 2)
    lengths = sorted(map(len, states.values()))
    return {
        "average": sum(lengths) / len(lengths),
        "p99": quantiles(lengths, n=100)[98],
        "greatest": lengths[-1],
    }


def replayed(events: Sequence[Event]) -> float:
    """CPU microseconds an event of a replay, rows at the end included."""
    begun = time.process_time()
    replay = Replay(ShopperLogic())
    replay.feed(events)
    replay.rows()
    return (time.process_time() - begun) * 1e6 / len(events)


def main() -> None:
    """Measure, print tables, write JSON."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--shoppers", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    events = shop(args.events, args.shoppers)
    gc.disable()
    before = os.getloadavg()[0]
    found = {
        "us an event, by step": by_step(events, args.rounds),
        "us an event, by events in 24 h": by_length(args.rounds),
        "bytes a shopper, synthetic shop": sizes(events),
        "us an event, replay": {"replay": replayed(events)},
        "load of the machine": {"before": before, "after": os.getloadavg()[0]},
    }
    for title, table in found.items():
        print(f"\n{title}")
        for name, value in table.items():
            print(f"  {name:20} {value:10.1f}")
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
