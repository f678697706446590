"""Every key in Redis against the oracle: at the moment of reading, and at the `_at` that the row carries."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.expected import AT_READING, Expectation, History, folded
from tests.faults.rows import Fields, Rows, is_tombstone, owner_of, points, wrong_fields
from tests.faults.stream import is_keyed
from tests.faults.topic import Topic

CHUNK = 500
OWN_OF_THE_JOB = "pipeline:"
"""What the job writes of itself."""
SETTLES_S = 20.0
"""How long a value that is just changing (a pane leaves, a session closes) may take."""
PAUSE_S = 1.0


@dataclass
class Compared:
    """What a comparison came to."""

    keys: int = 0
    values: int = 0
    wrong: list[str] = field(default_factory=list)


class Comparison:
    """Compares what Redis holds under a prefix with what the topic says."""

    def __init__(self, client: Any, prefix: str, topic: Topic) -> None:
        self._client = client
        self._prefix = prefix
        self._topic = topic
        self._checked: Rows = {}
        self.expectation = Expectation(topic)

    def compare(self) -> Compared:
        """All keys; what differs is read again for a while, for values change while they are read."""
        self.expectation.catch_up()
        now = self._now()
        read = self._read(self._keys())
        shown = folded(read, self.expectation.person_of)
        wanted = self.expectation.rows(now)
        done = Compared(len(wanted), sum(map(len, wanted.values())))
        wrong = _differences(shown, wanted, now)
        until = time.monotonic() + SETTLES_S
        while wrong and time.monotonic() < until:
            time.sleep(PAUSE_S)
            wrong = self._again(wrong)
        done.wrong = [f"{key}: {'; '.join(fields)}" for key, fields in wrong.items()]
        done.wrong += self._at_their_own_moment(read)
        return done

    def _again(self, wrong: dict[str, list[str]]) -> dict[str, list[str]]:
        person_of = self.expectation.person_of
        persons = {key: person for key in wrong if (person := person_of(key)) is not None}
        now = self._now()
        days = [f"user:{each}:features:24h" for person in set(persons.values()) for each in person.ids]
        shown = folded(self._read({*wrong, *days}), person_of)
        wanted = self.expectation.rows(now, set(persons.values()))
        return _differences(_of(wrong, shown), _of(wrong, wanted), now)

    def _at_their_own_moment(self, shown: Rows) -> list[str]:
        """Rows against the oracle at their `_at`, after the `_seen` records that they count; each once."""
        new = {key: fields for key, fields in shown.items() if self._checked.get(key) != fields}
        self._checked.update(new)
        wrong = wrong_snapshots(self._topic, new.items())
        return wrong + self.expectation.wrong_when_all_was_seen(new)

    def _now(self) -> int:
        seconds, micros = self._client.time()
        return int(seconds * 1000 + micros // 1000)

    def _keys(self) -> list[str]:
        found = set(self._client.scan_iter(f"{self._prefix}*", count=10_000))
        names = [key.removeprefix(self._prefix) for key in found]
        return [name for name in names if not name.startswith(OWN_OF_THE_JOB)]

    def _read(self, keys: Iterable[str]) -> Rows:
        """The hashes that are there; tombstones say nothing of a shopper and are left out."""
        names, rows = list(keys), Rows()
        for start in range(0, len(names), CHUNK):
            pipeline = self._client.pipeline(transaction=False)
            for name in names[start : start + CHUNK]:
                pipeline.hgetall(self._prefix + name)
            rows.update(zip(names[start : start + CHUNK], pipeline.execute(), strict=True))
        return {key: fields for key, fields in rows.items() if fields and not is_tombstone(fields)}


def wrong_snapshots(topic: Topic, snapshots: Iterable[tuple[str, Fields]]) -> list[str]:
    """What is wrong with rows as they were read at any time, each at its own `_at` and `_seen`.

    Only those of shoppers whose records have a known order.
    """
    asked: dict[str, list[tuple[str, Fields]]] = defaultdict(list)
    for key, fields in snapshots:
        if "_at" in fields and not is_tombstone(fields) and not points(fields):
            asked[owner_of(key, fields)].append((key, fields))
    wrong: list[str] = []
    for shopper, rows in asked.items():
        if is_keyed(shopper):
            wrong += _wrong_of(topic, shopper, rows)
    return wrong


def _wrong_of(topic: Topic, shopper: str, rows: Sequence[tuple[str, Fields]]) -> list[str]:
    moments = {(int(fields["_seen"]), int(fields["_at"])) for _, fields in rows}
    history = History(topic, shopper)
    known = history.rows(moments)
    wrong = []
    for key, fields in rows:
        seen, at = int(fields["_seen"]), int(fields["_at"])
        if (seen, at) not in known:
            wrong.append(f"{key} at {at}: it has seen {seen} records, and fewer counted for the shopper")
        elif (found := wrong_fields(fields, known[seen, at].get(key, {}), AT_READING)) and all(
            wrong_fields(fields, rows.get(key, {}), AT_READING) for rows in history.rescaled(seen, at)
        ):
            wrong.append(f"{key} at {at}, after {seen} records: {'; '.join(found)}")
    return wrong


def _differences(shown: Rows, wanted: Rows, now: int) -> dict[str, list[str]]:
    wrong: dict[str, list[str]] = {}
    for key in sorted(shown.keys() | wanted.keys()):
        if key not in wanted:
            wrong[key] = [f"it is there at {now}, and must not be"]
        elif key not in shown:
            wrong[key] = [f"it is missing at {now}"]
        elif found := wrong_fields(shown[key], wanted[key], () if points(wanted[key]) else AT_READING):
            wrong[key] = found
    return wrong


def _of(keys: Iterable[str], rows: Rows) -> Rows:
    return {key: rows[key] for key in keys if key in rows}
