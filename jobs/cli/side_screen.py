"""How `shopper side show` shows rows."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
import typer
from rich.table import Table

from events.event import Money
from events.sides.declaration import SideInput
from events.sides.decoder import SideDecoder
from events.sides.row import PRODUCTS, SideRow
from events.sources.conversions import major_of
from events.verdict import Dead
from jobs.side_inputs.topic import Kept, Rows


class Told(NamedTuple):
    """A row, and the record that tells it."""

    key: str
    verdict: SideRow | Dead
    kept: Kept


def told(side: SideInput, rows: Rows, keys: Iterable[str]) -> Iterator[Told]:
    """The rows of these keys."""
    decoder = SideDecoder(side)
    for key in keys:
        if (kept := rows.latest(key)) is not None:
            yield Told(key, decoder.decode(kept.key, kept.value), kept)


def rows_as_json(rows: Iterable[Told]) -> None:
    """Print a JSON object a line."""
    for each in rows:
        place = {"partition": each.kept.partition, "offset": each.kept.offset, "at": each.kept.at}
        typer.echo(orjson.dumps({"key": each.key} | _plain(each.verdict) | place))


def _plain(verdict: SideRow | Dead) -> dict[str, Any]:
    if isinstance(verdict, Dead):
        return {"dead": [reason._asdict() for reason in verdict.reasons]}
    if verdict.table != PRODUCTS:
        return {"categories": verdict.categories}
    price = verdict.price and {"amount": _amount(verdict.price), "currency": verdict.price.currency}
    return {"name": verdict.name, "category": verdict.category, "price": price}


def rows_table(side: SideInput, rows: Iterable[Told]) -> Table:
    """Lay out rows; one that cannot be used shows why in their place."""
    names = ("name", "category", "price") if side.table == PRODUCTS else ("categories",)
    table = Table("key", *names, "since", box=None, header_style="bold", pad_edge=False)
    for each in rows:
        since = datetime.fromtimestamp(each.kept.at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        if isinstance(each.verdict, Dead):
            why = "; ".join(f"{r.field} is {r.value}, expected {r.expected}" for r in each.verdict.reasons)
            cells = (f"cannot be used: {why}", *[""] * (len(names) - 1))
        else:
            cells = _cells(each.verdict)
        table.add_row(each.key, *cells, since)
    return table


def _cells(row: SideRow) -> tuple[str, ...]:
    if row.table != PRODUCTS:
        return (" | ".join(row.categories),)
    price = f"{_amount(row.price)} {row.price.currency}" if row.price else ""
    return row.name or "", row.category or "", price


def _amount(price: Money) -> str:
    return major_of(price.minor, price.currency) or ""
