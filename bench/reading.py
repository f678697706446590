"""Reading many shoppers at once: milliseconds a call, by threads and by asyncio, beside a plain pipeline.

    python -m bench.reading [--shoppers 100] [--calls 500] [--json FILE]

Rows of a synthetic shop, made by the job's own logic and written by its own sink: all windows of every
shopper, and the reports of 16 buckets. All ways of reading take turns call by call, so that other work on the
machine meets them alike; the reader's CPU a call hardly depends on it. `bytes` only receives what HGETALL
answers, reply by reply. A plain pipeline gives dictionaries of bytes; `Features` gives rows, of which
`and read` takes every verdict and three typed values of every window.
"""

import argparse
import asyncio
import gc
import inspect
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import redis
import redis.asyncio

from events.decoder import Decoder
from events.event import Event
from features.logic import ShopperLogic
from features.replay import Replay
from features.row import FeatureRow
from jobs.local.redis import RedisServer
from jobs.shop import shop_events
from operators.ledger import Ledger
from shopper_reader import AsyncFeatures, Features, Limits, Shopper
from sinks.keys import encode_id
from sinks.redis_sink import RedisSink

WINDOWS: Final = ("5min", "1h", "24h", "session")
READ: Final = ("product_view_count", "cart_add_count", "top_category")
PATIENT: Final = Limits(timeout_s=60, connect_timeout_s=60)
BUCKETS: Final = 16
PROGRESS: Final = "pipeline:bench:progress"
Call = Callable[[list[str]], Any]


def rows(shoppers: int) -> list[FeatureRow]:
    """What the shop's last five minutes make of so many shoppers, and a little more."""
    now = time.time_ns() // 1_000_000
    rate = shoppers / 5
    decode = Decoder().decode
    records = islice(shop_events(7, shoppers, now - 240_000, rate), int(rate * 240))
    replay = Replay(ShopperLogic(), now)
    replay.feed(event for _, record in records if isinstance(event := decode(record), Event))
    return replay.rows()


