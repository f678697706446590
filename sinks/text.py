"""Feature values as Redis text, and back. Exact: integers and `Decimal`, never a rounded float."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

from events.event import Money
from events.money import DIGITS
from features.row import MeanMoney, Value

_MEAN_DIGITS: Final = 4
_BOOL: Final = {True: "1", False: "0"}


@lru_cache(4_096)  # the same prices, and of one shopper the same in several rows
def money_text(money: Money) -> str:
    """Major units with all digits of the currency.

    >>> money_text(Money(2600, "EUR")), money_text(Money(1500, "JPY")), money_text(Money(-5, "EUR"))
    ('26.00', '1500', '-0.05')
    """
    return _point(money.minor, _digits(money.currency))


@lru_cache(4_096)
def mean_text(mean: MeanMoney) -> str:
    """Major units, always four digits, rounded half-even from the exact quotient.

    >>> mean_text(MeanMoney(5200, 2, "EUR")), mean_text(MeanMoney(100, 3, "EUR"))
    ('26.0000', '0.3333')
    """
    divisor = mean.count * 10 ** _digits(mean.currency)
    quotient, rest = divmod(mean.minor * 10**_MEAN_DIGITS, divisor)
    twice = 2 * rest
    if twice > divisor or (twice == divisor and quotient & 1):
        quotient += 1
    return _point(quotient, _MEAN_DIGITS)


def float_text(number: float) -> str:
    """The shortest text that reads back as the same float, without an exponent.

    >>> float_text(1e-7), float_text(1.0)
    ('0.0000001', '1.0')
    """
    text = repr(number)
    return format(Decimal(text), "f") if "e" in text else text


def list_text(values: list[str]) -> str:
    """Compact JSON."""
    try:
        return msgspec.json.encode(values).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(cleaned(values)).decode()


def clean(text: str) -> str:
    """`text` with lone surrogates replaced: they have no UTF-8, and one of them must not stop a batch."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def cleaned(given: Any) -> Any:
    r"""What `clean` makes of every text in lists and tuples.

    >>> cleaned(["a", ("\ud800", 1)])
    ['a', ['?', 1]]
    """
    if isinstance(given, str):
        return clean(given)
    return [cleaned(each) for each in given] if isinstance(given, list | tuple) else given


def text_of(value: Value) -> str:
    """Any feature value as text."""
    return TEXT[type(value)](value)


TEXT: Final[Mapping[type, Callable[[Any], str]]] = {
    bool: _BOOL.__getitem__,
    int: str,
    float: float_text,
    str: clean,
    list: list_text,
    Money: money_text,
    MeanMoney: mean_text,
}
"""How a value of each type is written."""


def money_of(text: str, currency: str) -> Money:
    """The amount that `money_text` wrote as `text`."""
    return Money(int(Decimal(text).scaleb(_digits(currency))), currency)


def bool_of(text: str) -> bool:
    """The flag that was written as `1` or `0`."""
    return text == "1"


def list_of(text: str) -> list[str]:
    """The list that `list_text` wrote."""
    return msgspec.json.decode(text, type=list[str])


PARSERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "int": int,
    "ms": int,
    "s": int,
    "float": float,
    "money": Decimal,
    "bool": bool_of,
    "str": str,
    "list": list_of,
}
"""How text reads back, by the type that the catalogue gives a feature; money as a `Decimal`."""


def _digits(currency: str) -> int:
    digits = DIGITS.get(currency)
    if digits is None:
        msg = f"currency {currency!r} has no minor digits in ISO 4217; the decoder should have refused it"
        raise ValueError(msg)
    return digits


def _point(number: int, digits: int) -> str:
    if not digits:
        return str(number)
    text = str(abs(number)).rjust(digits + 1, "0")
    return f"{'-' if number < 0 else ''}{text[:-digits]}.{text[-digits:]}"
