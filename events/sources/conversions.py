"""Types and units of a declaration, done to single values: each gives None for what does not fit."""

import re
from decimal import Decimal
from typing import Any, Final

from events.instant import epoch_ms
from events.money import DIGITS
from events.values import EpochMs

_INTEGER: Final = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?\d{1,20}(\.\d{0,20})?", re.ASCII)
_GREATEST: Final = 10**20
"""Beyond all times and amounts."""
_PER_MS: Final = {
    "seconds": Decimal(1000),
    "milliseconds": Decimal(1),
    "microseconds": Decimal("0.001"),
    "nanoseconds": Decimal("0.000001"),
}
_MAGNITUDES: Final = ((10**11, "seconds"), (10**14, "milliseconds"), (10**17, "microseconds"))
"""Numbers below each are taken for that unit: 10**11 seconds are the year 5138, 10**11 ms are 1973."""


def typed(value: Any, name: str) -> Any:
    """The value as its declared type has it; `2.0` and `"2"` are the integer 2.

    >>> typed("12", "integer"), typed("12.5", "number"), typed(True, "integer"), typed(12, "text")
    (12, '12.5', None, None)
    """
    kind = type(value)
    if name == "integer":
        if kind is float and value.is_integer() and abs(value) < _GREATEST:
            return int(value)
        return int(value) if kind is int or (kind is str and _INTEGER.fullmatch(value)) else None
    if name == "number":
        return value if kind in (int, float) or (kind is str and _NUMBER.fullmatch(value)) else None
    return value if kind is (bool if name == "boolean" else str) else None


def as_word(value: Any) -> str | None:
    """A single value as text, by which words of a declaration are compared; None for lists and objects.

    >>> as_word(True), as_word(7), as_word(7.0), as_word("7"), as_word([7])
    ('true', '7', '7', '7', None)
    """
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is float:
        return str(int(value)) if value.is_integer() and abs(value) < _GREATEST else repr(value)
    return str(value) if type(value) in (str, int) else None


def epoch(value: Any, unit: str) -> EpochMs | None:
    """A time by its unit; digits beyond the millisecond are cut off.

    >>> epoch(1666684195.529, "seconds"), epoch("2022-10-25T07:49:55.529Z", "auto")
    (1666684195529, 1666684195529)
    """
    number = _exact(value)
    if unit == "iso" or (unit == "auto" and number is None):
        at = epoch_ms(value) if type(value) is str else None
        return None if at is None else EpochMs(at)
    if number is None:
        return None
    if unit == "auto":
        unit = next((name for most, name in _MAGNITUDES if number < most), "nanoseconds")
    return EpochMs(number * _PER_MS[unit])


def _exact(value: Any) -> Decimal | None:
    if type(value) is int:
        return Decimal(value) if abs(value) < _GREATEST else None
    if type(value) is float:
        return Decimal(repr(value)) if abs(value) < _GREATEST else None
    return Decimal(value) if type(value) is str and _NUMBER.fullmatch(value) else None


def major_of(value: Any, currency: Any) -> str | None:
    """A whole number of minor units as text in major units; an unknown currency counts as one of two digits.

    >>> major_of(4299, "EUR"), major_of("1500", "JPY"), major_of(5, "KWD"), major_of(1.5, "EUR")
    ('42.99', '1500', '0.005', None)
    """
    minor = typed(value, "integer")
    if minor is None:
        return None
    digits = DIGITS.get(currency[:4].upper(), 2) if type(currency) is str else 2
    if not digits:
        return str(minor)
    sign, whole = ("-" if minor < 0 else ""), str(abs(minor)).rjust(digits + 1, "0")
    return f"{sign}{whole[:-digits]}.{whole[-digits:]}"
