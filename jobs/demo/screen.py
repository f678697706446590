"""What the demo shows: a few shoppers whose values change, the pace, the freshness, the accounting."""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from rich.console import Group
from rich.table import Table
from rich.text import Text

COLUMNS: Final = (
    ("5min", "product_view_count", "views\n5 min"),
    ("1h", "unique_products_viewed", "products\n1 h"),
    ("1h", "top_category", "favourite\n1 h"),
    ("1h", "cart_value", "cart\n1 h"),
    ("24h", "orders_count", "orders\n24 h"),
    ("24h", "order_value", "spent\n24 h"),
    ("session", "page_count", "pages\nsession"),
    ("session", "converted", "bought\nsession"),
)
"""Window, feature and heading: what a visitor of the demo sees move."""

Hashes = Mapping[str, Mapping[str, str]]
"""A shopper's hashes by window label."""


class Moment(NamedTuple):
    """Everything that is shown at one moment."""

    elapsed_s: float
    sent: int
    sent_per_s: float
    applied_per_s: float
    fresh_p50_ms: float
    fresh_p99_ms: float
    accounting: str
    job_state: str
    shoppers: Sequence[tuple[str, Hashes]]
    hints: Sequence[str]


def draw(moment: Moment) -> Group:
    """Lay the moment out for a terminal."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("shopper", no_wrap=True, max_width=24)
    for _, _, heading in COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True, max_width=26)
    for shopper, hashes in moment.shoppers:
        table.add_row(shopper, *(hashes.get(window, {}).get(name, "") for window, name, _ in COLUMNS))
    hints = (Text(hint, "dim", no_wrap=True, overflow="fold") for hint in moment.hints)
    return Group(table, Text(), *(Text(line) for line in lines(moment)), Text(), *hints)


def lines(moment: Moment) -> list[str]:
    """Say the moment in plain lines."""
    pace = f"sent {moment.sent} ({moment.sent_per_s:.0f}/s), applied {moment.applied_per_s:.0f}/s"
    fresh = freshness(moment.fresh_p50_ms, moment.fresh_p99_ms)
    return [
        f"{moment.elapsed_s:5.0f} s  job {moment.job_state}  {pace}, {fresh}",
        f"         {moment.accounting}",
    ]


def freshness(p50_ms: float, p99_ms: float) -> str:
    """Say how soon an event can be read.

    >>> freshness(120.4, 480.0)
    'readable after 120 ms (99 %: 480 ms)'
    """
    if math.isnan(p50_ms):
        return "not measured yet"
    return f"readable after {p50_ms:.0f} ms (99 %: {p99_ms:.0f} ms)"
