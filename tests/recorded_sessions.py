"""What Snowplow's own package computes from the recorded events, session by session, against our rows."""

import csv
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

EXPECTED: Final = Path(__file__).parent / "data" / "snowplow-ecommerce" / "expected" / "sessions.csv"

EXEMPT: Final[dict[str, frozenset[str]]] = {
    "tsv": frozenset(),
    "sdk_json": frozenset(),
    "live_shopper": frozenset(
        {
            "total_transaction_revenue",
            "total_transaction_quantity",
            "number_carts_created",
            "session_cart_abandoned",
        }
    ),
}
"""Columns that a wire format cannot give: Live Shopper transactions have no payload, its adds one product."""

Fields = Mapping[str, str]


@cache
def expected_sessions() -> dict[str, dict[str, str]]:
    """Rows of the expected table by session id."""
    with EXPECTED.open(newline="") as file:
        return {row["domain_sessionid"]: row for row in csv.DictReader(file)}


def count(row: Fields, *features: str) -> str:
    """Sum of features; empty for none, as the table has it."""
    return str(sum(int(row[feature]) for feature in features))


def ours(row: Fields) -> dict[str, str]:
    """The table's columns as our features give them."""
    return {
        "number_product_views": count(row, "product_view_count", "list_view_count"),
        "number_add_to_carts": row["cart_add_count"],
        "number_remove_from_carts": row["cart_remove_count"],
        "number_product_transactions": row["orders_count"],
        "number_carts_created": row["carts_created"],
        "number_carts_transacted": row["orders_count"],
        "total_number_transactions": row["orders_count"],
        "total_transaction_revenue": row.get("order_value", "0"),
        "total_transaction_quantity": row["items_purchased"],
        "session_cart_abandoned": {"1": "true", "0": "false"}.get(row.get("cart_abandoned", ""), "0"),
        "checkout_succeeded": {"1": "true", "0": "false"}[row["converted"]],
    }


def same(column: str, expected: str, got: str) -> bool:
    """Whether both say the same; an empty cell of the table says nothing happened."""
    if expected.lower() in {"true", "false"}:
        return expected.lower() == got
    if column == "checkout_succeeded":
        return not expected and got == "false"
    return Decimal(expected or 0) == Decimal(got)


def mismatches(rows: Mapping[str, Fields], wire_format: str) -> list[tuple[str, str, str, str]]:
    """(session, column, expected, ours) wherever a session's row differs or is missing."""
    found = []
    for session, expected in expected_sessions().items():
        row = rows.get(session)
        if row is None:
            found.append((session, "row", "a row", "none"))
            continue
        for column, got in ours(row).items():
            if column not in EXEMPT[wire_format] and not same(column, expected[column], got):
                found.append((session, column, expected[column], got))
    return found
