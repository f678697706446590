"""The recorded events of a real shop through decoder, logic and codec, in each of the three formats."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from events.decoder import Decoder
from events.event import CHECKOUT_STEP, TRANSACTION, Event
from events.verdict import Filtered
from features.logic import ShopperLogic
from features.replay import Replay
from features.settings import Definitions
from jobs.recorded.restamp import restamp
from sinks.codec import fields_of
from tests.recorded_sessions import expected_sessions, mismatches

DATA = Path(__file__).parent / "data"
FILES = {
    "tsv": "events.enriched.tsv.gz",
    "sdk_json": "events.sdk.jsonl.gz",
    "live_shopper": "events.live_shopper_topic.jsonl.gz",
}
NOW = 1_750_000_000_000
OFF = Definitions(identity="off")


def recorded(wire_format: str) -> list[bytes]:
    return gzip.decompress((DATA / "snowplow-ecommerce" / FILES[wire_format]).read_bytes()).splitlines()


def replayed(records: list[bytes], definitions: Definitions | None = None) -> Replay:
    decoded = [Decoder().decode(record) for record in records]
    replay = Replay(ShopperLogic(definitions=definitions))
    replay.feed(event for event in decoded if isinstance(event, Event))
    return replay


def fields(replay: Replay, entity: str, window: str) -> dict[str, dict[str, str]]:
    return {
        row.entity_id: fields_of(row)
        for row in replay.rows()
        if row.entity == entity and row.window == window
    }


@pytest.mark.parametrize("wire_format", FILES)
def test_sessions_equal_what_the_publisher_expects(wire_format: str) -> None:
    replay = replayed([moved.raw for moved in restamp(recorded(wire_format), NOW)])
    rows = fields(replay, "session", "session")
    assert len(expected_sessions()) == 63
    assert mismatches(rows, wire_format) == []
    assert replay.verdicts["applied"] == 832


def test_totals_of_the_recorded_events() -> None:
    decoded = [Decoder().decode(record) for record in recorded("tsv")]
    kinds = Counter(event.kind for event in decoded if isinstance(event, Event))
    assert kinds["untyped_action"] == 410
    assert [kinds[kind] for kind in ("product_view", "list_view", "add_to_cart", "remove_from_cart")] == [
        179,
        100,
        38,
        15,
    ]
    assert [kinds[TRANSACTION], kinds[CHECKOUT_STEP]] == [14, 38]
    assert [verdict for verdict in decoded if not isinstance(verdict, Event)] == [Filtered("no_shopper_id")]


def test_checkout_columns_follow_from_the_events() -> None:
    """Steps visited (a transaction is one), unique steps and carts emptied, which are no features of ours."""
    decoded = [event for record in recorded("tsv") if isinstance(event := Decoder().decode(record), Event)]
    for session, expected in expected_sessions().items():
        events = [event for event in decoded if event.session_id == session]
        steps = [event.step for event in events if event.kind == CHECKOUT_STEP]
        bought = sum(event.kind == TRANSACTION for event in events)
        visited = len(steps) + bought
        unique = len(set(steps) | ({4} if bought else set()))
        emptied = sum(event.cart_total is not None and event.cart_total.minor == 0 for event in events)
        assert visited == int(expected["number_checkout_steps_visited"] or 0)
        assert unique == int(expected["number_unique_checkout_steps_attempted"] or 0)
        assert emptied == int(expected["number_carts_emptied"] or 0)


def example() -> list[bytes]:
    return (DATA / "live-shopper-example" / "successful_checkout.jsonl").read_bytes().splitlines()


DEVICE = "67430c52-68fb-4277-baeb-b6033403094a"
USER = "shopper@example.com"
SESSION = "c9727c0f-0f83-4a70-9eca-a415cf9ea52b"
COUNTS = (
    "page_count",
    "product_view_count",
    "list_view_count",
    "cart_add_count",
    "checkout_step",
    "search_count",
)


def told(row: dict[str, str], *names: str) -> list[str | None]:
    return [row.get(name) for name in names]


def test_the_login_example_is_one_shopper() -> None:
    replay = replayed(example(), Definitions(checkout_order_step=2))
    assert replay.verdicts["applied"] == 26
    assert {row.entity_id for row in replay.rows()} == {USER, SESSION}
    row = fields(replay, "user", "session")[USER]
    assert row == fields(replay, "session", "session")[SESSION]
    assert told(row, *COUNTS) == ["8", "1", "9", "1", "2", "0"]
    assert told(row, "marketing_campaign", "marketing_source", "bounce", "session_duration") == [
        "google-ads-winter-sale-24",
        "google",
        "0",
        "127419",
    ]
    assert told(row, "orders_count", "order_value", "session_currency") == ["1", "42.99", "USD"]
    day = fields(replay, "user", "24h")[USER]
    names = ("product_view_count", "last_product_viewed", "orders_count", "order_value", "purchase_currency")
    assert told(day, *names) == ["1", "5", "1", "42.99", "USD"]
    assert {row.seen for row in replay.rows()} == {26}


def test_in_the_login_example_the_device_points_to_the_user() -> None:
    pointers = [row for row in replayed(example()).rows(pointers=True) if row.same_as]
    assert [(row.entity_id, row.window, row.same_as, row.seen) for row in pointers] == [
        (DEVICE, window, USER, 14) for window in ("5min", "1h", "24h", "session")
    ]


def test_going_forward_only_the_login_example_keeps_what_was_before() -> None:
    sessions = fields(replayed(example(), Definitions(identity="forward")), "user", "session")
    assert told(sessions[DEVICE], *COUNTS) == ["4", "1", "4", "1", "1", "0"]
    assert told(sessions[USER], *COUNTS) == ["4", "0", "5", "0", "2", "0"]


def test_with_identity_off_the_login_example_gives_each_half_under_its_own_id() -> None:
    sessions = fields(replayed(example(), OFF), "user", "session")
    before, after = sessions[DEVICE], sessions[USER]
    assert told(before, *COUNTS) == ["4", "1", "4", "1", "1", "0"]
    assert told(after, *COUNTS) == ["4", "0", "5", "0", "2", "0"]
    assert told(before, "marketing_campaign", "marketing_source") == ["google-ads-winter-sale-24", "google"]
    assert told(before, "bounce", "session_duration") == ["0", "70668"]


def test_the_session_of_the_login_example_belongs_to_the_half_that_began_it() -> None:
    row = fields(replayed(example(), OFF), "session", "session")[SESSION]
    assert row["page_count"] == "4"


def test_an_order_by_checkout_step() -> None:
    """The add and the first step lie in the anonymous half."""
    replay = replayed(example(), Definitions(checkout_order_step=1, identity="off"))
    assert fields(replay, "user", "24h")[DEVICE]["order_value"] == "42.99"
