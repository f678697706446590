"""The event: what the features need of a Snowplow event, whatever wire format it came in."""

from typing import Final

import msgspec

PAGE_VIEW: Final = "page_view"
PAGE_PING: Final = "page_ping"
SCREEN_VIEW: Final = "screen_view"
SITE_SEARCH: Final = "site_search"
UNTYPED_ACTION: Final = "untyped_action"
"""A `snowplow_ecommerce_action` whose type is null or unknown; its entities are ignored."""
IDENTITY_MERGE: Final = "identity_merge"
"""How wire formats tell Snowplow's event of that name; it becomes an `OTHER` one, with `merged`."""
OTHER: Final = "other"
"""Any event that is none of the others, a link click for instance."""

PRODUCT_VIEW: Final = "product_view"
LIST_VIEW: Final = "list_view"
LIST_CLICK: Final = "list_click"
PROMO_VIEW: Final = "promo_view"
PROMO_CLICK: Final = "promo_click"
ADD_TO_CART: Final = "add_to_cart"
REMOVE_FROM_CART: Final = "remove_from_cart"
CHECKOUT_STEP: Final = "checkout_step"
TRANSACTION: Final = "transaction"
REFUND: Final = "refund"
TRANSACTION_ERROR: Final = "trns_error"

TRANSACTION_ITEM: Final = "transaction_item"
"""One line of an order, sent beside the order by Snowplow's first trackers."""
LIKE: Final = "like"
"""A shopper likes a product, a shop or whatever else a source lets people like."""

ECOMMERCE_ACTIONS: Final = frozenset(
    {
        PRODUCT_VIEW,
        LIST_VIEW,
        LIST_CLICK,
        PROMO_VIEW,
        PROMO_CLICK,
        ADD_TO_CART,
        REMOVE_FROM_CART,
        CHECKOUT_STEP,
        TRANSACTION,
        REFUND,
        TRANSACTION_ERROR,
    }
)
"""The `type` values of Snowplow's `snowplow_ecommerce_action` 1-0-2."""

KINDS: Final = ECOMMERCE_ACTIONS | {
    PAGE_VIEW,
    PAGE_PING,
    SCREEN_VIEW,
    SITE_SEARCH,
    TRANSACTION_ITEM,
    LIKE,
    OTHER,
}
"""What a source may say that its records are."""

DEVICES: Final = ("desktop", "phone", "tablet", "tv", "watch", "robot", "other")


class Money(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An amount in minor units of its currency (ISO 4217 digits: cents of EUR, yen of JPY)."""

    minor: int
    currency: str


class Product(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One product entity of an event.

    `category` is as sent, levels joined by `/`. `price` is the unit price. `quantity` is 1 where it was
    absent.
    """

    id: str | None = None
    category: str | None = None
    price: Money | None = None
    quantity: int = 1


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One usable event of one shopper.

    Array-like so that it travels between operators as a short MessagePack array; new fields go to the end,
    with a default.
    """

    shopper: str
    """`user_id`, else `domain_userid`, else `client_session.userId`, else `identity.snowplow_id`; never
    empty."""
    event_id: str
    at: int
    """Event time, epoch milliseconds: `derived_tstamp`, else `collector_tstamp`; never more than 60 s after
    the latter."""
    kind: str
    """One of the constants above: an e-commerce action's type, or the kind of event."""
    session_id: str | None = None
    """`client_session.sessionId`, else `domain_sessionid`; None where the tracker made none."""
    page_id: str | None = None
    """`web_page.id`."""
    page: str | None = None
    """Page URL without query and fragment, or the name of a screen view's screen."""
    search: bool = False
    """A `site_search`, or a page view whose path or query is a search by the shop's search rule."""
    referrer: str | None = None
    """Referring URL without query and fragment."""
    campaign: str | None = None
    source: str | None = None
    medium: str | None = None
    platform: str | None = None
    """`web`, `mob`, …, as sent."""
    device: str | None = None
    """One of `DEVICES`, None where nothing tells."""
    location: str | None = None
    """`country/region`, or the country alone."""
    created_at: int | None = None
    """`dvce_created_tstamp`, epoch milliseconds: the device's clock, used for heartbeats only."""
    products: tuple[Product, ...] = ()
    list_name: str | None = None
    cart_total: Money | None = None
    """Value of the cart *after* this interaction."""
    step: int | None = None
    transaction_id: str | None = None
    revenue: Money | None = None
    total_quantity: int | None = None
    refund: Money | None = None
    user_id: str | None = None
    """`user_id` as sent, kept beside `shopper` for the identity rules."""
    device_id: str | None = None
    """`domain_userid`, else `client_session.userId`, else `identity.snowplow_id`: the anonymous id, kept for
    the identity rules."""
    merged: tuple[str, ...] = ()
    """Other ids that an `identity_merge` event says are the same person's."""
    merged_into: str | None = None
    """Beside `merged`: the person: `user_id`, else `snowplow_id`."""
    seller_id: str | None = None
    """Whose products or whose shop it is about, where a source tells."""
    interaction: str | None = None
    """What happened in the source's own word, where a source tells."""
