"""A moment in the past, as a flag takes it."""

import re
import time
from typing import Final

import typer

from jobs.settings.parse import instant_ms

_AGO: Final = re.compile(r"(\d{1,6})\s*(s|min|m|h|d)")
_UNITS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}


def since_ms(text: str | int) -> int:
    """Epoch milliseconds of `2h`, `30min`, `3d` ago, or of an instant.

    >>> since_ms("1970-01-01T00:00:01Z")
    1000
    """
    if isinstance(text, int):
        return text
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return round(time.time() * 1000) - int(ago[1]) * _UNITS[ago[2]] * 1000
    try:
        return instant_ms(text)
    except ValueError:
        msg = f"{text!r} is no moment; write 30min, 2h, 3d or 2026-01-31T08:00:00Z"
        raise typer.BadParameter(msg) from None
