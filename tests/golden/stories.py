"""Small shopping trips, told in minutes and seconds before `T`, when they are looked at.

`features.csv` says, for every feature, what it is worth in some of them. The values were worked out by hand.
"""

from typing import Any, Final, NamedTuple

from events.event import (
    ADD_TO_CART,
    CHECKOUT_STEP,
    LIST_CLICK,
    LIST_VIEW,
    OTHER,
    PAGE_PING,
    PAGE_VIEW,
    PRODUCT_VIEW,
    PROMO_CLICK,
    PROMO_VIEW,
    REFUND,
    REMOVE_FROM_CART,
    SCREEN_VIEW,
    SITE_SEARCH,
    TRANSACTION,
    TRANSACTION_ITEM,
    UNTYPED_ACTION,
    Event,
    Money,
    Product,
)
from features.settings import Definitions

T: Final = 1_709_640_000_000
"""5 March 2024, 12:00 UTC: the edge of a pane of every width."""

SHOP: Final = "https://shop.example"
SNEAKER: Final = Product("sneaker", "shoes/sneakers", Money(5990, "EUR"))
TWO_SNEAKERS: Final = Product("sneaker", "shoes/sneakers", Money(5990, "EUR"), 2)
BOOTS: Final = Product("boots", "shoes/boots", Money(8995, "EUR"))
HAT: Final = Product("hat", "hats", Money(2000, "EUR"))
FOUR_HATS: Final = Product("hat", "hats", Money(2000, "EUR"), 4)


class Story(NamedTuple):
    """What happened, and the settings of the shop where it did."""

    events: tuple[Event, ...]
    definitions: Definitions = Definitions()


def before(time: str) -> int:
    """The moment that is `time` (minutes:seconds) before `T`, epoch milliseconds."""
    minutes, seconds = time.split(":")
    return T - 1000 * (60 * int(minutes) + int(seconds))


def at(time: str, kind: str, *products: Product, **fields: Any) -> Event:
    """One event of Ann's; her session is `s1` unless another is given."""
    fields.setdefault("session_id", "s1")
    event_id = f"{time} {kind}"
    return Event("ann", event_id, before(time), kind, products=products, **fields)


def ping(time: str, page_id: str) -> Event:
    """A heartbeat of a page; the device's clock is right."""
    return at(time, PAGE_PING, page_id=page_id, page=f"{SHOP}/", created_at=before(time))


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


def dollars(minor: int) -> Money:
    return Money(minor, "USD")


LOOKING_AROUND = (
    at("50:00", PRODUCT_VIEW, BOOTS, session_id="s0"),
    at("4:00", LIST_VIEW, SNEAKER, BOOTS, HAT),
    at("3:50", PROMO_VIEW),
    at("3:40", PROMO_VIEW),
    at("3:35", PROMO_CLICK),
    at("3:30", LIST_CLICK, SNEAKER, list_name="RECOMMENDED for you"),
    at("3:20", LIST_CLICK, SNEAKER, list_name="Top this week"),
    at("3:00", PRODUCT_VIEW, SNEAKER),
    at("2:30", PRODUCT_VIEW, SNEAKER),
    at("2:00", PRODUCT_VIEW, HAT),
)

FILLING_THE_CART = (
    at("3:00", ADD_TO_CART, TWO_SNEAKERS, cart_total=euros(11_980)),
    at("2:00", ADD_TO_CART, HAT, cart_total=euros(13_980)),
    at("1:00", REMOVE_FROM_CART, SNEAKER, cart_total=euros(7_990)),
)

CART_WITHOUT_TOTALS = (
    at("3:00", ADD_TO_CART, Product("tea", "tea", Money(1500, "JPY"), 2)),
    at("2:00", ADD_TO_CART, Product("cup", "cups", Money(700, "JPY"))),
    at("1:00", REMOVE_FROM_CART, Product("tea", "tea", Money(1500, "JPY"))),
)

TWO_CURRENCIES = (
    at("4:30", PRODUCT_VIEW, Product("map", "maps", euros(1000))),
    at("4:20", PRODUCT_VIEW, Product("map", "maps", dollars(1250)), Product("pen", "pens", dollars(750))),
    at("4:00", TRANSACTION, transaction_id="t1", revenue=euros(10_000)),
    at("3:30", TRANSACTION, transaction_id="t2", revenue=dollars(4_000)),
    at("3:00", ADD_TO_CART, Product("map", "maps", euros(1000)), cart_total=euros(1000)),
    at("2:00", ADD_TO_CART, Product("pen", "pens", dollars(500), 3)),
)

BUYING = (
    at("20:00", CHECKOUT_STEP, step=1, session_id="s0"),
    at("4:30", CHECKOUT_STEP, step=1),
    at("4:20", CHECKOUT_STEP, step=3),
    at("4:00", TRANSACTION, TWO_SNEAKERS, HAT, transaction_id="t1", revenue=euros(13_980), total_quantity=3),
    at("3:55", TRANSACTION, TWO_SNEAKERS, HAT, transaction_id="t1", revenue=euros(13_980), total_quantity=3),
    at("3:00", TRANSACTION, FOUR_HATS, transaction_id="t2", revenue=euros(5_001)),
    at("2:00", TRANSACTION),
    at("1:00", REFUND, transaction_id="t2", refund=euros(2_000)),
)

