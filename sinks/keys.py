"""Names of the Redis keys, and why no id can forge another's: ids are percent-encoded."""

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from features.row import FeatureRow
from sinks.errors import SinkSettingError

_UNSAFE: Final = re.compile(r"[\s:%{}\x00-\x20\x7f-\x9f\ud800-\udfff]")
# Lone surrogates come from broken escapes in JSON; they have no UTF-8, and a write would fail on them.
_EMPTY: Final = "%"
# Nothing else is encoded so. An empty hash tag `{}` would send the rows of one shopper to several slots.

_KEY: Final = re.compile(
    r"(?:session:(?P<session>[^:]+):features"
    r"|(?P<entity>[a-z_]+):(?P<id>[^:]+):features:(?P<window>[^:]+))\Z"
)


class KeyParts(NamedTuple):
    """What a key says: `window` is `session` for the `session` entity."""

    entity: str
    entity_id: str
    window: str


@lru_cache(4_096)  # a shopper has several rows
def encode_id(raw: str) -> str:
    """`raw` with `:`, `%`, `{`, `}`, whitespace and control characters percent-encoded.

    >>> encode_id("a:b c")
    'a%3Ab%20c'
    """
    if _UNSAFE.search(raw) is None:
        return raw or _EMPTY
    return _UNSAFE.sub(_percent, raw)


def decode_id(text: str) -> str:
    """The id that `encode_id` made `text` of.

    >>> decode_id("a%3Ab%20c")
    'a:b c'
    """
    return "" if text == _EMPTY else unquote_to_bytes(text).decode("utf-8", "surrogatepass")


def key_of(row: FeatureRow, prefix: str = "", cluster: bool = False) -> str:
    """Key of the hash that holds `row`; with `cluster` its id is the hash tag.

    `user:<id>:features:<window>`, and `session:<id>:features` for the entity `session`; of entities beyond
    the shopper `<entity>:<id>:<tail>`, `user:<id>:item:<id>` for instance.
    """
    if not row.tail:
        return key_name(row.entity, encode_id(row.entity_id), row.window, prefix, cluster)
    encoded = encode_id(row.entity_id)
    tag = f"{{{encoded}}}" if cluster else encoded
    return ":".join((f"{prefix}{row.entity}", tag, *map(encode_id, row.tail)))


def key_name(entity: str, encoded_id: str, window: str, prefix: str = "", cluster: bool = False) -> str:
    """As `key_of`, of an id that is encoded already."""
    tag = f"{{{encoded_id}}}" if cluster else encoded_id
    if entity == "session":
        return f"{prefix}session:{tag}:features"
    return f"{prefix}{entity}:{tag}:features:{window}"


def parts_of(key: str, prefix: str = "") -> KeyParts | None:
    """What `key_of` put into `key`, or None when it is no key of a feature row under `prefix`."""
    match = _KEY.match(key.removeprefix(prefix)) if key.startswith(prefix) else None
    if match is None:
        return None
    if (session := match["session"]) is not None:
        return KeyParts("session", _untagged(session), "session")
    return KeyParts(match["entity"], _untagged(match["id"]), match["window"])


def checked_prefix(prefix: str) -> str:
    """`prefix` itself; braces in it would become the hash tag of every key."""
    if re.search(r"[{}\s\x00-\x20]", prefix):
        msg = f"redis_prefix is {prefix!r}; no braces, whitespace or control characters may be in it"
        raise SinkSettingError(msg)
    return prefix


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))


def _untagged(text: str) -> str:
    return decode_id(text[1:-1] if text.startswith("{") and text.endswith("}") else text)
