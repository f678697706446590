"""What a release with other features does to rows and states of the one before, without a single event."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec

from events.event import Event, Money, Product
from features.aggregates import Distinct
from features.definition import Derived, Feature
from features.logic import ShopperLogic
from features.settings import Definitions, Window
from features.state import total_of
from features.views import VIEWS
from operators.store import LEDGER
from tests.operators.fakes import NOW, Instance, view

SOON = 30_000
"""Every bucket looks after itself within seconds of a restart; in ms."""
Some = tuple[Feature | Derived, ...]


def with_features(change: Callable[[Some], Some]) -> ShopperLogic:
    """The catalogue with other features in its product view."""
    return ShopperLogic(
        [replace(v, features=change(v.features)) if v.name == "product" else v for v in VIEWS]
    )


def without(*names: str) -> Callable[[Some], Some]:
    return lambda features: tuple(f for f in features if f.name not in names)


def changed(name: str, /, **to: Any) -> Callable[[Some], Some]:
    return lambda features: tuple(replace(f, **to) if f.name == name else f for f in features)


UNIQUE = ("unique_products_viewed", "return_view_count")


def three_views() -> list[Event]:
    """Two of a hat, one of a cap; some have a price."""
    cap = msgspec.structs.replace(view("2"), products=(Product("cap", price=Money(500, "EUR")),))
    hat = msgspec.structs.replace(view("3"), products=(Product("hat", price=Money(900, "EUR")),))
    return [view("1"), cap, hat]


def upgraded(before: ShopperLogic, after: ShopperLogic) -> Instance:
    """Three views of two products by `before`, a restart with `after`, some seconds of silence."""
    one = Instance(before)
    one.take(*three_views())
    one.logic = after
    one.restart()
    one.pass_time(NOW + SOON)
    return one


def row(one: Instance, window: str = "5min") -> dict[str, Any]:
    """What Redis holds."""
    stored = one.sink.hashes.get(("user", "ann", window))
    return dict(stored.values or {}) if stored else {}


def test_an_added_feature_starts_empty_and_fills_with_its_window() -> None:
    one = upgraded(with_features(without(*UNIQUE)), ShopperLogic())
    assert row(one)["unique_products_viewed"] == 0
    assert row(one)["product_view_count"] == 3
    one.take(view("4", at=one.now), view("5", at=one.now, product="scarf"))
    assert row(one)["unique_products_viewed"] == 2
    one.pass_time(NOW + 310_001)
    assert row(one)["unique_products_viewed"] == row(one)["product_view_count"] == 2, "full and right"


def test_a_removed_feature_leaves_the_rows_and_the_state_by_itself() -> None:
    after = with_features(without(*UNIQUE))
    one = upgraded(ShopperLogic(), after)
    assert not row(one).keys() & set(UNIQUE)
    assert row(one)["product_view_count"] == 3
    restored = Instance(after)
    restored.take(*three_views())
    state, anew = one.state("ann"), restored.state("ann")
    assert state is not None
    assert anew is not None
    assert state.trails.keys() == anew.trails.keys()
    for left, right in zip(state.levels, anew.levels, strict=True):
        assert total_of(left).keys() == total_of(right).keys()
    assert len(one.store.entries[0]["ann"]) <= len(restored.store.entries[0]["ann"])


def test_a_changed_definition_starts_empty() -> None:
    one = upgraded(
        ShopperLogic(), with_features(changed("unique_products_viewed", aggregate=Distinct("keys", most=7)))
    )
    assert row(one)["unique_products_viewed"] == 0
    assert row(one)["last_product_viewed"] == "hat"
    one.take(view("4", at=one.now))
    assert row(one)["unique_products_viewed"] == 1


def test_a_renamed_feature_keeps_its_value() -> None:
    one = upgraded(ShopperLogic(), with_features(changed("last_product_viewed", name="latest_product")))
    assert row(one)["latest_product"] == "hat"
    assert "last_product_viewed" not in row(one)


def views_per_product(product_view_count: int, unique_products_viewed: int) -> int:
    """Another thing than before under the same name."""
    return product_view_count // max(1, unique_products_viewed) + 40


def test_another_function_of_the_same_values_shows_at_once() -> None:
    one = upgraded(ShopperLogic(), with_features(changed("return_view_count", function=views_per_product)))
    assert row(one)["return_view_count"] == 41


def test_another_reading_of_the_same_state_shows_at_once() -> None:
    one = upgraded(ShopperLogic(), with_features(changed("min_viewed_price", read="greatest")))
    assert row(one)["min_viewed_price"] == Money(900, "EUR")


def test_changed_windows_start_empty_and_sessions_go_on() -> None:
    half = Definitions(windows=(Window("half", timedelta(minutes=30), timedelta(minutes=1)),))
    one = upgraded(ShopperLogic(), ShopperLogic(definitions=half))
    assert row(one, "half") == {}
    assert row(one, "session")["product_view_count"] == 3
    one.take(view("4", at=one.now))
    assert row(one, "half")["product_view_count"] == 1
    assert row(one, "session")["product_view_count"] == 4


def test_the_same_catalogue_writes_nothing_again() -> None:
    one = upgraded(ShopperLogic(), ShopperLogic())
    assert one.counts().get("rewritten", 0) == 0


def test_nothing_of_a_shopper_outlives_the_rows_even_if_wake_ups_were_missed() -> None:
    """Why the state has no time to live of Flink's: a restore looks at every entry of the map."""
    one = Instance()
    one.take(view("1"), view("2", "bob"))
    one.timers.clear()
    one.now = NOW + 3 * 86_400_000
    one.restart()
    one.wake()
    one.pass_time(one.now + SOON)
    assert one.store.entries[0].keys() == {LEDGER}
