"""Which entities of a bucket lead in sorted sets over all. In memory: rebuilt from the bucket's state."""

from collections.abc import Iterable
from typing import Final

from features.entities.logic import Score
from features.entities.rankings import EVERY_MS, Standing, best
from operators.schedule import NEVER

PER_MS: Final = 50
"""So many entities of a bucket make telling a millisecond seldomer, since all of them are looked at."""


class Leading:
    """Scores of the bucket's entities, and when to tell who leads.

    >>> leading = Leading(2)
    >>> for name, score in (("hat", 1), ("cap", 3), ("bag", 2)):
    ...     leading.note(Score("trending", name, score))
    >>> leading.told(10_000), leading.moment
    ({'trending': [('cap', 3), ('bag', 2)]}, 4611686018427387904)
    """

    def __init__(self, most: int = 1) -> None:
        """Begin with nobody; `most` lead."""
        self.most = most
        self._scores: dict[str, dict[str, int]] = {}
        self._changed: set[str] = set()
        self._next = 0
        self.moment = NEVER
        """When there is something to tell, epoch ms."""

    def note(self, score: Score) -> None:
        """Take note of a score; 0: the entity is in the set no more."""
        scores = self._scores.setdefault(score.leaders, {})
        if scores.get(score.member, 0) == score.score:
            return
        self._changed.add(score.leaders)
        self.moment = self._next
        if score.score:
            scores[score.member] = score.score
        else:
            del scores[score.member]

    def note_all(self, scores: Iterable[Score]) -> None:
        """Take note of several."""
        for score in scores:
            self.note(score)

    def told(self, now: int) -> dict[str, list[Standing]]:
        """Who leads in each set that changed, if it is time; `now` is epoch ms."""
        if now < self.moment:
            return {}
        told = {name: best(self._scores[name].items(), self.most) for name in sorted(self._changed)}
        self._changed.clear()
        self.moment = NEVER
        self._next = now + EVERY_MS + sum(map(len, self._scores.values())) // PER_MS
        return told
