"""Writes feature rows to Redis: fenced, pipelined, retried. What to write is decided elsewhere."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple, Self

from features.row import FeatureRow
from sinks.address import Address
from sinks.branch_fields import FENCE_LUA, BranchFields, branch_script
from sinks.calls import Call, Script, cut, evaluation, plain
from sinks.codec import fence, fields_of, key_of, meta_of
from sinks.exchange import Exchange
from sinks.keys import checked_prefix
from sinks.routes import Route, route_to
from sinks.sequence import Stamp, stamping
from sinks.text import clean, text_of

TOMBSTONE_MS: Final = 24 * 3_600_000
"""A deleted row leaves its fence for at least so long: until then nobody can still hold an older write."""

Row = tuple[str, Sequence[Any]]


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
    ) -> None:
        self._route = route
        self._prefix = checked_prefix(prefix)
        self._give_up_s = give_up_s
        self._branch = branch
        mine = (branches or {}).get(branch, BranchFields(frozenset()))
        self._names = mine.names
        self._zeros = {name: text_of(value) for name, value in mine.zeros.items()}
        self._fence = Script.of(FENCE_LUA)
        self._shared = branch_script(branch, branches or {}) if branch else None
        self._exchange = Exchange(route, shown)

    @classmethod
    def connect(
        cls,
        url: str,
        prefix: str = "",
        timeout_s: float = 2.0,
        give_up_s: float = 20.0,
        branch: str = "",
        branches: Mapping[str, BranchFields] | None = None,
    ) -> Self:
        """A sink for the Redis at `url`; it connects at its first write.

        With `branch`, the rolling windows' hashes are shared with the other `branches`; each writes its own
        fields.

        Raises:
            SinkSettingError: if `url`, `prefix` or `branch` cannot work.
        """
        address = Address.parse(url)
        return cls(route_to(address, timeout_s), address.shown, prefix, give_up_s, branch, branches)

    def write(
        self,
        rows: Sequence[FeatureRow],
        life: int,
        put: Mapping[str, Mapping[str, str | int]] | None = None,
        stamp: Stamp | None = None,
    ) -> WriteReport:
        """Write `rows` and, in the same round trip, the plain hashes `put`; returns when Redis has them all.

        The `stamp` goes last, and its answer says whether Redis still holds what it took before.

        Rows of one shopper go together and in order. Writing the same rows again changes nothing.

        Raises:
            SinkUnavailable: if Redis did not take them within `give_up_s`; some may have been written.
        """
        calls = self._calls(rows, life)
        calls += [plain(self._prefix + key, mapping) for key, mapping in (put or {}).items()]
        if stamp is not None:
            calls.append(stamping(stamp, self._prefix))
        return self._send(calls)

    def put(self, key: str, mapping: Mapping[str, str | int]) -> WriteReport:
        """Set fields of the plain hash `key` (under the prefix), without a fence."""
        return self._send([plain(self._prefix + key, mapping)])

    def close(self) -> None:
        """Close the connections; nothing is buffered."""
        self._route.close()

    def _send(self, calls: list[Call]) -> WriteReport:
        deadline = time.monotonic() + self._give_up_s
        before = self._exchange.retries
        verdicts: Counter[str] = Counter()
        missed: dict[str, None] = {}
        for batch in cut(calls):
            verdicts += self._exchange.send(batch, self._give_up_s, deadline)
            missed |= dict.fromkeys(self._exchange.missed)
        retries = self._exchange.retries - before
        counts = verdicts["w"], verdicts["r"], verdicts["f"]
        return WriteReport(*counts, retries, tuple(missed), verdicts["l"] > 0)

    def _calls(self, rows: Sequence[FeatureRow], life: int) -> list[Call]:
        own: dict[tuple[str, str], list[Row]] = {}
        shared: dict[str, list[Row]] = {}
        subjects: dict[tuple[str, str], str] = {}
        # The current session goes to two keys with the same values: made into text once.
        texts: dict[int, Mapping[str, str]] = {}
        for row in rows:
            key = key_of(row, self._prefix, self._route.cluster)
            if self._shared is not None and row.entity != "session" and row.window != "session":
                shared.setdefault(row.entity_id, []).append((key, self._shared_row(row, life)))
            else:
                whose = row.entity, row.entity_id
                own.setdefault(whose, []).append((key, fenced_row(row, life, texts)))
                subjects[whose] = row.owner or row.entity_id
        calls = [evaluation(self._fence, group, subjects[whose]) for whose, group in own.items()]
        if self._shared is not None:
            calls += [evaluation(self._shared, group) for group in shared.values()]
        return calls

    def _shared_row(self, row: FeatureRow, life: int) -> Sequence[Any]:
        """The argument of `branches.lua`."""
        gone = row.values is None
        fields = self._zeros if gone else fields_of(row)
        version, until = fence(life, row.seen, row.at), str(row.at if gone else row.until)
        absent = [name for name in self._names if name not in fields]
        capped = f"_capped:{self._branch}"
        mine = {
            f"_v:{self._branch}": version,
            f"_next:{self._branch}": str(row.next),
            f"_until:{self._branch}": until,
        }
        if row.capped:
            mine[capped] = "1"
        else:
            absent.append(capped)
        return version, until, str(row.next), row.at, row.capped, _flat(mine | fields), absent


def fenced_row(
    row: FeatureRow, life: int, texts: dict[int, Mapping[str, str]] | None = None
) -> Sequence[Any]:
    """The argument of `fence.lua`. `texts` remembers the fields of `row.values` by its identity."""
    meta = meta_of(row, life)
    gone = row.values is None
    if not gone and row.until <= row.at:
        # The window became empty: nothing is left to read, and no claim to a session that others hold.
        return (meta["_v"], meta["_until"], (), *_ownership(row, gone=True))
    until = str(max(row.until, row.at + TOMBSTONE_MS)) if gone else meta["_until"]
    fields = texts.get(id(row.values)) if texts and not gone else None
    if fields is None:
        fields = fields_of(row)
        if texts is not None and row.window == "session":
            texts[id(row.values)] = fields
    flat = [*chain.from_iterable(meta.items()), *chain.from_iterable(fields.items())]
    if row.base is None:
        return (meta["_v"], until, flat, *_ownership(row, gone=gone))
    absent = row.absent if row.capped else (*row.absent, "_capped")
    base = fence(life, *row.base)
    return (meta["_v"], until, flat, *(_ownership(row, gone=False) or (False, False, False)), base, absent)


def _ownership(row: FeatureRow, *, gone: bool) -> tuple[Any, ...]:
    return (clean(row.owner), str(row.start), gone) if row.entity == "session" else ()


def _flat(fields: Mapping[str, str]) -> list[str]:
    return list(chain.from_iterable(fields.items()))
