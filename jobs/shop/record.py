"""Write an event as Snowplow Enrich does: 131 tab-separated fields."""

from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Final, NamedTuple

from jobs.shop.people import Device, uuid

SNOWPLOW: Final = "com.snowplowanalytics.snowplow"
ACTION_VENDOR: Final = "com.snowplowanalytics.snowplow.ecommerce"
_CONTEXTS: Final = '{"schema":"iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0","data":['
_AT_ONCE: Final = 0.9
_SOON: Final = 0.99
_VERSIONS: Final = "\t\tshop\tjs-4.6.2\tssc-3.5.0-kafka\tsnowplow-enrich-kafka-5.2.0-common-5.2.0\t"


class Draft(NamedTuple):
    """What a visitor did, before it gets its ids and times."""

    event: str
    name: str
    vendor: str
    page: str
    """Fields 29 to 51: address, title, referrer, campaign."""
    contexts: str
    """Entities, separated by commas."""
    unstruct: str = ""
    ping: str = "\t\t\t"
    """Fields 73 to 76: how far was scrolled."""


def tsv(rng: Random, draft: Draft, device: Device, sent_ms: int, promptly: bool = False) -> bytes:
    """Return the record that reaches Kafka at `sent_ms`; its event time lies up to two minutes before.

    `promptly` lets it lie less than 0.1 s before.

    The times fit together as Enrich's formula has it: derived = collector - (dvce_sent - dvce_created).
    """
    luck = 0.0 if promptly else rng.random()
    etl = sent_ms - 5 - int(luck * 300) % 60
    collector = etl - 60 - int(luck * 7919) % 240
    derived = collector - _wait_ms(luck)
    web = device.platform == "web"
    domain = f"{device.anonymous_id}\t{device.session_index}" if web else "\t"
    created, sent = stamp(derived + device.clock_off_ms), stamp(collector + device.clock_off_ms)
    return (
        f"synthetic-shop\t{device.platform}\t{stamp(etl)}\t{stamp(collector)}\t{created}"
        f"\t{draft.event}\t{uuid(rng)}{_VERSIONS}{device.user_id}\t{device.head}\t{domain}\t{device.place}"
        f"\t{draft.page}\t{_CONTEXTS}{draft.contexts}{_client_session(device)}]}}\t\t\t\t\t\t{draft.unstruct}"
        f"\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t{draft.ping}\t{device.tail}\t{sent}\t\t\t{device.derived}"
        f"\t{device.session_id if web else ''}\t{stamp(derived)}\t{draft.vendor}"
        f"\t{draft.name}\tjsonschema\t1-0-0\t{rng.getrandbits(128):032x}\t"
    ).encode()


def _wait_ms(luck: float) -> int:
    """How long the event waits on the device: mostly not at all, one in ten up to 9 s, one in 100 longer."""
    if luck < _AT_ONCE:
        return 5 + int(luck * 60)
    if luck < _SOON:
        return int((luck - _AT_ONCE) * 100_000)
    return int((luck - _SOON) / (1 - _SOON) * 115_000)


def stamp(ms: int) -> str:
    """Write an instant as Enrich does.

    >>> stamp(1_700_000_000_042)
    '2023-11-14 22:13:20.042'
    """
    second, rest = divmod(ms, 1000)
    return f"{_second(second)}.{rest:03d}"


@lru_cache(maxsize=4096)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _client_session(device: Device) -> str:
    if not device.sends_client_session:
        return ""
    return (
        f',{{"schema":"iglu:com.snowplowanalytics.snowplow/client_session/jsonschema/1-0-2","data":{{"userId":"'
        f'{device.anonymous_id}","sessionId":"{device.session_id}","sessionIndex":{device.session_index},'
        f'"eventIndex":{device.event_index},"storageMechanism":"COOKIE_1","previousSessionId":null}}}}'
    )
