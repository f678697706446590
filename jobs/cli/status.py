"""`shopper status`: whether the job is well, on one screen."""

import time
from collections.abc import Callable
from contextlib import closing
from typing import Annotated, Final

import orjson
import typer
from rich.console import Group
from rich.live import Live

from jobs.cli.flags import KAFKA, with_settings
from jobs.cli.outcome import CommandError, Exit, NotFoundError
from jobs.cli.status_screen import draw
from jobs.cli.table import console
from jobs.kafka.client import KafkaUnreachableError, MissingTopicError
from jobs.settings import Loaded, Settings
from jobs.settings.secret import shown
from jobs.watching.lag import read_lag
from jobs.watching.progress import progress_key, read_progress
from jobs.watching.status import Status
from serving.redis_reader import RedisReader, RedisUnreachableError

EVERY_S: Final = 2.0


@with_settings("job_name", "redis_url", "redis_prefix", *KAFKA)
def status(
    loaded: Loaded,
    no_kafka: Annotated[
        bool, typer.Option("--no-kafka", help="Leave out how far the job is behind Kafka.")
    ] = False,
    behind: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Unread records older than this are wrong.")
    ] = 30,
    watch: Annotated[bool, typer.Option("--watch", help="Show it anew every 2 s, until Ctrl-C.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object; with --watch one a line.")] = False,
) -> None:
    """Show whether the job is well: accounting, branches, lag and freshness.

    It asks Redis, where the job tells its progress once a second, and Kafka for what is not yet read. It ends
    with code 0 where the job is healthy, 1 where something is wrong (it says what), 3 where no job of this
    name has ever told anything.

    Examples:
        shopper status

        shopper status --watch

        shopper status --json --no-kafka | jq .counts.applied
    """
    settings = loaded.settings

    def look() -> Status:
        return look_at(settings, with_kafka=not no_kafka, behind_ms=round(behind * 1000))

    if watch:
        _watch(look, json=json)
        return
    found = look()
    if json:
        typer.echo(orjson.dumps(found.as_json(), option=orjson.OPT_INDENT_2))
    else:
        console().print(draw(found))
    if found.problems():
        raise typer.Exit(Exit.FAILURE)


def look_at(settings: Settings, *, with_kafka: bool, behind_ms: int = 30_000) -> Status:
    """Ask Redis and Kafka.

    Raises:
        CommandError: if one of them does not answer.
        NotFoundError: if no job of this name has told anything.
    """
    try:
        with closing(RedisReader(settings.redis_url)) as reader:
            progress = read_progress(reader, settings.job_name, settings.redis_prefix)
            if not progress.buckets:
                raise NotFoundError(_unknown(reader, settings))
        lag = read_lag(settings, progress) if with_kafka else {}
    except (KafkaUnreachableError, MissingTopicError) as error:
        msg = f"{error}\n--no-kafka shows what Redis alone says."
        raise CommandError(msg) from None
    except RedisUnreachableError as error:
        raise CommandError(str(error)) from None
    topics = {number: topic for topic, number in settings.topics().items() if number}
    return Status(settings.job_name, progress, round(time.time() * 1000), lag, behind_ms, topics)


def _unknown(reader: RedisReader, settings: Settings) -> str:
    """Say that there is no such job, and which there are."""
    end = progress_key("")[len("pipeline:") :]
    keys = reader.keys(f"*pipeline:*{end}")
    here = f"{shown(settings.redis_url)} under prefix {settings.redis_prefix!r}"
    said = f"no job {settings.job_name!r} has told its progress in {here}"
    others = [_named(key, end) for key in keys]
    if others:
        return f"{said}; found: {'; '.join(others)}. Set --job-name and --redis-prefix"
    return (
        f"{said}, nor any other job: it tells it with its first record. Does it run, and is redis_url right?"
    )


def _named(key: str, end: str) -> str:
    prefix, _, name = key.removesuffix(end).rpartition("pipeline:")
    return f"job {name!r} under prefix {prefix!r}"


def _watch(look: Callable[[], Status], *, json: bool) -> None:
    if json:
        while True:
            typer.echo(orjson.dumps(look().as_json()))
            time.sleep(EVERY_S)
    screen = console()
    before: Status | None = None
    with Live(Group(), console=screen, auto_refresh=False, vertical_overflow="visible") as live:
        while True:
            try:
                found = look()
                live.update(draw(found, before), refresh=True)
                before = found
            except CommandError as error:
                live.update(Group(str(error)), refresh=True)
            time.sleep(EVERY_S)
