"""`shopper docs`: the pages that are made from the code."""

import difflib
from pathlib import Path
from typing import Annotated

import orjson
import typer

from features.catalogue import as_data, render
from features.settings import Definitions
from jobs.cli.outcome import CommandError
from jobs.settings.page import settings_page

FOLDER = Path(__file__).resolve().parents[2]


def pages() -> dict[str, str]:
    """Return every generated file, by its path in the repository."""
    return {
        "docs/features.md": render(),
        "docs/settings.md": settings_page(),
        "reader/shopper_reader/catalogue.json": catalogue(Definitions()),
    }


def catalogue(definitions: Definitions) -> str:
    """Return the catalogue as the reader takes it."""
    return orjson.dumps(as_data(definitions), option=orjson.OPT_INDENT_2).decode() + "\n"


def docs(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a page differs.")] = False,
) -> None:
    """Write what is made from the code: docs/features.md, docs/settings.md and the reader's catalogue.

    Examples:
        shopper docs

        shopper docs --check
    """
    stale = []
    for name, text in pages().items():
        path = FOLDER / name
        old = path.read_text() if path.is_file() else ""
        if old == text:
            continue
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            typer.echo(f"wrote {name}")
            continue
        stale.append(name)
        difference = difflib.unified_diff(
            old.splitlines(), text.splitlines(), path.name, "made from the code"
        )
        typer.echo("\n".join(list(difference)[:20]), err=True)
    if stale:
        msg = f"{', '.join(stale)} differ from the code; run `shopper docs`"
        raise CommandError(msg)
