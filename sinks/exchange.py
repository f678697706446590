"""Sends a pipeline and reads its replies, again until every call is answered or the time is up."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from redis.backoff import EqualJitterBackoff
from redis.connection import ConnectionPool
from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    RedisError,
    ResponseError,
    TimeoutError,  # noqa: A004  redis-py's own, not the builtin
)

from sinks.calls import Call, Script
from sinks.errors import SinkUnavailable
from sinks.faults import UNREACHABLE, Fault, fault_of, remedy
from sinks.routes import Route

_BACKOFF: Final = EqualJitterBackoff(cap=2.0, base=0.05)
_AT_ONCE: Final = frozenset({Fault.UNKNOWN_SCRIPT, Fault.ASK, Fault.MOVED})
_PATIENCE: Final = 3
"""So many rounds go without a wait when only `_AT_ONCE` faults came up."""


@dataclass(slots=True)
class Answers:
    """What Redis answered to the calls of one write."""

    verdicts: Counter[str] = field(default_factory=Counter)
    """How often each letter of the scripts."""
    missed: list[str] = field(default_factory=list)
    """The shoppers of whom some row has to be sent whole."""
    behind: list[str] = field(default_factory=list)
    """The shoppers of whom some row was refused, for what is stored is newer."""
    retries: int = 0
    """Rounds that had to be made again."""
    torn: bool = False
    """Whether a connection broke when some calls had been answered: should Redis have lost those, the number
    behind all calls would not say so."""


class Exchange:
    """One writer's conversation with Redis. Not thread-safe: one an operator."""

    def __init__(self, route: Route, shown: str) -> None:
        self._route = route
        self._shown = shown
        self._loaded: set[tuple[ConnectionPool, str]] = set()

    def send(self, calls: Sequence[Call], give_up_s: float, deadline: float, answers: Answers) -> None:
        """Send the calls and add what Redis says to `answers`.

        Raises:
            SinkUnavailable: when calls are unanswered at `deadline` (monotonic), or an answer is final.
        """
        left, failures = list(calls), 0
        while left:
            attempt = _Round(self._loaded, deadline, self._route.cluster, answers)
            left = attempt.run(self._route, left)
            if attempt.final is not None:
                raise self._unavailable(len(left), attempt.final)
            if not left:
                break
            failures += 1
            answers.retries += 1
            wait = _BACKOFF.compute(failures)
            if attempt.faults <= _AT_ONCE and failures <= _PATIENCE:
                wait = 0.0
            if time.monotonic() + wait >= deadline:
                raise self._unavailable(len(left), attempt.error, give_up_s)
            if Fault.MOVED in attempt.faults or Fault.LATER in attempt.faults:
                self._route.refresh()
            time.sleep(wait)

    def _unavailable(self, left: int, error: Exception | None, give_up_s: float = 0) -> SinkUnavailable:
        _, code = fault_of(error, self._route.cluster) if error is not None else (None, "")
        cause = f"{type(error).__name__}: {error}" if error is not None else "no answer"
        cure = remedy(code) if code else UNREACHABLE
        what = f"did not take within {give_up_s:g} s" if give_up_s else "refused"
        msg = f"Redis at {self._shown} {what} {left} of the write's commands ({cause}); {cure}"
        return SinkUnavailable(msg)


class _Sent(NamedTuple):
    """What one node was sent and has yet to answer."""

    pool: ConnectionPool
    connection: Any
    scripts: list[Script]
    calls: list[Call]


