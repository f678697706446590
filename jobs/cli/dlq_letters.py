"""What the commands over dead letters share: which letters are meant, and where they are read."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final, get_args

import typer

from jobs.cli.gathered import gathered
from jobs.cli.outcome import CommandError, NotFoundError
from jobs.cli.since import since_ms
from jobs.dead_letters.selection import Selection
from jobs.dead_letters.topic import DeadLetterTopic, Found
from jobs.kafka.client import KafkaUnreachableError, MissingTopicError, consumer
from jobs.kafka.reading import StalledError
from jobs.settings import Settings
from sinks.dead_letters import Kind

PANEL: Final = "Which letters"
KINDS: Final = tuple(kind for kind in get_args(Kind) if kind != "replayed")


def _flags(
    kind: Annotated[
        str, typer.Option(metavar="KIND", help="undecodable, future or bug.", rich_help_panel=PANEL)
    ] = "",
    tried_format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="tsv, sdk_json…", rich_help_panel=PANEL)
    ] = "",
    field: Annotated[
        str,
        typer.Option(metavar="TEXT", help="Part of the name of a field with a fault.", rich_help_panel=PANEL),
    ] = "",
    topic_partition: Annotated[
        str,
        typer.Option(metavar="TOPIC/PARTITION", help="Where it was, or the number.", rich_help_panel=PANEL),
    ] = "",
    since: Annotated[
        int,
        typer.Option(
            parser=since_ms,
            metavar="WHEN",
            help="Since 2h, 3d or 2026-01-31T08:00Z.",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ] = 0,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Only those not replayed yet.", rich_help_panel=PANEL)
    ] = False,
) -> None:
    """Flags that choose letters."""


def _selection(**flags: Any) -> Selection:
    chosen = Selection(**flags)
    if chosen.kind not in ("", *KINDS):
        msg = f"--kind {chosen.kind!r} is none of {', '.join(KINDS)}"
        raise typer.BadParameter(msg)
    return chosen


with_selection = gathered("selection", _selection, _flags)
"""Gives a command the flags that choose letters, as `selection`."""


@contextmanager
def dead_letters(settings: Settings) -> Iterator[DeadLetterTopic]:
    """The dead-letter topic; what may go wrong with Kafka ends the command with a message."""
    with kafka_errors(), consumer(settings) as kafka:
        yield DeadLetterTopic(kafka, settings)


@contextmanager
def kafka_errors() -> Iterator[None]:
    """Kafka's failures as the command's."""
    try:
        yield
    except (KafkaUnreachableError, MissingTopicError, StalledError) as error:
        raise CommandError(str(error)) from None


def named(topic: DeadLetterTopic, ids: list[str]) -> list[Found]:
    """The letters of these ids, in this order.

    Raises:
        NotFoundError: naming those that are not there.
    """
    found = topic.find(ids)
    if missing := [each for each in dict.fromkeys(ids) if each not in found]:
        msg = (
            f"{topic.settings.dead_letter_topic} has no letter {', '.join(missing)}; "
            "ids are topic/partition/offset, as `shopper dlq list` shows them"
        )
        raise NotFoundError(msg)
    return [found[each] for each in dict.fromkeys(ids)]


def now_ms() -> int:
    """Epoch milliseconds."""
    return round(time.time() * 1000)
