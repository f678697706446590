"""What goes wrong on the way: records that no decoder can use, each kind as it is met in the wild."""

import re
from collections.abc import Callable
from random import Random
from typing import Final

_PRICE: Final = re.compile(rb'"price":[0-9.]+')
_CURRENCY: Final = re.compile(rb'"currency":"[A-Z]{3}"')
_BAD_ROW: Final = (
    b'{"schema":"iglu:com.snowplowanalytics.snowplow.badrows/schema_violations/jsonschema/2-0-0",'
    b'"data":{"failure":{"messages":[]}}}'
)


def broken(rng: Random, record: bytes) -> bytes:
    """Return the record in a state in which it cannot be used."""
    return rng.choice(_FLAWS)(record)


def poisoned(record: bytes) -> bytes:
    """Return the record of a product with a price that is no number."""
    return _PRICE.sub(b'"price":"free"', record)


def _field(index: int, value: bytes) -> Callable[[bytes], bytes]:
    def replaced(record: bytes) -> bytes:
        fields = record.split(b"\t")
        fields[index] = value
        return b"\t".join(fields)

    return replaced


def _cut(record: bytes) -> bytes:
    return record[: len(record) // 2]


def _torn_json(record: bytes) -> bytes:
    fields = record.split(b"\t")
    fields[52] = fields[52][:-7]
    return b"\t".join(fields)


def _priceless(record: bytes) -> bytes:
    return poisoned(record) if _PRICE.search(record) else _cut(record)


def _strange_currency(record: bytes) -> bytes:
    return _CURRENCY.sub(b'"currency":"XQZ"', record) if _CURRENCY.search(record) else _torn_json(record)


def _bad_row(_record: bytes) -> bytes:
    return _BAD_ROW


def _empty(_record: bytes) -> bytes:
    return b""


def _not_text(record: bytes) -> bytes:
    return record.replace(b'"schema"', b'"sch\xffema"', 1)


_FLAWS: Final = (
    _cut,
    _torn_json,
    _priceless,
    _strange_currency,
    _bad_row,
    _empty,
    _not_text,
    _field(3, b"yesterday"),
    _field(6, b""),
)
