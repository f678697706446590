"""Which entities the features need, and how they are found by name: any vendor, any model.

Where Snowplow's own entity is there, another vendor's of the same name (schema.org's `WebPage` beside
`web_page`) is passed over; otherwise the other vendor's is taken.
"""

import re
from functools import lru_cache
from typing import Final

from events.record import Entities

_SNOWPLOW: Final = "com_snowplowanalytics_snowplow"
OWNERS: Final = {
    "product": f"{_SNOWPLOW}_ecommerce",
    "cart": f"{_SNOWPLOW}_ecommerce",
    "transaction": f"{_SNOWPLOW}_ecommerce",
    "refund": f"{_SNOWPLOW}_ecommerce",
    "checkout_step": f"{_SNOWPLOW}_ecommerce",
    "web_page": _SNOWPLOW,
    "client_session": _SNOWPLOW,
    "identity": _SNOWPLOW,
    "screen": "com_snowplowanalytics_mobile",
    "ua_parser_context": _SNOWPLOW,
    "bot_detection": _SNOWPLOW,
    "yauaa_context": "nl_basjes",
    "spiders_and_robots": "com_iab_snowplow",
}
"""Vendor of each entity that is read, as the SDKs write it in a key."""

_FOREIGN: Final = {name: f"~{name}" for name in OWNERS}
_FOREIGN_NAMES: Final = frozenset(_FOREIGN.values())
_OWN: Final = {f"{vendor}_{name}": name for name, vendor in OWNERS.items()}
_LONGEST: Final = 300
"""Longer names are nobody's, and are not to fill the caches."""
_KEY: Final = re.compile(r"contexts_(.+)_\d+")
_CAPITAL: Final = re.compile(r"([^A-Z_])([A-Z])")


def name_of_schema(schema: str) -> str | None:
    """Name under which an entity is kept, None for those that nothing reads; `~` marks another vendor's.

    >>> name_of_schema("iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0")
    'product'
    >>> name_of_schema("iglu:com.example/product/jsonschema/2-0-0")
    '~product'
    """
    return _name_of_schema(schema) if len(schema) <= _LONGEST else None


@lru_cache(maxsize=1024)
def _name_of_schema(schema: str) -> str | None:
    vendor, _, rest = schema.removeprefix("iglu:").partition("/")
    name = _CAPITAL.sub(r"\1_\2", rest.partition("/")[0]).lower()
    if OWNERS.get(name) == vendor.replace(".", "_").lower():
        return name
    return _FOREIGN.get(name)


def name_of_key(key: str) -> str | None:
    """The same for an Analytics-SDK key.

    Vendor and name are joined by the sign that also joins their words, so another vendor's `shopping_cart`
    cannot be told from its `cart`.

    >>> name_of_key("contexts_com_snowplowanalytics_snowplow_ecommerce_product_1")
    'product'
    """
    return _name_of_key(key) if len(key) <= _LONGEST else None


@lru_cache(maxsize=1024)
def _name_of_key(key: str) -> str | None:
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    own = _OWN.get(match[1])
    if own is not None:
        return own
    return next((mark for name, mark in _FOREIGN.items() if match[1].endswith(f"_{name}")), None)


def settle_foreign(entities: Entities) -> None:
    """Give other vendors' entities the plain name where Snowplow's own are absent."""
    if _FOREIGN_NAMES.isdisjoint(entities):
        return
    for mark in [name for name in entities if name in _FOREIGN_NAMES]:
        entities.setdefault(mark[1:], entities.pop(mark))
