"""Names of the layout `live-shopper`, without a Redis."""

import re

import pytest

from features.catalogue import entries
from features.settings import Definitions
from sinks.calls import cut
from sinks.keys import parts_of
from sinks.live_shopper import CALL_HASHES, SESSION, TABLES, USER, copying, string_keys, window_name
from tests.sinks.rows import row, session


def test_the_keys_are_those_that_the_live_shopper_job_writes():
    """Source: flink-live-shopper, its flat-map functions and, of the two that it never writes, its DOC.md."""
    shop = "product_view_count avg_viewed_price return_view_count price_range_viewed"
    shop += " top_category unique_categories"
    cart = "cart_add_count cart_remove_count cart_update_frequency"
    orders = "orders_count order_value avg_order_value"
    announced = "category_view_count cart_value"
    for label, short in (("5min", "5m"), ("1h", "1h"), ("24h", "24h")):
        keys = string_keys(row(window=label))
        names = f"{shop} {cart} {orders} {announced}".split()
        assert sorted(keys) == sorted(f"user:ada:{name}_{short}" for name in names)
    of_session = "session_duration session_page_count session_bounce session_marketing_campaign"
    of_session += " session_cart_ratio session_search_count shopper_device_types shopper_latest_platform"
    assert sorted(string_keys(session())) == sorted(f"session:s1:{name}" for name in of_session.split())


@pytest.mark.parametrize(
    ("label", "name"), [("5min", "5m"), ("90min", "90m"), ("1h", "1h"), ("7d", "7d"), ("min", "m")]
)
def test_minutes_are_one_letter(label, name):
    assert window_name(label) == name


def test_every_field_that_is_copied_is_a_feature():
    known = entries(Definitions(live_shopper=True))
    features = {(entry.windows == ("session",), entry.name) for entry in known}
    for entity, texts in TABLES.items():
        for text in texts:
            assert {(entity == "session", field) for field in text.fields} <= features
            assert len(text.fields) == (2 if text.form == "range" else 1)


def test_without_the_layout_sessions_do_not_have_what_it_alone_shows():
    def of_sessions(definitions: Definitions) -> set[str]:
        return {entry.name for entry in entries(definitions) if entry.windows == ("session",)}

    more = of_sessions(Definitions(live_shopper=True)) - of_sessions(Definitions())
    assert more == {"device_types", "latest_platform"}


def test_the_current_session_and_what_is_no_shoppers_have_no_strings():
    assert string_keys(row(window="session")) == ()
    assert string_keys(row(entity="pipeline", window="session")) == ()
    assert string_keys(row(window="", tail=("item", "hat"))) == ()
    assert copying([("user:ada:features:session", row(window="session"))], "", cluster=False) == []


@pytest.mark.parametrize("cluster", [False, True])
def test_no_id_makes_another_shoppers_key_and_none_is_taken_for_a_hash(cluster):
    ids = ["ada", "ada:product_view_count_5m", "a{d}a", "{ada}", "%61da", "ada ", "", "ada:cart"]
    keys = [key for name in ids for key in string_keys(row(entity_id=name), "p:", cluster)]
    assert len(set(keys)) == len(ids) * len(USER)
    form = r"p:user:\{[^:{}]+\}:[a-z_]+_5m" if cluster else r"p:user:[^:{}]+:[a-z_]+_5m"
    assert all(re.fullmatch(form, key) for key in keys)
    assert not any(parts_of(key, "p:") for key in keys)


def test_a_call_holds_a_few_hashes_and_all_their_keys_and_comes_apart():
    rows = [(f"user:u{n}:features:5min", row(entity_id=f"u{n}")) for n in range(CALL_HASHES + 1)]
    first, second = copying(rows, "", cluster=False)
    assert (len(first.rows), len(second.rows)) == (CALL_HASHES, 1)
    assert first.args[2] == CALL_HASHES * (1 + len(USER))
    parts = first.apart()
    assert [part.args[3] for part in parts] == [key for key, _ in rows[:CALL_HASHES]]
    assert {part.args[2] for part in parts} == {1 + len(USER)}
    assert [call for batch in cut([first, second]) for call in batch] == [first, second]


def test_in_a_cluster_each_call_stays_in_one_slot():
    given = [
        ("user:{ada}:features:5min", row()),
        ("user:{ada}:features:1h", row(window="1h")),
        ("session:{s1}:features", session()),
    ]
    calls = copying(given, "", cluster=True)
    assert [len(call.rows) for call in calls] == [2, 1]
    for call, tag in zip(calls, ("{ada}", "{s1}"), strict=True):
        assert all(tag in key for key in call.args[3:-1])
    assert calls[1].args[2] == 1 + len(SESSION)
