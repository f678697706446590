"""Shoppers' events in any disorder, as hypothesis strategies and as a plain seeded generator.

Both draw *drafts*, one value per field from `POOLS`, and `assemble` turns a list of drafts into arrivals. A
draft speaks of time relative to what came before ("when the pane of the fourth last event leaves", "30
minutes after it"), so that edges are hit far more often than chance would hit them. In a pool the simplest
value is the first, and one that shall come more often is repeated.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

from hypothesis import strategies as st
from msgspec.structs import replace

from events import event as kinds
from events.event import Event, Money, Product
from tests.oracle import HOUR, MINUTE, SECOND, OracleDefinitions

START: Final = 19_700 * 24 * HOUR
"""A midnight in December 2023: the edge of a pane of every width."""
DAY: Final = 24 * HOUR
WIDTHS: Final = (10 * SECOND, MINUTE, 15 * MINUTE)
WINDOWS: Final = ((5 * MINUTE, 10 * SECOND), (HOUR, MINUTE), (DAY, 15 * MINUTE))

SHOPPERS: Final = ("ada", "bob", "c:{%} é", "dee", "eve~1")

Draft = Mapping[str, Any]
Arrival = tuple[Event, int]

EDGES: Final = tuple(("edge", width, offset) for width in WIDTHS for offset in (0, -1, 1))
LEAVES: Final = tuple(
    ("leave", back, window, off) for back in (1, 4) for window in WINDOWS for off in (0, -1, 1)
)
LATER: Final = (
    *(("after", 1, 30 * MINUTE + offset) for offset in (0, -1, 1)),
    *(("after", back, DAY + offset) for back in (1, 6) for offset in (0, -1, 1)),
    *(("forget", back, offset) for back in (1, 6) for offset in (0, -1, 1)),
)
SHORT_STEPS: Final = (*(("wait", ms) for ms in (0, 0, 1, 1, 40, 999, 3_000, 9_999, 45_000)), ("back", 5_000))
STEPS: Final = (
    *SHORT_STEPS * 4,
    *EDGES,
    *LEAVES,
    *LATER,
    *(("wait", ms) for ms in (10 * MINUTE, 29 * MINUTE, 2 * HOUR, 23 * HOUR, 25 * HOUR, 3 * DAY)),
)
"""How `as_of` moves before an arrival."""
CALM_STEPS: Final = (
    *SHORT_STEPS * 30,
    *EDGES * 4,
    *LEAVES[:6],
    *LEAVES[9:15],
    *(("wait", 7 * MINUTE),) * 3,
    *LATER[:3],
)
"""The same where days pass seldom, so that windows fill up in a long run."""
PACES: Final[Mapping[str, Sequence[Any]]] = {
    "rush": (*(("wait", ms) for ms in (0, 1, 40, 40, 120)),),
    "calm": CALM_STEPS,
    "wild": STEPS,
}

LAGS: Final = (
    *(("ago", ms) for ms in (0, 0, 0, 1, 700, 700, 4_000, 12_000, 12_000, 70_000, 5 * MINUTE, 16 * MINUTE)),
    *(("ago", ms) for ms in (-1, -2_000, -120_000, -120_001, -3 * MINUTE)),
    *(("ago", ms) for ms in (HOUR, 3 * HOUR, 11 * HOUR, DAY - 1, DAY, DAY + 10 * MINUTE, 26 * HOUR)),
    *(("snap", width, offset) for width in WIDTHS for offset in (0, -1)),
    *(("like", back, 0) for back in (1, 1, 2, 3, 5)),
    *(
        ("like", back, sign * (30 * MINUTE + off))
        for back in (1, 3)
        for sign in (-1, 1)
        for off in (0, -1, 1)
    ),
    *(("like", 2, -DAY + offset) for offset in (0, 1)),
    ("like", 1, 20 * MINUTE),
    ("like", 1, -20 * MINUTE),
)
"""Where the event time lies, seen from `as_of` or from an earlier event."""

COMMERCE: Final = (
    *(kinds.PRODUCT_VIEW,) * 4,
    *(kinds.ADD_TO_CART,) * 4,
    *(kinds.REMOVE_FROM_CART, kinds.LIST_VIEW, kinds.CHECKOUT_STEP, kinds.TRANSACTION) * 2,
    *(kinds.LIST_CLICK, kinds.PROMO_VIEW, kinds.PROMO_CLICK, kinds.REFUND, kinds.TRANSACTION_ERROR),
)
CURRENCIES: Final = (*("EUR",) * 16, "USD", "USD", "JPY", "KWD")
AMOUNTS: Final = (1_000, 1_000, 250, 999, 1, 0, 123_456_789)
CATEGORIES: Final = ("shoes", "shoes", "shoes/boots", "hats", "mugs", "größe/ß", None)

PRODUCT_POOLS: Final[Mapping[str, Sequence[Any]]] = {
    "number": range(60_000),
    "known": (True,) * 7 + (False,),
    "category": CATEGORIES,
    "priced": (True,) * 6 + (False,),
    "amount": AMOUNTS,
    "currency": CURRENCIES,
    "quantity": (1, 1, 1, 1, 2, 3, 0),
}

POOLS: Final[Mapping[str, Sequence[Any]]] = {
    "shopper": (0, 0, 1, 2, 3, 4),
    "step": STEPS,
    "lag": LAGS,
    "again": (None,) * 12 + (("copy", 1), ("copy", 3), ("other", 1), ("other", 2)),
    "kind": (
        kinds.PAGE_VIEW,
        kinds.PAGE_VIEW,
        *(kinds.PAGE_PING,) * 3,
        *COMMERCE,
        kinds.SCREEN_VIEW,
        kinds.SITE_SEARCH,
        kinds.OTHER,
        *(kinds.UNTYPED_ACTION,) * 2,
        kinds.LIKE,
        *(kinds.TRANSACTION_ITEM,) * 2,
    ),
    "stray": (False,) * 7 + (True,),
    "session": (None,) * 7 + (0,) * 6 + (1, 1, 1, 2, 2, *range(3, 14)),
    "page_id": ("w1", "w1", "w2", "w3", None, None),
    "page": (
        "https://shop.example/",
        "https://shop.example/shoes",
        "https://shop.example/" + "x" * 300,
        None,
    ),
    "search": (False,) * 7 + (True,),
    "referrer": (None, None, "https://search.example/", "https://news.example/a"),
    "campaign": (None, None, "winter", "spring"),
    "source": (None, None, "google", "mail"),
    "medium": (None, None, "cpc", "email"),
    "platform": ("web", "web", "mob", "app", None),
    "device": ("desktop", "phone", "tablet", None, None),
    "location": (None, None, None, "DE/BE", "DE/BE", "DE/HH", "FR", "US/CA", "AT/9"),
    "ping": (None, 0, 0, 1_000, 9_999, 10_000, 20_000, 35_000, -10_000),
    "list_name": (None, "Top this week", "Recommended for you", "You may ALSO be interested in"),
    "cart": ("sum", "sum", None, None, None, 0, 1_000, 4_999),
    "cart_currency": CURRENCIES,
    "step_number": (1, 1, 2, 3, 4, None),
    "transaction_id": ("fresh", "fresh", "t1", "t1", "t2", "t3", None),
    "revenue": (*AMOUNTS, None),
    "currency": CURRENCIES,
    "total_quantity": (None, None, None, 0, 1, 5),
    "refund": (500, 1_000, 0, None),
}


def assemble(
    drafts: Sequence[Draft], shoppers: int = 3, variety: int = 6, shared: bool = False
) -> list[Arrival]:
    """Arrivals that the drafts describe: `(event, as_of)` in order of arrival.

    `variety` bounds the number of products. Session ids differ between shoppers unless `shared`.
    """
    arrivals: list[Arrival] = []
    now = START
    for number, draft in enumerate(drafts):
        earlier = [event for event, _ in arrivals[-8:]]
        now = max(now, _moment(draft["step"], now, earlier))
        shopper = SHOPPERS[draft["shopper"] % shoppers]
        owner = "both" if shared else shopper
        event = _event(
            Event(
                shopper,
                # 0 … 99,990 in another order, so that event ids do not follow the order of arrival.
                event_id=f"{number * 7_919 % 99_991:05d}",
                at=_time(draft["lag"], now, earlier),
                kind=draft["kind"],
                session_id=None if draft["session"] is None else f"{owner}/{draft['session']}",
            ),
            draft,
            variety,
        )
        mine = [other for other, _ in arrivals[-30:] if other.shopper == shopper]
        if draft["again"] and mine:
            how, back = draft["again"]
            former = _back(mine, back)
            event = former if how == "copy" else replace(event, event_id=former.event_id)
        arrivals.append((event, now - draft["step"][1] if draft["step"][0] == "back" else now))
    return arrivals


def _back(events: Sequence[Event], back: int) -> Event:
    return events[-min(back, len(events))]


def _moment(step: tuple[Any, ...], now: int, earlier: Sequence[Event]) -> int:
    match step:
        case ("wait", ms):
            return now + int(ms)
        case ("edge", width, offset):
            return int((now // width + 1) * width + offset)
        case ("leave", back, (size, width), offset) if earlier:
            return int((_back(earlier, back).at // width + 1) * width + size + offset)
        case ("after", back, ms) if earlier:
            return int(_back(earlier, back).at + ms)
        case ("forget", back, offset) if earlier:
            size, width = WINDOWS[-1]
            return int((_back(earlier, back).at // width + 1) * width + size + MINUTE + offset)
    return now


def _time(lag: tuple[Any, ...], now: int, earlier: Sequence[Event]) -> int:
    match lag:
        case ("ago", ms):
            return now - int(ms)
        case ("snap", width, offset):
            return int(now - now % width + offset)
        case ("like", back, ms) if earlier:
            return int(_back(earlier, back).at + ms)
    return now


def _event(bare: Event, draft: Draft, variety: int) -> Event:
    names = (
        "page_id",
        "page",
        "search",
        "referrer",
        "campaign",
        "source",
        "medium",
        "platform",
        "device",
        "location",
    )
    values: dict[str, Any] = {name: draft[name] for name in names}
    if draft["ping"] is not None:
        values["created_at"] = bare.at + draft["ping"]
    products = tuple(_product(one, variety) for one in draft["products"])
    return replace(bare, **values, **_entities(draft, bare.event_id, products))


def _entities(draft: Draft, event_id: str, products: tuple[Product, ...]) -> dict[str, Any]:
    """Entities of the event's kind; those of every kind where the draft is a stray."""
    kind, stray = draft["kind"], draft["stray"]
    entities: dict[str, Any] = {}
    if stray or kind in COMMERCE or kind == kinds.TRANSACTION_ITEM:
        entities["products"] = products
    if stray or kind in (kinds.LIST_VIEW, kinds.LIST_CLICK):
        entities["list_name"] = draft["list_name"]
    if stray or kind in (kinds.ADD_TO_CART, kinds.REMOVE_FROM_CART):
        entities["cart_total"] = _cart(draft, products)
    if stray or kind == kinds.CHECKOUT_STEP:
        entities["step"] = draft["step_number"]
    if stray or kind in (kinds.TRANSACTION, kinds.TRANSACTION_ERROR, kinds.TRANSACTION_ITEM):
        name = draft["transaction_id"]
        entities["transaction_id"] = f"t-{event_id}" if name == "fresh" else name
    if stray or kind in (kinds.TRANSACTION, kinds.TRANSACTION_ERROR):
        entities["revenue"] = _money(draft["revenue"], draft["currency"])
        entities["total_quantity"] = draft["total_quantity"]
    if stray or kind == kinds.REFUND:
        entities["refund"] = _money(draft["refund"], draft["currency"])
    return entities


