"""Values as Redis holds them, and what they are in Python."""

import json
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeVar

Number = TypeVar("Number", float, Decimal)


class Money(NamedTuple):
    """An amount in major units, exact, with all digits that were written.

    >>> Money(Decimal("26.00"), "EUR")
    Money(amount=Decimal('26.00'), currency='EUR')
    """

    amount: Decimal
    currency: str
    """ISO 4217; empty where the row names none."""


Value = bool | int | float | str | list[str] | Money
"""What a feature may be."""


def _flag(raw: bytes) -> bool:
    if raw not in (b"0", b"1"):
        raise ValueError
    return raw == b"1"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _number(raw: bytes) -> float:
    return _finite(float(raw))


def _amount(raw: bytes) -> Decimal:
    return _finite(Decimal(raw.decode("ascii")))


def _finite(number: Number) -> Number:
    """The number; what is none and what is without end are no values, though Python reads them."""
    if not math.isfinite(number):
        raise ValueError
    return number


def _texts(raw: bytes) -> list[str]:
    found = json.loads(raw)
    if not isinstance(found, list):
        raise TypeError
    return found


PARSERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "int": int,
    "ms": int,
    "s": int,
    "float": _number,
    "money": _amount,
    "bool": _flag,
    "str": _text,
    "list": _texts,
}
"""How a field reads back, by the type that the catalogue gives its feature; of money the amount."""
