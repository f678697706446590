"""What the commands over side inputs share: which one is meant, and how Kafka's failures end them."""

from collections.abc import Iterator
from contextlib import contextmanager

from events.sides.declaration import SideInput
from events.sources.problems import SourceError
from jobs.cli.outcome import CommandError
from jobs.kafka.client import KafkaUnreachableError, MissingTopicError
from jobs.kafka.reading import StalledError
from jobs.settings import Settings
from jobs.side_inputs import side_inputs
from jobs.side_inputs.topic import NotTakenError


def side_named(settings: Settings, name: str) -> SideInput:
    """The side input of a table, as the setting `side_inputs` declares it, else as it is shipped.

    Args:
        settings: the shop's.
        name: a table, or the path of a declaration.

    Raises:
        CommandError: if there is no such one, or its declaration cannot be used.
    """
    for declared in settings.declared_sides:
        if declared.table == name:
            return declared
    try:
        (found,) = side_inputs([name])
    except SourceError as error:
        raise CommandError(str(error)) from None
    return found


@contextmanager
def kafka_errors() -> Iterator[None]:
    """Kafka's failures as the command's."""
    try:
        yield
    except (KafkaUnreachableError, MissingTopicError, StalledError, NotTakenError) as error:
        raise CommandError(str(error)) from None