def _money(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else Money(minor, currency)


def _cart(draft: Draft, products: Sequence[Product]) -> Money | None:
    """A total of its own, or the Σ of the unit prices: then the add creates a cart."""
    if draft["cart"] != "sum":
        return _money(draft["cart"], draft["cart_currency"])
    prices = [product.price for product in products if product.price is not None]
    return Money(sum(price.minor for price in prices), prices[0].currency) if prices else None


def _product(draft: Draft, variety: int) -> Product:
    return Product(
        f"p{draft['number'] % variety}" if draft["known"] else None,
        draft["category"],
        Money(draft["amount"], draft["currency"]) if draft["priced"] else None,
        draft["quantity"],
    )


# ---------------------------------------------------------------- people

USERS: Final = ("uma", "vic", "w~1 é")
STAY: Final = -1
LOGINS: Final = (*(STAY,) * 6, None, 0, 0, 1, 2)
"""Who is logged in from an event on: whoever was, nobody, or a user by number."""


def with_people(arrived: Sequence[Arrival], logins: Sequence[int | None]) -> list[Arrival]:
    """The arrivals where each shopper is a device, and the events tell who is logged in on it.

    A device has two sessions and those by gap; the logins go round.
    """
    linked: list[Arrival] = []
    present: dict[str, int | None] = {}
    for number, (event, as_of) in enumerate(arrived):
        device = event.shopper
        login = logins[number % len(logins)] if logins else STAY
        if login != STAY:
            present[device] = login
        chosen = present.get(device)
        user = None if chosen is None else USERS[chosen]
        owner, _, session = (event.session_id or "").rpartition("/")
        session_id = f"{owner}/{int(session) % 2}" if session else None
        linked.append(
            (
                replace(event, shopper=user or device, user_id=user, device_id=device, session_id=session_id),
                as_of,
            )
        )
    return linked


# ---------------------------------------------------------------- hypothesis


def _drawn(pools: Mapping[str, Sequence[Any]]) -> dict[str, st.SearchStrategy[Any]]:
    return {name: st.sampled_from(pool) for name, pool in pools.items()}


def _drafts() -> st.SearchStrategy[Draft]:
    products = st.lists(st.fixed_dictionaries(_drawn(PRODUCT_POOLS)), max_size=3)
    return st.fixed_dictionaries(_drawn(POOLS) | {"products": products})


def events() -> st.SearchStrategy[Event]:
    """One event of any kind, near `START`."""
    return _drafts().map(lambda draft: assemble([draft])[0][0])


def arrivals(
    max_size: int = 30, shoppers: int = 3, variety: int = 6, shared: bool = False
) -> st.SearchStrategy[list[Arrival]]:
    """A few shoppers' events in order of arrival, each with the moment at which it is processed."""
    drafts = st.lists(_drafts(), max_size=max_size)
    return drafts.map(lambda some: assemble(some, shoppers, variety, shared))


def people(max_size: int = 30, devices: int = 3, shared: bool = False) -> st.SearchStrategy[list[Arrival]]:
    """A few devices' events, on which users log in and out."""
    logins = st.lists(st.sampled_from(LOGINS), max_size=max_size)
    return st.builds(with_people, arrivals(max_size, devices, shared=shared), logins)


# ---------------------------------------------------------------- long runs


def random_arrivals(
    seed: int, n: int, shoppers: int = 3, variety: int = 20, pace: str = "calm"
) -> list[Arrival]:
    """`n` arrivals, the same for the same arguments.

    `pace` is `calm` (windows fill up), `wild` (days pass often) or `rush` (all within minutes: with a great
    `variety` the bounds of panes and windows are met).
    """
    rng = Random(seed)
    pools = dict(POOLS) | {"step": PACES[pace]}

    def drawn(from_pools: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
        return {name: rng.choice(pool) for name, pool in from_pools.items()}

    drafts = [
        drawn(pools) | {"products": [drawn(PRODUCT_POOLS) for _ in range(rng.choice((0, 1, 1, 1, 2, 3)))]}
        for _ in range(n)
    ]
    return assemble(drafts, shoppers, variety)


def random_people(seed: int, n: int, devices: int = 3, pace: str = "calm") -> list[Arrival]:
    """`n` arrivals of a few devices, on which users log in and out; the same for the same arguments."""
    rng = Random(seed + 1)
    return with_people(random_arrivals(seed, n, devices, pace=pace), rng.choices(LOGINS, k=n))


def telling_moments(arrivals_: Sequence[Arrival], definitions: OracleDefinitions | None = None) -> list[int]:
    """Moments from the last arrival on at which a value may change, and the millisecond before each."""
    rules = definitions or OracleDefinitions()
    changes = {max((as_of for _, as_of in arrivals_), default=START)}
    for event, _ in arrivals_:
        changes |= {window.leaves(event.at) for window in rules.windows}
        changes |= {event.at + rules.session_gap, event.at + rules.session_retention}
        changes.add(max(rules.longest.leaves(event.at), event.at + rules.session_retention) + rules.outlives)
    last = max((as_of for _, as_of in arrivals_), default=START)
    return sorted(moment for change in changes for moment in (change - 1, change) if moment >= last)
