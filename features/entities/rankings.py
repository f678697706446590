"""The logic of sorted sets over all entities: buckets tell who leads in them, one owner joins that. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from heapq import nsmallest
from typing import Final
from zlib import crc32

from features.entities.definition import EntityView, Leaders
from features.entities.logic import Score
from features.entities.settings import EntitySettings
from features.entities.sides import Pull
from features.entities.state import Combined, EntityState, dump, load
from features.entities.views import entity_views
from features.row import FeatureRow, Value

EVERY_MS: Final = 1_000
"""A sorted set is written at most so often."""

Standing = tuple[str, int]
"""Member and score."""


def best(scores: Iterable[Standing], most: int) -> list[Standing]:
    """The leading ones above 0; ties: the member that comes first.

    >>> best([("hat", 1), ("cap", 3), ("bag", 3), ("tie", 0)], 2)
    [('bag', 3), ('cap', 3)]
    """
    return nsmallest(most, (each for each in scores if each[1] > 0), key=lambda each: (-each[1], each[0]))


def leaders_of(views: Iterable[EntityView]) -> dict[str, Leaders]:
    """The sorted sets of views, by name."""
    return {":".join(each.key): each for view in views for each in view.leaders}


def told(name: str, bucket: int, standings: Sequence[Standing], as_of: int) -> Combined:
    """What a bucket says of a sorted set."""
    return Combined(name, 0, as_of, {bucket: standings})


class RankingLogic:
    """Puts together what buckets tell. It stands where `EntityLogic` stands for entities."""

    def __init__(self, settings: EntitySettings, views: Iterable[EntityView] | None = None) -> None:
        """Look up which sorted sets there are."""
        self._leaders = leaders_of(entity_views(settings) if views is None else views)
        self.catalogue = crc32(repr(sorted(self._leaders)).encode())

    load = staticmethod(load)
    dump = staticmethod(dump)

    def knows(self, entry: str) -> bool:
        """Whether there is such a sorted set."""
        return entry in self._leaders

    def leads(self, entry: str) -> bool:
        """No: nothing comes after this."""
        return False

    def add(self, state: EntityState, more: Combined, as_of: int) -> None:
        """Replace what buckets told before."""
        state.accs.update(more.accs)
        state.last = max(state.last, more.last)
        state.changed = True
        self.advance(state, more.entry, as_of)

    def advance(self, state: EntityState, entry: str, as_of: int) -> None:
        """Let time pass."""
        state.at = max(state.at, as_of)
        state.next = self._due(state, entry)

    def gone(self, state: EntityState, entry: str) -> bool:
        """Whether it has been empty for so long that nobody can still hold a row."""
        return state.at >= self.until(state, entry)

    def remains(self, state: EntityState, entry: str) -> bool:
        """No."""
        return False

    def until(self, state: EntityState, entry: str) -> int:
        """Until when somebody may hold a row, epoch ms; no count can refuse a sorted set that begins anew."""
        leaders = self._leaders.get(entry)
        return state.last + (int(leaders.lives.total_seconds() * 1000) if leaders else 0)

    def rows(
        self, state: EntityState, entry: str, *, whole: bool = False, pull: Pull | None = None
    ) -> list[FeatureRow]:
        """The sorted set, if it changed and the last one is old enough, or `whole` is asked for.

        It carries no count: what buckets tell is absolute, so that whoever tells later is right.
        """
        if not whole and not (state.changed and state.at >= state.written + EVERY_MS):
            return []
        state.written, state.changed = state.at, False
        state.next = self._due(state, entry)
        leaders = self._leaders[entry]
        first, second, *rest = leaders.key
        members = [(member, score) for standings in state.accs.values() for member, score in standings]
        values: dict[str, Value] = dict(best(members, leaders.most))
        until = self.until(state, entry)
        return [
            FeatureRow(
                first,
                second,
                "",
                values,
                state.at,
                until,
                until,
                0,
                tail=tuple(rest),
                ranked=True,
                owner=entry,
            )
        ]

    def scores(self, state: EntityState, entry: str) -> Iterator[Score]:
        """None: nothing comes after this."""
        return iter(())

    def says(self, state: EntityState, entry: str, *, gone: bool = False) -> list[Combined]:
        """Nothing."""
        return []

    def owed(self, state: EntityState, entry: str) -> list[Combined]:
        """Nothing."""
        return []

    def belongs(self, entry: str, shopper: str) -> bool:
        """No: it is nobody's."""
        return False

    def forgotten(self, state: EntityState, entry: str, as_of: int) -> list[FeatureRow]:
        """Nothing: it names no shopper."""
        return []

    @property
    def looked_up(self) -> frozenset[str]:
        """It reads no side input."""
        return frozenset()

    def reads(self, entry: str) -> list[tuple[str, str]]:
        """Nothing of side inputs."""
        return []

    def _due(self, state: EntityState, entry: str) -> int:
        due = self.until(state, entry)
        return min(due, state.written + EVERY_MS) if state.changed else due
