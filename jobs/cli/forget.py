"""`shopper forget`: delete one shopper, through the job."""

from typing import Annotated

import typer
from kafka.errors import KafkaError

from events.control import forget_record, read_control
from events.verdict import Dead
from jobs.cli.flags import KAFKA, with_settings
from jobs.cli.outcome import CommandError, NotFoundError
from jobs.forgetting import keys_of, progress_of, send_forget, wait
from jobs.kafka.client import KafkaUnreachableError, MissingTopicError
from jobs.settings import Loaded, Settings
from jobs.watching.progress import Progress
from serving.redis_reader import RedisUnreachableError


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
    shopper owns, and counts the records as applied. Events that come later begin anew.

    It does not reach what Kafka itself holds (the topic and the dead letters, until their retention ends),
    nor checkpoints and savepoints taken before.

    Examples:
        shopper forget customer-000042

        shopper forget customer-000042 --yes --no-wait
    """
    settings = loaded.settings
    _check(shopper)
    try:
        keys, before = keys_of(settings, shopper), progress_of(settings)
        if not (no_wait or before.buckets):
            msg = (
                f"no job {settings.job_name!r} has told its progress, so nobody would forget anything; "
                "`shopper status` says what there is, --no-wait sends the record all the same"
            )
            raise NotFoundError(msg)
        _confirm(shopper, keys, settings, yes=yes)
        offsets = send_forget(settings, shopper)
        typer.echo(f"sent to {len(offsets)} partitions of {', '.join(settings.topics())}", err=True)
        if not no_wait:
            _report(settings, shopper, keys, before, _wait(settings, shopper, offsets, timeout))
    except (RedisUnreachableError, KafkaUnreachableError, MissingTopicError, KafkaError) as error:
        raise CommandError(str(error)) from None


def _check(shopper: str) -> None:
    """Refuse an id that no event could have."""
    verdict = read_control(forget_record(shopper))
    if isinstance(verdict, Dead):
        reason = verdict.reasons[0]
        msg = f"no shopper has such an id: it is {reason.value}; expected {reason.expected}"
        raise typer.BadParameter(msg)


def _confirm(shopper: str, keys: list[str], settings: Settings, *, yes: bool) -> None:
    for key in keys:
        typer.echo(f"  {key}", err=True)
    if not keys:
        typer.echo(f"no keys of {shopper!r} in Redis now; state may be left all the same", err=True)
    if not (yes or typer.confirm(f"Forget {shopper!r} in job {settings.job_name}?", err=True)):
        msg = "not confirmed, so nothing was sent; --yes answers the question"
        raise CommandError(msg)


def _wait(settings: Settings, shopper: str, offsets: dict[int, int], timeout: float) -> Progress:
    progress = wait(settings, shopper, offsets, timeout, lambda: progress_of(settings))
    if progress is None:
        msg = (
            f"after {timeout:g} s the job has not carried it out yet; it will when it gets there. Does it "
            "run, how far is it behind (shopper status), and is `buckets` the same here as for the job "
            f"({settings.buckets})?"
        )
        raise CommandError(msg)
    return progress


def _report(settings: Settings, shopper: str, keys: list[str], before: Progress, after: Progress) -> None:
    left = set(keys_of(settings, shopper))
    deleted = after.counts["forgotten.keys"] - before.counts["forgotten.keys"]
    typer.echo(f"{shopper!r} is forgotten: state, and {deleted} keys")
    for key in keys:
        typer.echo(f"  {key}{': there again, since events came later' if key in left else ': deleted'}")
    if deleted > len(keys):
        typer.echo(f"  and {deleted - len(keys)} of sessions: deleted")
