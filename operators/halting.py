"""A keyed function that does nothing more once it has failed."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from pyflink.datastream import KeyedProcessFunction


class HaltedError(RuntimeError):
    """It was called again after it had raised."""

    def __init__(self, failure: str) -> None:
        """Name the type of what it raised then."""
        super().__init__(f"this attempt has failed already ({failure}), and Flink is about to end it")


class HaltingFunction(KeyedProcessFunction):
    """An element or a timer that raises is the last that does anything.

    What an element raises ends the task's loop. What a timer raises does not: Flink fails the task from
    another thread, and until that has come about the loop goes on, with elements, timers and barriers of
    checkpoints (`StreamTask.invokeProcessingTimeCallback` of Flink 2.3). What failed halfway has counted, or
    has something to hand on, of which Flink's state knows nothing; a checkpoint would keep the one without
    the other.

    A barrier that is next needs no call of this, so whoever hosts state here writes it last, behind all that
    may raise. What Flink cannot hand on of a timer's results is beyond both.
    """

    _failure = ""
    """Only its type: a traceback would hold everything that the attempt had in memory."""

    @abstractmethod
    def take(self, value: Any, ctx: KeyedProcessFunction.Context) -> Sequence[Any]:
        """Handle an element; returns what goes on."""

    @abstractmethod
    def wake(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Sequence[Any]:
        """Handle the timer for `timestamp` (epoch ms) of the key at hand; returns what goes on."""

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Sequence[Any]:
        """Handle an element.

        Raises:
            HaltedError: it has failed before.
        """
        self._go_on()
        try:
            return self.take(value, ctx)
        except BaseException as failure:
            self._failure = type(failure).__name__
            raise

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Sequence[Any]:
        """Handle a timer; one that fails is registered again, since Flink has dropped it already.

        Raises:
            HaltedError: it has failed before.
        """
        try:
            self._go_on()
            return self.wake(timestamp, ctx)
        except BaseException as failure:
            self._failure = self._failure or type(failure).__name__
            # A checkpoint that still comes about must not be one in which nothing wakes the bucket.
            ctx.timer_service().register_processing_time_timer(timestamp)
            raise

    def _go_on(self) -> None:
        if self._failure:
            raise HaltedError(self._failure)
