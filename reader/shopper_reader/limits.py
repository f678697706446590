"""How long a caller waits, how often is tried, and when Redis is left alone for a while."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from shopper_reader.errors import CircuitOpenError


@dataclass(frozen=True)
class Limits:
    """What a call may cost. The defaults are for a service that answers people.

    At the worst a call takes `(connect_timeout_s + timeout_s) * (1 + retries)` and the pauses between.
    """

    timeout_s: float = 0.5
    """How long one round trip may take."""
    connect_timeout_s: float = 0.5
    """How long making a connection may take."""
    retries: int = 1
    """How often a call is tried again after a connection broke or an answer did not come."""
    failures: int = 5
    """After so many failed calls without a success between them Redis is left alone; 0: never."""
    pause_s: float = 1.0
    """For so long; then one call tries again."""
    connections: int = 64
    """At most so many at once; a call beyond them fails."""


class Breaker:
    """A circuit breaker: while Redis is down, callers learn it at once instead of waiting for it.

    Written out since the reader depends on redis alone, and the kept libraries of this kind bring one
    interface for threads and another for asyncio; this is both.
    """

    def __init__(
        self, failures: int, pause_s: float, shown: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin closed. `clock` gives seconds."""
        self._most = failures
        self._pause_s = pause_s
        self._shown = shown
        self._clock = clock
        self._lock = Lock()
        self._failures = 0
        self._open_until = 0.0

    def admit(self) -> None:
        """Let a call pass.

        Raises:
            CircuitOpenError: if it is not to be tried now.
        """
        with self._lock:
            if not self._most or self._failures < self._most:
                return
            now = self._clock()
            if now < self._open_until:
                msg = (
                    f"Redis at {self._shown} failed {self._failures} times in a row and is asked again in "
                    f"{self._open_until - now:.1f} s"
                )
                raise CircuitOpenError(msg)
            # This call tries; those that come meanwhile do not.
            self._open_until = now + self._pause_s

    def succeeded(self) -> None:
        """Close: Redis answered."""
        self._failures = 0

    def failed(self) -> None:
        """Count a call that Redis did not answer."""
        with self._lock:
            self._failures += 1
            self._open_until = self._clock() + self._pause_s
