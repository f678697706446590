"""What does decoding cost, by wire format? Microseconds an event, over the 833 recorded events.

    python -m bench.decode [--runs 5] [--laps 5] [--hash-ids] [--json FILE]

Warm: the caches for seconds, fractions and user agents are filled, as in a running job. Cold: they are
emptied before the lap, as at a start or in a replay that jumps through time; the regular expressions for user
agents are loaded. CPU time of the process, for other work on the machine is not decoding.
"""

import gzip
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.report import Figures, Report, arguments, load
from events import device, entities, instant
from events.decoder import Decoder
from events.hashing import hashing_key

DATA: Final = Path(__file__).parents[1] / "tests" / "data" / "snowplow-ecommerce"
FILES: Final = {
    "tsv": "events.enriched.tsv.gz",
    "sdk_json": "events.sdk.jsonl.gz",
    "live_shopper": "events.live_shopper_topic.jsonl.gz",
}
CACHES: Final = tuple(
    value
    for module in (device, entities, instant)
    for value in vars(module).values()
    if hasattr(value, "cache_clear")
)


def microseconds(records: Sequence[bytes], laps: int, key: bytes = b"") -> float:
    """Microseconds a record, over `laps` passes; with a key, ids are hashed."""
    decode = Decoder(id_key=key).decode
    start = time.process_time()
    for _ in range(laps):
        for raw in records:
            decode(raw)
    return (time.process_time() - start) / laps / len(records) * 1e6


def cold(records: Sequence[bytes], key: bytes) -> float:
    """Microseconds a record in one pass with empty caches."""
    for cache in CACHES:
        cache.cache_clear()
    return microseconds(records, 1, key)


def main() -> None:
    """Measure every wire format and print the table."""
    parser = arguments(__doc__, runs=5)
    parser.add_argument("--laps", type=int, default=5)
    parser.add_argument("--hash-ids", action="store_true", help="as with the setting hash_ids")
    options = parser.parse_args()
    key = hashing_key("a key for measuring") if options.hash_ids else b""
    with Report("decode", ("bytes", "warm_us", "cold_us", "events_per_s", "load"), options) as report:
        for wire_format, name in FILES.items():
            data = gzip.decompress((DATA / name).read_bytes())
            records = [line for line in data.split(b"\n") if line]
            microseconds(records, 1)
            runs: list[Figures] = []
            for _ in range(options.runs):
                warm = microseconds(records, options.laps, key)
                rate, size = 1e6 / warm, sum(map(len, records)) / len(records)
                figures: Figures = {"warm_us": warm, "cold_us": cold(records, key), "events_per_s": rate}
                runs.append(figures | {"bytes": size, "load": load()})
            report.add(wire_format, *runs)


if __name__ == "__main__":
    main()
