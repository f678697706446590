"""What becomes of connections when sending fails in a way that is no fault of Redis."""

import time
from typing import Any

import pytest

from sinks.calls import Call, plain
from sinks.exchange import Answers, Exchange


class Pool:
    """Gives itself as the connection."""

    def __init__(self) -> None:
        self.out = 0
        self.connected = True
        self.fails = False

    def get_connection(self) -> "Pool":
        self.out, self.connected = self.out + 1, True
        return self

    def release(self, connection: "Pool") -> None:
        self.out -= 1

    def disconnect(self) -> None:
        self.connected = False

    def pack_commands(self, commands: Any) -> Any:
        if self.fails:
            raise ZeroDivisionError
        return commands

    def send_packed_command(self, packed: Any) -> None:
        """Take it."""

    def read_response(self) -> int:
        return 1


class OnePool:
    """A route with a defect, if told so."""

    cluster = False

    def __init__(self) -> None:
        self.pool: Any = Pool()
        self.fails = False

    def pools(self, calls: Any) -> Any:
        if self.fails:
            raise ZeroDivisionError
        return {self.pool: list(calls)}

    def refresh(self) -> None:
        """Nothing to look for."""

    def close(self) -> None:
        """Nothing to close."""


CALLS: list[Call] = [plain("a", {"b": 1})]


@pytest.mark.parametrize("goes_ahead", [False, True])
@pytest.mark.parametrize("where", ["route", "connection"])
def test_a_defect_keeps_no_connection_and_leaves_no_answer_behind(goes_ahead: bool, where: str) -> None:
    route = OnePool()
    exchange, pool = Exchange(route, "shown"), route.pool
    if goes_ahead:
        exchange.ahead(CALLS)
    failing = route if where == "route" else pool
    failing.fails = True
    with pytest.raises(ZeroDivisionError):
        exchange.send(CALLS, 1, time.monotonic() + 1, Answers())
    assert pool.out == 0
    assert not pool.connected or (where == "route" and not goes_ahead)
    failing.fails = False
    answers = Answers()
    exchange.send(CALLS, 1, time.monotonic() + 1, answers)
    assert answers.verdicts == {"p": 1}, "of what went ahead before, nothing is asked"
    assert pool.out == 0


class TwoPools(OnePool):
    """A cluster: each call goes to a node of its own."""

    cluster = True

    def __init__(self) -> None:
        super().__init__()
        self.nodes = [Pool(), Pool()]

    def pools(self, calls: Any) -> Any:
        return dict(zip(self.nodes, ([call] for call in calls), strict=True))


def test_a_defect_while_answers_are_read_leaves_no_answer_of_another_node_behind(monkeypatch: Any) -> None:
    route = TwoPools()
    first, second = route.nodes

    def defect() -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(first, "read_response", defect)
    with pytest.raises(ZeroDivisionError):
        Exchange(route, "shown").send([*CALLS, *CALLS], 1, time.monotonic() + 1, Answers())
    assert [pool.out for pool in route.nodes] == [0, 0]
    assert not second.connected
