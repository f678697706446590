"""The pieces that every wire format has, before anything in them is checked.

A wire format's module finds them; `events.assemble` turns them into an `Event`. So two formats cannot differ
in what an amount, an id or a time means.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from events import event as kinds
from events.verdict import Reason

ECOMMERCE_EVENT: Final = "snowplow_ecommerce_action"
"""Matched by name alone: trackers and older pipelines send it under several vendors."""

_NAMED: Final = {
    name: name
    for name in (kinds.PAGE_VIEW, kinds.PAGE_PING, kinds.SCREEN_VIEW, kinds.SITE_SEARCH, kinds.IDENTITY_MERGE)
}

Entities = dict[str, list[object]]
"""Data of the entities by the name of their schema, in order; see `events.entities`."""


class Wire(NamedTuple):
    """A wire format: its name, and how it words the fields that are named here as in the enriched event."""

    name: str
    words: Callable[[str], str]


class Record(msgspec.Struct, gc=False):
    """One record's pieces as they came: texts, JSON values, or None; blank is null."""

    wire: Wire
    kind: str
    name: object
    """The action's `name` (a list's), or the screen's; of an `identity_merge` event all its data."""
    entities: Entities
    faults: list[Reason]
    """Why some of the entities could not be read."""
    app_id: object
    platform: object
    collector_tstamp: object
    created_tstamp: object
    event_id: object
    user_id: object
    domain_userid: object
    country: object
    region: object
    page_url: object
    referrer: object
    medium: object
    source: object
    campaign: object
    useragent: object
    session_id: object
    derived_tstamp: object
    device: Any = None
    """One of `events.event.DEVICES`, where the record says it itself."""
    seller_id: object = None
    interaction: object = None
    id_scope: Any = ""
    """What `event_id` is followed by, to keep ids of one source apart from others'."""


def kind_of(event_name: object, event: object) -> str:
    """Kind of an event that is no e-commerce action, by `event_name`, else `event`."""
    name = event_name or event
    return _NAMED.get(name, kinds.OTHER) if type(name) is str else kinds.OTHER


def action_kind(action_type: object) -> str:
    """Kind of an e-commerce action; a null or unknown type is an untyped action."""
    if type(action_type) is str and action_type in kinds.ECOMMERCE_ACTIONS:
        return action_type
    return kinds.UNTYPED_ACTION
