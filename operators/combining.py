"""From events that were applied to batches for the buckets of entities: merged before they travel. Pure.

However much of the traffic one product has, a batch costs it one addition.
"""

from collections.abc import Iterable

from events.bucket import bucket_of
from features.entities.logic import EntityLogic
from features.entities.state import Combined, parts_of
from operators.batch import Batch, Stage, encode
from operators.outcome import Interaction


class Combining:
    """Makes batches of what entities are to be told."""

    def __init__(self, logic: EntityLogic, buckets: int) -> None:
        """`buckets` is how many there are; the first part of an entity's key says which holds it."""
        self._logic = logic
        self._buckets = buckets

    def batches(self, told: Iterable[Interaction | str], newest: int) -> list[tuple[int, bytes]]:
        """The batches by bucket; `newest` is the greatest Kafka timestamp, epoch ms."""
        made: dict[int, Batch] = {}
        added: dict[str, Combined] = {}
        for each in told:
            if isinstance(each, str):
                self._put(made, added, newest)
                added = {}
                number = bucket_of(each, self._buckets)
                made.setdefault(number, Batch(number, newest, stages=[])).stages.append(Stage([each], []))
            else:
                self._logic.combine(added, each.event, each.order)
        self._put(made, added, newest)
        return [(number, encode(batch)) for number, batch in made.items()]

    def _put(self, made: dict[int, Batch], added: dict[str, Combined], newest: int) -> None:
        stages: dict[int, Stage] = {}
        for entry, combined in added.items():
            number = bucket_of(parts_of(entry)[1][0], self._buckets)
            if number not in stages:
                stages[number] = Stage([], [])
            stages[number].added.append(combined)
        for number, stage in stages.items():
            made.setdefault(number, Batch(number, newest, stages=[])).stages.append(stage)
