"""What Snowplow's own package says of the recorded events, as the keys of the Live Shopper job say it."""

import csv
from collections import Counter, defaultdict
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

TABLES: Final = Path(__file__).parent / "data" / "snowplow-ecommerce" / "expected"
NONE: Final = ""
"""Where no key is expected."""
Line = dict[str, str]
Lines = list[Line]


def _by_shopper(table: str) -> dict[str, Lines]:
    """Lines of a table, in the order of time; those of mobile apps tell no device and are left out."""
    found: dict[str, Lines] = defaultdict(list)
    with (TABLES / f"{table}.csv").open(newline="") as file:
        for line in sorted(csv.DictReader(file), key=lambda line: (line["derived_tstamp"], line["event_id"])):
            if line["domain_userid"]:
                found[line["domain_userid"]].append(line)
    return found


@cache
def expected_strings() -> dict[str, str]:
    """Text of each key `user:<id>:<name>_24h` of the shoppers with a typed action on the web.

    Amounts are those of the latest currency, as ours are. Of the others there are untyped actions only, which
    say nothing to a window.
    """
    products, carts = _by_shopper("product_interactions"), _by_shopper("cart_interactions")
    orders = _by_shopper("transaction_interactions")
    told: dict[str, str] = {}
    for shopper in products.keys() | carts.keys() | orders.keys():
        viewed = [line for line in products[shopper] if line["ecommerce_action_type"] == "product_view"]
        listed = [line for line in products[shopper] if line["ecommerce_action_type"] == "list_view"]
        values = _views(viewed) | _categories(viewed + listed) | _orders(orders[shopper])
        values |= _cart(carts[shopper], orders[shopper])
        if any(line["ecommerce_action_type"] for line in products[shopper]):
            told |= {f"user:{shopper}:{name}_24h": text for name, text in values.items() if text}
    return told


def _views(lines: Lines) -> dict[str, str]:
    views = len({line["event_id"] for line in lines})
    currency = lines[-1]["product_currency"] if lines else ""
    prices = [Decimal(line["product_price"]) for line in lines if line["product_currency"] == currency]
    return {
        "product_view_count": str(views),
        "return_view_count": str(views - len({line["product_id"] for line in lines})),
        "price_range_viewed": f"{min(prices):.2f}-{max(prices):.2f}" if prices else NONE,
        "avg_viewed_price": f"{sum(prices) / len(prices):.4f}" if prices else NONE,
    }


def _categories(lines: Lines) -> dict[str, str]:
    seen = Counter(line["product_category"] for line in lines)
    latest: dict[str, str] = defaultdict(str)
    for line in lines:
        latest[line["product_category"]] = max(latest[line["product_category"]], line["derived_tstamp"])
    return {
        "category_view_count": str(len(lines)),
        "unique_categories": str(len(seen)),
        "top_category": max(sorted(seen), key=lambda name: (seen[name], latest[name]), default=NONE),
    }


def _cart(lines: Lines, orders: Lines) -> dict[str, str]:
    changes = [line for line in lines if line["ecommerce_action_type"] in {"add_to_cart", "remove_from_cart"}]
    added = sum(line["ecommerce_action_type"] == "add_to_cart" for line in changes)
    bought = max((line["derived_tstamp"] for line in orders), default="")
    value = NONE
    if changes:
        emptied = bought > changes[-1]["derived_tstamp"]
        value = "0.00" if emptied else f"{Decimal(changes[-1]['cart_total_value']):.2f}"
    return {
        "cart_add_count": str(added),
        "cart_remove_count": str(len(changes) - added),
        "cart_update_frequency": str(len(changes)),
        "cart_value": value,
    }


def _orders(lines: Lines) -> dict[str, str]:
    currency = lines[-1]["transaction_currency"] if lines else ""
    paid = [
        Decimal(each["transaction_revenue"]) for each in lines if each["transaction_currency"] == currency
    ]
    return {
        "orders_count": str(len({line["transaction_id"] for line in lines})),
        "order_value": f"{sum(paid):.2f}" if paid else NONE,
        "avg_order_value": f"{sum(paid) / len(paid):.4f}" if paid else NONE,
    }
