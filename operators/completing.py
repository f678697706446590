"""Events that wait for what the catalogue says of their products. Knows no Flink.

The events of a call wait as one, and mostly for some milliseconds: until the catalogue has answered. Those
whose products have no row wait on, for so long as the shop allows, and then count as they are.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from events.sides.completing import Goods, completed, wanting
from operators.batch import Forgetting, Record
from operators.joining import Answer, Hold, decode_waiting, encode
from operators.rereading import Rereading
from operators.routed import Routed
from operators.routing import Router
from operators.schedule import NEVER
from operators.store import Store

SILENT_MS: Final = 400_000
"""Nobody waits longer for the catalogue's answer, which comes when it has been read to its end once."""
EARLY_MS: Final = 60_000
"""How long an answer is remembered that came before the events; longer than those are under way."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""So many bytes of a bucket wait, about 25,000 events: they are part of every checkpoint."""


class _Held(msgspec.Struct, array_like=True):
    """The events of a call that wait. New fields go to the end, with a default."""

    until: int
    """When they are given up, epoch ms."""
    newest: int
    again: bool
    records: list[Record]


class _Known(msgspec.Struct, array_like=True):
    """What the catalogue said of their products."""

    found: dict[str, Goods]
    missing: set[str]

    def take(self, answer: Answer) -> None:
        """Note what an answer says; a row that came stays."""
        self.found |= answer.found
        self.missing = (self.missing | set(answer.missing)) - self.found.keys()

    def learn(self, rows: Mapping[str, Goods]) -> None:
        """Take rows that came of what is missing."""
        came = self.missing & rows.keys()
        self.missing -= came
        self.found |= {product: rows[product] for product in came}


_HELD: Final = msgspec.msgpack.Decoder(_Held)
_KNOWN: Final = msgspec.msgpack.Decoder(_Known)


@dataclass
class _Call:
    """What waits, as it is at hand."""

    held: _Held
    known: _Known
    answers_kept: bool = False
    """Whether state has what is known, too."""
    size: int = 0
    """Bytes of the events."""
    wanted: set[str] = field(init=False)
    """All products that any of the events lacks."""

    def __post_init__(self) -> None:
        self.wanted = {product for record in self.held.records for product in wanting(record.event)}

    def lacking(self) -> set[str]:
        """Products of which there is no row, as far as is known."""
        return self.wanted - self.known.found.keys()


@dataclass
class _Bucket:
    number: int
    calls: dict[str, _Call] = field(default_factory=dict)
    size: int = 0
    by_product: dict[str, set[str]] = field(default_factory=dict)
    """Product -> the calls that lack its row."""
    early: dict[str, _Known] = field(default_factory=dict)
    """Answers to calls whose events are not here yet. In memory only: at a checkpoint's barrier all events
    have arrived for which there are answers."""
    early_until: dict[str, int] = field(default_factory=dict)
    restored: set[tuple[int, int]] = field(default_factory=set)
    """Partition and offset of what waited when the run began."""
    moments: list[tuple[int, str]] = field(default_factory=list)
    """A heap of when calls are given up; what is over by then is passed by."""
    armed: int = NEVER


@dataclass
class _Leaving:
    """What leaves, in its order."""

    steps: list[Record | Forgetting] = field(default_factory=list)
    again: list[Record | Forgetting] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    newest: int = 0

    def add(self, call: _Call, records: Iterable[Record]) -> None:
        """Complete records with what is known."""
        known, again = call.known.found, call.held.again
        for record in records:
            if not again:
                self.count("completed" if known.keys() >= set(wanting(record.event)) else "uncompleted")
            record.event = completed(record.event, known)
            (self.again if again else self.steps).append(record)
        self.newest = max(self.newest, call.held.newest)

    def count(self, name: str, number: int = 1) -> None:
        """Count."""
        self.counts[name] = self.counts.get(name, 0) + number


