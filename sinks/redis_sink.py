"""Writes feature rows to Redis: fenced, pipelined, retried. What to write is decided elsewhere."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

from features.row import FeatureRow
from sinks.address import Address
from sinks.arguments import Texts, fenced_row, ranked_row, shared_row
from sinks.branch_fields import FENCE_LUA, RANKING_LUA, BranchFields, branch_script
from sinks.calls import CALL_ROWS, Call, Script, cut, evaluation, plain
from sinks.codec import key_of
from sinks.exchange import Answers, Exchange
from sinks.keys import checked_prefix
from sinks.live_shopper import copying
from sinks.routes import Route, route_to
from sinks.sequence import Stamp, stamping
from sinks.text import text_of

Group = tuple[list[tuple[str, Sequence[Any]]], list[str]]
"""Rows for one script: key and argument of each, and whose it is."""
_ALONE: Final[tuple[str, ...]] = ("",)
_RANKED: Final[tuple[str, ...]] = ("ranked",)
_SHARED: Final[tuple[str, ...]] = ("shared",)
"""Which script writes a row."""


class WriteReport(NamedTuple):
    """What became of the rows of one `write`; each is in one of the three."""

    written: int
    refused: int
    """What is stored is newer, or belongs to another part of the session: a success all the same."""
    foreign: int
    """Hashes (a `put` among them) whose key holds another type."""
    retries: int
    """Rounds that had to be made again."""
    missed: tuple[str, ...] = ()
    """Shoppers of whom a row said only what changed, and what is stored is not what it changed: those are
    to be sent whole. They count as written when they are."""
    lost: bool = False
    """Redis, or one of its nodes, does not hold any more what it acknowledged earlier."""
    deleted: int = 0
    """Of those written: keys of forgotten shoppers that were there and are no more."""
    behind: tuple[str, ...] = ()
    """Shoppers of whom a row was refused because this life has counted more records before: it may have met
    them in another order, and then crashed. When they are counted again, the row is to be written again."""


class RedisSink:
    """One writer. Not thread-safe, not to be pickled: made in an operator's `open()`."""

    def __init__(
        self,
        route: Route,
        shown: str,
        prefix: str = "",
        give_up_s: float = 20.0,
        branch: str = "",
        branches: Mapping[str, BranchFields] | None = None,
        live_shopper: bool = False,
    ) -> None:
        self._route = route
        self._prefix = checked_prefix(prefix)
        self._give_up_s = give_up_s
        self._live_shopper = live_shopper
        self._branch = branch
        mine = (branches or {}).get(branch, BranchFields(frozenset()))
        self._names = mine.names
        self._zeros = {name: text_of(value) for name, value in mine.zeros.items()}
        self._scripts = {"": Script.of(FENCE_LUA), "ranked": Script.of(RANKING_LUA)}
        if branch:
            self._scripts["shared"] = branch_script(branch, branches or {})
        self._exchange = Exchange(route, shown)
        self._ahead: list[FeatureRow] = []
        self._failed: Exception | None = None
        """Why rows did not go ahead, for the next write to raise."""

    @classmethod
    def connect(
        cls,
        url: str,
        prefix: str = "",
        timeout_s: float = 2.0,
        give_up_s: float = 20.0,
        branch: str = "",
        branches: Mapping[str, BranchFields] | None = None,
        live_shopper: bool = False,
    ) -> Self:
        """A sink for the Redis at `url`; it connects at its first write.

        With `branch`, the rolling windows' hashes are shared with the other `branches`; each writes its own
        fields. With `live_shopper` what hashes hold is copied to the string keys of that job, too.

        Raises:
            SinkSettingError: if `url`, `prefix` or `branch` cannot work.
        """
        address = Address.parse(url)
        route = route_to(address, timeout_s)
        return cls(route, address.shown, prefix, give_up_s, branch, branches, live_shopper)

    def ahead(self, rows: Sequence[FeatureRow], life: int) -> None:
        """Send rows of the next `write`, which must follow: Redis is at work on them meanwhile.

        Nothing is raised here, where it might be taken for a bug of the record at hand: what Redis did not
        take that `write` sends again, and whatever else went wrong it raises.
        """
        if self._failed is not None:
            return
        self._ahead += rows
        try:
            self._exchange.ahead(self._calls(rows, life))
        except Exception as error:  # noqa: BLE001  it is kept, and raised
            self._failed = error

    def write(
        self,
        rows: Sequence[FeatureRow],
        life: int,
        put: Mapping[str, Mapping[str, str | int]] | None = None,
        stamp: Stamp | None = None,
    ) -> WriteReport:
        """Write `rows` and, in the same round trip, the plain hashes `put`; returns when Redis has them all.

        Those that went `ahead` of them, too: what is told is of both.

        The `stamp` goes last, and its answer says whether Redis still holds what it took before.

        Rows of one shopper go together and in order. Writing the same rows again changes nothing.

        Raises:
            SinkUnavailable: if Redis did not take them within `give_up_s`; some may have been written.
        """
        ahead, self._ahead = self._ahead, []
        if self._failed is not None:
            failed, self._failed = self._failed, None
            self._exchange.drop()
            raise failed
        calls = self._calls(rows, life)
        calls += [plain(self._prefix + key, mapping) for key, mapping in (put or {}).items()]
        # What is copied must be there: a call that failed goes again, behind those that did not.
        then = self._copies([*ahead, *rows]) if self._live_shopper else None
        if stamp is not None:
            (calls if then is None else then).append(stamping(stamp, self._prefix))
        return self._send(calls, then, lambda: self._calls(ahead, life))

    def put(self, key: str, mapping: Mapping[str, str | int]) -> WriteReport:
        """Set fields of the plain hash `key` (under the prefix), without a fence."""
        return self._send([plain(self._prefix + key, mapping)])

    def close(self) -> None:
        """Close the connections; nothing is buffered."""
        self._route.close()

    def _send(
        self,
        calls: list[Call],
        then: list[Call] | None = None,
        ahead: Callable[[], list[Call]] = list,
    ) -> WriteReport:
        deadline = time.monotonic() + self._give_up_s
        answers = self._pass(calls, then, deadline, Answers())
        lost = answers.verdicts["l"]
        while answers.torn:
            # What was answered before the break may be gone with a Redis that came back older.
            answers = self._pass([*ahead(), *calls], then, deadline, Answers(retries=answers.retries))
            lost += answers.verdicts["l"]
        verdicts = answers.verdicts
        return WriteReport(
            written=verdicts["w"] + verdicts["d"],
            refused=verdicts["r"] + verdicts["o"],
            foreign=verdicts["f"],
            retries=answers.retries,
            missed=tuple(dict.fromkeys(answers.missed)),
            lost=lost > 0,
            deleted=verdicts["d"],
            behind=tuple(dict.fromkeys(answers.behind)),
        )

    def _pass(self, calls: list[Call], then: list[Call] | None, deadline: float, answers: Answers) -> Answers:
        for batch in (*(cut(calls) if calls else ([],)), *cut(then or ())):  # none asks for what went ahead
            self._exchange.send(batch, self._give_up_s, deadline, answers)
        return answers

    def _copies(self, rows: Sequence[FeatureRow]) -> list[Call]:
        alone = self._route.cluster
        return copying([(key_of(row, self._prefix, alone), row) for row in rows], self._prefix, alone)

    def _calls(self, rows: Sequence[FeatureRow], life: int) -> list[Call]:
        alone, branch, prefix = self._route.cluster, self._branch, self._prefix
        groups: dict[tuple[str, ...], Group] = {}
        texts: Texts = {}
        for row in rows:
            argument: Sequence[Any]
            if row.ranked:
                group, argument = _RANKED, ranked_row(row, life)
            elif branch and row.entity != "session" and row.window != "session":
                group, argument = _SHARED, shared_row(row, life, branch, self._names, self._zeros)
            else:
                group, argument = _ALONE, fenced_row(row, life, texts)
            if alone:  # only keys with the same id share a slot
                group = (*group, row.entity, row.entity_id)
            found = groups.get(group)
            if found is None:
                found = groups[group] = [], []
            found[0].append((key_of(row, prefix, alone), argument))
            found[1].append(row.owner or row.entity_id)
        return [
            evaluation(self._scripts[group[0]], rows[i : i + CALL_ROWS], subjects[i : i + CALL_ROWS])
            for group, (rows, subjects) in groups.items()
            for i in range(0, len(rows), CALL_ROWS)
        ]
