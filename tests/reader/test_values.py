"""Values as the catalogue types them, defaults, and features of the time of reading."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.event import Money as Amount
from features.catalogue import as_data
from features.row import MeanMoney
from shopper_reader import (
    Catalogue,
    CatalogueError,
    Feature,
    Money,
    Row,
    UnknownFeatureError,
    UnknownWindowError,
    ValueFormatError,
    Verdict,
)
from shopper_reader.catalogue import shipped
from shopper_reader.specs import at_reading
from tests.reader.answers import NOW, asker, hashed, read
from tests.sinks import rows

ROW = {
    "product_view_count": 3,
    "promo_click_rate": 0.25,
    "cart_currency_mixed": True,
    "cart_value": Amount(4299, "EUR"),
    "cart_currency": "EUR",
    "avg_viewed_price": MeanMoney(100, 3, "JPY"),
    "product_currency": "JPY",
    "last_product_viewed": "größe €",
    "shopper_locations": ["DE/BY", 'a"b'],
}
READ = {
    "product_view_count": 3,
    "promo_click_rate": 0.25,
    "cart_currency_mixed": True,
    "cart_value": Money(Decimal("42.99"), "EUR"),
    "cart_currency": "EUR",
    "avg_viewed_price": Money(Decimal("33.3333"), "JPY"),
    "product_currency": "JPY",
    "last_product_viewed": "größe €",
    "shopper_locations": ["DE/BY", 'a"b'],
}


def row(values: dict[str, Any], window: str = "5min", **more: Any) -> Row:
    made = rows.row(values, window=window, at=NOW, next=NOW + 9, until=NOW + 99)
    return read(hashed(made, **more.pop("texts", {})), window, **more)


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity"])
@pytest.mark.parametrize("name", ["promo_click_rate", "cart_value"])
def test_what_is_no_number_is_no_value(name: str, text: str):
    with pytest.raises(ValueFormatError, match=f"{name} is no (float|money)"):
        row(ROW, texts={name: text})[name]


def test_a_row_names_what_was_asked_for_and_what_the_catalogue_does_not_know():
    found = row({"cart_add_count": 1}, features=["cart_value", "cart_add_count"])
    assert found.names == ("cart_value", "cart_add_count")
    assert "new" in row({"cart_add_count": 1}, texts={"new": "x"}).names


def test_a_version_is_another_when_anything_that_was_read_is_another():
    same = [row({"cart_add_count": 1}, now=now).version for now in (NOW, NOW + 1)]
    others = [
        row({"cart_add_count": 2}).version,
        row({"cart_add_count": 1}, texts={"_seen": "9"}).version,
        row({"cart_add_count": 1}, texts={"a": "bc"}).version,
        row({"cart_add_count": 1}, texts={"ab": "c"}).version,
        row({"cart_add_count": 1}, now=NOW + 99).version,
    ]
    assert same[0] == same[1]
    assert len({*same, *others}) == 1 + len(others)
    assert others[-1] == ""


def test_features_of_the_time_of_reading_are_named():
    assert {feature.name for feature in at_reading(shipped(), "session")} == {
        "session_idle_ms",
        "ms_since_session_start",
    }
    assert [feature.name for feature in at_reading(shipped(), "5min")] == ["ms_since_last_cart_change"]


def test_values_have_the_types_of_the_catalogue():
    found = dict(row(ROW))
    assert found == READ
    assert {name: type(value) for name, value in found.items()} == {n: type(v) for n, v in READ.items()}
    assert str(READ["cart_value"]) == "Money(amount=Decimal('42.99'), currency='EUR')"


@pytest.mark.parametrize("name", READ)
def test_one_feature_is_read_alone(name):
    one = row(ROW, features=name)
    assert dict(one) == {name: READ[name]}
    assert len(one) == 1


def test_many_features_are_picked_from_the_whole_row():
    names = [feature.name for feature in shipped().inside("5min")][:30]
    assert dict(row(ROW, features=names)) == {name: READ[name] for name in names if name in READ}


def test_what_is_absent_is_absent():
    found = row({"product_view_count": 0})
    assert "cart_value" not in found
    assert found.get("cart_value") is None
    assert found["product_view_count"] == 0
    with pytest.raises(KeyError, match="cart_value"):
        found["cart_value"]
    with pytest.raises(KeyError, match="_at"):
        found["_at"]


def test_money_without_a_currency_says_so():
    assert row({}, texts={"cart_value": "1.00"})["cart_value"] == Money(Decimal("1.00"), "")


def test_a_default_stands_where_there_is_no_value_and_where_there_is_no_row():
    defaults = {"cart_add_count": 0, "top_category": "none"}
    found = row({"cart_add_count": 2}, defaults=defaults)
    assert (found["cart_add_count"], found["top_category"]) == (2, "none")
    missing = read({}, defaults=defaults)
    assert missing.verdict is Verdict.MISSING
    assert dict(missing) == defaults
    assert dict(read({}, defaults=defaults, features="cart_add_count")) == {"cart_add_count": 0}


def test_a_default_of_nothing_is_refused():
    with pytest.raises(UnknownFeatureError, match="'cart_valeu'"):
        asker(defaults={"cart_valeu": 0})


def test_fields_that_the_catalogue_does_not_know_are_text():
    found = row({"product_view_count": 1}, texts={"of_a_newer_job": "7"})
    assert dict(found) == {"product_view_count": 1, "of_a_newer_job": "7"}
    assert found.texts["_at"] == str(NOW)
    assert found.texts["of_a_newer_job"] == "7"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("product_view_count", "many"),
        ("promo_click_rate", "x"),
        ("cart_value", "1,50"),
        ("cart_currency_mixed", "yes"),
        ("shopper_locations", "{}"),
        ("shopper_locations", "["),
    ],
)
def test_a_value_of_another_type_is_named_with_its_key(name, text):
    with pytest.raises(ValueFormatError, match=rf"user:ada:features:5min: {name} is no .*{name}"):
        row({}, texts={name: text})[name]


def test_a_row_shows_itself():
    assert repr(row({"product_view_count": 1})) == "Row('5min', FRESH, {'product_view_count': 1})"
    assert row({}).capped is False
    assert row({}, texts={"_capped": "1"}).capped is True


# The time of reading


def session(**more: Any) -> Row:
    values = {"session_start": NOW - 60_000, "session_duration": 45_000}
    return row(values, window="session", **more)


def test_idle_time_and_age_of_a_session_grow_while_nothing_is_written():
    assert session()["session_idle_ms"] == 15_000
    assert session()["ms_since_session_start"] == 60_000
    assert session(now=NOW + 50)["session_idle_ms"] == 15_050
    assert dict(session(features="session_idle_ms")) == {"session_idle_ms": 15_000}


def test_an_event_from_a_clock_ahead_gives_no_negative_time():
    ahead = row({"session_start": NOW + 5, "session_duration": 0}, window="session")
    assert (ahead["session_idle_ms"], ahead["ms_since_session_start"]) == (0, 0)


def test_without_the_instant_there_is_no_time_since():
    assert "session_idle_ms" not in row({"session_start": NOW}, window="session")
    assert "session_idle_ms" not in row({"session_duration": 3}, window="session")
    assert "ms_since_session_start" not in row({}, window="session")


def test_every_instant_of_a_catalogue_can_be_read_as_time_since():
    data = as_data()
    cart = {"branch": "cart", "view": "cart", "windows": ["1h"]}
    last = {"name": "last_cart_change", "type": "ms", "unit": "epoch ms", "doc": "", **cart}
    without = [last, *(f for f in data["features"] if not f["name"].startswith("session_"))]
    catalogue = Catalogue.of(data | {"features": without})
    found = row({}, "1h", texts={"last_cart_change": str(NOW - 7)}, catalogue=catalogue)
    assert found["ms_since_last_cart_change"] == 7
    assert "session_idle_ms" not in asker(catalogue)._planner.names


# The catalogue


def test_the_catalogue_in_the_package_is_that_of_the_views():
    assert shipped() == Catalogue.of(as_data())
    assert {"cart_value", "session_id"} < shipped().names(shipped().labels)
    assert "session_id" not in shipped().names(["5min"])
    assert isinstance(shipped().features[0], Feature)


@pytest.mark.parametrize(
    "data", [{}, {"windows": [{}]}, {"windows": [], "features": [], "session_gap_ms": "x"}, {"windows": 3}]
)
def test_what_is_no_catalogue_is_refused(data):
    with pytest.raises(CatalogueError, match="shopper features --catalogue"):
        Catalogue.of(data)


def test_a_type_from_the_future_is_named():
    data = as_data()
    data["features"][0]["type"] = "map"
    with pytest.raises(CatalogueError, match="'map'"):
        Catalogue.of(data)


def test_a_file_without_a_catalogue_is_named(tmp_path):
    with pytest.raises(CatalogueError, match=r"none\.json"):
        Catalogue.read(tmp_path / "none.json")
    (tmp_path / "text").write_text("text")
    with pytest.raises(CatalogueError, match="text"):
        Catalogue.read(str(tmp_path / "text"))
    (tmp_path / "good").write_text(json.dumps(as_data()))
    assert Catalogue.read(tmp_path / "good") == shipped()


# What is asked


@given(st.sampled_from([feature.name for feature in shipped().features]))
def test_without_windows_those_that_have_the_feature_are_read(name):
    asking = asker().shoppers(["ada"], None, name)
    labels = [question.plan.label for question in asking.questions]
    assert set(labels) == {w for f in shipped().features if f.name == name for w in f.windows}


def test_a_wrong_feature_is_explained():
    with pytest.raises(UnknownFeatureError, match="did you mean cart_value"):
        asker().shoppers(["ada"], None, ["cart_valeu"])
    with pytest.raises(UnknownFeatureError, match="no window of 5min has a feature 'session_id'"):
        asker().shoppers(["ada"], "5min", ["session_id"])
    with pytest.raises(UnknownFeatureError, match=r"'zzz'$"):
        asker().shoppers(["ada"], None, "zzz")


def test_a_wrong_window_is_explained():
    with pytest.raises(UnknownWindowError, match=r"'2h'.*5min, 1h, 24h, session"):
        asker().shoppers(["ada"], "2h", None)


@pytest.mark.parametrize(("windows", "features"), [((), None), (None, ()), ("5min", [])])
def test_nothing_cannot_be_asked_for(windows, features):
    with pytest.raises(UnknownWindowError, match="nothing is asked for"):
        asker().shoppers(["ada"], windows, features)
