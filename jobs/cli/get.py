"""`shopper get`: what Redis says of a shopper right now."""

from typing import Annotated

import orjson
import typer

from jobs.cli.flags import with_settings
from jobs.cli.outcome import CommandError, NotFoundError
from jobs.cli.table import console, shopper_table
from jobs.durations import span
from jobs.settings import Loaded, Settings
from jobs.settings.secret import shown
from serving.reading import reader_of
from shopper_reader import ReaderError, Row, Verdict


@with_settings("redis_url", "redis_prefix", "job_name", "windows", "session_gap_min", "hash_ids")
def get(
    loaded: Loaded,
    shopper: Annotated[str, typer.Argument(metavar="SHOPPER", help="`user_id`, else the device's own id.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON object: window to fields.")] = False,
) -> None:
    """Show a shopper's features: features down, windows across, the session beside them.

    Of a device on which somebody has logged in they are that user's, and a row `same as` names the user (with
    --json a field `_same_as`).

    The last rows tell how old the values are, when they next change, and whether they hold: FRESH, STALE (the
    job is behind or down) or PARTIAL (it began to read after the window's beginning).

    Examples:
        shopper get customer-000042

        shopper get customer-000042 --json | jq '."1h".cart_value'
    """
    settings = loaded.settings
    rows = read(settings, shopper)
    if not rows:
        msg = (
            f"no features of {shopper!r} in {shown(settings.redis_url)} under prefix "
            f"{settings.redis_prefix!r}; all of them have expired, or there never were any: is the id right "
            "(capital letters count), the prefix, and does the job run? shopper status says"
        )
        raise NotFoundError(msg)
    if json:
        typer.echo(orjson.dumps({window: texts_of(row) for window, row in rows.items()}))
    else:
        print_shopper(settings, shopper, rows)


def read(settings: Settings, shopper: str) -> dict[str, Row]:
    """Return the shopper's rows that exist, by window label or `session`.

    Raises:
        CommandError: if Redis does not answer.
    """
    place = settings.redis_url, settings.redis_prefix, settings.job_name
    try:
        with reader_of(*place, settings.definitions()) as features:
            found = features.get(settings.stored_id(shopper))
    except ReaderError as error:
        raise CommandError(str(error)) from None
    return {window: row for window, row in found.items() if row.verdict is not Verdict.MISSING}


def texts_of(row: Row) -> dict[str, str]:
    """The row's fields, and whose it is if another row pointed to it."""
    return row.texts | ({"_same_as": row.same_as} if row.same_as else {})


def print_shopper(settings: Settings, shopper: str, rows: dict[str, Row]) -> None:
    """Print the table, and why values do not hold."""
    notes: dict[str, dict[str, str]] = {"as of": {}, "next change": {}, "expires": {}, "": {}}
    if any(row.same_as for row in rows.values()):
        notes = {"same as": {window: row.same_as for window, row in rows.items()}} | notes
    for window, row in rows.items():
        following, until = (row.next or 0) - row.now, (row.until or 0) - row.now
        notes["as of"][window] = f"{span(row.age_ms or 0)} ago"
        notes["next change"][window] = f"in {span(following)}" if following > 0 else "due"
        notes["expires"][window] = f"in {span(until)}"
        notes[""][window] = f"{row.verdict}, capped" if row.capped else str(row.verdict)
    texts = {window: row.texts for window, row in rows.items()}
    console().print(shopper_table(shopper, texts, settings.definitions(), notes))
    for why in dict.fromkeys(row.why for row in rows.values() if row.verdict is not Verdict.FRESH):
        console().print(why, style="dim")
