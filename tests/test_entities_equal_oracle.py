"""Property: whatever comes, in whatever batches, rows and sorted sets are what the oracle says."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.entities.logic import EntityLogic
from features.entities.rankings import RankingLogic, best, told
from features.entities.settings import EntitySettings
from features.entities.state import Combined, EntityState
from features.entities.views import VIEWS
from features.row import FeatureRow
from sinks.codec import fields_of
from sinks.keys import encode_id, key_of
from tests.entity_events import ARRIVALS, Arrival
from tests.entity_oracle import HOUR, Rows, Sets, rows

pytestmark = pytest.mark.property

SETTINGS = EntitySettings(tuple(VIEWS))


class World:
    """Every state, as bytes, and what Redis would hold."""

    def __init__(self) -> None:
        self.logic, self.rankings = EntityLogic(SETTINGS), RankingLogic(SETTINGS)
        self.data: dict[str, bytes] = {}
        self.ranked = EntityState()
        self.hashes: dict[str, FeatureRow] = {}

    def batch(self, arrivals: Sequence[Arrival], as_of: int) -> None:
        added: dict[str, Combined] = {}
        for each in arrivals:
            self.logic.combine(added, each.event, each.order)
        given = [owed for more in added.values() for owed in self._add(more, as_of)]
        for more in given:
            self._add(more, as_of)

    def _add(self, more: Combined, as_of: int) -> list[Combined]:
        data = self.data.get(more.entry)
        state = EntityState() if data is None else self.logic.load(data)
        self.logic.add(state, more, as_of)
        owed = self.logic.owed(state, more.entry)
        self._keep(more.entry, state)
        return owed

    def pass_time(self, as_of: int) -> None:
        """Everything that is due by then."""
        for entry, data in list(self.data.items()):
            state = self.logic.load(data)
            if state.next <= as_of:
                self.logic.advance(state, entry, as_of)
                self._keep(entry, state)

    def _keep(self, entry: str, state: EntityState) -> None:
        if self.logic.gone(state, entry):
            self.data.pop(entry, None)
            return
        for row in self.logic.rows(state, entry):
            self.hashes[key_of(row)] = row
        self.data[entry] = self.logic.dump(state)

    def shown(self, as_of: int) -> tuple[Rows, Sets]:
        """What readers would find; rows that expired are no more."""
        live = {key: row for key, row in self.hashes.items() if row.until > as_of}
        hashes = {key: fields_of(row) for key, row in live.items() if not row.ranked}
        sets = {key: list((row.values or {}).items()) for key, row in live.items() if row.ranked}
        scores = [
            (score.member, score.score)
            for entry, data in self.data.items()
            for score in self.logic.scores(self.logic.load(data), entry)
        ]
        name = "products:trending:1h"
        self.rankings.add(self.ranked, told(name, 0, best(scores, 100), as_of), as_of)
        (row,) = self.rankings.rows(self.ranked, name, whole=True)
        if row.values:
            sets[key_of(row)] = list(row.values.items())
        return hashes, sets  # type: ignore[return-value]


def encoded(found: tuple[Rows, Sets]) -> tuple[Rows, Sets]:
    """As the oracle says it, with ids as keys have them."""
    ids = {name: encode_id(name) for name in ("b:{%}", "c:{%} é")}

    def key(text: str) -> str:
        for name, shown in ids.items():
            text = text.replace(name, shown)
        return text

    return {key(k): v for k, v in found[0].items()}, {key(k): v for k, v in found[1].items()}


def batches(arrivals: list[Arrival], cuts: list[bool]) -> Iterator[list[Arrival]]:
    """The arrivals, cut where it is said, and where an hour passes: no batch is open for so long."""
    batch: list[Arrival] = []
    for each, cut in zip(arrivals, cuts, strict=False):
        if batch and (cut or each.as_of > batch[0].as_of + HOUR):
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


@given(ARRIVALS, st.lists(st.booleans(), min_size=40, max_size=40))
def test_rows_are_those_of_the_oracle_whatever_the_batches(arrivals: list[Arrival], cuts: list[bool]) -> None:
    world = World()
    for batch in batches(arrivals, cuts):
        world.pass_time(batch[-1].as_of)
        world.batch(batch, batch[-1].as_of)
    end = (arrivals[-1].as_of if arrivals else 0) + 1_000
    world.pass_time(end)
    seen = [one for each in arrivals for one in each.seen]
    got, want = world.shown(end), encoded(rows(seen, end))
    differing = [
        (key, mine.get(key), right.get(key))
        for mine, right in ((got[0], want[0]), (got[1], want[1]))
        for key in sorted(mine.keys() | right.keys())
        if mine.get(key) != right.get(key)
    ]
    assert not differing


@given(ARRIVALS, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_what_a_batch_adds_does_not_depend_on_its_order(arrivals: list[Arrival], random: object) -> None:
    shuffled = list(arrivals)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    end = arrivals[-1].as_of if arrivals else 0
    worlds = [World(), World()]
    for world, given_ in zip(worlds, (arrivals, shuffled), strict=True):
        world.batch(given_, end)
    assert worlds[0].shown(end) == worlds[1].shown(end)
    seen = [world.logic.load(data).seen for world in worlds for data in world.data.values()]
    assert sum(seen[: len(seen) // 2]) == sum(seen[len(seen) // 2 :])
