"""How `shopper` finds its commands, and how one that fails ends."""

import errno
import os
import sys
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

from jobs.cli.outcome import CommandError, Exit
from jobs.settings.errors import SettingsError

COMMANDS: Final = (
    "demo",
    "run",
    "submit",
    "stop",
    "migrate",
    "status",
    "get",
    "serve",
    "forget",
    "dlq",
    "side",
    "features",
    "replay",
    "config",
    "docs",
)
"""Each is the function (or group of commands) of that name in the module `jobs.cli.<name>`."""
EXIT_CODES: Final = (
    "Exit codes: 0 all is well; 1 something failed; 2 wrong usage or settings; 3 not found; 130 interrupted."
)


_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class ShopperGroup(TyperGroup):
    """Imports a command when it is called: `shopper get` need not wait for Kafka's and Flink's libraries."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands in the order in which they are met."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a command; None where there is no such one."""
        if cmd_name not in COMMANDS:
            return None
        function = getattr(import_module(f"jobs.cli.{cmd_name}"), cmd_name)
        if isinstance(function, typer.Typer):
            return typer.main.get_command(function)
        single = typer.Typer(add_completion=False, rich_markup_mode="markdown")
        single.command(cmd_name, epilog=EXIT_CODES)(function)
        return typer.main.get_command(single)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a failure whose cause is known ends with a message instead of a traceback."""
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            _end(str(error), Exit.USAGE)
        except CommandError as error:
            _end(str(error), error.code)
        except KeyboardInterrupt:
            _end("interrupted", Exit.INTERRUPTED)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            _give_up_output()
            _end(f"cannot write the output: {error.strerror}", Exit.FAILURE)


def _give_up_output() -> None:
    """Let what is still buffered go nowhere: it would fail once more when the interpreter ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _end(message: str, code: Exit) -> None:
    typer.echo(f"shopper: {message}", err=True)
    raise typer.Exit(code)
