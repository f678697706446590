"""`shopper side`: the tables that are kept beside the events, from files and in Kafka."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.flags import BROKER, with_settings
from jobs.cli.group import EXIT_CODES
from jobs.cli.outcome import Exit, NotFoundError
from jobs.cli.side_inputs import kafka_errors, side_named
from jobs.cli.side_load import FileLoader, tell, watched
from jobs.cli.side_screen import rows_as_json, rows_table, told
from jobs.cli.signals import interruptible
from jobs.cli.table import console
from jobs.settings import Loaded
from jobs.side_inputs.topic import exists, read_rows

side = typer.Typer(name="side", add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

Table = Annotated[
    str,
    typer.Argument(metavar="TABLE", help="products, sellers, profiles, or the .toml file of a declaration."),
]


@side.callback(epilog=EXIT_CODES)
def _group() -> None:
    """Side inputs: products, sellers and profiles that a shop keeps beside its events.

    Each lies in a compacted topic, which the setting `side_inputs` lets the job read.

    Examples:
        shopper side load products catalogue.csv

        shopper side show products hat-1
    """


@side.command("load", epilog=EXIT_CODES)
@with_settings("side_inputs", *BROKER)
def load(
    loaded: Loaded,
    table: Table,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="With a line that names the columns.")],
    watch: Annotated[
        float | None,
        typer.Option(
            min=0.1, metavar="SECONDS", help="Look at the file again so often, until TERM or Ctrl-C."
        ),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Let rows stay that the file does not have.")] = False,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Take a file without rows for what it says.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a load.")] = False,
) -> None:
    """Make the topic of a table what a CSV file says.

    It reads the topic to its end, sends the rows that differ, and tombstones for those that the file does not
    have. A topic that is missing is created, compacted. The columns are the fields of the topic's JSON, so
    `shopper side load` and whatever else writes the topic are read alike; an empty cell is an absent field. A
    line that cannot be used is named, its row stays as it is, and the command ends with code 1.

    Examples:
        shopper side load products catalogue.csv

        shopper side load profiles profiles.csv --watch 30

        shopper side load shop/sellers.toml sellers.csv --keep --json
    """
    declared = side_named(loaded.settings, table)
    loader = FileLoader(loaded.settings, declared, file, keep=keep, allow_empty=allow_empty)
    if watch is not None:
        with interruptible():
            watched(loader, watch, json=json)
    done = loader.load()
    tell(done, json=json)
    if done.refused:
        raise typer.Exit(Exit.FAILURE)


@side.command("show", epilog=EXIT_CODES)
@with_settings("side_inputs", *BROKER)
def show(
    loaded: Loaded,
    table: Table,
    keys: Annotated[list[str] | None, typer.Argument(metavar="[KEY]...", help="Only these rows.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, in the order of keys.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, and all of them.")] = False,
) -> None:
    """Show what the topic of a table says now: the latest record of each key.

    A record that the job cannot use is shown with the reasons. Ids of users are shown as they were sent, also
    where the job keeps hashes of them.

    Examples:
        shopper side show products

        shopper side show products hat-1 hat-2

        shopper side show sellers --json
    """
    settings, declared = loaded.settings, side_named(loaded.settings, table)
    with kafka_errors():
        if not exists(settings, declared.topic):
            msg = (
                f"Kafka at {settings.kafka_bootstrap} has no topic {declared.topic}; "
                "`shopper side load` creates it"
            )
            raise NotFoundError(msg)
        rows = read_rows(settings, declared)
    if missing := [key for key in keys or () if key not in rows.records]:
        msg = f"{declared.topic} has no row of {', '.join(missing)}; `shopper side show` lists what there is"
        raise NotFoundError(msg)
    named = list(dict.fromkeys(keys)) if keys else sorted(rows.records)
    if json:
        rows_as_json(told(declared, rows, named))
    else:
        shown = named if keys else named[:limit]
        console().print(rows_table(declared, told(declared, rows, shown)))
        if len(named) > len(shown):
            typer.echo(f"… and {len(named) - len(shown)} more: --limit N, or --json for all", err=True)
    if rows.nameless:
        typer.echo(f"{rows.nameless} records of the topic do not say whose row they are", err=True)
