"""What may be broken in the demo, on purpose: its own servers, by signals to their processes."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from jobs.local.stack import LocalStack
from serving.page.service import RefusedError

FROZEN_S: Final = 4.0


class Disruptions:
    """Breaks things from any thread; whoever started the processes puts them right."""

    def __init__(self, stack: LocalStack) -> None:
        """Remember the servers."""
        self._stack = stack
        self._lock = threading.Lock()
        self._thawing: threading.Timer | None = None

    def named(self) -> dict[str, Callable[[], str]]:
        """Each disruption; calling it breaks something, and says what."""
        return {"kill_taskmanager": self.kill_taskmanager, "freeze_redis": self.freeze_redis}

    def kill_taskmanager(self) -> str:
        """Kill a TaskManager as a crash of its machine would.

        Raises:
            RefusedError: if none runs.
        """
        for number in self._stack.flink.running():
            with suppress(KeyError):  # it may be replaced at this very moment
                self._stack.flink.taskmanager(number).crash()
                return f"TaskManager {number} was killed"
        msg = "no TaskManager runs now: wait until the one that was killed is back"
        raise RefusedError(msg)

    def freeze_redis(self) -> str:
        """Stop Redis from answering for some seconds.

        Raises:
            RefusedError: if it is frozen already.
        """
        redis = self._stack.redis.process
        with self._lock:
            if self._thawing is not None and self._thawing.is_alive():
                msg = "Redis is frozen already"
                raise RefusedError(msg)
            redis.freeze()
            self._thawing = threading.Timer(FROZEN_S, redis.thaw)
            self._thawing.daemon = True
            self._thawing.start()
        return f"Redis is frozen for {FROZEN_S:g} s"

    def close(self) -> None:
        """Let everything run on."""
        if self._thawing is not None:
            self._thawing.cancel()
            self._stack.redis.process.thaw()
