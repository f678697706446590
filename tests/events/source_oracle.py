"""What records of the shipped sources mean, by hand: pools of values with their meanings, and plain rules.

Nothing here knows of declarations. A pool pairs what a record may say with its meaning, `ABSENT` or `BROKEN`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

ABSENT: Final = "<absent>"
BROKEN: Final = "<broken>"
MISSING: Final = "<missing>"
"""The record does not have the key at all."""

Pool = Sequence[tuple[Any, Any]]
Meaning = Mapping[str, Any]

NOTHING: Final[Pool] = ((MISSING, ABSENT), (None, ABSENT), ("", ABSENT), (" \t", ABSENT))
WRONG: Final[Pool] = ((True, BROKEN), ([], BROKEN), (["7"], BROKEN), ({"id": 7}, BROKEN))
INTEGERS: Final[Pool] = (
    *((number, str(number)) for number in (0, 7, 7, 7, 12, -3, 2**53, 2**63 - 1)),
    *(("7", "7"), ("+12", "12"), ("007", "7"), (7.0, "7")),
    *(("ann", BROKEN), ("7.5", BROKEN), (7.5, BROKEN), ("٧", BROKEN), ("1" * 20, BROKEN)),
    *NOTHING,
    *WRONG,
)
IDS: Final[Pool] = (
    *((text, text) for text in ("ann", "ann", " ann", "7", "é:{%}", "x" * 1000)),
    *((7, "7"), (7.0, "7"), (0.5, "0.5"), ("x" * 1001, BROKEN)),
    *NOTHING,
    *WRONG,
)
NAMES: Final[Pool] = tuple(("x" * 1001, "x" * 1001) if sent == "x" * 1001 else (sent, m) for sent, m in IDS)
"""Of products: not bounded, for no key is made of them."""
TIMES: Final[Pool] = (
    *((1714557601, 1714557601000), (1714557601.25, 1714557601250), ("1714557601", 1714557601000)),
    *((1714557601500, 1714557601500), ("1714557601500", 1714557601500), (1714557601500.9, 1714557601500)),
    *((1714557601500999, 1714557601500), (1714557601500999999, 1714557601500)),
    *(("2024-05-01T10:00:01.5Z", 1714557601500), ("2024-05-01 12:00:01.500999+02:00", 1714557601500)),
    *(("2024-05-01T10:00:01", 1714557601000), (0, 0)),
    *((-1, BROKEN), ("-1", BROKEN), (10**19, BROKEN), (10**30, BROKEN), (1e300, BROKEN), ("1e9", BROKEN)),
    *(("2024-05-01", BROKEN), ("2024-05-01T25:00:00Z", BROKEN), ("yesterday", BROKEN)),
    *(("2287-01-01T00:00:00Z", BROKEN), ("1969-12-31T23:59:59Z", BROKEN)),
    *NOTHING,
    *WRONG,
)


def words(known: Mapping[str, str]) -> Pool:
    """A pool of a field that says one of a few words; others are broken."""
    told = [(word, meaning) for word, meaning in known.items() for _ in range(4)]
    return (*told, *((word, BROKEN) for word in ("", "View", "x", 7, 1.5) if word), *NOTHING, *WRONG)


def words_or_other(known: Mapping[str, str], other: str) -> Pool:
    """The same where another word, number or truth value means something, too."""
    pool = words(known)
    return tuple((sent, _otherwise(sent, meaning, other)) for sent, meaning in pool)


def _otherwise(sent: Any, meaning: Any, other: str) -> Any:
    return other if meaning == BROKEN and isinstance(sent, str | int | float) else meaning


SHOP_KINDS: Final = {
    "view": "product_view",
    "click": "list_click",
    "add_to_cart": "add_to_cart",
    "purchase": "transaction",
}
SELLER_KINDS: Final = {"LIKE": "like", "VIEW": "product_view", "PURCHASE": "transaction"}

CLICKSTREAM: Final[Mapping[str, Pool]] = {
    "user_id": INTEGERS,
    "product_id": INTEGERS,
    "event_type": words(SHOP_KINDS),
    "timestamp": TIMES,
    "session_id": IDS,
    "metadata": ((MISSING, ABSENT), ({}, ABSENT), ("x", ABSENT), ({"page": ["y"]}, ABSENT)),
}
INTERACTIONS: Final[Mapping[str, Pool]] = {
    "id": IDS,
    "user_id": IDS,
    "seller_id": IDS,
    "interaction_kind": words_or_other(SELLER_KINDS, "other"),
    "ingestion_time": TIMES,
}
SHOP: Final[Mapping[str, Pool]] = {
    "userId": IDS,
    "productId": NAMES,
    "eventType": words(SHOP_KINDS),
    "timestamp": TIMES,
    "sessionId": IDS,
}
POOLS: Final[Mapping[str, Mapping[str, Pool]]] = {
    "clickstream-events": CLICKSTREAM,
    "purchase-events": CLICKSTREAM,
    "interactions": INTERACTIONS,
    "shop-events": SHOP,
}
KAFKA_MS: Final = 1_714_557_000_000


def meaning_of(source: str, sent: Mapping[str, tuple[Any, Any]]) -> tuple[Meaning, set[str]]:
    """The fields of the event that the record is, and the names of the fields that keep it from being one."""
    means = {name: meaning for name, (_, meaning) in sent.items()}
    if source == "interactions":
        return _interaction(means, sent["interaction_kind"][0])
    if source == "shop-events":
        return _shop(means, ("userId", "productId", "eventType", "timestamp", "sessionId"), kafka=True)
    names = ("user_id", "product_id", "event_type", "timestamp", "session_id")
    return _shop(means, names, kafka=False)


def _bad(means: Meaning, needed: Sequence[str], optional: Sequence[str]) -> set[str]:
    bad = {name for name in needed if means[name] in (ABSENT, BROKEN)}
    return bad | {name for name in optional if means[name] == BROKEN}


def _shop(means: Meaning, names: tuple[str, str, str, str, str], kafka: bool) -> tuple[Meaning, set[str]]:
    user, product, kind, time, session = names
    needed = [user, kind] if kafka else [user, kind, time]
    if means[kind] not in (ABSENT, BROKEN):
        needed.append(product)
    bad = _bad(means, needed, [session, time])
    event = {
        "shopper": means[user],
        "user_id": means[user],
        "at": KAFKA_MS if means[time] == ABSENT else means[time],
        "kind": means[kind],
        "session_id": None if means[session] == ABSENT else means[session],
        "product": means[product],
    }
    return event, bad


def _interaction(means: Meaning, said: Any) -> tuple[Meaning, set[str]]:
    time = means["ingestion_time"]
    bad = _bad(means, ["id", "user_id", "seller_id", "interaction_kind"], ["ingestion_time"])
    event = {
        "shopper": means["user_id"],
        "user_id": means["user_id"],
        "event_id": f"{means['id']}/interactions",
        "at": KAFKA_MS if time == ABSENT else time,
        "kind": means["interaction_kind"],
        "session_id": None,
        "product": None,
        "seller_id": means["seller_id"],
        "interaction": said if str(said) in SELLER_KINDS else "OTHER",
    }
    return event, bad
