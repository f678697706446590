"""`shopper docs`: the pages that are made from the code."""

import difflib
from pathlib import Path
from typing import Annotated

import typer

from features.catalogue import render
from jobs.cli.outcome import CommandError
from jobs.settings.page import settings_page

FOLDER = Path(__file__).resolve().parents[2] / "docs"


def pages() -> dict[str, str]:
    """Return every generated page, by its name in `docs/`."""
    return {"features.md": render(), "settings.md": settings_page()}


def docs(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a page differs.")] = False,
) -> None:
    """Write the pages that are made from the code: docs/features.md and docs/settings.md.

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
            path.write_text(text)
            typer.echo(f"wrote docs/{name}")
            continue
        stale.append(f"docs/{name}")
        difference = difflib.unified_diff(
            old.splitlines(), text.splitlines(), path.name, "made from the code"
        )
        typer.echo("\n".join(list(difference)[:20]), err=True)
    if stale:
        msg = f"{', '.join(stale)} differ from the code; run `shopper docs`"
        raise CommandError(msg)
