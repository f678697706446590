"""What does an event ask of Redis: commands, CPU, bytes?

    python -m bench.redis_load [--events 60000] [--shoppers 20000] [--json FILE] [VARIANT …]

The backlog of `bench.throughput`; before and after it, Redis tells what it did (`INFO`).

How to read it: the first row of a variant is all of Redis, an event: `commands` that clients sent (script
calls), `cpu_us` of the server's process, bytes in and out, and memory a key. The rows after it are by
command, those that scripts call, too; `elapsed_us` is by the clock of Redis, so other work on the machine is
in it, and that of `evalsha` holds what its script called. `hgetall` and `info` are this benchmark's own and
left out; bytes out hold a few of theirs.
"""

from collections.abc import Mapping
from typing import Any, Final

from bench.live import Setup, live
from bench.report import Figures, Report, arguments
from bench.throughput import backlog, parsed

OWN: Final = frozenset({"hgetall", "info", "ping", "dbsize", "command", "client|setinfo", "client", "config"})
COLUMNS: Final = ("commands", "cpu_us", "elapsed_us", "bytes_in", "bytes_out", "bytes_a_key")


def difference(before: Mapping[str, Any], after: Mapping[str, Any], events: int) -> dict[str, Figures]:
    """Rows from two answers to `INFO all`."""
    calls = {}
    for name in sorted(after):
        command = name.removeprefix("cmdstat_")
        if command != name and command not in OWN:
            was, now = before.get(name, {"calls": 0, "usec": 0}), after[name]
            calls[command] = (now["calls"] - was["calls"], now["usec"] - was["usec"])
    # In an order that begins with what clients send.
    sent = [name for name in calls if name.startswith(("evalsha", "script")) or name in ("hset", "select")]
    cpu = sum(float(after[name]) - float(before[name]) for name in ("used_cpu_user", "used_cpu_sys"))
    rows: dict[str, Figures] = {
        "": {
            "commands": calls.get("evalsha", (0, 0))[0] / events,
            "cpu_us": cpu / events * 1e6,
            "bytes_in": (after["total_net_input_bytes"] - before["total_net_input_bytes"]) / events,
            "bytes_out": (after["total_net_output_bytes"] - before["total_net_output_bytes"]) / events,
            "bytes_a_key": after["used_memory_dataset"] / max(1, after.get("db0", {"keys": 0})["keys"]),
        }
    }
    for name in [*sent, *sorted(calls.keys() - set(sent))]:
        number, usec = calls[name]
        if number:
            rows[f"  {name}"] = {"commands": number / events, "elapsed_us": usec / events}
    return rows


def measure(setup: Setup, events: int, shoppers: int, seed: int) -> dict[str, Figures]:
    """One run."""
    with live(setup, backlog(events, shoppers, seed)) as job:
        before = job.redis.info("all")
        job.wait_read(events, poll_s=1)
        return difference(before, job.redis.info("all"), events)


def main() -> None:
    """Measure the variants and print the table."""
    parser = arguments(__doc__)
    parser.add_argument("variants", nargs="*", default=[""], metavar="VARIANT")
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--shoppers", type=int, default=20_000)
    options = parser.parse_args()
    with Report("Redis, an event", COLUMNS, options) as report:
        for variant in options.variants:
            runs = [
                measure(parsed(variant), options.events, options.shoppers, options.seed)
                for _ in range(options.runs)
            ]
            for name in runs[-1]:
                report.add(f"{variant or 'default'}{name}", *(run[name] for run in runs if name in run))


if __name__ == "__main__":
    main()
