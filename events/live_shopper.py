"""Live Shopper JSON: what the accelerator's Snowbridge transformer writes to its Kafka topic.

Its `session` is the `client_session` entity (camelCase) where the tracker sends one, else `domain_sessionid`;
older transformers write `product: {}` for list views. It carries no location, no `web_page`, no order
contents.
"""

from typing import Any, Final

from events import event as kinds
from events.masking import sized
from events.record import Entities, Record, Wire, action_kind, kind_of
from events.verdict import Reason

_WORDS: Final = {
    "event_id": "id",
    "derived_tstamp": "timestamp",
    "collector_tstamp": "metadata.collector_tstamp",
    "dvce_created_tstamp": "enrich.client.device.created_tstamp",
    "app_id": "metadata.app_id",
    "user_id": "enrich.user.user_id",
    "domain_userid": "enrich.user.domain_userid",
    "domain_sessionid": "session.domain_sessionid",
    "page_url": "enrich.client.page.page_url",
    "page_referrer": "enrich.client.page.page_referrer",
    "mkt_medium": "enrich.marketing.mkt_medium",
    "mkt_source": "enrich.marketing.mkt_source",
    "mkt_campaign": "enrich.marketing.mkt_campaign",
    "platform": "enrich.platform",
    "useragent": "enrich.client.useragent",
    "unstruct_event.name": "payload.list_name",
}
_PAYLOAD: Final = ("cart", "checkout_step", "transaction", "refund")


def words(field: str) -> str:
    """`contexts.product[1].price` is `payload.product[1].price`, ids of the session are in `session`."""
    if field.startswith("contexts.client_session[0]"):
        return field.replace("contexts.client_session[0]", "session")
    return _WORDS.get(field) or field.replace("contexts.", "payload.", 1)


WIRE: Final = Wire("live_shopper", words)


def record_of(fields: dict[str, Any]) -> Record:
    """Find the pieces of a record."""
    faults: list[Reason] = []
    payload = _part(fields, "payload", "payload", faults)
    enrich = _part(fields, "enrich", "enrich", faults)
    client = _part(enrich, "client", "enrich.client", faults)
    user = _part(enrich, "user", "enrich.user", faults)
    marketing = _part(enrich, "marketing", "enrich.marketing", faults)
    page = _part(client, "page", "enrich.client.page", faults)
    device = _part(client, "device", "enrich.client.device", faults)
    session = _part(fields, "session", "session", faults)
    metadata = _part(fields, "metadata", "metadata", faults)
    get = metadata.get
    return Record(
        WIRE, _kind(fields.get("type")), payload.get("list_name"), _entities(payload, session), faults,
        get("app_id"), enrich.get("platform"), get("collector_tstamp"), device.get("created_tstamp"),
        fields.get("id"), user.get("user_id"), user.get("domain_userid"), None, None,
        payload.get("page_url") or page.get("page_url"), page.get("page_referrer") or payload.get("referrer"),
        marketing.get("mkt_medium"), marketing.get("mkt_source"), marketing.get("mkt_campaign"),
        client.get("useragent"), session.get("domain_sessionid"), fields.get("timestamp"),
    )  # fmt: skip


def _kind(sent: object) -> str:
    """Kind by `type`; the transformer calls every self-describing event but actions `unstruct`."""
    if sent == "unknown_ecommerce":
        return kinds.UNTYPED_ACTION
    kind = action_kind(sent)
    return kind_of(sent, None) if kind == kinds.UNTYPED_ACTION else kind


def _entities(payload: dict[str, Any], session: dict[str, Any]) -> Entities:
    """The payload's parts under their entities' names; `{}` is how the transformer writes an absent one."""
    entities: Entities = {}
    products = payload.get("products") or payload.get("product")
    if products:
        entities["product"] = products if type(products) is list else [products]
    for name in _PAYLOAD:
        if found := payload.get(name):
            entities[name] = [found]
    if "sessionId" in session or "userId" in session:
        entities["client_session"] = [session]
    return entities


def _part(whole: dict[str, Any], key: str, path: str, faults: list[Reason]) -> dict[str, Any]:
    part = whole.get(key)
    if isinstance(part, dict):
        return part
    if part is not None:
        faults.append(Reason(path, sized(part), "an object"))
    return {}
