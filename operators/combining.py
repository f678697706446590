"""From events that were applied to batches for the buckets of entities: merged before they travel. Pure.

However much of the traffic one product has, a batch costs it one addition. Rows of side inputs go the same
way.
"""

from collections.abc import Iterable

from events.bucket import bucket_of
from events.sides.row import SideRow
from features.entities.logic import EntityLogic
from features.entities.state import Combined, parts_of
from operators.batch import Batch, Stage, encode
from operators.defects import tell
from operators.outcome import Interaction


class Combining:
    """Makes batches of what entities are to be told."""

    def __init__(self, logic: EntityLogic, buckets: int) -> None:
        """`buckets` is how many there are; the first part of an entity's key says which holds it."""
        self._logic = logic
        self._buckets = buckets
        self._known: set[str] = set()
        self.lost = 0
        """Events, or rows, that a defect kept from entities, in the batches that were asked for last."""

    def batches(self, told: Iterable[Interaction | str], newest: int) -> list[tuple[int, bytes]]:
        """The batches by bucket; `newest` is the greatest Kafka timestamp, epoch ms."""
        made: dict[int, Batch] = {}
        added: dict[str, Combined] = {}
        self.lost = 0
        for each in told:
            if isinstance(each, str):
                self._put(made, added, newest)
                added = {}
                number = bucket_of(each, self._buckets)
                made.setdefault(number, Batch(number, newest, stages=[])).stages.append(Stage([each], []))
            else:
                self._combine(added, each)
        self._put(made, added, newest)
        return [(number, encode(batch)) for number, batch in made.items()]

    def sides(self, rows: Iterable[SideRow], newest: int) -> list[tuple[int, bytes]]:
        """The batches that tell entities of rows of side inputs; of several rows of one key the last counts.

        `newest` is the greatest Kafka timestamp, epoch ms.
        """
        made: dict[int, Stage] = {}
        self.lost = 0
        for row in {(row.table, row.key): row for row in rows}.values():
            try:
                told = list(self._logic.told(row, self._buckets))
            except Exception as error:  # noqa: BLE001  it costs the row, and not the job
                self.lost += 1
                tell(error, "a row of a side input", self._known)
                continue
            for number, more in told:
                made.setdefault(number, Stage([], [])).added.append(more)
        return [(number, encode(Batch(number, newest, stages=[stage]))) for number, stage in made.items()]

    def _combine(self, added: dict[str, Combined], told: Interaction) -> None:
        try:
            self._logic.combine(added, told.event, told.order)
        except Exception as error:  # noqa: BLE001  it costs what the event says of entities, and not the job
            self.lost += 1
            tell(error, "what an event says of entities", self._known)

    def _put(self, made: dict[int, Batch], added: dict[str, Combined], newest: int) -> None:
        stages: dict[int, Stage] = {}
        for entry, combined in added.items():
            number = bucket_of(parts_of(entry)[1][0], self._buckets)
            if number not in stages:
                stages[number] = Stage([], [])
            stages[number].added.append(combined)
        for number, stage in stages.items():
            made.setdefault(number, Batch(number, newest, stages=[])).stages.append(stage)