def reports() -> dict[str, str]:
    """What the job tells every second."""
    report = Ledger(counts={"read": 1_000_000, "applied": 990_000, "rows.written": 4_000_000})
    told = report.progress(time.time_ns() // 1_000_000) | {"rewriting": False, "buckets": BUCKETS}
    return dict.fromkeys(map(str, range(BUCKETS)), json.dumps(told))


def fill(url: str, made: list[FeatureRow]) -> list[str]:
    """Write the rows and the reports; gives the shoppers who have all windows."""
    sink = RedisSink.connect(url)
    sink.write([row for row in made if row.entity == "user"], 1, put={PROGRESS: reports()})
    sink.close()
    windows: dict[str, set[str]] = {}
    for row in made:
        if row.entity == "user":
            windows.setdefault(row.entity_id, set()).add(row.window)
    return sorted(shopper for shopper, own in windows.items() if own == set(WINDOWS))


def read(found: dict[str, Shopper]) -> int:
    """Every verdict and three values of every window."""
    return sum(
        len(row.verdict) + sum(row.get(name) is not None for name in READ)
        for shopper in found.values()
        for row in shopper.values()
    )


def keys(shoppers: list[str]) -> list[str]:
    """Of all windows."""
    return [f"user:{encode_id(shopper)}:features:{window}" for shopper in shoppers for window in WINDOWS]


def receiving(client: Any) -> Call:
    """Receive the bytes and parse nothing but where an answer ends."""
    connection = client.connection_pool.get_connection()

    def call(shoppers: list[str]) -> None:
        commands = [("HGETALL", key) for key in keys(shoppers)]
        connection.send_packed_command(connection.pack_commands(commands))
        for _ in commands:
            connection.read_response(disable_decoding=True)

    return call


def pipelined(client: Any) -> Call:
    """As anybody would read with redis-py."""

    def call(shoppers: list[str]) -> list[dict[bytes, bytes]]:
        with client.pipeline(transaction=False) as pipeline:
            for key in keys(shoppers):
                pipeline.hgetall(key)
            found: list[dict[bytes, bytes]] = pipeline.execute()
        return found

    return call


def awaited(client: Any) -> Call:
    """The same by redis-py's asyncio."""

    async def ask(shoppers: list[str]) -> list[dict[bytes, bytes]]:
        async with client.pipeline(transaction=False) as pipeline:
            for key in keys(shoppers):
                pipeline.hgetall(key)
            found: list[dict[bytes, bytes]] = await pipeline.execute()
        return found

    return ask


class Series:
    """The calls of one way of reading."""

    def __init__(self, call: Call) -> None:
        """None yet."""
        self._call = call
        self.wall: list[float] = []
        self.cpu: list[float] = []

    async def take(self, shoppers: list[str]) -> None:
        """Make one call, awaited where that is its kind."""
        cpu, wall = time.process_time(), time.perf_counter()
        made = self._call(shoppers)
        if inspect.isawaitable(made):
            await made
        self.wall.append((time.perf_counter() - wall) * 1000)
        self.cpu.append((time.process_time() - cpu) * 1000)

    def figures(self) -> dict[str, float]:
        """Milliseconds."""
        ordered = sorted(self.wall)
        found = {
            "p50_ms": statistics.median(ordered),
            "p99_ms": ordered[int(len(ordered) * 0.99)],
            "best_ms": ordered[0],
            "cpu_ms": statistics.median(self.cpu),
        }
        return {name: round(value, 2) for name, value in found.items()}


def measure(url: str, everybody: list[str], shoppers: int, calls: int) -> dict[str, dict[str, float]]:
    """Every way of reading, in turns."""
    chance = random.Random(3)
    client = redis.Redis.from_url(url)
    few = ("cart_value", "cart_add_count", "product_view_count")
    with Features.connect(url, job="bench", limits=PATIENT) as features, asyncio.Runner() as runner:

        async def connect() -> tuple[AsyncFeatures, Any]:
            return AsyncFeatures.connect(url, job="bench", limits=PATIENT), redis.asyncio.Redis.from_url(url)

        afeatures, aclient = runner.run(connect())

        async def both(asked: list[str]) -> int:
            return read(await afeatures.get_many(asked))

        ways = {
            "bytes": Series(receiving(client)),
            "redis-py pipeline": Series(pipelined(client)),
            "Features.get_many": Series(features.get_many),
            "Features.get_many and read": Series(lambda s: read(features.get_many(s))),
            "Features.get_many, 3 features": Series(lambda s: features.get_many(s, features=few)),
            "Features.get, one shopper": Series(lambda s: features.get(s[0])),
            "asyncio redis-py pipeline": Series(awaited(aclient)),
            "AsyncFeatures.get_many": Series(afeatures.get_many),
            "AsyncFeatures.get_many and read": Series(both),
        }
        gc.freeze()
        for turn in range(calls + 5):
            asked = chance.sample(everybody, shoppers)
            client.hset(PROGRESS, mapping=reports())
            for way in ways.values():
                runner.run(way.take(asked))
            if turn == 4:  # noqa: PLR2004  what came before warmed up
                for way in ways.values():
                    way.wall.clear()
                    way.cpu.clear()
        runner.run(afeatures.close())
        runner.run(aclient.aclose())
    client.close()
    return {name: way.figures() for name, way in ways.items()}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shoppers", type=int, default=100)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--server", type=Path, default=Path(sys.executable).with_name("redis-server"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with TemporaryDirectory() as folder, RedisServer(options.server, Path(folder)) as server:
        everybody = fill(server.url, rows(options.shoppers * 4))
        with redis.Redis.from_url(server.url) as client:
            sizes = [client.hlen(key) for key in keys(everybody)]
            version = client.info("server")["redis_version"]
        results = measure(server.url, everybody, options.shoppers, options.calls)
    about = {
        "redis": version,
        "shoppers": options.shoppers,
        "calls": options.calls,
        "fields_a_row": round(statistics.mean(sizes), 1),
        "load": round(os.getloadavg()[0], 1),
    }
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(f"{'ms a call':36}{'p50':>8}{'p99':>8}{'best':>8}{'CPU':>8}")
    for name, f in results.items():
        print(f"{name:36}{f['p50_ms']:>8}{f['p99_ms']:>8}{f['best_ms']:>8}{f['cpu_ms']:>8}")
    if options.json:
        options.json.write_text(json.dumps({"about": about, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
