"""`shopper get`: what Redis says of a shopper right now."""

import time
from collections.abc import Mapping
from contextlib import closing
from typing import Annotated

import orjson
import typer

from jobs.cli.flags import with_settings
from jobs.cli.outcome import CommandError, NotFoundError
from jobs.cli.table import SESSION, console, shopper_table
from jobs.durations import span
from jobs.settings import Loaded, Settings
from jobs.settings.secret import shown
from serving.redis_reader import RedisReader, RedisUnreachableError
from serving.rows import read_shopper, verdict
from sinks.codec import Stored, decode


@with_settings("redis_url", "redis_prefix", "windows", "hash_ids")
def get(
    loaded: Loaded,
    shopper: Annotated[str, typer.Argument(metavar="SHOPPER", help="`user_id`, else the device's own id.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON object: window to fields.")] = False,
) -> None:
    """Show a shopper's features: features down, windows across, the session beside them.

    The last rows tell how old the values are, when they next change, and whether they are stale, that is: the
    job is behind or down.

    Examples:
        shopper get customer-000042

        shopper get customer-000042 --json | jq '."1h".cart_value'
    """
    settings = loaded.settings
    hashes = read(settings, shopper)
    if not hashes:
        msg = (
            f"no features of {shopper!r} in {shown(settings.redis_url)} under prefix "
            f"{settings.redis_prefix!r}; all of them have expired, or there never were any: is the id right "
            "(capital letters count), the prefix, and does the job run? shopper status says"
        )
        raise NotFoundError(msg)
    if json:
        typer.echo(orjson.dumps({window: dict(fields) for window, fields in hashes.items()}))
    else:
        print_shopper(settings, shopper, hashes)


def read(settings: Settings, shopper: str) -> dict[str, dict[str, str]]:
    """Return the shopper's hashes that exist, by window label or `session`.

    Raises:
        CommandError: if Redis does not answer.
    """
    labels = [*(window.label for window in settings.windows), SESSION]
    try:
        with closing(RedisReader(settings.redis_url)) as reader:
            return read_shopper(
                reader, settings.stored_id(shopper), labels, settings.redis_prefix, round(time.time() * 1000)
            )
    except RedisUnreachableError as error:
        raise CommandError(str(error)) from None


def print_shopper(settings: Settings, shopper: str, hashes: Mapping[str, Mapping[str, str]]) -> None:
    """Print the table."""
    now = round(time.time() * 1000)
    notes: dict[str, dict[str, str]] = {"as of": {}, "next change": {}, "expires": {}, "": {}}
    for label, fields in hashes.items():
        row = decode(fields)
        if row is not None:
            notes["as of"][label] = f"{span(now - row.at)} ago"
            notes["next change"][label] = "due" if row.next <= now else f"in {span(row.next - now)}"
            notes["expires"][label] = f"in {span(row.until - now)}"
            notes[""][label] = mark(row, now)
    console().print(shopper_table(shopper, hashes, settings.definitions(), notes))


def mark(row: Stored, now_ms: int) -> str:
    """Say whether the values still hold."""
    stale = verdict(row, now_ms)
    return f"{stale}, capped" if row.capped else stale
