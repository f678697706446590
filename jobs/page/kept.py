"""What is remembered of the topic's latest events, bounded whatever comes. Knows no Kafka."""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from events.event import Event
from events.verdict import Dead, Filtered, Forget, Verdict
from features.explain import Heard
from features.settings import Definitions
from jobs.attribution import Attribution

MOST_SHOPPERS: Final = 2_000
MOST_EVENTS: Final = 1_000
"""Of one shopper."""
MOST_TOLD: Final = 200
ACTIVE_MS: Final = 120_000


class Arrival(NamedTuple):
    """A record as it lies in Kafka; `came` is its timestamp there, epoch milliseconds."""

    came: int
    partition: int
    offset: int
    verdict: Verdict


class Told(NamedTuple):
    """One record for the stream of events."""

    number: int
    """Rising by one with each record."""
    came: int
    kind: str
    """An event's kind; `dead` or `filtered` for what is none."""
    shopper: str
    about: str
    """The product, page or transaction; why a record is left out."""


class _Place(NamedTuple):
    came: int
    partition: int
    offset: int
    event: Event


class Kept:
    """The latest events, shopper by shopper and all together. Thread-safe.

    An event is its shopper's by the rule of `features.identity`: what a device did becomes its user's.
    """

    def __init__(
        self,
        most_shoppers: int = MOST_SHOPPERS,
        most_events: int = MOST_EVENTS,
        definitions: Definitions | None = None,
    ) -> None:
        """Begin empty."""
        self._most_shoppers = most_shoppers
        self._most_events = most_events
        self._lock = threading.Lock()
        self._attribution = Attribution(definitions)
        self._shoppers: OrderedDict[str, deque[_Place]] = OrderedDict()
        self._told: deque[Told] = deque(maxlen=MOST_TOLD)
        self._number = 0
        self._seconds: Counter[int] = Counter()
        self._shown: list[str] = []

    def add(self, arrivals: Iterable[Arrival]) -> None:
        """Remember records, in the order in which they came."""
        with self._lock:
            for each in sorted(arrivals, key=lambda arrival: arrival[:3]):
                self._number += 1
                self._seconds[each.came // 1000] += 1
                if isinstance(each.verdict, Event):
                    each = each._replace(verdict=self._remember(each, each.verdict))  # noqa: PLW2901
                elif isinstance(each.verdict, Forget):
                    self._shoppers.pop(each.verdict.shopper, None)
                    self._attribution.forget(each.verdict.shopper)
                self._told.append(_told(self._number, each))
            for second in sorted(self._seconds)[:-60]:
                del self._seconds[second]

    def events(self, shopper: str) -> list[Heard]:
        """A shopper's events in the order in which they came, as far as they are kept."""
        with self._lock:
            places = sorted(self._shoppers.get(shopper, ()), key=lambda place: place[:3])
        return [Heard(place.event, place.came) for place in places]

    def since(self, number: int, most: int) -> tuple[list[Told], int]:
        """The latest `most` records after `number`, and the number to ask from next time."""
        with self._lock:
            return [told for told in self._told if told.number > number][-most:], self._number

    def per_second(self, second: int, over: int) -> float:
        """Mean records a second of the `over` whole seconds before `second` (epoch s)."""
        with self._lock:
            return sum(self._seconds[each] for each in range(second - over, second)) / over

    def lively(self, now: int, most: int) -> list[str]:
        """Shoppers of whom most was heard in the last two minutes; who stays, stays in its place."""
        with self._lock:
            heard: Counter[str] = Counter()
            for shopper, places in reversed(self._shoppers.items()):
                if places[-1].came < now - ACTIVE_MS:
                    break
                heard[shopper] = sum(place.event.at >= now - ACTIVE_MS for place in places)
            ranked = [shopper for shopper, _ in (+heard).most_common(most * 2)]
            staying = [shopper for shopper in self._shown if shopper in ranked][:most]
            newcomers = [shopper for shopper in ranked[:most] if shopper not in staying]
            self._shown = staying + newcomers[: most - len(staying)]
            return list(self._shown)

    def _remember(self, arrival: Arrival, event: Event) -> Event:
        """Remember an event, and return it as its shopper's."""
        whose = self._attribution.of(event, arrival.came)
        for device, user in whose.moves:
            self._move(device, user)
        if whose.shopper != event.shopper:
            event = replace(event, shopper=whose.shopper)
        places = self._shoppers.setdefault(event.shopper, deque(maxlen=self._most_events))
        places.append(_Place(arrival.came, arrival.partition, arrival.offset, event))
        self._shoppers.move_to_end(event.shopper)
        if len(self._shoppers) > self._most_shoppers:
            self._shoppers.popitem(last=False)
        return event

    def _move(self, device: str, user: str) -> None:
        moved = self._shoppers.pop(device, None)
        if moved is not None:
            places = [place._replace(event=replace(place.event, shopper=user)) for place in moved]
            both = sorted([*self._shoppers.get(user, ()), *places], key=lambda place: place[:3])
            self._shoppers[user] = deque(both, maxlen=self._most_events)


def _told(number: int, arrival: Arrival) -> Told:
    verdict = arrival.verdict
    if isinstance(verdict, Event):
        return Told(number, arrival.came, verdict.kind, verdict.shopper, about(verdict))
    if isinstance(verdict, Dead):
        first: Sequence[str] = verdict.reasons[0] if verdict.reasons else ("record", "", "")
        return Told(number, arrival.came, "dead", "", f"{first[0]}: expected {first[2]}")
    if isinstance(verdict, Filtered):
        return Told(number, arrival.came, "filtered", "", verdict.reason)
    return Told(number, arrival.came, "forget", verdict.shopper, "")


def about(event: Event) -> str:
    """What an event is about, in a word or two."""
    if event.transaction_id:
        return event.transaction_id
    if event.products:
        first = event.products[0].id or event.products[0].category or ""
        return first if len(event.products) == 1 else f"{first} and {len(event.products) - 1} more"
    return (event.page or "").removeprefix("https://").removeprefix("http://")
