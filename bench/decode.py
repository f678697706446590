"""Decoding by wire format: microseconds an event, over the 833 recorded events.

    python -m bench.decode [--runs 5] [--laps 5] [--hash-ids] [--json FILE]

Warm: the caches for seconds, fractions and user agents are filled, as in a running job. Cold: they are
emptied before the lap, as at a start or in a replay that jumps through time; the regular expressions for user
agents are loaded. CPU time of the process, for other work on the machine is not decoding.
"""

import argparse
import gzip
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--laps", type=int, default=5)
    parser.add_argument("--hash-ids", action="store_true", help="as with the setting hash_ids")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    key = hashing_key("a key for measuring") if options.hash_ids else b""
    results = {}
    print(f"{'wire format':14}{'bytes':>7}{'warm us':>9}{'best':>7}{'cold us':>9}{'events/s':>10}")
    for wire_format, name in FILES.items():
        records = [line for line in gzip.decompress((DATA / name).read_bytes()).split(b"\n") if line]
        microseconds(records, 1)
        runs = [microseconds(records, options.laps, key) for _ in range(options.runs)]
        result = {
            "bytes": round(statistics.mean(map(len, records))),
            "warm_us_median": round(statistics.median(runs), 2),
            "warm_us_best": round(min(runs), 2),
            "cold_us_median": round(statistics.median(cold(records, key) for _ in range(options.runs)), 2),
        }
        results[wire_format] = result
        rate = 1e6 / result["warm_us_median"]
        print(
            f"{wire_format:14}{result['bytes']:>7}{result['warm_us_median']:>9}{result['warm_us_best']:>7}"
            f"{result['cold_us_median']:>9}{rate:>10,.0f}"
        )
    if options.json:
        options.json.write_text(json.dumps({"runs": options.runs, "us_an_event": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
