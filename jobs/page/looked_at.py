"""Whether anybody looks: who reads for the page rests while nobody does."""

import math
import threading
import time
from typing import Final

REST_S: Final = 30.0
"""So long after the last look."""


class LookedAt:
    """Remembers when somebody looked last. Thread-safe."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._until = 0.0
        self._woken = threading.Event()

    def look(self) -> None:
        """Somebody looks."""
        self._until = time.monotonic() + REST_S
        self._woken.set()

    def rest(self) -> None:
        """Return as soon as somebody looks, or `wake` is called; at once while somebody does."""
        if time.monotonic() < self._until:
            return
        self._woken.clear()
        if time.monotonic() >= self._until:
            self._woken.wait()

    def wake(self) -> None:
        """Let whoever rests go on; nobody rests any more."""
        # The event alone may be cleared by who is about to rest.
        self._until = math.inf
        self._woken.set()
