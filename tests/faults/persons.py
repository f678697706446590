"""Who belongs together, by the records alone: users, the devices they logged in on, and who shares those."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from events.event import Event
from tests.oracle import OracleDefinitions


class Arrival(NamedTuple):
    event: Event
    sent_at: int
    """When it was handed to Kafka: it was processed later than that."""


class Person:
    """Ids that logins connect, and their records."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.logins: dict[str, set[tuple[int, str]]] = defaultdict(set)
        """Device -> (event time, user) of each login that is believed."""
        self._read: list[tuple[int, int, int, Event]] = []

    @property
    def size(self) -> int:
        """How many records there are of them."""
        return len(self._read)

    @property
    def shares(self) -> bool:
        """Whether a device has several users: for whom its events count depends on who is heard first."""
        return any(len({user for _, user in logins}) > 1 for logins in self.logins.values())

    @property
    def points(self) -> dict[str, str]:
        """Device -> who was last logged in there."""
        return {device: max(logins)[1] for device, logins in self.logins.items()}

    def arrivals(self) -> Iterator[Arrival]:
        """Their events; the order is the job's where a sender keeps to one partition."""
        for sent_at, _, _, event in sorted(self._read, key=lambda read: read[:3]):
            yield Arrival(event, sent_at)

    def add(self, event: Event, sent_at: int, partition: int, offset: int) -> None:
        self._read.append((sent_at, partition, offset, event))
        if is_login(event, sent_at):
            self.logins[event.device_id or ""].add((event.at, event.shopper))

    def take_in(self, other: "Person") -> None:
        self.ids |= other.ids
        self._read += other._read
        for device, logins in other.logins.items():
            self.logins[device] |= logins


class Persons:
    """All of them."""

    def __init__(self) -> None:
        self._by_id: dict[str, Person] = {}

    def __iter__(self) -> Iterator[Person]:
        return iter(dict.fromkeys(self._by_id.values()))

    def of(self, shopper: str) -> Person | None:
        return self._by_id.get(shopper)

    def ids(self) -> list[str]:
        return list(self._by_id)

    def of_event(self, event: Event) -> Person:
        """Whose it is; an event with a user and a device makes one person of both."""
        person = self._by_id.get(event.shopper) or Person()
        for name in {event.shopper, event.device_id or event.shopper}:
            other = self._by_id.get(name)
            if other is not None and other is not person:
                person.take_in(other)
                self._by_id.update(dict.fromkeys(other.ids, person))
            person.ids.add(name)
            self._by_id[name] = person
        return person


def is_login(event: Event, sent_at: int) -> bool:
    """Whether it tells who is on a device. No record is near the bound of what is believed."""
    known = event.user_id is not None and event.device_id is not None
    return known and event.at <= sent_at + OracleDefinitions().ahead
