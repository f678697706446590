"""What does writing rows to Redis cost? Microseconds a shopper's event, of the client's and the server's CPU.

    python -m bench.redis_write [--runs 3] [--server redis-server …] [--json FILE]

One event gives three windows of 35 fields, the shopper's session and the session itself of 25. All hashes
exist before (the steady state). Beside the sink as it is: other scripts for the windows' rows, with the same
values, on one connection. CPU times, for other work on the machine is not writing.
"""

import random
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import redis

from bench.report import Figures, Report, arguments, load
from events.event import Money
from features.row import FeatureRow, MeanMoney, Value
from jobs.local.redis import RedisServer
from sinks.arguments import fenced_row
from sinks.calls import Script, evaluation
from sinks.codec import key_of
from sinks.redis_sink import RedisSink

LIFE: Final = 1_700_000_000_000
HOUR: Final = 3_600_000
LOOP: Final = """
local rows, said = cmsgpack.unpack(ARGV[1]), {}
for i, key in ipairs(KEYS) do
  local row = rows[i]
  local stored, fields = redis.pcall('HGET', key, '_v'), row[3]
  if type(stored) == 'table' then said[i] = 'f' elseif stored and stored > row[1] then said[i] = 'r' else
    BODY
    redis.call('PEXPIREAT', key, row[2])
    said[i] = 'w'
  end
end
return table.concat(said)"""
DEL_HSET: Final = "redis.call('DEL', key) redis.call('HSET', key, unpack(fields))"
HDEL_DIFF: Final = """
    local have, gone = {}, {}
    for j = 1, #fields, 2 do have[fields[j]] = true end
    for _, name in ipairs(redis.call('HKEYS', key)) do if not have[name] then gone[#gone + 1] = name end end
    if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
    redis.call('HSET', key, unpack(fields))"""
PLAIN: Final = """
local said, from = {}, 1
for i, key in ipairs(KEYS) do
  local n = tonumber(ARGV[from + 2])
  local stored = redis.pcall('HGET', key, '_v')
  if type(stored) == 'table' then said[i] = 'f' elseif stored and stored > ARGV[from] then said[i] = 'r' else
    redis.call('HSET', key, unpack(ARGV, from + 3, from + 2 + n))
    if redis.call('HLEN', key) * 2 ~= n then
      redis.call('DEL', key)
      redis.call('HSET', key, unpack(ARGV, from + 3, from + 2 + n))
    end
    redis.call('PEXPIREAT', key, ARGV[from + 1])
    said[i] = 'w'
  end
  from = from + 3 + n
end
return table.concat(said)"""

SCRIPTS: Final = (
    ("DEL + HSET", LOOP.replace("BODY", DEL_HSET), False),
    ("HDEL of the difference", LOOP.replace("BODY", HDEL_DIFF), False),
    ("plain arguments", PLAIN, True),
)


def values(chance: random.Random, fields: int) -> dict[str, Value]:
    """A typical mix: counts, amounts, a mean, ratios, short texts."""
    made: dict[str, Value] = {}
    for i in range(fields):
        kind = ("count", "count", "count", "amount", "text", "count", "ratio", "mean", "amount", "count")[
            i % 10
        ]
        name = f"typical_feature_{kind}_{i}"
        if kind == "count":
            made[name] = chance.randrange(60)
        elif kind == "amount":
            made[name] = Money(chance.randrange(100_000), "EUR")
        elif kind == "mean":
            made[name] = MeanMoney(chance.randrange(100_000), chance.randrange(1, 20), "EUR")
        elif kind == "ratio":
            made[name] = chance.random()
        else:
            made[name] = chance.choice(["desktop", "web", "Home/Garden/Tools", "EUR", "sku-12345"])
    return made


def rows_of(chance: random.Random, shopper: int, seen: int) -> list[FeatureRow]:
    """What one event changes."""
    name, at = f"9a1b2c3d-0000-4000-8000-{shopper:012d}", int(time.time() * 1000)
    windows = [
        FeatureRow("user", name, window, values(chance, 35), at, at + 10_000, at + HOUR, seen)
        for window in ("5min", "1h", "24h")
    ]
    session = values(chance, 23) | {
        "landing_page": "https://shop.example.com/category/garden/tools/a-rather-long-landing-page-address.html",
        "referrer": "https://www.example.com/search",
    }
    for entity, entity_id in (("user", name), ("session", f"session-{shopper}")):
        windows.append(FeatureRow(entity, entity_id, "session", session, at, at + HOUR, at + HOUR, seen))
        windows[-1].owner, windows[-1].start = name, at - HOUR
    return windows