class _Round:
    """One attempt: everything is written to all nodes first, then all answers are read."""

    def __init__(
        self, loaded: set[tuple[ConnectionPool, str]], deadline: float, cluster: bool, answers: Answers
    ) -> None:
        self._loaded = loaded
        self._deadline = deadline
        self._cluster = cluster
        self._answers = answers
        self.left: list[Call] = []
        self.faults: set[Fault] = set()
        self.error: Exception | None = None
        self.final: Exception | None = None

    def run(self, route: Route, calls: Sequence[Call]) -> list[Call]:
        """Send `calls`; what must be sent again."""
        try:
            groups = route.pools(calls)
        except (RedisError, OSError) as error:
            self._broken(error, calls)
            return self.left
        for sent in [self._write(pool, group) for pool, group in groups.items()]:
            if sent is not None:
                try:
                    self._read(sent)
                finally:
                    sent.pool.release(sent.connection)
        return self.left

    def _write(self, pool: ConnectionPool, calls: list[Call]) -> _Sent | None:
        scripts = {call.script for call in calls if call.script is not None}
        new = [script for script in scripts if (pool, script.sha) not in self._loaded]
        commands: list[tuple[Any, ...]] = [("SCRIPT LOAD", script.text) for script in new]
        for call in calls:
            if call.asking:
                commands.append(("ASKING",))
            commands.append(call.args)
        connection: Any = None
        try:
            connection = pool.get_connection()
            connection.send_packed_command(connection.pack_commands(commands))
        except (RedisError, OSError) as error:
            if connection is not None:
                connection.disconnect()
                pool.release(connection)
            self._broken(error, calls)
            return None
        return _Sent(pool, connection, new, calls)

    def _read(self, sent: _Sent) -> None:
        answered = 0
        complete = False
        try:
            for script in sent.scripts:
                self._learn(sent.pool, script, self._reply(sent.connection))
            for call in sent.calls:
                if call.asking:
                    self._reply(sent.connection)
                self._take(sent.pool, call, self._reply(sent.connection))
                answered += 1
            complete = True
        except (RedisError, OSError) as error:
            self._broken(error, sent.calls[answered:])
        finally:
            if not complete:
                # Answers that were not read would be taken for those of the next batch.
                sent.connection.disconnect()

    def _reply(self, connection: Any) -> Any:
        if time.monotonic() > self._deadline:
            msg = "the answers came too slowly"
            raise TimeoutError(msg)
        try:
            return connection.read_response()
        except ResponseError as error:
            return error

    def _learn(self, pool: ConnectionPool, script: Script, reply: Any) -> None:
        if not isinstance(reply, ResponseError):
            self._loaded.add((pool, script.sha))
        elif fault_of(reply, self._cluster)[0] is Fault.FINAL:
            self.final = self.error = reply

    def _take(self, pool: ConnectionPool, call: Call, reply: Any) -> None:
        if not isinstance(reply, ResponseError):
            letters, answers = reply.decode() if call.script else "p", self._answers
            answers.verdicts.update(letters)
            for letter, told in (("m", answers.missed), ("r", answers.behind)):
                if letter in letters:
                    told += [
                        whose for whose, each in zip(call.subjects, letters, strict=True) if each == letter
                    ]
            return
        fault, _ = fault_of(reply, self._cluster)
        if fault is Fault.FOREIGN:
            self._answers.verdicts["f"] += 1
            return
        self.faults.add(fault)
        self.error = reply
        call.asking = None
        if fault is Fault.FINAL:
            self.final = self.final or reply
        elif fault is Fault.UNKNOWN_SCRIPT and call.script is not None:
            self._loaded.discard((pool, call.script.sha))
        elif isinstance(reply, AskError):
            call.asking = (reply.host, reply.port)
        self.left.extend(call.apart() if fault is Fault.APART else [call])

    def _broken(self, error: Exception, calls: Sequence[Call]) -> None:
        """Note that a connection failed, and that what it was to carry goes again."""
        self.error = error
        self.faults.add(Fault.LATER)
        self._answers.torn |= bool(self._answers.verdicts)
        if isinstance(error, ResponseError | AuthenticationError | AuthorizationError):
            # Redis refused the connection itself: a wrong password, a database that is not there.
            fault, _ = fault_of(error, self._cluster)
            self.final = self.final or (error if fault is Fault.FINAL else None)
        self.left.extend(calls)
