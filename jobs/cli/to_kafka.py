"""Send recorded events to the topic, moved to now."""

import time
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

import typer

from jobs.cli.outcome import CommandError
from jobs.kafka.client import KafkaUnreachableError, producer
from jobs.recorded.recording import RecordingError, records
from jobs.recorded.restamp import event_time, restamp, shifted
from jobs.settings import Settings


def send(settings: Settings, files: list[Path], speed: float | None, rate: float | None) -> None:
    """Send the records of `files`: at `speed` times their own pace, or `rate` a second, or at once.

    At a speed each event happens when it is sent; otherwise the last event happens now.
    """
    start = time.time()
    try:
        recorded = list(records(files))
    except RecordingError as error:
        raise CommandError(str(error)) from None
    plan = at_speed(recorded, start, speed) if speed else at_rate(recorded, start, rate)
    sent = 0
    try:
        with producer(settings) as kafka:
            for due, record in plan:
                if due > time.time():
                    time.sleep(due - time.time())
                kafka.send(settings.topic, record)
                sent += 1
    except KafkaUnreachableError as error:
        raise CommandError(str(error)) from None
    took = time.time() - start
    typer.echo(
        f"sent {sent} records to {settings.topic} at {settings.kafka_bootstrap} in {took:.1f} s", err=True
    )


def at_rate(recorded: list[bytes], start: float, rate: float | None) -> Iterator[tuple[float, bytes]]:
    """Pair each record, moved so that the last event is at `start`, with its moment to be sent (epoch s)."""
    for number, moved in enumerate(restamp(recorded, round(start * 1000))):
        yield start + (number / rate if rate else 0.0), moved.raw


def at_speed(recorded: list[bytes], start: float, speed: float) -> Iterator[tuple[float, bytes]]:
    """Pair each record with its moment to be sent, which is also when its event now happens.

    In the order of event time; what has none keeps its place behind the record before it. Long pauses shrink.
    """
    begin = round(start * 1000)
    timed: list[tuple[int, bytes, bool]] = []
    before = 0
    for moved in restamp(recorded, 0):
        before = before if moved.at is None else moved.at
        timed.append((before, moved.raw, moved.at is not None))
    first = min((at for at, _, known in timed if known), default=0)
    for at, record, known in sorted(timed, key=itemgetter(0)):
        due = begin + max(0, round((at - first) / speed))
        own = event_time(record) if known else None
        yield due / 1000, record if own is None else shifted(record, due - own)
