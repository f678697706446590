"""Does an event cost more the more events its shopper has, or the more shoppers there are?

    python -m bench.flatness [--histories 10 100 …] [--populations 1000 10000 …] [--runs 5]
                             [--apart] [--json FILE]

The job's Python without Flink (`bench.plain`), with a real Redis. *Histories*: each shopper of a row has so
many events in 24 hours, in visits to the shop spread over them; with `--apart` each event is by itself. Then
`MEASURED` more come in batches of ten shoppers, the same in every row that has as many shoppers.
*Populations*: so many shoppers have an event each; then as many come for ten of them at random. Rows are
prepared and measured in turns, run after run. The same, but no more than `WARM`, goes through another job
before, unmeasured: how sets of features are read is compiled once a job, and the longer a history, the more
sets there are.

How to read it: `python_us` and `redis_us` are CPU an event in this process and in Redis, `ratio` is the sum
against the first row of its kind. `missed` are shoppers whose rows had to be sent again: none, as in a job.
Few runs do not tell ten per cent apart: look at the runs in the JSON. A batch of ten shoppers costs more an
event than the job's larger ones. What Flink's state costs with many shoppers shows in `bench.throughput
--shoppers`.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import count, islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

from redis import Redis

from bench.plain import PlainJob
from bench.report import Figures, Report, arguments, load
from bench.traffic import THINK_S, Scene, census, shopper_id, visits
from events.fields import INDEX
from features.logic import ShopperLogic
from jobs.local.redis import RedisServer
from jobs.local.toolchain import find_redis
from jobs.shop.people import uuid
from sinks.redis_sink import RedisSink

QUARTER_MS: Final = 15 * 60_000
DAY_MS: Final = 24 * 3_600_000
SLICES: Final = 48
"""The day is prepared in so many batches."""
BATCH: Final = 10
TOGETHER: Final = 1_000
"""Records of a population that are prepared at once."""
WARM: Final = 10_000
"""No larger a history or population goes through the job before: nothing new is compiled then."""
MEASURED: Final = 2_000
PLACE: Final = ("geo_country", "geo_region")
STEP_MS: Final = 50
THINK_MS: Final = round(THINK_S * 1000)
SKIPPED: Final = 20
Cast = Callable[[int], bytes]
"""Makes a record of the moment at which it is sent (epoch ms)."""
COLUMNS: Final = ("python_us", "redis_us", "ratio", "rows", "missed", "state_bytes", "load")


def groups_of(events: int, measured: int = MEASURED) -> tuple[int, int]:
    """How many groups of `BATCH` shoppers are needed, and how many events each of them gets measured.

    So few that a shopper's history grows by a fiftieth at most, or by two. They come within seconds, so the
    more of them one shopper gets, the more the shortest windows hold, whatever the history.

    >>> groups_of(10), groups_of(100), groups_of(1_000), groups_of(10_000)
    ((100, 2), (100, 2), (10, 20), (1, 200))
    """
    each = max(2, min(events // 50, measured // BATCH))
    return measured // BATCH // each, each


@lru_cache(maxsize=1)
def regions(seed: int) -> list[list[list[Scene]]]:
    """The visits to the shop by region."""
    found: dict[tuple[bytes, ...], list[list[Scene]]] = {}
    for visit in visits(seed):
        fields = visit[0].text.split(b"\t")
        found.setdefault(tuple(fields[INDEX[name]] for name in PLACE), []).append(visit)
    return list(found.values())


def steps(seed: int, what: str, shopper: int) -> Iterator[tuple[Cast, bool]]:
    """What a shopper of one region does, visit after visit, for ever; whether a visit begins with it.

    As deterministic as the seed and what it is for.
    """
    rng, who, places = Random(f"{what} {seed} {shopper}"), shopper_id(shopper), regions(seed)
    for number in count():
        session = f"{what}-{shopper}-{number}".encode()

        def cast(at: int, scene: Scene, session: bytes = session) -> bytes:
            return scene.cast(at, who, session, uuid(rng).encode())

        for place, scene in enumerate(rng.choice(places[shopper % len(places)])):
            yield partial(cast, scene=scene), not place


def midway(seed: int, what: str, shopper: int) -> Iterator[Cast]:
    """The same from somewhere in a visit on: what is measured are not all landing pages."""
    skipped = Random(f"midway {what} {seed} {shopper}").randrange(SKIPPED)
    return (cast for cast, _ in islice(steps(seed, what, shopper), skipped, None))


def day(seed: int, shopper: int, events: int, *, apart: bool) -> Iterator[tuple[int, Cast]]:
    """So many events of a shopper, and how long after the day's beginning each happens (ms).

    A visit begins when its first event would come if all were spread evenly. `apart`: they are.
    """
    pause = min(THINK_MS, DAY_MS // events)
    begun = first = 0
    for number, (cast, begins) in enumerate(islice(steps(seed, "history", shopper), events)):
        if begins or apart:
            begun, first = DAY_MS * number // events, number
        yield begun + (number - first) * pause, cast


def history(
    job: PlainJob, events: int, seed: int, measured: int = MEASURED, *, apart: bool = False
) -> Iterator[list[bytes]]:
    """Give every shopper so many events in 24 hours; the batches to be measured.

    The event before those is another one: windows that were empty by then are written whole with it.
    """
    groups, each = groups_of(events, measured)
    slices: list[list[list[tuple[int, Cast]]]] = [[[] for _ in range(groups)] for _ in range(SLICES)]
    for who in range(groups * BATCH):
        for after, cast in day(seed, who, events, apart=apart):
            slices[after * SLICES // DAY_MS][who // BATCH].append((after, cast))
    start = job.now
    for number, some in enumerate(slices):
        job.now = start + DAY_MS * (number + 1) // SLICES
        for records in filter(None, some):
            job.take([cast(start + after) for after, cast in records])
    doing = [midway(seed, "measured", who) for who in range(groups * BATCH)]
    for turn in range(1 + each):
        for group in range(groups):
            job.now += STEP_MS
            batch = [next(one)(job.now) for one in doing[group * BATCH : (group + 1) * BATCH]]
            if turn:
                yield batch
            else:
                job.take(batch)


def population(job: PlainJob, shoppers: int, seed: int, measured: int = MEASURED) -> Iterator[list[bytes]]:
    """Give so many shoppers an event; the batches to be measured."""
    batch: list[bytes] = []
    for sent in census(seed, shoppers, job.now + DAY_MS):
        batch.append(sent.record)
        job.now = sent.at
        if len(batch) == TOGETHER:
            job.take(batch)
            batch.clear()
    if batch:
        job.take(batch)
    rng = Random(seed)
    for number in range(measured // BATCH):
        job.now += STEP_MS
        some = rng.sample(range(shoppers), BATCH)
        yield [next(midway(seed, f"measured {number}", who))(job.now) for who in some]


Prepare = Callable[[PlainJob, int, int], Iterator[list[bytes]]]


def beginning(now_ms: int) -> int:
    """When histories begin (epoch ms), so that they end hours ahead of the clock, however long they take.

    Redis drops a row whose time is over by its own clock, and what changes next is then sent twice.

    >>> (beginning(1_700_000_000_000) + DAY_MS - 1_700_000_000_000) // 3_600_000
    10
    """
    return (now_ms // QUARTER_MS + 41) * QUARTER_MS - DAY_MS


def measure(server: RedisServer, prepare: Prepare, size: int, seed: int) -> Figures:
    """One run of one row, on an empty Redis."""
    client: Any = Redis.from_url(server.url)
    client.flushall()
    sink, logic, start = RedisSink.connect(server.url), ShopperLogic(), beginning(round(time.time() * 1000))
    warm = PlainJob(sink, start, logic=logic)
    for batch in prepare(warm, min(size, WARM), seed):
        warm.take(batch)
    client.flushall()
    job = PlainJob(sink, start, logic=logic)
    own, events, before, counted = 0.0, 0, 0.0, job.counts()
    for batch in prepare(job, size, seed):
        if not events:
            before, counted = redis_s(client), job.counts()
        begun = time.process_time()
        job.take(batch)
        own += time.process_time() - begun
        events += len(batch)
    figures: Figures = {
        "python_us": own / events * 1e6,
        "redis_us": (redis_s(client) - before) / events * 1e6,
        "rows": (job.counts()["rows.written"] - counted.get("rows.written", 0)) / events,
        "missed": job.counts().get("rows.missed", 0) - counted.get("rows.missed", 0),
        "state_bytes": sum(sizes := job.states.sizes()) / len(sizes),
        "load": load(),
    }
    sink.close()
    client.close()
    return figures


def redis_s(client: Any) -> float:
    """CPU seconds of the server so far."""
    cpu = client.info("cpu")
    return float(cpu["used_cpu_user"] + cpu["used_cpu_sys"])


def main() -> None:
    """Measure all rows in turns and print the table."""
    parser = arguments(__doc__, runs=3)
    parser.add_argument("--histories", type=int, nargs="*", default=[10, 100, 1_000, 10_000])
    parser.add_argument("--populations", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument(
        "--apart", action="store_true", help="spread a history's events evenly, not in visits"
    )
    options = parser.parse_args()
    with (
        Report("flatness", COLUMNS, options) as report,
        TemporaryDirectory() as folder,
        RedisServer(find_redis(), Path(folder)) as server,
    ):
        told = partial(history, apart=options.apart)
        _rows(report, server, options, told, options.histories, "events a shopper")
        _rows(report, server, options, population, options.populations, "shoppers")


def _rows(
    report: Report, server: RedisServer, options: Namespace, prepare: Prepare, sizes: list[int], what: str
) -> None:
    runs: dict[int, list[Figures]] = {size: [] for size in sizes}
    for number in range(options.runs):
        first = 0.0
        for size in sizes:
            figures = measure(server, prepare, size, options.seed + number)
            cost = float(figures["python_us"] or 0) + float(figures["redis_us"] or 0)
            first = first or cost
            runs[size].append(figures | {"ratio": cost / first})
    for size, found in runs.items():
        report.add(f"{size} {what}", *found)


if __name__ == "__main__":
    main()
