"""Checks of single values: each gives the value, or None with a reason appended.

They take the name of the field only, so that nothing is formatted for the values that are right; `placed`
puts the entity's path in front afterwards.
"""

import re
from typing import Final

from events.instant import epoch_ms
from events.masking import shown_number, shown_time, sized
from events.verdict import Reason

LONGEST_ID: Final = 1_000
"""Characters of an id that becomes a key; Snowplow's own limits are 255 and less."""

GREATEST_COUNT: Final = 10**9

_WHOLE: Final = re.compile(r"\+?(\d{1,12})(?:\.0{0,12})?", re.ASCII)
_EXACT_FLOAT: Final = 2**53


class EpochMs(int):
    """A time in epoch milliseconds that a source's declaration has already made of what was sent."""

    __slots__ = ()


def text(value: object, field: str, reasons: list[Reason]) -> str | None:
    """A text as sent, None where it is absent or blank; a JSON number is turned to text."""
    if type(value) is str:
        return None if not value or value.isspace() else value
    if value is None:
        return None
    if type(value) is int:
        return str(value)
    if type(value) is float:
        # Go's SDK writes 12 where others write 12.0.
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT_FLOAT else repr(value)
    reasons.append(Reason(field, sized(value), "a text"))
    return None


def key(value: object, field: str, reasons: list[Reason]) -> str | None:
    """A text that becomes part of a key: at most `LONGEST_ID` characters."""
    if type(value) is str and len(value) <= LONGEST_ID:
        return None if not value or value.isspace() else value
    found = text(value, field, reasons)
    if found is None or len(found) <= LONGEST_ID:
        return found
    reasons.append(Reason(field, sized(found), f"at most {LONGEST_ID:,} characters"))
    return None


def instant(value: object, field: str, reasons: list[Reason]) -> int | None:
    """A time in epoch milliseconds, None where it is absent."""
    if value is None or value == "":
        return None
    if type(value) is EpochMs:
        return int(value)
    at = epoch_ms(value) if type(value) is str else None
    if at is None:
        reasons.append(Reason(field, shown_time(value), "yyyy-MM-dd HH:mm:ss.SSS or RFC 3339"))
    return at


def whole(value: object, least: int, greatest: int, field: str, reasons: list[Reason]) -> int | None:
    """A whole number within its bounds, None where it is absent; `2.0` and `"2"` are 2."""
    if value is None or value == "":
        return None
    number: int | None = None
    if type(value) is int:
        number = value
    elif type(value) is float and value.is_integer():
        number = int(value)
    elif type(value) is str and (match := _WHOLE.fullmatch(value)):
        number = int(match[1])
    if number is not None and least <= number <= greatest:
        return number
    reasons.append(Reason(field, shown_number(value), f"a whole number from {least} to {greatest}"))
    return None


def placed(reasons: list[Reason], since: int, path: str) -> None:
    """Put `path` in front of the fields of the reasons that were appended since."""
    for index in range(since, len(reasons)):
        reasons[index] = reasons[index]._replace(field=f"{path}.{reasons[index].field}")
