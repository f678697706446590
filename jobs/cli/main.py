"""The `shopper` command: everything a person does with the job, from a first look to production."""

from typing import Annotated

import typer

from jobs.cli.group import EXIT_CODES, ShopperGroup

app = typer.Typer(
    cls=ShopperGroup,
    name="shopper",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - costs 20 ms that other calls need not pay

        typer.echo(version("shopper-features"))
        raise typer.Exit


@app.callback(epilog=EXIT_CODES)
def shopper(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Real-time features of a shop's visitors: Snowplow events in, Redis hashes out.

    `shopper demo` shows the whole on this machine; `shopper COMMAND --help` has examples of each command.
    """


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
