"""Gather the settings from their sources, and remember where each value came from."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, TomlConfigSettingsSource

from jobs.settings.errors import Problem, SettingsError
from jobs.settings.model import ENVIRONMENT_PREFIX, Settings
from jobs.settings.secret import shown

DEFAULT_FILE: Final = Path("shopper.toml")
SECRETS: Final = frozenset({"kafka_sasl_password", "hash_ids_key", "api_tokens"})
_RESEMBLES: Final = 0.8


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: `source` is the kind, `name` what to change there."""

    source: Literal["flag", "environment", "file", "default"]
    name: str = ""

    def __str__(self) -> str:
        """Say it: `flag --topic`, `environment SHOPPER_TOPIC`, `file shopper.toml` or `default`."""
        return f"{self.source} {self.name}".rstrip()


@dataclass(frozen=True, slots=True)
class Loaded:
    """The effective settings and the origin of each."""

    settings: Settings
    origins: Mapping[str, Origin]

    def shown(self) -> dict[str, str]:
        """Each setting as text, secrets masked."""
        return {name: shown(getattr(self.settings, name), secret=name in SECRETS) for name in self.origins}


class _Layer(NamedTuple):
    values: dict[str, Any]
    origins: dict[str, Origin]
    problems: list[Problem]


def load(flags: Mapping[str, Any] | None = None, file: Path | None = None) -> Loaded:
    """Read the settings: `flags` (None: not given), then the environment, then the file, then defaults.

    `file` must exist; without it `shopper.toml` in the working directory is read where there is one.

    Raises:
        SettingsError: with every problem of every source at once.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    layers = (
        _from_file(file),
        _from_environment(),
        _Layer(given, {name: Origin("flag", flag_of(name)) for name in given}, []),
    )
    values: dict[str, Any] = {}
    origins = dict.fromkeys(Settings.model_fields, Origin("default"))
    problems: list[Problem] = []
    for layer in layers:
        values |= layer.values
        origins |= layer.origins
        problems += layer.problems
    try:
        settings = Settings(**values)
    except ValidationError as error:
        problems += _explained(error, origins)
        raise SettingsError(tuple(problems)) from None
    if problems:
        raise SettingsError(tuple(problems))
    return Loaded(settings, origins)


def flag_of(name: str) -> str:
    """Return the command-line flag of a setting."""
    return "--" + name.replace("_", "-")


def expects(name: str) -> str:
    """Say what values a setting takes."""
    extra = Settings.model_fields[name].json_schema_extra
    return str(extra["expects"]) if isinstance(extra, dict) else ""


def _from_file(file: Path | None) -> _Layer:
    path = file or DEFAULT_FILE
    if file is None and not path.exists():
        return _Layer({}, {}, [])
    try:
        values = TomlConfigSettingsSource(Settings, path)() if path.is_file() else None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        return _Layer(
            {}, {}, [Problem("--config", str(path), "file", f"not TOML: {error}", "Mend the file.")]
        )
    if values is None:
        wrong = "a folder, not a file" if path.is_dir() else "no such file"
        remedy = "Give the path of a TOML file, or leave --config away."
        return _Layer({}, {}, [Problem("--config", str(path), "flag --config", wrong, remedy)])
    origin = Origin("file", str(path))
    known = {name: value for name, value in values.items() if name in Settings.model_fields}
    unknown = [_unknown(name, origin) for name in values if name not in known]
    return _Layer(known, dict.fromkeys(known, origin), unknown)


def _from_environment() -> _Layer:
    """Read our variables; an unknown one counts as a slip only where it resembles a setting."""
    values = EnvSettingsSource(Settings)()
    origins = {name: Origin("environment", ENVIRONMENT_PREFIX + name.upper()) for name in values}
    problems = []
    for variable in sorted(os.environ):
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if variable.startswith(ENVIRONMENT_PREFIX) and name not in Settings.model_fields and _nearest(name):
            problems.append(_unknown(name, Origin("environment", variable)))
    return _Layer(values, origins, problems)


def _nearest(name: str) -> str | None:
    known = difflib.get_close_matches(name.lower().replace("-", "_"), Settings.model_fields, 1, _RESEMBLES)
    return known[0] if known else None


def _unknown(name: str, origin: Origin) -> Problem:
    """Report an unknown name; its value may be a misplaced secret, so it is not shown."""
    nearest = _nearest(name)
    remedy = f"Did you mean {nearest}?" if nearest else "`shopper config` lists all settings."
    return Problem(name, "", str(origin), "no such setting", remedy)


def _explained(error: ValidationError, origins: Mapping[str, Origin]) -> list[Problem]:
    problems = []
    for details in error.errors(include_url=False, include_context=False):
        name = str(details["loc"][0])
        path = name + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in details["loc"][1:])
        value = shown(details["input"], secret=name in SECRETS)
        pattern = details["type"] == "string_pattern_mismatch"
        wrong = "not of that form" if pattern else details["msg"].removeprefix("Value error, ")
        problems.append(Problem(path, value, str(origins[name]), wrong, _remedy(name)))
    return problems


def _remedy(name: str) -> str:
    flag = "" if name in SECRETS else f"{flag_of(name)}, "
    variable = ENVIRONMENT_PREFIX + name.upper()
    return f"Expected: {expects(name)}. Set it by {flag}{variable} or in {DEFAULT_FILE}."
