"""What Kafka, Redis and Flink have in common: started, waited for, stopped."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class LocalService(ABC):
    """A server of this machine; a `with` block starts it, waits until it is ready and stops it."""

    __slots__ = ()

    @abstractmethod
    def start(self) -> None:
        """Start it without waiting."""

    @abstractmethod
    def wait_ready(self) -> None:
        """Wait until it answers."""

    @abstractmethod
    def stop(self) -> None:
        """End all its processes; nothing happens when there are none."""

    def restart(self) -> None:
        """End it and start it again with the same ports and folder."""
        self.stop()
        self.start()
        self.wait_ready()

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
