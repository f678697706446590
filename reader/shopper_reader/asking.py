"""What is sent for one call, and what becomes of the replies: the same for threads and for asyncio."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from redis.exceptions import ResponseError

from shopper_reader.catalogue import SESSION, Catalogue
from shopper_reader.errors import UnknownFeatureError
from shopper_reader.faults import unusable
from shopper_reader.keys import Keys
from shopper_reader.plans import Names, Planner, WindowPlan
from shopper_reader.progress import Progress
from shopper_reader.rows import Moment, Row, Shopper
from shopper_reader.values import Value

PROGRESS_EVERY_S: Final = 1.0
"""The pipeline's reports are read at most so often; it makes one a second."""
_TIME: Final = b"*1\r\n$4\r\nTIME\r\n"

Command = tuple[bytes, ...]


class Question(NamedTuple):
    """One hash that is to be read."""

    shopper: str
    key: bytes
    plan: WindowPlan

    @property
    def command(self) -> Command:
        """As words."""
        name, rest = self.plan.command
        return (name, self.key, *rest)


class Asking:
    """One call: its questions, then the pipeline's reports if they are due, then the time."""

    def __init__(self, questions: list[Question], progress: bytes | None, followed: bool = False) -> None:
        """Keep the questions; `progress` is the key of the reports, or None.

        With `followed` they are about rows that others pointed to.
        """
        self.questions = questions
        self.progress = progress
        self.followed = followed

    @property
    def count(self) -> int:
        """How many replies there will be."""
        return len(self.questions) + (self.progress is not None) + 1

    @property
    def keyed(self) -> list[Command]:
        """The commands but the last, as words."""
        commands = [question.command for question in self.questions]
        return commands if self.progress is None else [*commands, (b"HGETALL", self.progress)]

    def packed(self) -> Iterator[bytes]:
        """All commands, each as it is sent; packed one by one, since Redis answers the first meanwhile."""
        heads: dict[int, tuple[bytes, bytes]] = {}
        for _, key, plan in self.questions:
            head = heads.get(id(plan))
            if head is None:
                name, rest = plan.command
                head = heads[id(plan)] = b"*%d\r\n%s" % (len(rest) + 2, _words(name)), _words(*rest)
            yield b"%s$%d\r\n%s\r\n%s" % (head[0], len(key), key, head[1])
        if self.progress is not None:
            yield pack((b"HGETALL", self.progress))
        yield _TIME


class Asker:
    """One installation's keys and catalogue, and what is remembered between calls. Safe among threads."""

    def __init__(
        self,
        keys: Keys,
        job: str,
        catalogue: Catalogue,
        defaults: Mapping[str, Value],
        shown: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin without a report.

        Raises:
            UnknownFeatureError: if a default is of no feature.
        """
        self._keys = keys
        self._progress_key = keys.progress(job)
        self._planner = Planner(catalogue)
        self._defaults = dict(defaults)
        self._shown = shown
        self._clock = clock
        self._progress = Progress({}, 0)
        self._read_at = -PROGRESS_EVERY_S
        unknown = sorted(self._defaults.keys() - self._planner.names)
        if unknown:
            msg = f"defaults name {unknown[0]!r}, which the catalogue does not have"
            raise UnknownFeatureError(msg)

    def shoppers(self, shoppers: Iterable[str], windows: Names, features: Names) -> Asking:
        """Ask for shoppers' rows."""
        plans = self._planner.plan(windows, features)
        begin, ends = self._keys.shopper, [(plan.label.encode(), plan) for plan in plans]
        questions = []
        for shopper in dict.fromkeys(shoppers):
            beginning = begin(shopper)
            questions += [Question(shopper, beginning + label, plan) for label, plan in ends]
        return self._asking(questions)

    def session(self, session_id: str, features: Names) -> Asking:
        """Ask for a session by its id."""
        (plan,) = self._planner.plan(SESSION, features)
        return self._asking([Question("", self._keys.session(session_id), plan)])

    def rows(self, asking: Asking, replies: Sequence[Any]) -> list[Row]:
        """The rows that `replies` hold, in the questions' order.

        Raises:
            AccessError: if a reply says that something is not allowed.
            AnswerError: if it says anything else that is no row.
        """
        for reply in replies:
            if isinstance(reply, Exception) and not str(reply).startswith("WRONGTYPE"):
                raise unusable(reply, self._shown)
        seconds, micros = replies[-1]
        now = int(seconds) * 1000 + int(micros) // 1000
        if asking.progress is not None:
            self._progress = Progress(_pairs(replies[-2]), now)
            self._read_at = self._clock()
        moment = Moment(now, self._progress, self._defaults)
        return [
            Row(
                shopper, key, plan, () if isinstance(reply, ResponseError) else reply, moment, asking.followed
            )
            for (shopper, key, plan), reply in zip(asking.questions, replies, strict=False)
        ]

    def further(self, rows: Iterable[Row]) -> Asking | None:
        """Ask for the rows that some of `rows` point to, each once; None where none does."""
        questions = {}
        for row in rows:
            if user := row.points_to:
                key = self._keys.shopper(user) + row.window.encode()
                questions[key] = Question(user, key, row.plan)
        return Asking(list(questions.values()), None, followed=True) if questions else None

    def _asking(self, questions: list[Question]) -> Asking:
        due = self._clock() - self._read_at >= PROGRESS_EVERY_S
        return Asking(questions, self._progress_key if due else None)


def pack(command: Command) -> bytes:
    """A command as it is sent."""
    return b"*%d\r\n%s" % (len(command), _words(*command))


def joined(rows: Iterable[Row], found: Iterable[Row]) -> list[Row]:
    """The rows, with those that were found in the places of those that point to them."""
    known = {(row.shopper, row.window): row for row in found}
    return [known.get((row.points_to, row.window), row) for row in rows]


def by_shopper(asking: Asking, rows: Iterable[Row]) -> dict[str, Shopper]:
    """Each shopper's rows together."""
    found: dict[str, dict[str, Row]] = {}
    for question, row in zip(asking.questions, rows, strict=True):
        found.setdefault(question.shopper, {})[question.plan.label] = row
    return {shopper: Shopper(shopper, own) for shopper, own in found.items()}


def _pairs(reply: Any) -> Mapping[bytes, bytes]:
    if isinstance(reply, ResponseError):
        return {}
    return reply if isinstance(reply, Mapping) else dict(zip(reply[::2], reply[1::2], strict=True))


def _words(*words: bytes) -> bytes:
    return b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
