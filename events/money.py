"""Amounts as minor units of their currency, exactly."""

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from iso4217 import Currency

from events.event import Money
from events.masking import shown_currency, shown_number
from events.verdict import Reason

GREATEST: Final = 10**12
"""Greatest amount in major units: more is a mistake, not a price."""

DIGITS: Final[dict[str, int]] = {c.code: c.exponent for c in Currency if c.exponent is not None}
"""Minor digits of each currency by ISO 4217; metals, test codes and "no currency" have none and are unknown
here."""

_AMOUNT: Final = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?", re.ASCII)
_EXACT: Final = 10**15
"""Below it a double's shortest text is the decimal that it was written as."""


def money(amount: object, currency: object, field: str, reasons: list[Reason]) -> Money | None:
    """The amount, or None where it is absent or unusable (then with its reasons).

    Numbers and numeric texts are taken by their decimal text; digits beyond the minor unit are rounded half
    to even. An absent amount needs no currency.
    """
    if amount is None or amount == "":
        return None
    code = currency if type(currency) is str and currency in DIGITS else currency_code(currency, reasons)
    # An unknown currency still has its amount looked at, as if it had two digits: all reasons at once.
    minor = minor_units(amount, 2 if code is None else DIGITS[code])
    if minor is None:
        expected = f"a number from 0 to {GREATEST:.0e}".replace("+", "")
        reasons.append(Reason(field, shown_number(amount), expected))
        return None
    return None if code is None else Money(minor, code)


def currency_code(currency: object, reasons: list[Reason]) -> str | None:
    """The code in capitals, or None with a reason."""
    if isinstance(currency, str) and (code := currency[:4].upper()) in DIGITS:
        return code
    value = "absent" if currency in (None, "") else shown_currency(currency)
    reasons.append(Reason("currency", value, "an ISO 4217 code with minor digits"))
    return None


def minor_units(amount: object, digits: int) -> int | None:
    """Minor units of `amount`, or None where it is no amount from 0 to `GREATEST`.

    >>> minor_units(42.99, 2), minor_units("1500", 0), minor_units(0.125, 2), minor_units(float("nan"), 2)
    (4299, 1500, 12, None)
    """
    if type(amount) is float:
        if not 0 <= amount <= GREATEST:
            return None
        scale: int = 10**digits
        minor = round(amount * scale)
        # The double nearest to minor / scale is the amount itself: then the amount was written with these
        # digits.
        if minor < _EXACT and minor / scale == amount:
            return minor
        return _rounded(repr(amount), digits)
    if type(amount) is int:
        return amount * int(10**digits) if 0 <= amount <= GREATEST else None
    if type(amount) is str and _AMOUNT.fullmatch(amount):
        return _rounded(amount, digits)
    return None


def _rounded(text: str, digits: int) -> int | None:
    exact = Decimal(text)
    if not 0 <= exact <= GREATEST:
        return None
    # quantize rounds the exact value once; scaling first would round to the context's 28 digits before.
    return int(exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN).scaleb(digits))
