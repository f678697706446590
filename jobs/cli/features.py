"""`shopper features`: the catalogue, read from the code."""

from typing import Annotated

import orjson
import typer
from rich.table import Table

from features.catalogue import entries, render
from jobs.cli.docs import catalogue
from jobs.cli.flags import MEANING, with_settings
from jobs.cli.table import console
from jobs.settings import Loaded


@with_settings(*MEANING)
def features(
    loaded: Loaded,
    markdown: Annotated[bool, typer.Option("--markdown", help="The page docs/features.md.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    data: Annotated[
        bool, typer.Option("--catalogue", help="What `shopper_reader.Catalogue.read` reads.")
    ] = False,
) -> None:
    """List every feature with its windows, type, unit and meaning.

    Examples:
        shopper features

        shopper features --markdown > docs/features.md

        shopper features --catalogue > catalogue.json
    """
    definitions = loaded.settings.definitions()
    if markdown:
        typer.echo(render(definitions), nl=False)
    elif data:
        typer.echo(catalogue(definitions), nl=False)
    elif json:
        for entry in entries(definitions):
            typer.echo(orjson.dumps(entry._asdict()))
    else:
        table = Table(
            "feature", "branch", "windows", "type", "unit", "meaning", box=None, header_style="bold"
        )
        for entry in entries(definitions):
            windows = " ".join(entry.windows)
            table.add_row(entry.name, entry.branch, windows, entry.type, entry.unit, entry.doc)
        console().print(table)
