"""A shopper's state stays below 64 kB whatever comes, and what is exact stays exact."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import pytest

from events import event as kinds
from events.event import Event, Money, Product
from features.bound import MOST_BYTES, spend
from features.definition import FeatureView
from features.logic import ShopperLogic
from features.settings import Definitions
from features.state import ShopperState
from features.views import branch_views
from sinks.codec import fields_of
from tests.oracle import HOUR, MINUTE, SECOND, Oracle, OracleDefinitions
from tests.strategies import START, Arrival

pytestmark = pytest.mark.property

DAY = 24 * HOUR
EVERY = sorted(kinds.ECOMMERCE_ACTIONS)
CURRENCIES = ("EUR", "USD", "JPY", "KWD", "GBP")
MANY = tuple(
    f"{name}_count"
    for name in ("product_view", "promo_view", "promo_click", "list_click", "recommendation_click")
)
EXACT = (
    *MANY,
    *("category_view_count", "list_view_count", "cart_add_count", "cart_remove_count", "cart_update_count"),
    *("refund_count", "orders_count", "items_purchased", "checkout_furthest_step"),
    *("latest_device", "latest_platform", "last_product_viewed"),
)
MONEY = (
    "avg_viewed_price",
    "min_viewed_price",
    "max_viewed_price",
    "cart_added_value",
    "order_value",
    "refund_value",
)
A_CURRENCY_STAYS = 8_000
"""Bytes from which on the currency of most amounts keeps its room."""


def bot(at: int, n: int, kind: str, **fields: object) -> Arrival:
    return Event("bot", f"{n:08d}", at, kind, **fields), at  # type: ignore[arg-type]


def anything(
    at: int,
    n: int,
    money: Money,
    products: tuple[Product, ...],
    *,
    visit: int,
    places: int,
    steps: int,
    **more: object,
) -> Arrival:
    """The n-th event: its kind, step and place go round, and each `visit` of them is a session."""
    return bot(
        at,
        n,
        EVERY[n % len(EVERY)],
        session_id=f"visit {n // visit}",
        page_id=f"page {n}",
        location=f"L{n % places}",
        device="phone",
        platform="web",
        products=products,
        cart_total=money if n % 2 else None,
        revenue=money,
        refund=money,
        step=n % steps,
        transaction_id=f"t{n}",
        **more,
    )


def long_ids() -> Iterator[Arrival]:
    """10 kB wherever there is text, another one each time."""
    for n in range(300):
        text = f"{n}" + "ü" * 10_000
        names = ("page_id", "page", "referrer", "campaign", "source", "medium", "location", "transaction_id")
        kind = (kinds.PAGE_VIEW, kinds.PRODUCT_VIEW, kinds.TRANSACTION, kinds.ADD_TO_CART)[n % 4]
        product = Product(text, text, Money(5, "EUR"))
        yield bot(
            START + n * SECOND,
            n,
            kind,
            session_id=f"{n // 9}{text}",
            products=(product,),
            **dict.fromkeys(names, text),
        )


def many_categories() -> Iterator[Arrival]:
    """Ten new categories an event."""
    for n in range(400):
        shelves = tuple(Product(f"p{n}/{i}", f"department {n} / shelf {i}") for i in range(10))
        yield bot(START + n * 30 * SECOND, n, kinds.PRODUCT_VIEW, session_id="s", products=shelves)


def many_products() -> Iterator[Arrival]:
    """500 products in one event."""
    for n in range(16):
        products = tuple(
            Product(f"{n}/{i}", f"{n}/{i % 150}" * 20, Money(i, CURRENCIES[i % 5]), i) for i in range(500)
        )
        kind = (kinds.PRODUCT_VIEW, kinds.ADD_TO_CART, kinds.TRANSACTION, kinds.LIST_VIEW)[n % 4]
        yield bot(START + n * MINUTE, n, kind, session_id="s", products=products, revenue=Money(n, "EUR"))


def a_whole_day() -> Iterator[Arrival]:
    """Every pane of 24 hours, every kind, four currencies, large amounts; at last every second."""
    quarters = [START + n * 15 * MINUTE // 11 for n in range(96 * 11 - 66)]
    last = START + DAY - 90 * MINUTE
    moments = chain(
        quarters, range(last, last + HOUR, 20 * SECOND), range(last + HOUR, last + HOUR + 6 * MINUTE, SECOND)
    )
    for n, at in enumerate(moments):
        money = Money(90_000_000_000_000 - n, CURRENCIES[n // 13 % 4])
        products = tuple(Product(f"p{n * 3 + i}", f"category {(n + i) % 120}", money, 1) for i in range(3))
        page = f"https://shop.example/{'x' * (n % 250)}"
        yield anything(at, n, money, products, visit=25, places=90, steps=7, page=page, total_quantity=2**40)


def many_sessions() -> Iterator[Arrival]:
    """64 sessions, each with a thousand pages and heartbeats to come."""
    for n in range(2_600):
        session = f"s{n % 8 + n // 400 * 8}" + "x" * 200
        at = START + n * 20 * SECOND
        page = f"w{n // 2}"
        yield bot(
            at, n, kinds.PAGE_PING, session_id=session, page_id=page, created_at=n * 10_000, page=page * 60
        )


STREAMS = (long_ids, many_categories, many_products, a_whole_day, many_sessions)


def seen_through(logic: ShopperLogic, stream: Iterator[Arrival], packed: bool) -> ShopperState:
    state = logic.zero()
    for event, as_of in stream:
        while state.seen and state.next <= as_of and not state.gone(state.at):
            logic.advance(state, max(state.next, state.at))
            assert len(logic.dump(state)) <= MOST_BYTES
        logic.apply(state, event, as_of)
        data = logic.dump(state)
        assert len(data) <= MOST_BYTES
        if packed:
            logic.rows(state, "bot")
            state = logic.load(logic.dump(state))
    return state


def exact(step: int) -> list[str]:
    """What stays exact; with the checkout-step rule orders may give way."""
    return [name for name in EXACT if not step or name not in ("orders_count", "items_purchased")]


def only(names: Iterable[str], fields: Mapping[str, str]) -> dict[str, str | None]:
    return {name: fields.get(name) for name in names}


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("step", [0, 2])
def test_no_state_is_longer_than_64_kb_and_counts_and_money_are_those_of_the_oracle(
    stream: Callable[[], Iterator[Arrival]], step: int
) -> None:
    arrived = list(stream())
    logic = ShopperLogic(definitions=Definitions(checkout_order_step=step))
    state = seen_through(logic, iter(arrived), packed=False)
    rows = {row.window: row for row in logic.all_rows(state, "bot") if row.entity == "user"}
    oracle = Oracle(
        OracleDefinitions(checkout_order_step=step, set_values=10**6, bag_values=10**6, currencies=99)
    )
    for event, as_of in arrived:
        oracle.arrive(event, as_of)
    expected = oracle.rows(state.at)
    for label in ("5min", "1h", "24h"):
        fields, wanted = fields_of(rows[label]), expected[f"user:bot:features:{label}"]
        names = [name for name in exact(step) if "\u00fc" not in wanted.get(name, "")]
        assert only(names, fields) == only(names, wanted)
        if fields.get("product_currency") == wanted.get("product_currency"):
            assert only(MONEY[:3], fields) == only(MONEY[:3], wanted)
        different = {name for name in wanted if name[0] != "_" and fields.get(name) != wanted[name]}
        assert rows[label].capped or {n for n in different if "\u00fc" not in wanted[n]} <= {
            "orders_count",
            "items_purchased",
            "order_value",
            "avg_order_value",
        }


@pytest.mark.parametrize("stream", STREAMS)
def test_what_gives_way_does_not_depend_on_the_bytes(stream: Callable[[], Iterator[Arrival]]) -> None:
    logic = ShopperLogic()
    kept = seen_through(logic, stream(), packed=False)
    packed = seen_through(logic, stream(), packed=True)
    assert kept.overflow == packed.overflow
    assert logic.all_rows(kept, "bot") == logic.all_rows(packed, "bot")
    assert (kept.room, kept.ids, kept.lost) == (packed.room, packed.ids, packed.lost)
    assert logic.dump(kept) == logic.dump(packed)


def test_rows_after_something_gave_way_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    gave: list[bool] = []

    def spied(*args: Any) -> bool:
        gave.append(spend(*args))
        return gave[-1]

    monkeypatch.setattr("features.logic.spend", spied)
    logic, state = ShopperLogic(), ShopperLogic().zero()
    for event, as_of in a_whole_day():
        logic.apply(state, event, as_of)
        rows = logic.rows(state, "bot")
        if gave[-1]:
            assert {row.base for row in rows} == {None}
    assert any(gave)


def a_busy_hour() -> Iterator[Arrival]:
    """Something of everything that can give way, in few panes."""
    for n in range(240):
        money = Money(1_000 + n, CURRENCIES[n // 5 % 4] if n < 60 else "EUR")
        shelves = tuple(Product(f"p{n}/{i}", f"category {(n * 7 + i) % 90}", money, 1) for i in range(3))
        yield anything(START + n * SECOND, n, money, shelves, visit=40, places=30, steps=3)


@pytest.mark.parametrize("fits", [300, 3_000, 5_000, 6_000, 8_000, 12_000, 20_000])
@pytest.mark.parametrize(("views", "step"), [(None, 0), (None, 2), (branch_views("purchase"), 0)])
def test_whatever_the_room_counts_are_exact_and_what_gave_way_is_marked(
    fits: int, views: tuple[FeatureView, ...] | None, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    logic = ShopperLogic(views, Definitions(checkout_order_step=step))
    roomy = seen_through(logic, a_busy_hour(), packed=False)
    wanted = {row.window: fields_of(row) for row in logic.all_rows(roomy, "bot")}
    monkeypatch.setattr("features.logic.FITS", fits)
    monkeypatch.setattr("features.bound.FITS", fits)
    state = logic.zero()
    for event, as_of in a_busy_hour():
        logic.apply(state, event, as_of)
        nothing_is_left = not state.ids and not state.sessions
        assert len(logic.dump(state)) <= fits or nothing_is_left
    gave_way = len(logic.dump(roomy)) > fits
    assert bool(state.overflow) == gave_way
    for row in logic.all_rows(state, "bot"):
        if row.window != "session":
            fields, expected = fields_of(row), wanted[row.window]
            assert only(exact(step), fields) == only(exact(step), expected)
            if fits >= A_CURRENCY_STAYS:
                names = ("cart_added_value", "cart_removed_value", *MONEY[:3], "refund_value")
                assert only(names, fields) == only(names, expected)
            assert row.capped or fields == expected
