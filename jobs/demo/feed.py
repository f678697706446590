"""Sends the demo's records to Kafka at their pace, and remembers what was sent for whom."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaError

from events.event import Event
from jobs.attribution import Attribution
from jobs.kafka.client import KafkaUnreachableError, producer
from jobs.recorded.recording import records
from jobs.recorded.restamp import restamp
from jobs.settings import Settings
from jobs.shop import shop_events

RECORDING: Final = Path(__file__).resolve().parents[1] / "data" / "snowplow-ecommerce.enriched.tsv.gz"
SHOPPERS: Final = 200
_RECORDED_PER_S: Final = 400
_NAP_S: Final = 0.2
_TAKEN_S: Final = 10.0


class Sent(NamedTuple):
    """One event that was just sent."""

    shopper: str
    number: int
    """How many records of this shopper were sent, this one included."""
    at: float
    """When, by `time.monotonic`."""


class Feed(threading.Thread):
    """A thread that sends the recorded events, moved to now, and then what the synthetic shop does."""

    def __init__(self, settings: Settings, rate_per_s: float, seed: int) -> None:
        """Prepare; `start` sends."""
        super().__init__(name="feed", daemon=True)
        self.sent = 0
        self.of_shopper: Counter[str] = Counter()
        """Records that count for a shopper, broken ones left out: what the job counts as `_seen`. Those of a
        device become its user's at the login."""
        self.in_shop: Counter[str] = Counter()
        """Of these, those of the synthetic shop: its visitors are the ones whose values move."""
        self.latest: Sent | None = None
        self.error: Exception | None = None
        self._settings = settings
        self._rate_per_s = rate_per_s
        self._seed = seed
        self._decode = settings.decoder().decode
        self._attribution = Attribution(settings.definitions())
        self._ids: set[str] = set()
        self._in_shop = False
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._kafka: KafkaProducer | None = None

    def run(self) -> None:
        """Send until stopped."""
        try:
            with producer(self._settings) as kafka:
                with self._lock:
                    self._kafka = kafka
                for due, record in self._plan():
                    while (wait := due - time.time()) > 0 and not self._stopping.is_set():
                        self._stopping.wait(min(wait, _NAP_S))
                    if self._stopping.is_set():
                        break
                    with self._lock:
                        kafka.send(self._settings.topic, record)
                        self._remember(record)
        except (KafkaUnreachableError, OSError) as error:
            self.error = error
        finally:
            with self._lock:
                self._kafka = None

    def send(self, records: Sequence[bytes]) -> None:
        """Send records of somebody else's between its own, from any thread; returns when Kafka has them.

        Raises:
            KafkaUnreachableError: if nothing is sent now, or Kafka does not take them.
        """
        with self._lock:
            if self._kafka is None:
                msg = "no events are sent now: the demo starts or ends"
                raise KafkaUnreachableError(msg)
            sent = [self._kafka.send(self._settings.topic, record) for record in records]
            for record in records:
                self._remember(record)
        try:
            for each in sent:
                each.get(timeout=_TAKEN_S)
        except KafkaError as error:
            msg = f"Kafka did not take the events ({type(error).__name__})"
            raise KafkaUnreachableError(msg) from error

    def stop(self) -> None:
        """Send no more; returns when Kafka has everything that was sent."""
        self._stopping.set()
        if self.is_alive():
            self.join(timeout=30)

    def _plan(self) -> Iterator[tuple[float, bytes]]:
        """Pair each record with its moment (epoch s)."""
        start = time.time()
        recorded = restamp(list(records([RECORDING])), round(start * 1000))
        for number, moved in enumerate(recorded):
            yield start + number / _RECORDED_PER_S, moved.raw
        self._in_shop = True
        begin_ms = round(time.time() * 1000)
        for due_ms, record in shop_events(self._seed, SHOPPERS, begin_ms, self._rate_per_s):
            yield due_ms / 1000, record

    def _remember(self, record: bytes) -> None:
        self.sent += 1
        event = self._decode(record)
        if not isinstance(event, Event):
            return
        shopper, moves = self._attribution.of(event, round(time.time() * 1000))
        for device, user in moves:
            for counted in (self.of_shopper, self.in_shop):
                if device in counted:
                    counted[user] += counted.pop(device)
        self.of_shopper[shopper] += 1
        if self._in_shop:
            self.in_shop[shopper] += 1
        if event.event_id not in self._ids:
            self._ids.add(event.event_id)
            self.latest = Sent(shopper, self.of_shopper[shopper], time.monotonic())
