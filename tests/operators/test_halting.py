"""A function that has failed: what it lets happen until Flink has ended its task."""

import gc
import pickle
import weakref
from collections.abc import Sequence
from typing import Any

import pytest

from operators.halting import HaltedError, HaltingFunction


class Timers:
    """A context and its timer service in one."""

    def __init__(self) -> None:
        self.registered: list[int] = []

    def timer_service(self) -> "Timers":
        return self

    def register_processing_time_timer(self, moment: int) -> None:
        self.registered.append(moment)


class Fails(HaltingFunction):
    """Gives what it is given, and fails at "bad" elements and at odd timers."""

    def __init__(self) -> None:
        self.done: list[Any] = []

    def take(self, value: Any, ctx: Any) -> Sequence[Any]:
        return self._do(value, fails=value == "bad")

    def wake(self, timestamp: int, ctx: Any) -> Sequence[Any]:
        return self._do(timestamp, fails=timestamp % 2 == 1)

    def _do(self, what: Any, *, fails: bool) -> Sequence[Any]:
        self.done.append(what)
        if fails:
            msg = f"{what} is what it fails at"
            raise RuntimeError(msg)
        return [what]


def test_it_gives_what_its_elements_and_timers_give() -> None:
    function, ctx = pickle.loads(pickle.dumps(Fails())), Timers()  # noqa: S301  as it goes to a worker
    assert [*function.process_element("good", ctx), *function.on_timer(2, ctx)] == ["good", 2]
    assert ctx.registered == []


def test_nothing_happens_after_a_timer_that_failed() -> None:
    function, ctx = Fails(), Timers()
    with pytest.raises(RuntimeError, match="1 is what it fails at"):
        function.on_timer(1, ctx)
    with pytest.raises(HaltedError, match=r"failed already \(RuntimeError\)"):
        function.process_element("good", ctx)
    with pytest.raises(HaltedError):
        function.on_timer(2, ctx)
    assert function.done == [1]


def test_no_timer_is_lost_by_a_function_that_failed() -> None:
    function, ctx = Fails(), Timers()
    for moment in (1, 2, 3):
        with pytest.raises(RuntimeError):
            function.on_timer(moment, ctx)
    assert ctx.registered == [1, 2, 3]


def test_nothing_happens_after_an_element_that_failed() -> None:
    function, ctx = Fails(), Timers()
    with pytest.raises(RuntimeError, match="bad is what it fails at"):
        function.process_element("bad", ctx)
    with pytest.raises(HaltedError):
        function.on_timer(2, ctx)
    assert function.done == ["bad"]


def test_a_function_that_failed_keeps_nothing_of_its_attempt_in_memory() -> None:
    function, ctx = Fails(), Timers()
    with pytest.raises(RuntimeError):
        function.on_timer(1, ctx)
    gone = weakref.ref(function)
    gc.disable()
    try:
        del function
        assert gone() is None
    finally:
        gc.enable()
