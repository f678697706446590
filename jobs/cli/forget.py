"""`shopper forget`: delete one shopper, through the job."""

from collections.abc import Mapping
from typing import Annotated

import typer
from kafka.errors import KafkaError

from events.control import forget_record, read_control
from events.verdict import Dead
from jobs.cli.flags import KAFKA, with_settings
from jobs.cli.outcome import CommandError, NotFoundError
from jobs.forgetting import Sent, found, progress_of, send_forget, wait
from jobs.kafka.client import KafkaUnreachableError, MissingTopicError
from jobs.settings import Loaded, Settings
from jobs.watching.progress import Progress
from serving.redis_reader import RedisUnreachableError

People = Mapping[str, list[str]]
"""Who is to be forgotten, as they are kept, the one asked for first -> keys that exist."""


@with_settings("job_name", "buckets", "windows", "hash_ids", "redis_url", "redis_prefix", *KAFKA)
def forget(
    loaded: Loaded,
    shopper: Annotated[str, typer.Argument(metavar="SHOPPER", help="`user_id`, else the device's own id.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Only send it; the job carries it out when it gets there.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="Wait at most so long.")] = 60,
) -> None:
    """Delete one shopper: the state, and the keys in Redis.

    A control record goes through Kafka to every partition of every topic. The job forgets what it has read of
    the shopper before, deletes `user:<id>:features:*` and the `session:<id>:features` of sessions that the
    shopper owns (with the layout live-shopper their strings, too), and counts the records as applied. Events
    that come later begin anew.

    Of a user every device is reached: who was logged in there is forgotten, and what points to the user is
    deleted. A device whose rows point to a user stands for that user: both are forgotten. What the device did
    is the user's by then, and could not be taken out alone.

    It does not reach what Kafka itself holds (the topic and the dead letters, until their retention ends),
    nor checkpoints and savepoints taken before.

    Examples:
        shopper forget customer-000042

        shopper forget customer-000042 --yes --no-wait
    """
    settings = loaded.settings
    _check(shopper)
    try:
        people = _people(settings, shopper)
        before = progress_of(settings)
        if not (no_wait or before.buckets):
            msg = (
                f"no job {settings.job_name!r} has told its progress, so nobody would forget anything; "
                "`shopper status` says what there is, --no-wait sends the record all the same"
            )
            raise NotFoundError(msg)
        _confirm(shopper, people, settings, yes=yes)
        sent = send_forget(settings, list(people))
        partitions = len(next(iter(sent.values())))
        typer.echo(f"sent to {partitions} partitions of {', '.join(settings.topics())}", err=True)
        if not no_wait:
            _report(settings, shopper, people, before, _wait(settings, sent, timeout))
    except (RedisUnreachableError, KafkaUnreachableError, MissingTopicError, KafkaError) as error:
        raise CommandError(str(error)) from None


def _people(settings: Settings, shopper: str) -> People:
    """The shopper and the users to whom its rows point, as they are kept, each with the keys that exist."""
    stored = settings.stored_id(shopper)
    own = found(settings, stored)
    return {stored: own.keys} | {user: found(settings, user).keys for user in own.users}


def _check(shopper: str) -> None:
    """Refuse an id that no event could have."""
    verdict = read_control(forget_record(shopper))
    if isinstance(verdict, Dead):
        reason = verdict.reasons[0]
        msg = f"no shopper has such an id: it is {reason.value}; expected {reason.expected}"
        raise typer.BadParameter(msg)


def _confirm(shopper: str, people: People, settings: Settings, *, yes: bool) -> None:
    _, *users = people
    for keys in people.values():
        for key in keys:
            typer.echo(f"  {key}", err=True)
    if not any(people.values()):
        typer.echo(f"no keys of {shopper!r} in Redis now; state may be left all the same", err=True)
    for user in users:
        typer.echo(
            f"{shopper!r} is a device on which {user!r} has logged in: {user!r} is forgotten, too", err=True
        )
    who = " and ".join(map(repr, (shopper, *users)))
    if not (yes or typer.confirm(f"Forget {who} in job {settings.job_name}?", err=True)):
        msg = "not confirmed, so nothing was sent; --yes answers the question"
        raise CommandError(msg)


def _wait(settings: Settings, sent: Sent, timeout: float) -> Progress:
    progress = wait(settings, sent, timeout, lambda: progress_of(settings))
    if progress is None:
        msg = (
            f"after {timeout:g} s the job has not carried it out yet; it will when it gets there. Does it "
            "run, how far is it behind (shopper status), and is `buckets` the same here as for the job "
            f"({settings.buckets})?"
        )
        raise CommandError(msg)
    return progress


def _report(settings: Settings, shopper: str, people: People, before: Progress, after: Progress) -> None:
    keys = [key for own in people.values() for key in own]
    left = {key for each in people for key in found(settings, each).keys}
    deleted = after.counts["forgotten.keys"] - before.counts["forgotten.keys"]
    _, *users = people
    who, verb = " and ".join(map(repr, (shopper, *users))), "are" if users else "is"
    typer.echo(f"{who} {verb} forgotten: state, and {deleted} keys")
    for key in keys:
        typer.echo(f"  {key}{': there again, since events came later' if key in left else ': deleted'}")
    if deleted > len(keys):
        typer.echo(f"  and {deleted - len(keys)} of sessions and devices: deleted")
