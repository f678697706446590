"""`shopper config`: the effective settings, and where each comes from."""

from typing import Annotated

import orjson
import typer
from rich.table import Table

from jobs.cli.flags import ALL, with_settings
from jobs.cli.table import console
from jobs.settings import Loaded
from jobs.settings.page import template


@with_settings(*ALL)
def config(
    loaded: Loaded,
    json: Annotated[bool, typer.Option("--json", help="One JSON object: name to value and origin.")] = False,
    toml: Annotated[
        bool, typer.Option("--toml", help="A shopper.toml to start from, every setting with its meaning.")
    ] = False,
) -> None:
    """Show every setting, its value and where it comes from.

    Passwords are masked.

    Examples:
        shopper config

        SHOPPER_TOPIC=orders shopper config --json
    """
    if json:
        values = {
            name: {"value": value, "origin": str(loaded.origins[name])}
            for name, value in loaded.shown().items()
        }
        typer.echo(orjson.dumps(values, option=orjson.OPT_INDENT_2))
    elif toml:
        typer.echo(template())
    else:
        _table(loaded)


def _table(loaded: Loaded) -> None:
    table = Table("setting", "value", "from", box=None, header_style="bold", pad_edge=False)
    for name, value in loaded.shown().items():
        origin = loaded.origins[name]
        style = "dim" if origin.source == "default" else ""
        table.add_row(name, value, str(origin), style=style)
    console().print(table)
