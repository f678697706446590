"""What do entities beyond the shopper cost, and what a product that everybody looks at?

    python -m bench.entities [--events 100000] [--shoppers 100000] [--products 1000000] [--hot 0.3] [--runs 1]

A backlog (as `bench.throughput`) whose products are drawn from that many, alike; it is worked off by the job
of shoppers alone, by that with every view of entities, and by that where `hot` of the products are one. The
runs alternate. `of_plain` is the rate as a part of that of shoppers alone.

An event is accounted for before its entities are: `rest_s` is how much longer those took at the end. Memory
of Redis (`redis_mb`), its keys and the state of a checkpoint (`state_mb`) are those when all was done; CPU of
Redis is `redis_us`, an event.
"""

import re
import time
from collections.abc import Iterator
from random import Random
from typing import Any, Final

from bench.live import Job, Setup, live
from bench.points import COLUMNS
from bench.report import Figures, Report, arguments, load
from bench.throughput import backlog
from bench.traffic import Sent
from features.entities.settings import EntitySettings
from features.entities.views import VIEWS

HOT: Final = b"hot"
QUIET_S: Final = 3.0
MORE: Final = ("of_plain", "rest_s", "redis_mb", "keys", "state_mb", "load")
_ID: Final = re.compile(rb'(ecommerce/product/jsonschema/1-0-0","data":\{"id":")[^"]*')


def with_products(events: int, shoppers: int, products: int, hot: float, seed: int) -> Iterator[Sent]:
    """The backlog, each product in it drawn anew, `hot` of them the same one.

    >>> records = [sent.record for sent in with_products(200, 10, 10**6, 1.0, 7)]
    >>> any(b'"id":"hot"' in record for record in records), any(b'"id":"SKU' in record for record in records)
    (True, False)
    """
    draw = Random(seed)

    def drawn(match: re.Match[bytes]) -> bytes:
        return match[1] + (HOT if draw.random() < hot else b"P-%d" % draw.randrange(products))

    for sent in backlog(events, shoppers, seed):
        yield sent._replace(record=_ID.sub(drawn, sent.record))


def measure(views: tuple[str, ...], records: Iterator[Sent], events: int) -> Figures:
    """One run, from a full topic until the last row of an entity."""
    with live(Setup(changes={"entities": EntitySettings(views)}), records) as job:
        begin, end = job.backlog(events)
        rest = _rest_s(job) if views else 0.0
        time.sleep(job.config.checkpoint_interval_s + 2)
        info: dict[str, Any] = job.redis.info("memory")
        state = job.rest("/checkpoints")["latest"]["completed"]["state_size"]
        return {
            **begin.figures(end),
            "rest_s": rest,
            "redis_mb": info["used_memory"] / 1e6,
            "keys": job.redis.dbsize(),
            "state_mb": state / 1e6,
            "load": load(),
        }


def _rest_s(job: Job) -> float:
    """Seconds from now until entities have no batch that they have not taken."""
    since = changed = time.monotonic()
    before = ""
    while time.monotonic() < changed + QUIET_S:
        told: dict[str, str] = job.redis.hgetall(
            f"{job.config.redis_prefix}pipeline:{job.config.job_name}:entities:progress"
        )
        taken = str(sorted(re.findall(r'"batches":(\d+)', "".join(told.values()))))
        if taken != before:
            before, changed = taken, time.monotonic()
        time.sleep(0.2)
    return changed - since


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--shoppers", type=int, default=100_000)
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--hot", type=float, default=0.3, help="of the products that are one")
    options = parser.parse_args()
    kinds = {
        "shoppers alone": ((), 0.0),
        "entities": (tuple(VIEWS), 0.0),
        "entities, hot product": (tuple(VIEWS), options.hot),
    }
    runs: dict[str, list[Figures]] = {name: [] for name in kinds}
    with Report("entities", (*COLUMNS, *MORE), options) as report:
        for _ in range(options.runs):
            for name, (views, hot) in kinds.items():
                records = with_products(options.events, options.shoppers, options.products, hot, options.seed)
                run = measure(views, records, options.events)
                plain = (runs["shoppers alone"] or [run])[-1]["events_per_s"]
                runs[name].append({**run, "of_plain": float(run["events_per_s"] or 0) / float(plain or 1)})
                print(name, runs[name][-1], flush=True)
        for name in kinds:
            report.add(name, *runs[name])


if __name__ == "__main__":
    main()
