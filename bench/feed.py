"""Events in real time, from a process of its own, so that who measures is not held up by who sends."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.queues import Queue
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from bench.topic import Sender
from bench.traffic import traffic, visits
from events.decoder import Decoder
from events.event import UNTYPED_ACTION, Event

LINGER_MS: Final = 5
LEAST_S: Final = 0.002
"""So long it sleeps at least: to wake up for every record would cost more than to send it."""
READY_S: Final = 120
END_S: Final = 60
_DECODER: Final = Decoder()


@dataclass(frozen=True)
class Plan:
    """What is sent."""

    bootstrap: str
    seed: int
    shoppers: int
    rate_per_s: float
    seconds: float
    follow_per_s: float = 0
    """So many of the events are told of when they are sent."""
    before: Mapping[str, int] = field(default_factory=dict)
    """How many records of each shopper went before."""


class Followed(NamedTuple):
    """An event that was just sent: it is readable when a row of its shopper has a `_seen` of `number`."""

    shopper: str
    number: int
    at: float
    """When it was handed to the producer, epoch s."""


class Finished(NamedTuple):
    """What was sent in all."""

    sent: int
    behind_s: float
    """How late the last one was: not at all, unless this machine could not send at that rate."""
    of_shopper: Mapping[str, int]
    """How many records of each shopper went in all, those before included."""


class Feed:
    """Sends while the block lasts; `told` gives what is to be followed, and at the end `finished`."""

    def __init__(self, plan: Plan) -> None:
        """Prepare the process."""
        context = get_context("spawn")
        self._queue: Queue[Any] = context.Queue()
        self._process = context.Process(target=_send, args=(plan, self._queue), daemon=True)
        self.finished: Finished | None = None

    def __enter__(self) -> Self:
        """Start, and wait until it sends."""
        self._process.start()
        self._queue.get(timeout=READY_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        """End it; it has ended by itself unless something failed here."""
        if kind is None:
            self.wait()
        self._process.kill()
        self._process.join(END_S)

    def told(self) -> list[Followed]:
        """What was sent since the last time, of what is to be followed."""
        found: list[Followed] = []
        while not self._queue.empty():
            told = self._queue.get()
            if isinstance(told, Finished):
                self.finished = told
            else:
                found.append(told)
        return found

    def wait(self) -> Finished:
        """Wait until all is sent."""
        while self.finished is None:
            told = self._queue.get(timeout=READY_S)
            if isinstance(told, Finished):
                self.finished = told
        return self.finished


def _send(plan: Plan, queue: "Queue[Any]") -> None:
    visits(plan.seed)
    numbers = Counter(plan.before)
    number, behind, followed = 0, 0.0, 0.0
    with Sender(plan.bootstrap, LINGER_MS) as kafka:
        queue.put("ready")
        begun = time.time()
        for sent in traffic(plan.seed, plan.shoppers, round(begun * 1000), plan.rate_per_s):
            due = sent.at / 1000
            if due - begun >= plan.seconds:
                break
            if (wait := due - time.time()) > 0:
                time.sleep(max(wait, LEAST_S))
            now = time.time()
            kafka.send(sent)
            number, behind = number + 1, now - due
            if sent.shopper:
                numbers[sent.shopper] += 1
                due_again = plan.follow_per_s and now - followed >= 1 / plan.follow_per_s
                if due_again and not sent.again and _shows(sent.record):
                    followed = now
                    queue.put(Followed(sent.shopper, numbers[sent.shopper], now))
    queue.put(Finished(number, max(0.0, behind), numbers))


def _shows(record: bytes) -> bool:
    """Whether the event changes a row for certain: all do but actions of no known type."""
    event = _DECODER.decode(record)
    return isinstance(event, Event) and event.kind != UNTYPED_ACTION
