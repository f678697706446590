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
    ResponseError,
    TimeoutError,  # noqa: A004  redis-py's own, not the builtin
)

from sinks.calls import Call, Script
from sinks.errors import SinkUnavailable
from sinks.faults import BROKEN, UNREACHABLE, Fault, fault_of, remedy
from sinks.routes import Route

_BACKOFF: Final = EqualJitterBackoff(cap=2.0, base=0.05)
_AT_ONCE: Final = frozenset({Fault.UNKNOWN_SCRIPT, Fault.ASK, Fault.MOVED})
_OVERTAKEN: Final = frozenset({Fault.LATER, Fault.MOVED, Fault.UNKNOWN_SCRIPT})
"""Not while a slot moves, which may last."""
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
    """Whether all calls are to go again, for some had been answered when others failed: should Redis have
    lost those, the number behind all calls would not say so, and the others would come behind them."""


class Exchange:
    """One writer's conversation with Redis. Not thread-safe: one an operator."""

    def __init__(self, route: Route, shown: str) -> None:
        self._route = route
        self._shown = shown
        self._loaded: set[tuple[ConnectionPool, str]] = set()
        self._open: _Round | None = None

    def ahead(self, calls: Sequence[Call]) -> None:
        """Send calls without reading what Redis says: it is at work on them until the next `send` asks.

        What goes wrong is for that `send` to mend, which must come, whatever it sends itself.
        """
        if self._open is None:
            self._open = _Round(self._loaded, self._route.cluster)
        self._open.write(self._route, calls)

    def drop(self) -> None:
        """Ask for no answer to what went ahead."""
        if self._open is not None:
            self._open.drop()
            self._open = None

    def send(self, calls: Sequence[Call], give_up_s: float, deadline: float, answers: Answers) -> None:
        """Send the calls and add what Redis says to `answers`, also of calls that went ahead.

        Raises:
            SinkUnavailable: when calls are unanswered at `deadline` (monotonic), or an answer is final.
        """
        left, failures = list(calls), 0
        last = [call for call in calls if call.everywhere]
        attempt, self._open = self._open, None
        while left or attempt is not None:
            attempt = attempt or _Round(self._loaded, self._route.cluster)
            try:
                attempt.write(self._route, left)
                left = attempt.read(deadline, answers)
            except BaseException:
                attempt.drop()  # nodes may have answers that were not read
                raise
            if attempt.final is not None:
                raise self._unavailable(len(left), attempt.final)
            if not left:
                break
            if attempt.faults & _OVERTAKEN:
                # Those that were taken have overtaken those that were not: all go again, in their order.
                answers.torn |= bool(answers.verdicts)
            # What goes again must not follow the number that says it is there.
            left += [call for call in last if call not in left]
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
            attempt = None

    def _unavailable(self, left: int, error: Exception | None, give_up_s: float = 0) -> SinkUnavailable:
        _, code = fault_of(error, self._route.cluster) if error is not None else (None, "")
        cause = f"{type(error).__name__}: {error}" if error is not None else "no answer"
        cure = remedy(code) if code else UNREACHABLE
        what = f"did not take within {give_up_s:g} s" if give_up_s else "refused"
        msg = f"Redis at {self._shown} {what} {left} of the write's commands ({cause}); {cure}"
        return SinkUnavailable(msg)


class _Sent(NamedTuple):
    """What one node was sent at once and has yet to answer."""

    pool: ConnectionPool | None
    """None where no node was found for the calls."""
    scripts: list[Script]
    calls: list[Call]


class _Round:
    """One attempt: everything is written to all nodes first, then all answers are read."""

    def __init__(self, loaded: set[tuple[ConnectionPool, str]], cluster: bool) -> None:
        self._loaded = loaded
        self._cluster = cluster
        self._deadline = 0.0
        self._answers = Answers()
        self._sent: list[_Sent] = []
        self._connections: dict[ConnectionPool, Any] = {}
        self._broke: dict[ConnectionPool | None, Exception] = {}
        """Why nothing more can be had of a connection; of None, why no node is to be found."""
        self.left: list[Call] = []
        self.faults: set[Fault] = set()
        self.error: Exception | None = None
        self.final: Exception | None = None

    def write(self, route: Route, calls: Sequence[Call]) -> None:
        """Send calls; may be done several times, each on the connections of the first.

        What fails is told by `read`, so that calls go again in the order in which they came.
        """
        if not calls:
            return
        if None in self._broke:
            self._sent.append(_Sent(None, [], list(calls)))
            return
        try:
            groups = route.pools(calls)
        except BROKEN as error:
            self._broke[None] = error
            self._sent.append(_Sent(None, [], list(calls)))
            return
        for pool, group in groups.items():
            self._write(pool, group)

    def read(self, deadline: float, answers: Answers) -> list[Call]:
        """Add what all calls are answered to `answers`, until `deadline`; what must be sent again."""
        self._deadline, self._answers = deadline, answers
        for sent in self._sent:
            self._read(sent)
        self._release()
        return self.left

    def drop(self) -> None:
        """Read no answer at all."""
        for connection in self._connections.values():
            connection.disconnect()
        self._release()

    def _release(self) -> None:
        for pool, connection in self._connections.items():
            pool.release(connection)

    def _write(self, pool: ConnectionPool, calls: list[Call]) -> None:
        if pool in self._broke:
            self._sent.append(_Sent(pool, [], calls))
            return
        scripts = {call.script for call in calls if call.script is not None}
        new = [script for script in scripts if (pool, script.sha) not in self._loaded]
        commands: list[tuple[Any, ...]] = [("SCRIPT LOAD", script.text) for script in new]
        for call in calls:
            if call.asking:
                commands.append(("ASKING",))
            commands.append(call.args)
        try:
            connection = self._connections.get(pool)
            if connection is None:
                connection = self._connections[pool] = pool.get_connection()
            connection.send_packed_command(connection.pack_commands(commands))
        except BROKEN as error:
            self._lose(pool, error)
        self._sent.append(_Sent(pool, new, calls))

    def _read(self, sent: _Sent) -> None:
        if sent.pool is None or sent.pool in self._broke:
            self._broken(self._broke[sent.pool], sent.calls)
            return
        connection = self._connections[sent.pool]
        answered = 0
        complete = False
        try:
            for script in sent.scripts:
                self._learn(sent.pool, script, self._reply(connection))
            for call in sent.calls:
                if call.asking:
                    self._reply(connection)
                self._take(sent.pool, call, self._reply(connection))
                answered += 1
            complete = True
        except BROKEN as error:
            self._lose(sent.pool, error)
            self._broken(error, sent.calls[answered:])
        finally:
            if not complete:
                # Answers that were not read would be taken for those of the next batch.
                connection.disconnect()

    def _lose(self, pool: ConnectionPool, error: Exception) -> None:
        """Let a connection be: it would connect anew, and have no answers to what it sent before."""
        self._broke[pool] = error
        if pool in self._connections:
            self._connections[pool].disconnect()

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
