"""What Redis must hold, by the oracle: computed from the topic alone, one pass a shopper."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from tests.faults.topic import Topic
from tests.oracle import Oracle

Fields = dict[str, str]
Rows = dict[str, Fields]

AT_READING = ("_until", "_next", "_capped")
"""Fields of ours that are known for any moment; `_at` and `_seen` tell when the row was written."""


class Expectation:
    """Keeps an oracle a shopper up to date with the topic."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._oracles: dict[str, Oracle] = {}
        self._verdicts: dict[str, Counter[str]] = {}
        self._sessions: dict[str, set[str]] = defaultdict(set)
        """Session key -> the shoppers who have a part of it."""

    def catch_up(self) -> None:
        """Take in what the topic got since; a shopper with news is computed from the beginning."""
        self._topic.catch_up()
        for shopper in self._topic.changed:
            oracle, verdicts = Oracle(), Counter[str]()
            for event, sent_at in self._topic.arrivals(shopper):
                verdicts[oracle.arrive(event, sent_at)] += 1
            self._oracles[shopper], self._verdicts[shopper] = oracle, verdicts
        self._topic.changed.clear()

    def counts(self) -> Counter[str]:
        """What the job's accounting must say."""
        total = Counter(self._topic.undecodable)
        for verdicts in self._verdicts.values():
            total.update(verdicts)
        total["dead"] += total.pop("future", 0)
        total["read"] = self._topic.size
        return total

    def rows(self, as_of: int, shoppers: Iterable[str] | None = None) -> Rows:
        """Every key that exists at `as_of`; a session is the part's with the least start and shopper."""
        rows: Rows = {}
        owners: dict[str, tuple[int, str]] = {}
        for shopper in self._oracles if shoppers is None else shoppers:
            for key, fields in self._oracles[shopper].rows(as_of).items():
                if key.startswith("session:"):
                    self._sessions[key].add(shopper)
                    part = int(fields["session_start"]), shopper
                    if owners.setdefault(key, part) < part:
                        continue
                    owners[key] = part
                rows[key] = fields
        return rows

    def shoppers_of(self, key: str) -> set[str]:
        """Whose events the key is made of, as far as is known; none for a key that nobody should have."""
        if key.startswith("session:"):
            return self._sessions.get(key, set())
        return {key.split(":")[1]} & self._oracles.keys()


class History:
    """One shopper's rows as they were after so many records, at any moment after that."""

    def __init__(self, topic: Topic, shopper: str) -> None:
        self._topic = topic
        self._shopper = shopper

    def rows(self, moments: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Rows]:
        """For each (`_seen`, `_at`) the rows; a pair that no history can have gives none."""
        wanted: dict[int, list[int]] = defaultdict(list)
        for seen, at in moments:
            wanted[seen].append(at)
        found: dict[tuple[int, int], Rows] = {}
        oracle = Oracle()
        for seen, (event, sent_at) in enumerate(self._topic.arrivals(self._shopper), 1):
            if not wanted:
                break
            oracle.arrive(event, sent_at)
            for at in wanted.pop(seen, ()):
                found[seen, at] = oracle.rows(at)
        return found


def wrong_fields(got: Mapping[str, str], wanted: Mapping[str, str], ours: Iterable[str]) -> list[str]:
    """`field: got, wanted` wherever the two differ in a feature, in where they point, or in one of `ours`."""
    kept = {*ours, "_same_as"}
    names = sorted(name for name in got.keys() | wanted.keys() if name[0] != "_" or name in kept)
    return [
        f"{name}: {got.get(name, 'nothing')}, the oracle says {wanted.get(name, 'nothing')}"
        for name in names
        if got.get(name) != wanted.get(name)
    ]
