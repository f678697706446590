"""Sends the stream at a pace, up to a gate that whoever directs the run moves on."""

import threading
import time
from collections import Counter

from kafka import KafkaProducer

from tests.faults.stream import Stream
from tests.faults.topic import digest

LOOK_S = 0.02
FLUSH_S = 120.0


class Sender:
    """A thread with its own producer. Each record is sent once; the producer's repeats are not seen twice."""

    def __init__(self, bootstrap: str, topic: str, stream: Stream) -> None:
        self._topic = topic
        self._stream = stream
        # As Java's producers have it; by default this one waits half a minute for a broker that is back.
        self._producer = KafkaProducer(
            bootstrap_servers=bootstrap, linger_ms=5, reconnect_backoff_max_ms=1_000
        )
        self._gate = 0
        self._rate = 1.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self.sent = 0
        self.digests: Counter[bytes] = Counter()
        self.failures: list[str] = []
        self._thread.start()

    def open(self, records: int, rate_per_s: float) -> None:
        """Send `records` more, at that rate."""
        self._rate = rate_per_s
        self._gate += records

    def log_in(self, most: int) -> int:
        """While it waits: let the next records be logins on devices that were anonymous; how many."""
        return self._stream.log_in(most)

    @property
    def waits(self) -> bool:
        """Whether all that may be sent was handed over."""
        return self.sent >= self._gate or not self._thread.is_alive()

    def flush(self) -> None:
        """Wait until Kafka has everything that was handed over."""
        self._producer.flush(timeout=FLUSH_S)

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        self._producer.close(timeout=10)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._end.is_set():
            if self.sent >= self._gate:
                due = time.monotonic()
                self._end.wait(LOOK_S)
            elif (wait := due - time.monotonic()) > 0:
                self._end.wait(wait)
            else:
                due += 1 / self._rate
                try:
                    self._send()
                except Exception as error:  # noqa: BLE001  told to whoever directs the run
                    self.failures.append(repr(error))
                    return

    def _send(self) -> None:
        partition, record = self._stream.next_record(time.time_ns() // 1_000_000)
        future = self._producer.send(self._topic, record, b"key", partition=partition)
        future.add_errback(lambda error: self.failures.append(repr(error)))
        self.digests[digest(record)] += 1
        self.sent += 1
