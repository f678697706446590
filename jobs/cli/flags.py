"""Give a command one flag for each setting it uses."""

import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from jobs.settings import Settings, load
from jobs.settings.load import SECRETS, flag_of

PANEL: Final = "Settings (flag, then SHOPPER_*, then shopper.toml, then default)"
MEANING: Final = (
    "windows",
    "session_gap_min",
    "session_retention_h",
    "session_keys",
    "recommendation_words",
    "checkout_order_step",
    "identity",
)
"""Settings that change what the values mean."""
RECORDS: Final = ("wire_format", "app_ids", "exclude_robots", "hash_ids", "search_path", "search_parameters")
"""Settings that change which records are used, and how they are read."""
BROKER: Final = (
    "kafka_bootstrap",
    "kafka_security_protocol",
    "kafka_sasl_mechanism",
    "kafka_sasl_user",
    "kafka_ca_file",
)
"""Settings that say where Kafka is."""
KAFKA: Final = ("kafka_bootstrap", "topic", "sources", *BROKER[1:])
"""Those, and which events are read."""
ALL: Final = tuple(Settings.model_fields)
API: Final = tuple(name for name in ALL if name.startswith("api_"))
"""Settings of the API."""
JOB: Final = tuple(name for name in ALL if name not in API)
"""All others: those of the job."""


def with_settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add `--config` and the flags of the settings `names`; the command gets all settings as `loaded`.

    A setting without a flag still comes from the environment or the file. Secrets have no flag: process lists
    show command lines.
    """
    flags = [name for name in names if name not in SECRETS]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(command).parameters.values() if p.name != "loaded"]

        def run(config: Path | None = None, **arguments: Any) -> None:
            given = {name: arguments.pop(name) for name in flags}
            command(loaded=load(given, config), **arguments)

        parameters = [*own, _config(), *_flags(flags)]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def _config() -> inspect.Parameter:
    option = typer.Option("--config", metavar="FILE", help="TOML file with settings.", rich_help_panel=PANEL)
    return _keyword("config", Annotated[Path | None, option])


def _flags(names: Iterable[str]) -> Iterable[inspect.Parameter]:
    for name in names:
        field = Settings.model_fields[name]
        kind = bool if field.annotation is bool else str
        option = typer.Option(help=field.description, rich_help_panel=PANEL, show_default=False)
        if kind is str:
            option = typer.Option(
                flag_of(name),
                help=field.description,
                rich_help_panel=PANEL,
                metavar=name.rsplit("_", 1)[-1].upper(),
            )
        yield _keyword(name, Annotated[kind | None, option])


def _keyword(name: str, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
