"""From the pieces of a record to an `Event`, or to every reason why not: the same for all wire formats."""

from typing import Final, NamedTuple

from events.commerce import commerce_of, first
from events.device import device_of, is_robot
from events.event import IDENTITY_MERGE, OTHER, SCREEN_VIEW, Event
from events.hashing import hashed_id
from events.merging import NOTHING, Merged, merged_of
from events.page import SearchRule, is_search, without_query
from events.personal import without_email
from events.record import Record
from events.values import instant, key, text
from events.verdict import Dead, Filtered, Reason, Verdict

AHEAD_MS: Final = 60_000
"""An event time further than this after its collector time comes from a wrong clock."""
END_MS: Final = 10**13
"""A later time (20 November 2286) is a broken clock, and would not fit into the fence of a row."""


class Policy(NamedTuple):
    """What the shop leaves out, and what it calls a search."""

    app_ids: frozenset[str]
    exclude_robots: bool
    search: SearchRule
    id_key: bytes = b""
    """Key of the hashes that stand for the ids of people; empty: ids are kept as they are."""


class _Origin(NamedTuple):
    """Who and what an event comes from."""

    shopper: str | None
    user_id: str | None
    device_id: str | None
    session_id: str | None
    merged: Merged


def verdict_of(record: Record, policy: Policy) -> Verdict:
    """The verdict on a record of a wire format whose frame is sound."""
    if not (record.event_id or record.collector_tstamp or record.derived_tstamp):
        # A bad row or another topic's JSON: dead, lest a wrong topic passes for shoppers without an id.
        reason = Reason("record", "no id and no time", "an event: event_id, collector_tstamp, derived_tstamp")
        return Dead(record.wire.name, (reason,))
    return judged(record, policy)


def judged(record: Record, policy: Policy) -> Verdict:
    """The verdict on a record of which it is known that it is meant as an event.

    What the shop leaves out is not checked any further.
    """
    if policy.app_ids and text(record.app_id, "app_id", []) not in policy.app_ids:
        return Filtered("app_id")
    reasons = record.faults
    origin = _origin(record, policy.id_key, reasons)
    if origin.shopper is None and not reasons:
        return Filtered("no_shopper_id")
    platform = without_email(text(record.platform, "platform", reasons))
    agent = text(record.useragent, "useragent", reasons)
    device = record.device or device_of(record.entities, agent, platform)
    if policy.exclude_robots and is_robot(record.entities, device):
        return Filtered("robot")
    event = _event(record, origin, (platform, device), policy.search, reasons)
    if reasons:
        return Dead(record.wire.name, tuple(r._replace(field=record.wire.words(r.field)) for r in reasons))
    return event


def _origin(record: Record, id_key: bytes, reasons: list[Reason]) -> _Origin:
    user_id = key(record.user_id, "user_id", reasons)
    device_id = key(record.domain_userid, "domain_userid", reasons)
    session_id = key(record.session_id, "domain_sessionid", reasons)
    if "client_session" in record.entities and (session := first(record.entities, "client_session", reasons)):
        path = "contexts.client_session[0]"
        device_id = device_id or key(session.get("userId"), f"{path}.userId", reasons)
        session_id = key(session.get("sessionId"), f"{path}.sessionId", reasons) or session_id
    if device_id is None and "identity" in record.entities:
        found = first(record.entities, "identity", reasons) or {}
        device_id = key(found.get("snowplow_id"), "contexts.identity[0].snowplow_id", reasons)
    merged = merged_of(record.name, reasons) if record.kind == IDENTITY_MERGE else NOTHING
    device_id = device_id or merged.into
    if id_key:
        user_id = hashed_id(user_id, id_key) if user_id else None
        device_id = hashed_id(device_id, id_key) if device_id else None
        merged = Merged(
            tuple(hashed_id(each, id_key) for each in merged.ids),
            hashed_id(merged.into, id_key) if merged.into else None,
        )
    return _Origin(user_id or device_id, user_id, device_id, session_id, merged)


def _event_time(record: Record, reasons: list[Reason]) -> int:
    at = _told_time(record, reasons)
    if not 0 <= at < END_MS:
        reasons.append(Reason("derived_tstamp", f"{at} ms", "a time from 1970 to 2286"))
    return at


def _told_time(record: Record, reasons: list[Reason]) -> int:
    since = len(reasons)
    derived = instant(record.derived_tstamp, "derived_tstamp", reasons)
    collector = instant(record.collector_tstamp, "collector_tstamp", reasons)
    if collector is None:
        if derived is None and len(reasons) == since:
            reasons.append(Reason("derived_tstamp", "absent", "a time, here or in collector_tstamp"))
        return derived or 0
    if derived is None or derived > collector + AHEAD_MS:
        return collector
    return derived


def _event_id(record: Record, reasons: list[Reason]) -> str:
    since = len(reasons)
    event_id = key(record.event_id, "event_id", reasons)
    if event_id is None and len(reasons) == since:
        reasons.append(Reason("event_id", "absent", "an id, by which duplicates are found"))
    return f"{event_id or ''}{record.id_scope}"


def _location(record: Record, reasons: list[Reason]) -> str | None:
    country = text(record.country, "geo_country", reasons)
    region = text(record.region, "geo_region", reasons)
    return f"{country}/{region}" if country and region else country


def _screen(record: Record, reasons: list[Reason]) -> str | None:
    """Name of the screen: in the event, else in the mobile trackers' entity."""
    name = text(record.name, "unstruct_event.name", reasons)
    if name is None and (entity := first(record.entities, "screen", reasons)) is not None:
        return text(entity.get("name"), "contexts.screen[0].name", reasons)
    return name


def _page_id(record: Record, reasons: list[Reason]) -> str | None:
    entity = first(record.entities, "web_page", reasons)
    return None if entity is None else text(entity.get("id"), "contexts.web_page[0].id", reasons)


def _event(
    record: Record,
    origin: _Origin,
    platform_device: tuple[str | None, str | None],
    search: SearchRule,
    reasons: list[Reason],
) -> Event:
    """The event as if there were no reasons against it; every check is made, so that all reasons are told."""
    kind = OTHER if record.kind == IDENTITY_MERGE else record.kind
    ids, into = origin.merged
    url = text(record.page_url, "page_url", reasons)
    page = (_screen(record, reasons) if kind == SCREEN_VIEW else None) or without_query(url)
    products, list_name, cart_total, step, transaction_id, revenue, total_quantity, refund = commerce_of(
        kind, record.name, record.entities, reasons
    )
    # By position, in the order of Event: twenty keywords cost a microsecond.
    return Event(
        origin.shopper or "", _event_id(record, reasons), _event_time(record, reasons), kind,
        origin.session_id, _page_id(record, reasons), without_email(page), is_search(kind, url, search),
        without_email(without_query(text(record.referrer, "page_referrer", reasons))),
        without_email(text(record.campaign, "mkt_campaign", reasons)),
        without_email(text(record.source, "mkt_source", reasons)),
        without_email(text(record.medium, "mkt_medium", reasons)),
        *platform_device, without_email(_location(record, reasons)),
        instant(record.created_tstamp, "dvce_created_tstamp", reasons),
        products, list_name, cart_total, step, transaction_id, revenue, total_quantity, refund,
        origin.user_id, origin.device_id, ids, (origin.user_id or into) if ids else None,
        key(record.seller_id, "seller_id", reasons),
        without_email(text(record.interaction, "interaction", reasons)),
    )  # fmt: skip
