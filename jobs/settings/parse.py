"""Settings as text: what flags and the environment give, made into what the model takes."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from operators.placement import bucket_keys
from serving.api.terms import rates_of
from sinks.address import Address
from sinks.errors import SinkSettingError

_LAST_PORT = 65535
_HOST_PORT = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")


def as_absent(value: Any) -> Any:
    """Read empty text as nothing."""
    return None if value == "" else value


def as_items(value: Any) -> Any:
    """Split text at commas; a TOML list stays.

    >>> as_items("web, app,")
    ('web', 'app')
    """
    if isinstance(value, str):
        return tuple(item.strip() for item in value.split(",") if item.strip())
    return value


def as_json(value: Any) -> Any:
    """Read JSON text; a TOML list stays."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        msg = f"not JSON ({error.msg} at character {error.pos})"
        raise ValueError(msg) from None


def as_start(value: Any) -> Any:
    """Check a starting point; an instant becomes `…Z`.

    >>> as_start("2026-01-31T09:00:00+01:00")
    '2026-01-31T08:00:00+00:00'
    """
    if isinstance(value, datetime):
        value = value.isoformat()
    if not isinstance(value, str) or value in ("recent", "earliest", "latest"):
        return value
    return datetime.fromtimestamp(instant_ms(value) / 1000, UTC).isoformat()


def instant_ms(text: str) -> int:
    """Epoch milliseconds of an ISO 8601 instant; without a zone it is UTC.

    >>> instant_ms("1970-01-01T00:00:01Z")
    1000

    Raises:
        ValueError: if `text` is no instant.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        msg = "not an instant of ISO 8601"
        raise ValueError(msg) from None
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return round(instant.timestamp() * 1000)


def check_bootstrap(value: Any) -> Any:
    """Accept host:port, several by commas."""
    if isinstance(value, str):
        for address in value.split(","):
            match = _HOST_PORT.fullmatch(address.strip())
            if match is None or not 0 < int(match[1]) <= _LAST_PORT:
                msg = f"{address.strip()!r} is not host:port"
                raise ValueError(msg)
    return value


def check_redis_url(value: Any) -> Any:
    """Accept what the sink accepts: one server, sentinels or a cluster, with or without TLS."""
    if isinstance(value, str):
        try:
            Address.parse(value)
        except SinkSettingError as error:
            raise ValueError(error.fault or str(error)) from None
    return value


def check_rate(rate: str) -> str:
    """Accept what the API's limiter accepts."""
    rates_of(rate)
    return rate


def check_buckets(buckets: int) -> int:
    """Accept a number over which the key groups spread evenly."""
    bucket_keys(buckets)
    return buckets
