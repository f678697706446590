"""When Redis is left alone, and what redis-py's errors become."""

import pytest
from redis import exceptions as theirs

from shopper_reader import (
    AccessError,
    AskedWronglyError,
    CircuitOpenError,
    ConnectError,
    InvalidURLError,
    ReaderError,
    TimedOutError,
    TransportError,
)
from shopper_reader.faults import unreachable
from shopper_reader.limits import Breaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def breaker(failures: int = 3) -> tuple[Breaker, Clock]:
    clock = Clock()
    return Breaker(failures, 1.0, "redis://r", clock), clock


def test_after_some_failures_calls_fail_at_once_until_the_pause_is_over():
    one, clock = breaker()
    for _ in range(3):
        one.admit()
        one.failed()
    with pytest.raises(
        CircuitOpenError, match=r"redis://r failed 3 times in a row and is asked again in 1\.0 s"
    ):
        one.admit()
    clock.now += 1.0
    one.admit()
    with pytest.raises(CircuitOpenError):
        one.admit()  # the one before is still trying
    one.succeeded()
    one.admit()


def test_a_try_that_fails_opens_it_again():
    one, clock = breaker()
    for _ in range(3):
        one.failed()
    clock.now += 1.0
    one.admit()
    one.failed()
    clock.now += 0.9
    with pytest.raises(CircuitOpenError, match="4 times"):
        one.admit()


def test_a_success_forgets_what_failed_before():
    one, _ = breaker()
    for _ in range(2):
        one.failed()
    one.succeeded()
    one.failed()
    one.admit()


def test_without_a_number_it_never_opens():
    one, _ = breaker(0)
    for _ in range(9):
        one.failed()
    one.admit()


@pytest.mark.parametrize(
    ("error", "ours", "told"),
    [
        (theirs.ConnectionError("Error 111 connecting"), ConnectError, "does it run"),
        (OSError("broken pipe"), ConnectError, "broken pipe"),
        (theirs.RedisClusterException("no node"), ConnectError, "no node"),
        (theirs.TimeoutError("Timeout reading"), TimedOutError, "in time"),
        (TimeoutError(), TimedOutError, "TimeoutError"),
        (theirs.AuthenticationError("WRONGPASS"), AccessError, "WRONGPASS"),
        (theirs.ConnectionError("NOPERM no 'client|setinfo'"), AccessError, r"\+time"),
        (theirs.ConnectionError("Too many connections"), ConnectError, r"Limits\(connections"),
    ],
)
def test_an_error_says_what_can_be_done(error, ours, told):
    made = unreachable(error, "redis://r")
    assert type(made) is ours
    assert "redis://r" in str(made)
    with pytest.raises(ReaderError, match=told):
        raise made


def test_errors_can_be_told_apart_by_what_to_do():
    assert issubclass(InvalidURLError, AskedWronglyError)
    assert issubclass(AskedWronglyError, ValueError)
    assert not issubclass(AccessError, TransportError)
    assert all(issubclass(kind, TransportError) for kind in (ConnectError, TimedOutError, CircuitOpenError))
