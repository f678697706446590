"""What Redis must hold, by the oracle: computed from the topic alone, one pass a shopper."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations_with_replacement

from tests.faults.persons import Person
from tests.faults.rows import Rows, owner_of, points, wrong_fields
from tests.faults.topic import Topic
from tests.oracle import Oracle

AT_READING = ("_until", "_next", "_capped")
"""Fields of ours that are known for any moment; `_at` and `_seen` tell when the row was written."""


TOTALS = (
    "product_view_count",
    "list_view_count",
    "list_click_count",
    "promo_view_count",
    "category_view_count",
    "cart_add_count",
    "cart_remove_count",
    "orders_count",
    "items_purchased",
    "refund_count",
)
"""What adds up over all who share a device, whoever of them it counts for."""
GATHERED_MS = 1_000
"""A record that was sent so long before a stop may be in a batch that is being gathered."""
LASTS_MS = 6_000
"""From then on until the job has stopped."""
POINTING = ("5min", "1h", "24h", "session")


class Expectation:
    """Keeps an oracle a person up to date with the topic."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._oracles: dict[Person, Oracle] = {}
        self._verdicts: dict[Person, Counter[str]] = {}
        self._taken: dict[Person, int] = {}
        """How many records of each the oracle knows."""
        self._sessions: dict[str, Person] = {}
        """Whose each session is."""

    def catch_up(self) -> None:
        """Take in what the topic got since; a person with news is computed from the beginning."""
        self._topic.catch_up()
        persons = list(self._topic.persons)
        for gone in self._oracles.keys() - set(persons):
            del self._oracles[gone], self._verdicts[gone], self._taken[gone]
        for person in persons:
            if self._taken.get(person) != person.size:
                oracle, verdicts = Oracle(), Counter[str]()
                for event, sent_at in person.arrivals():
                    verdicts[oracle.arrive(event, sent_at)] += 1
                    if event.session_id is not None:
                        self._sessions[event.session_id] = person
                self._oracles[person], self._verdicts[person] = oracle, verdicts
                self._taken[person] = person.size

    def counts(self) -> Counter[str]:
        """What the job's accounting must say."""
        total = Counter(self._topic.undecodable)
        for verdicts in self._verdicts.values():
            total.update(verdicts)
        total["dead"] += total.pop("future", 0)
        total["read"] = self._topic.size
        return total

    def rows(self, as_of: int, persons: Iterable[Person] | None = None) -> Rows:
        """Every key that exists at `as_of`; of those who share a device their totals."""
        rows: Rows = {}
        for person in self._oracles if persons is None else persons:
            rows |= folded(self._oracles[person].rows(as_of), self.person_of)
            for device, user in person.points.items():
                pointer = {"_same_as": user}
                rows |= {f"user:{device}:features:{window}": pointer for window in POINTING}
        return rows

    def wrong_when_all_was_seen(self, rows: Rows) -> list[str]:
        """What is wrong with rows that count all records of their shopper, each at its own `_at`."""
        wrong = []
        for key, fields in rows.items():
            person = self.person_of(key)
            if person is None or person.shares or points(fields) or "_at" not in fields:
                continue
            oracle, at = self._oracles[person], int(fields["_at"])
            if int(fields["_seen"]) != oracle.seen(owner_of(key, fields)):
                continue
            if found := wrong_fields(fields, oracle.rows(at).get(key, {}), AT_READING):
                wrong.append(f"{key} at {at}, after all records: {'; '.join(found)}")
        return wrong

    def person_of(self, key: str) -> Person | None:
        """Whose events the key is made of; None for a key that nobody should have."""
        kind, name, *_ = key.split(":")
        if kind == "totals":
            return self._topic.persons.of(name)
        if kind == "session":
            return self._sessions.get(name) or self._topic.persons.of(name.partition("~")[0])
        return self._topic.persons.of(name)


def folded(rows: Rows, person_of: Callable[[str], Person | None]) -> Rows:
    """The rows, but of those who share a device what is certain: totals over all of them, and pointers."""
    kept: Rows = {}
    for key, fields in rows.items():
        person = person_of(key)
        if person is None or not person.shares or points(fields):
            kept[key] = fields
        elif key.startswith("user:") and key.endswith(":24h"):
            total = kept.setdefault(f"totals:{min(person.ids)}", dict.fromkeys(TOTALS, "0"))
            for name in TOTALS:
                total[name] = str(int(total[name]) + int(fields[name]))
    return kept


class History:
    """The rows of one shopper whose order is known, as they were after so many records, at any time later."""

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

    def rescaled(self, seen: int, at: int) -> Iterator[Rows]:
        """What the rows may be instead, after `seen` records, where the job went on at another parallelism.

        The batch that was being gathered when it stopped stays where it was, and its partition may be read
        elsewhere from then on: so the batch may come behind records that followed (docs/operations.md).
        """
        arrivals = list(self._topic.arrivals(self._shopper))
        for stopped in self._topic.rescales:
            begun = stopped - GATHERED_MS
            near = [i for i, each in enumerate(arrivals) if begun <= each.sent_at <= begun + LASTS_MS]
            for first, last in combinations_with_replacement(near, 2):
                order = arrivals[:first] + arrivals[last + 1 :]
                if first < seen <= len(order) and at > stopped:
                    oracle = Oracle()
                    for event, sent_at in order[:seen]:
                        oracle.arrive(event, sent_at)
                    yield oracle.rows(at)
