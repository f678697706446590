"""Interactions in any disorder: as hypothesis draws them, for the code under test and for its oracle."""

from decimal import Decimal
from typing import Final, NamedTuple

from hypothesis import strategies as st

from events.event import Event, Money, Product
from tests.entity_oracle import DAY, HOUR, MINUTE, Line, Seen

START: Final = 19_700 * DAY
KINDS: Final = {
    "view": "product_view",
    "click": "list_click",
    "add_to_cart": "add_to_cart",
    "purchase": "transaction",
    "like": "like",
    "line": "transaction_item",
    "other": "other",
    "none": "page_view",
    "repeated": "transaction",
    "repeated line": "transaction_item",
    "ping": "page_ping",
}


class Arrival(NamedTuple):
    """An event, whether it is an order, what the oracle knows of it, and when it comes."""

    event: Event
    order: bool
    seen: tuple[Seen, ...]
    as_of: int


LINES = st.builds(
    Line,
    st.sampled_from(["hat", "cap", "b:{%}", None, ""]),
    st.sampled_from(["hats", "hats/red", "shoes", "bags", None]),
    st.sampled_from(
        [None, *map(Decimal, ("0.00", "19.99", "499.99", "500.00", "980.01", "5000.00", "7777.77"))]
    ),
    st.sampled_from(["EUR", "EUR", "EUR", "USD"]),
)
DRAFTS = st.tuples(
    st.sampled_from(["ann", "bob", "c:{%} é"]),
    st.sampled_from([*KINDS, "view", "view", "click", "add_to_cart", "purchase", "ping", "ping"]),
    st.lists(LINES, max_size=3),
    st.sampled_from(["", "", "s1", "s2"]),
    st.sampled_from([0, 1, 999, 5_000, MINUTE, 20 * MINUTE, HOUR, HOUR + MINUTE, 9 * HOUR, DAY, 3 * DAY]),
    st.sampled_from([0, 0, 0, 1, 3_000, MINUTE, HOUR]),
    st.sampled_from(["", "page-1", "page-2"]),
)


def arrivals_of(drafts: list[tuple[str, str, list[Line], str, int, int, str]]) -> list[Arrival]:
    """What the drafts come to: each waits a while, and may be late."""
    made, now = [], START
    for number, (shopper, kind, lines, seller, wait, late, name) in enumerate(drafts):
        now += wait
        page = f"{name}/{now // (DAY // 2)}" if name else ""  # for no longer than it is remembered
        at = now - late
        event = Event(
            shopper,
            f"e{number}",
            at,
            KINDS[kind],
            products=tuple(Product(each.product, each.category, _money(each)) for each in lines),
            page_id=page or None,
            created_at=at,
            seller_id=seller or None,
        )
        again = kind.startswith("repeated")
        counts = kind != "ping" and not again and (kind not in ("none", "other") or seller)
        word = "other" if kind == "none" else kind
        seen = [Seen(shopper, word, at, tuple(lines), seller, page)] if counts else []
        if kind == "ping":
            seen += [Seen(shopper, "other", at, (), seller)] if seller else []
            seen += [Seen(shopper, "ping", at, page=page, beat=at // 10_000)] if page else []
        made.append(Arrival(event, kind in ("purchase", "line"), tuple(seen), now))
    return made


def _money(line: Line) -> Money | None:
    return None if line.price is None else Money(int(line.price * 100), line.currency)


ARRIVALS = st.lists(DRAFTS, max_size=40).map(arrivals_of)