class Completing:
    """Holds events until the catalogue has answered for all their products, and routes them then."""

    def __init__(
        self, router: Router, held: Store, known: Store, clock: Callable[[], int], wait_ms: int
    ) -> None:
        """`held` and `known` are the maps of the bucket at hand, `clock` gives epoch ms.

        `wait_ms` is how long an event waits for a row that is not there.
        """
        self._router = router
        self._again = Rereading(router, {})
        self._held = held
        self._known = known
        self._clock = clock
        self._wait_ms = wait_ms
        self._buckets: dict[int, _Bucket] = {}

    def take(self, payload: bytes) -> list[Routed]:
        """Take events in, or an answer; gives what leaves."""
        told, now, leaving = decode_waiting(payload), self._clock(), _Leaving()
        bucket = self._bucket(told.bucket)
        if isinstance(told, Answer):
            self._answered(bucket, told, leaving, now)
        else:
            self._take(bucket, told, leaving, now)
            while bucket.size > MOST_BYTES:
                name = _oldest(bucket)
                leaving.count("uncompleted.overflow", len(bucket.calls[name].held.records))
                self._give_up(bucket, name, leaving)
        return self._route(bucket, leaving, now)

    def wake(self, number: int) -> list[Routed]:
        """Let go what has waited long enough.

        It leaves the state last: after a timer that fails, a checkpoint may come (`operators.halting`).
        """
        bucket, now, leaving = self._bucket(number), self._clock(), _Leaving()
        bucket.armed = NEVER
        over: dict[str, _Call] = {}
        while bucket.moments and bucket.moments[0][0] <= now:
            until, name = heapq.heappop(bucket.moments)
            call = bucket.calls.get(name)
            if call is not None and call.held.until <= until:
                over[name] = call
        for call in over.values():
            leaving.add(call, call.held.records)
        routed = self._route(bucket, leaving, now)
        for name in over:
            self._drop(bucket, name)
        return routed

    def alarm(self, number: int) -> int | None:
        """When Flink must wake the bucket, epoch ms; None where a timer stands for it, or nothing waits."""
        bucket = self._buckets[number]
        moment = bucket.moments[0][0] if bucket.moments else NEVER
        if moment >= bucket.armed:
            return None
        bucket.armed = moment
        return moment

    def waiting(self) -> int:
        """How many events wait in the buckets that this instance has met."""
        return sum(len(call.held.records) for each in self._buckets.values() for call in each.calls.values())

    def _take(self, bucket: _Bucket, hold: Hold, leaving: _Leaving, now: int) -> None:
        """Hold a call's events; control records go on behind what they may be about, which goes as it is."""
        begin = 0
        for forget in hold.forgets:
            self._hold(bucket, hold, hold.records[begin : forget.before], leaving, now)
            begin = forget.before
            for name in list(bucket.calls):
                self._let_go(bucket, name, leaving, forget.shopper)
            (leaving.again if hold.again else leaving.steps).append(forget)
        self._hold(bucket, hold, hold.records[begin:], leaving, now)
        bucket.early.pop(hold.call, None)
        bucket.early_until.pop(hold.call, None)

    def _hold(self, bucket: _Bucket, hold: Hold, records: list[Record], leaving: _Leaving, now: int) -> None:
        if hold.again:
            records = [each for each in records if (each.partition, each.offset) not in bucket.restored]
        if not records:
            return
        name = hold.call
        if (before := bucket.calls.get(name)) is not None:  # control records stand between a call's events
            records = before.held.records + records
            self._drop(bucket, name)
        early = bucket.early.get(name) or _Known({}, set())
        known = before.known if before is not None else _Known({**early.found}, {*early.missing})
        held = _Held(now + SILENT_MS, hold.newest, hold.again, records)
        self._keep(bucket, name, _Call(held, known))
        self._look(bucket, name, leaving, now)

    def _answered(self, bucket: _Bucket, answer: Answer, leaving: _Leaving, now: int) -> None:
        if answer.call:
            self._told(bucket, answer, leaving, now)
            return
        # A row came: for all who were told that there is none.
        for known in bucket.early.values():
            known.learn(answer.found)
        names = {name for product in answer.found for name in bucket.by_product.get(product, ())}
        for name in sorted(names):
            bucket.calls[name].known.learn(answer.found)
            self._look(bucket, name, leaving, now)

    def _told(self, bucket: _Bucket, answer: Answer, leaving: _Leaving, now: int) -> None:
        for name in [name for name, until in bucket.early_until.items() if until < now]:
            del bucket.early[name], bucket.early_until[name]
        if (call := bucket.calls.get(answer.call)) is not None:
            call.known.take(answer)
            self._look(bucket, answer.call, leaving, now)
            return
        bucket.early.setdefault(answer.call, _Known({}, set())).take(answer)
        bucket.early_until[answer.call] = now + EARLY_MS

    def _look(self, bucket: _Bucket, name: str, leaving: _Leaving, now: int) -> None:
        """Let go what lacks nothing any more, once all is answered; the rest waits on."""
        call = bucket.calls[name]
        held, known = call.held, call.known
        if not call.lacking() <= known.missing:
            self._keep_answers(name, call)
            return
        ready: list[Record] = []
        stay: list[Record] = []
        until = min(held.until, now + self._wait_ms)
        for record in held.records:
            goes = until <= now or known.missing.isdisjoint(wanting(record.event))
            (ready if goes else stay).append(record)
        self._drop(bucket, name)
        leaving.add(call, ready)
        if stay:
            rest = _Call(_Held(until, held.newest, held.again, stay), known)
            self._keep(bucket, name, rest)
            self._keep_answers(name, rest)

    def _let_go(self, bucket: _Bucket, name: str, leaving: _Leaving, shopper: str) -> None:
        """Let go as it is what may be the shopper's: a device may be a user's by now, as others know."""
        call = bucket.calls[name]
        theirs: list[Record] = []
        others: list[Record] = []
        for record in call.held.records:
            event = record.event
            mine = event.user_id is None or shopper in (event.shopper, event.user_id, event.device_id)
            (theirs if mine else others).append(record)
        if not theirs:
            return
        self._drop(bucket, name)
        leaving.add(call, theirs)
        if others:
            held = call.held
            rest = _Call(_Held(held.until, held.newest, held.again, others), call.known)
            self._keep(bucket, name, rest)
            self._keep_answers(name, rest)

    def _give_up(self, bucket: _Bucket, name: str, leaving: _Leaving) -> None:
        call = bucket.calls[name]
        self._drop(bucket, name)
        leaving.add(call, call.held.records)

    def _route(self, bucket: _Bucket, leaving: _Leaving, now: int) -> list[Routed]:
        routed: list[Routed] = []
        for step in leaving.again:
            routed += self._again.onward(step, leaving.newest, now)
        if leaving.steps or leaving.counts:
            routed += self._router.onward(bucket.number, leaving.steps, leaving.newest, now, leaving.counts)
        return routed

    def _keep(self, bucket: _Bucket, name: str, call: _Call) -> None:
        data = encode(call.held)
        self._held.put_all({name: data})
        self._note(bucket, name, call, len(data))

    def _keep_answers(self, name: str, call: _Call) -> None:
        if call.known.found or call.known.missing:
            self._known.put_all({name: encode(call.known)})
            call.answers_kept = True

    def _note(self, bucket: _Bucket, name: str, call: _Call, size: int) -> None:
        call.size = size
        bucket.calls[name] = call
        bucket.size += size
        heapq.heappush(bucket.moments, (call.held.until, name))
        for product in call.lacking():
            bucket.by_product.setdefault(product, set()).add(name)

    def _drop(self, bucket: _Bucket, name: str) -> None:
        call = bucket.calls.pop(name)
        bucket.size -= call.size
        self._held.remove(name)
        if call.answers_kept:
            self._known.remove(name)
        for product in call.wanted:
            names = bucket.by_product.get(product, set())
            names.discard(name)
            if not names:
                bucket.by_product.pop(product, None)

    def _bucket(self, number: int) -> _Bucket:
        bucket = self._buckets.get(number)
        if bucket is None:
            bucket = self._buckets[number] = _Bucket(number)
            known = {name: _KNOWN.decode(data) for name, data in self._known.items()}
            for name, data in self._held.items():
                held = _HELD.decode(data)
                told = known.get(name)
                call = _Call(held, told or _Known({}, set()), answers_kept=told is not None)
                bucket.restored.update((each.partition, each.offset) for each in held.records)
                self._note(bucket, name, call, len(data))
        return bucket


def _oldest(bucket: _Bucket) -> str:
    """The call whose events came first."""
    return min(bucket.calls, key=lambda name: bucket.calls[name].held.newest)
