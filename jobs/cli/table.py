"""A shopper's features as a table: features down, windows across, the session beside them."""

import sys
from collections.abc import Mapping
from types import MappingProxyType

from rich.console import Console
from rich.table import Table

from features.catalogue import entries
from features.settings import Definitions

SESSION = "session"
PIPE_WIDTH = 160


def console() -> Console:
    """Make a console; where nobody looks (a pipe, a log) it is wide enough for every table."""
    return Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)


def shopper_table(
    title: str,
    columns: Mapping[str, Mapping[str, str]],
    definitions: Definitions,
    notes: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> Table:
    """Lay out the hashes of one shopper; `columns` are those that exist, by window label or `session`.

    Features come in the catalogue's order, then fields that it does not know; a feature that no column has is
    left out. `notes` are rows for the end: by name, a text a column.
    """
    labels = [*(window.label for window in definitions.windows), SESSION]
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    table.add_column("feature", no_wrap=True)
    for label in labels:
        table.add_column(label, overflow="fold")
    catalogue = dict.fromkeys(entry.name for entry in entries(definitions))
    others = (name for fields in columns.values() for name in fields if not name.startswith("_"))
    for name in dict.fromkeys((*catalogue, *others)):
        cells = [columns.get(label, {}).get(name, "") for label in labels]
        if any(cells):
            table.add_row(name, *cells)
    if notes:
        table.add_section()
        for name, texts in notes.items():
            table.add_row(name, *(texts.get(label, "") for label in labels), style="dim")
    return table
