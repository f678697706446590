"""Times of the wire formats as epoch milliseconds.

An own parser, because `datetime.fromisoformat` also takes week dates, bare dates and any separator, and is
slower. A stream has few seconds in sight at a time and a thousand fractions, so both halves of a text are
cached.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_SECOND: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)", re.ASCII)
_REST: Final = re.compile(r"(?:\.(\d{1,9}))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))?", re.ASCII)
_SECOND_CHARS: Final = len("2022-10-25 07:49:55")
_LONGEST: Final = len("2022-10-25T07:49:55.123456789+02:00")


def epoch_ms(text: str) -> int | None:
    """Epoch milliseconds of `yyyy-MM-dd HH:mm:ss.SSS` or RFC 3339; None for anything else.

    0 to 9 fraction digits, those after the third are cut off; a time without a zone is UTC. Years 1 to 9999,
    no leap seconds.

    >>> epoch_ms("2022-10-25 07:49:55.529"), epoch_ms("2022-10-25T09:49:55.5+02:00")
    (1666684195529, 1666684195500)
    """
    if len(text) > _LONGEST:
        return None
    second = _second(text[:_SECOND_CHARS])
    rest = _rest(text[_SECOND_CHARS:])
    return None if second is None or rest is None else second + rest


@lru_cache(maxsize=8192)
def _second(text: str) -> int | None:
    match = _SECOND.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        return (datetime(year, month, day, hour, minute, second, tzinfo=UTC) - _EPOCH) // _MILLISECOND
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _rest(text: str) -> int | None:
    """Milliseconds that fraction and zone add."""
    match = _REST.fullmatch(text)
    if match is None:
        return None
    fraction, sign, hours, minutes = match.groups()
    ms = int((fraction or "0")[:3].ljust(3, "0"))
    if sign is None:
        return ms
    offset = (int(hours) * 60 + int(minutes)) * 60_000
    return ms - offset if sign == "+" else ms + offset
