"""What Redis would answer the reader: rows as the codec writes them, reports as the ledger tells them."""

import json
from collections.abc import Mapping
from typing import Any

from features.row import FeatureRow
from operators.ledger import Ledger
from shopper_reader import Catalogue, Row
from shopper_reader.asking import Asker
from shopper_reader.catalogue import shipped
from shopper_reader.keys import Keys
from sinks.codec import fields_of, meta_of
from tests.sinks.rows import LIFE

NOW = 1_700_000_000_000
BUCKETS = 16


def report(at: int = NOW, covers_from: int = 0, **more: Any) -> str:
    """What a bucket tells."""
    told = Ledger(covers_from=covers_from).progress(at) | {"rewriting": False, "buckets": BUCKETS} | more
    return json.dumps(told)


REPORTS = {str(bucket): report() for bucket in range(BUCKETS)}


def asker(
    catalogue: Catalogue | None = None, defaults: Mapping[str, Any] | None = None, **more: Any
) -> Asker:
    """Of a job named `job`."""
    return Asker(Keys(), "job", catalogue or shipped(), defaults or {}, "redis://r", **more)


def hashed(row: FeatureRow, **changes: str) -> dict[bytes, bytes]:
    """The row as the sink writes it."""
    return encoded(meta_of(row, LIFE) | fields_of(row) | changes)


def encoded(texts: Mapping[str, str]) -> dict[bytes, bytes]:
    """As redis-py gives it without decoding."""
    return {name.encode(): text.encode() for name, text in texts.items()}


def flat(fields: Mapping[bytes, bytes]) -> list[bytes]:
    """As HGETALL answers."""
    return [word for pair in fields.items() for word in pair]


def time_of(now: int) -> tuple[bytes, bytes]:
    """As TIME answers."""
    return str(now // 1000).encode(), str(now % 1000 * 1000 + 999).encode()


def read(
    fields: Mapping[bytes, bytes],
    window: str = "5min",
    now: int = NOW,
    reports: Mapping[str, str] = REPORTS,
    shopper: str = "ada",
    features: Any = None,
    **more: Any,
) -> Row:
    """The row of one shopper and window, of which Redis holds `fields`."""
    one = asker(**more)
    asking = one.shoppers([shopper], window, features)
    wanted = asking.questions[0].plan.wanted
    reply: Any = [fields.get(name) for name in wanted] if wanted else flat(fields)
    (row,) = one.rows(asking, [reply, flat(encoded(reports)), time_of(now)])
    return row
