"""What do entities beyond the shopper cost, and what a product that everybody looks at?

    python -m bench.entities [--events 100000] [--shoppers 100000] [--products 1000000] [--hot 0.3] [--runs 1]
    python -m bench.entities --alone [--events 20000]

A backlog (as `bench.throughput`) whose products are drawn from that many, alike; it is worked off by the job
of shoppers alone, by that with every view of entities, and by that where `hot` of the products are one. The
runs alternate. `of_plain` is the rate as a part of that of shoppers alone.

An event is accounted for before its entities are: `rest_s` is how much longer those took at the end. Memory
of Redis (`redis_mb`), its keys and the state of a checkpoint (`state_mb`) are those when all was done; CPU of
Redis is `redis_us`, an event.

With `--alone` nothing is started: CPU of what operators do with batches of 200 events, microseconds an event,
for shoppers (`shopper_us`), for making additions of events (`combine_us`) and for applying those with their
rows (`apply_us`); additions an event, those to the busiest entity a batch, and bytes of state an entity.
"""

import re
import time
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any, Final

from bench.live import Job, Setup, live
from bench.points import COLUMNS
from bench.report import Figures, Report, arguments, load
from bench.throughput import backlog
from bench.traffic import Sent
from events.decoder import Decoder
from events.event import Event
from features.entities.logic import EntityLogic
from features.entities.settings import EntitySettings
from features.entities.views import VIEWS
from features.logic import ShopperLogic
from operators.batch import Batch, Record
from operators.batch import decode as unpacked
from operators.combining import Combining
from operators.entities import Entities
from operators.users import Users
from sinks.arguments import fenced_row, ranked_row

HOT: Final = b"hot"
BATCH: Final = 200
BUCKETS: Final = 16
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


def alone(events: int, shoppers: int, products: int, hot: float, seed: int) -> Figures:
    """The work of one event in Python, without Flink and Redis."""
    decode, records = Decoder().decode, with_products(events, shoppers, products, hot, seed)
    usable = [event for sent in records if type(event := decode(sent.record)) is Event]
    settings = EntitySettings(tuple(VIEWS))
    states: dict[str, bytes] = {}
    applier, told = Users(ShopperLogic(), states.get, tells=True), []
    begin = time.process_time()
    for i in range(0, len(usable), BATCH):
        part = usable[i : i + BATCH]
        as_of = max(event.at for event in part)
        work = [Record(0, n, event, memoryview(b"")) for n, event in enumerate(part)]
        outcome = applier.apply(Batch(0, as_of, records=work), as_of)
        states.update(outcome.data)
        _ = [fenced_row(row, 1) for row in outcome.rows]
        told.append((outcome.interactions, as_of))
    applied = time.process_time()
    combining = Combining(EntityLogic(settings), BUCKETS)
    made = [(combining.batches(each, as_of), as_of) for each, as_of in told]
    combined = time.process_time()
    held: dict[str, bytes] = {}
    entities, seen = Entities(EntityLogic(settings), held.get, held.items), Counter[str]()
    for batches, as_of in made:
        for _, payload in batches:
            outcome = entities.apply(batch := unpacked(payload), as_of)
            held.update(outcome.data)
            _ = [ranked_row(row, 1) if row.ranked else fenced_row(row, 1) for row in outcome.rows]
            seen.update(more.entry for stage in batch.stages for more in stage.added)
    end = time.process_time()
    number = len(usable)
    return {
        "shopper_us": (applied - begin) / number * 1e6,
        "combine_us": (combined - applied) / number * 1e6,
        "apply_us": (end - combined) / number * 1e6,
        "additions": sum(seen.values()) / number,
        "busiest": seen.most_common(1)[0][1] / len(made),
        "state_bytes": sum(map(len, held.values())) / len(held),
    }


def main() -> None:
    """Measure and print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--shoppers", type=int, default=100_000)
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--hot", type=float, default=0.3, help="of the products that are one")
    parser.add_argument("--alone", action="store_true", help="in Python alone")
    options = parser.parse_args()
    if options.alone:
        columns = ("shopper_us", "combine_us", "apply_us", "additions", "busiest", "state_bytes")
        with Report("entities alone", columns, options) as report:
            for name, hot in (("products alike", 0.0), ("hot product", options.hot)):
                told = options.events, options.shoppers, options.products, hot, options.seed
                report.add(name, *[alone(*told) for _ in range(options.runs)])
        return
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