Batches = list[list[FeatureRow]]
Writer = Callable[[Batches], None]


class Meter:
    """CPU of this process and of the server since it was made."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._server = self._server_s()
        self._own = time.process_time()

    def read(self, events: int) -> tuple[float, float]:
        """Microseconds an event: client, server."""
        own = time.process_time() - self._own
        return own / events * 1e6, (self._server_s() - self._server) / events * 1e6

    def _server_s(self) -> float:
        cpu = self._client.info("cpu")
        return float(cpu["used_cpu_user"] + cpu["used_cpu_sys"])


def through_sink(url: str, kept: Callable[[FeatureRow], bool]) -> Writer:
    """Write as the job does, the rows that are `kept`."""
    sink = RedisSink.connect(url)

    def write(batches: Batches) -> None:
        for rows in batches:
            mine = [row for row in rows if kept(row)]
            report = sink.write(mine, LIFE)
            if report.written != len(mine):
                msg = f"{report} for {len(mine)} rows; expected all to be written"
                raise RuntimeError(msg)

    return write


def through_script(client: Any, text: str, *, plain: bool) -> Writer:
    """Write the windows' rows by another script, with plain arguments or one MessagePack argument."""
    script = Script.of(text)
    client.script_load(text)

    def command(rows: Sequence[FeatureRow]) -> tuple[Any, ...]:
        made = [(key_of(row), fenced_row(row, LIFE)) for row in rows]
        if not plain:
            return evaluation(script, made).args
        flat = [word for _, (fence, until, fields) in made for word in (fence, until, len(fields), *fields)]
        return ("EVALSHA", script.sha, len(made), *(key for key, _ in made), *flat)

    def write(batches: Batches) -> None:
        connection = client.connection_pool.get_connection()
        for rows in batches:
            windows = [row for row in rows if is_window(row)]
            commands = [command(windows[i : i + 3]) for i in range(0, len(windows), 3)]
            connection.send_packed_command(connection.pack_commands(commands))
            for _ in commands:
                connection.read_response()
        client.connection_pool.release(connection)

    return write


def is_window(row: FeatureRow) -> bool:
    """Whether it is one of the three windows' rows."""
    return row.window != "session"


def measure(client: Any, write: Writer, shoppers: int, options: Namespace) -> list[Figures]:
    """Microseconds an event of each run, after a first one that makes the hashes."""
    chance = random.Random(options.seed)
    rounds = max(2, 3_000 // shoppers)
    client.flushall()
    figures: list[Figures] = []
    for run in range(options.runs + 1):
        batches = [
            [row for shopper in range(shoppers) for row in rows_of(chance, shopper, run * rounds + i)]
            for i in range(rounds)
        ]
        meter = Meter(client)
        write(batches)
        if run:
            client_us, redis_us = meter.read(rounds * shoppers)
            figures.append({"client_us": client_us, "redis_us": redis_us, "load": load()})
    return figures


def benchmark(executable: Path, report: Report) -> None:
    """Every line of the table on one server."""
    with TemporaryDirectory() as folder, RedisServer(executable, Path(folder)) as server:
        client: Any = redis.Redis.from_url(server.url)
        version = client.info("server")["redis_version"]

        def add(name: str, write: Writer, shoppers: int) -> None:
            report.add(f"{version} {name}", *measure(client, write, shoppers, report.options))

        for shoppers in (20, 100, 500):
            add(f"sink, {shoppers} shoppers", through_sink(server.url, bool), shoppers)
        add("windows, sink", through_sink(server.url, is_window), 100)
        for name, text, plain in SCRIPTS:
            add(f"windows, {name}", through_script(client, text, plain=plain), 100)
        client.close()


def main() -> None:
    """Measure on every server given and print the table."""
    parser = arguments(__doc__, runs=3)
    beside = Path(sys.executable).with_name("redis-server")
    parser.add_argument("--server", type=Path, nargs="+", default=[beside])
    options = parser.parse_args()
    with Report("writing to Redis, an event", ("client_us", "redis_us", "load"), options) as report:
        for executable in options.server:
            benchmark(executable, report)


if __name__ == "__main__":
    main()
