"""How a rejected value is shown: enough to find the mistake, never a person.

Texts are shown only where their shape is that of a plain number, a time or a currency code; of everything
else the type and the size are told.
"""

import re
from typing import Final

SHOWN_CHARS: Final = 40
"""`Reason.value` is never longer."""

_NUMBER: Final = re.compile(
    r"[+-]?\d{1,30}([.,]\d{1,30})?([eE][+-]?\d{1,6})?|[+-]?(nan|inf(inity)?)", re.ASCII | re.IGNORECASE
)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]?[\d:.,+Zz-]*", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Za-z]{1,4}")


def sized(value: object) -> str:
    """Type and size of a value that may be personal.

    >>> sized("shopper@example.com"), sized([1, 2]), sized(None)
    ('text of 19 characters', 'list of 2 items', 'null')
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f"text of {len(value)} characters"
        case list():
            return f"list of {len(value)} items"
        case dict():
            return f"object of {len(value)} keys"
        case _:
            return "a number"


def shown_number(value: object) -> str:
    """A number, or a text that is one, as it came.

    >>> shown_number(-1.5), shown_number("12,50"), shown_number("+49 170 1234567")
    ('-1.5', '12,50', 'text of 15 characters')
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _short(repr(value))
    return _shown(value, _NUMBER)


def shown_time(value: object) -> str:
    """A text that begins like a date, as it came; a number is not shown, for it may be anything."""
    return _shown(value, _TIME)


def shown_currency(value: object) -> str:
    """A text of up to four letters, as it came."""
    return _shown(value, _CURRENCY)


def _shown(value: object, shape: re.Pattern[str]) -> str:
    if isinstance(value, str) and shape.fullmatch(value):
        return _short(value)
    return sized(value)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"