ONE_VISIT = (
    at(
        "9:00",
        PAGE_VIEW,
        page_id="w1",
        page=f"{SHOP}/",
        referrer="https://search.example/",
        campaign="winter",
        source="google",
        medium="cpc",
        device="desktop",
    ),
    ping("8:50", "w1"),
    ping("8:40", "w1"),
    ping("8:30", "w1"),
    at("8:00", PAGE_VIEW, page_id="w2", page=f"{SHOP}/search", search=True),
    ping("7:30", "w2"),
    at("7:00", PAGE_VIEW, page=f"{SHOP}/shoes"),
    at("6:30", PRODUCT_VIEW, SNEAKER, page_id="w3", page=f"{SHOP}/sneaker"),
    at("6:00", PRODUCT_VIEW, HAT, page_id="w3", page=f"{SHOP}/hat"),
    at("5:30", ADD_TO_CART, SNEAKER, cart_total=euros(5_990)),
    at("5:20", REMOVE_FROM_CART, HAT),
    at("5:00", LIST_VIEW),
    at("4:30", SCREEN_VIEW, page="Checkout"),
    at("4:20", UNTYPED_ACTION, SNEAKER, page_id="w4", page=f"{SHOP}/untyped"),
    at("4:00", CHECKOUT_STEP, step=2, page=f"{SHOP}/checkout"),
)

SEARCHING_WITHOUT_SESSION = (
    at("2:00", SITE_SEARCH, session_id=None, search=True, page=f"{SHOP}/search", source="mail"),
    at("1:00", OTHER, session_id=None, page=f"{SHOP}/account"),
)

ON_THE_MOVE = (
    at("55:00", OTHER, location="GR", device="tv", platform="app"),
    at("4:00", PAGE_VIEW, location="DE/BE", device="desktop", platform="web"),
    at("3:00", PAGE_VIEW, location="DE/BB", device="phone", platform="web"),
    at("2:00", PAGE_VIEW, location="DE/BE", device="phone", platform="mob"),
    at("1:00", PAGE_VIEW),
)

STEP_IS_THE_ORDER = (
    at("4:00", ADD_TO_CART, TWO_SNEAKERS),
    at("3:30", REMOVE_FROM_CART, SNEAKER),
    at("3:00", CHECKOUT_STEP, step=2),
    at("2:30", CHECKOUT_STEP, step=2),
    at("2:00", ADD_TO_CART, HAT),
    at("1:00", CHECKOUT_STEP, step=2),
)

LINE_BY_LINE: Final = (
    at("1:00", TRANSACTION, transaction_id="t1", revenue=Money(19_980, "EUR")),
    at("1:00", TRANSACTION_ITEM, TWO_SNEAKERS, transaction_id="t1"),
    at("0:59", TRANSACTION_ITEM, FOUR_HATS, transaction_id="t1"),
    # The confirmation page is opened again, and tells everything once more.
    at("0:30", TRANSACTION, transaction_id="t1", revenue=Money(19_980, "EUR")),
    at("0:30", TRANSACTION_ITEM, TWO_SNEAKERS, transaction_id="t1"),
    at("0:29", TRANSACTION_ITEM, FOUR_HATS, transaction_id="t1"),
    at("0:20", TRANSACTION_ITEM, TWO_SNEAKERS, transaction_id="t2"),
    at("0:10", TRANSACTION_ITEM, Product(), transaction_id="t2"),
    at("0:05", TRANSACTION_ITEM, transaction_id="t2"),
)

STORIES: Final = {
    "looking around": Story(LOOKING_AROUND),
    "filling the cart": Story(FILLING_THE_CART),
    "emptied cart": Story((*FILLING_THE_CART, at("0:30", TRANSACTION, transaction_id="t1"))),
    "cart without totals": Story(CART_WITHOUT_TOTALS),
    "two currencies": Story(TWO_CURRENCIES),
    "buying": Story(BUYING),
    "line by line": Story(LINE_BY_LINE),
    "one visit": Story(ONE_VISIT),
    "searching without session": Story(SEARCHING_WITHOUT_SESSION),
    "on the move": Story(ON_THE_MOVE),
    "step is the order": Story(STEP_IS_THE_ORDER, Definitions(checkout_order_step=2)),
    "lone page": Story((at("1:00", PAGE_VIEW, page_id="w1"),)),
    "an hour ago": Story((at("45:00", PAGE_VIEW, page_id="w1", page=f"{SHOP}/"),)),
    "untyped only": Story((at("1:00", UNTYPED_ACTION, page=f"{SHOP}/"),)),
    "leaving the window": Story((at("5:10", PRODUCT_VIEW, BOOTS), at("5:00", PRODUCT_VIEW, HAT))),
}
