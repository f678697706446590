"""End like Ctrl-C on every polite signal, and only once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_POLITE: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first INT, TERM or HUP; later ones do not disturb the clearing up."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for polite in _POLITE:
            signal.signal(polite, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _POLITE}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
