"""The layout `live-shopper`: the string keys of the published Live Shopper job, copied from our hashes. Pure.

A string has no room for a fence. So none is written from a row: after each row one script reads what the
row's hash holds by then, and says that. The hash is fenced; who copies it, how often and in which order does
not matter.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Final, NamedTuple

import msgspec

from features.row import FeatureRow
from sinks.branch_fields import quoted
from sinks.calls import Call, Script, evaluation_beside
from sinks.keys import encode_id

CALL_HASHES: Final = 25
"""Hashes that one script call copies; each has a dozen strings, and Redis does nothing else meanwhile."""
_SCRIPT_LUA: Final = files("sinks").joinpath("live_shopper.lua").read_text(encoding="utf-8")


class Text(NamedTuple):
    """One string key: what it is called, and which fields of the hash it says in which form."""

    name: str
    fields: tuple[str, ...]
    form: str = "text"
    """`text` as it is, `flag` true or false, `range` least-greatest, `devices` a list of their classes."""


def _same(name: str) -> Text:
    return Text(name, (name,))


USER: Final = (
    _same("product_view_count"),
    _same("avg_viewed_price"),
    _same("return_view_count"),
    Text("price_range_viewed", ("min_viewed_price", "max_viewed_price"), "range"),
    _same("category_view_count"),
    _same("top_category"),
    _same("unique_categories"),
    _same("cart_add_count"),
    _same("cart_remove_count"),
    Text("cart_update_frequency", ("cart_update_count",)),
    _same("cart_value"),
    _same("orders_count"),
    _same("order_value"),
    _same("avg_order_value"),
)
"""`user:<id>:<name>_<window>`."""
SESSION: Final = (
    _same("session_duration"),
    Text("session_page_count", ("page_count",)),
    Text("session_bounce", ("bounce",), "flag"),
    Text("session_marketing_campaign", ("marketing_campaign",)),
    Text("session_cart_ratio", ("cart_ratio",)),
    Text("session_search_count", ("search_count",)),
    Text("shopper_device_types", ("device_types",), "devices"),
    Text("shopper_latest_platform", ("latest_platform",)),
)
"""`session:<id>:<name>`."""
TABLES: Final = {"user": USER, "session": SESSION}


def window_name(label: str) -> str:
    """What that job calls a window.

    >>> window_name("5min"), window_name("1h")
    ('5m', '1h')
    """
    return f"{label[:-3]}m" if label.endswith("min") else label


def string_keys(row: FeatureRow, prefix: str = "", cluster: bool = False) -> tuple[str, ...]:
    """Keys of the strings that say what `row`'s hash holds; none for the current session, which has its own.

    Nor for what is beyond the shopper, such as `user:<id>:item:<id>`.

    >>> row = FeatureRow("user", "ann", "5min", {}, 0, 0, 0, 0)
    >>> string_keys(row)[0], string_keys(row, "shop1:", cluster=True)[0]
    ('user:ann:product_view_count_5m', 'shop1:user:{ann}:product_view_count_5m')
    """
    if row.tail or row.entity not in TABLES or (row.entity == "user" and row.window == "session"):
        return ()
    encoded = encode_id(row.entity_id)
    base = f"{prefix}{row.entity}:{{{encoded}}}:" if cluster else f"{prefix}{row.entity}:{encoded}:"
    end = "" if row.entity == "session" else f"_{window_name(row.window)}"
    return tuple([f"{base}{text.name}{end}" for text in TABLES[row.entity]])


def copying(rows: Sequence[tuple[str, FeatureRow]], prefix: str, cluster: bool) -> list[Call]:
    """The calls that copy the hashes of `rows`, each given with its key, to their strings."""
    groups: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {}
    for key, row in rows:
        strings = string_keys(row, prefix, cluster)
        if strings:
            # In a cluster only keys with the same id share a slot.
            groups.setdefault(row.entity_id if cluster else "", []).append((key, row.entity, strings))
    return [
        evaluation_beside(
            _SCRIPT, [(key, entity) for key, entity, _ in chunk], [strings for _, _, strings in chunk]
        )
        for group in groups.values()
        for chunk in (group[i : i + CALL_HASHES] for i in range(0, len(group), CALL_HASHES))
    ]


def _script() -> Script:
    """`live_shopper.lua` with the tables in it: an entity's fields, and (form, places of fields) a string."""
    tables = {}
    for entity, texts in TABLES.items():
        fields = ["_until", *dict.fromkeys(field for text in texts for field in text.fields)]
        forms = [(text.form, *(fields.index(field) + 1 for field in text.fields)) for text in texts]
        tables[entity] = (fields, forms)
    return Script.of(_SCRIPT_LUA.replace("'@TABLES@'", quoted(msgspec.msgpack.encode(tables))))


_SCRIPT: Final = _script()
