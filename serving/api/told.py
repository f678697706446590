"""Rows as JSON: numbers as numbers, money exactly, nothing that JSON does not have."""

import json
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import orjson

from shopper_reader import Money, Row, Shopper, Value, ValueFormatError


def told(value: Value) -> Any:
    """A value as plain data; of money the amount as text, with every digit.

    >>> from decimal import Decimal
    >>> told(Money(Decimal("26.00"), "EUR"))
    {'amount': '26.00', 'currency': 'EUR'}
    """
    if isinstance(value, Money):
        return {"amount": format(value.amount, "f"), "currency": value.currency}
    return value


def row_of(row: Row, names: Iterable[str] | None = None) -> dict[str, Any]:
    """A row with its verdict; of its features those `names`, or all that were read.

    A field that holds no value of its feature costs that feature only.
    """
    features, unreadable = {}, {}
    asked = row.names if names is None else names
    for name in () if row.at is None else asked:
        try:
            value = row.get(name)
        except ValueFormatError as error:
            unreadable[name] = str(error)
        else:
            if value is not None:
                features[name] = told(value)
    made = {
        "verdict": row.verdict.value,
        "why": row.why,
        "same_as": row.same_as or None,
        "now": row.now,
        "at": row.at,
        "next": row.next,
        "until": row.until,
        "age_ms": row.age_ms,
        "capped": row.capped,
        "features": features,
    }
    return made | ({"unreadable": unreadable} if unreadable else {})


def shopper_of(shopper: str, rows: Shopper) -> dict[str, Any]:
    """A shopper's rows by window; `shopper` is the id that was asked for."""
    return {"shopper": shopper, "windows": {window: row_of(row) for window, row in rows.items()}}


def version_of(rows: Shopper) -> str:
    """Another text when anything that Redis holds of the rows, a verdict, or whose row it is, is another."""
    parts = [f"{window} {row.verdict.value} {row.version} {row.same_as}" for window, row in rows.items()]
    return blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()


def as_json(data: Any) -> bytes:
    """`data` as JSON; what a foreign hand wrote may hold numbers and texts that orjson refuses."""
    try:
        return orjson.dumps(data)
    except TypeError:
        return json.dumps(data, allow_nan=False, separators=(",", ":")).encode()
