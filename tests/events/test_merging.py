"""Snowplow's identity graph: the anonymous id it gives, and the ids that it finds to be one person's."""

from typing import Any

import pytest

from events.decoder import Decoder
from events.event import OTHER, Event
from events.hashing import hashed_id, hashing_key
from events.merging import MOST_IDS, NOTHING, merged_of
from events.verdict import Reason
from tests.events.recorded import SNOWPLOW, decode, event_of, told, tsv_line

IDENTITY = (SNOWPLOW.format("identity"), {"snowplow_id": "s1", "created_at": "2024-05-01T10:00:00Z"})
MERGE: dict[str, Any] = {"event": "unstruct", "event_name": "identity_merge"}


def test_an_event_without_another_id_is_its_snowplow_ids() -> None:
    event = event_of(IDENTITY, domain_userid=None)
    assert (event.shopper, event.device_id, event.user_id) == ("s1", "s1", None)
    assert event_of(IDENTITY).device_id == "device-1"
    assert told(decode((SNOWPLOW.format("identity"), {"snowplow_id": []}), domain_userid=None)) == [
        ("contexts.identity[0].snowplow_id", "list of 0 items")
    ]
    assert decode((SNOWPLOW.format("identity"), {}), domain_userid=None, user_id="ann").device_id is None  # type: ignore[union-attr]


def test_a_merge_says_whose_the_ids_are() -> None:
    data = {"snowplow_id": "s1", "merged": ["s2", "", "s3"], "merges": [{"snowplow_id": "s2"}]}
    event = event_of(action=data, **MERGE)
    assert (event.kind, event.shopper, event.device_id) == (OTHER, "device-1", "device-1")
    assert (event.merged, event.merged_into) == (("s2", "s3"), "s1")
    event = event_of(action=data, user_id="ann", domain_userid=None, **MERGE)
    assert (event.shopper, event.device_id, event.merged_into) == ("ann", "s1", "ann")
    event = event_of(action={"snowplow_id": "s1"}, **MERGE)
    assert (event.merged, event.merged_into) == ((), None)
    assert event_of(action={"merged": ["s2"]}, **MERGE).merged_into is None
    key = hashing_key("secret")
    hashed = Decoder(id_key=key).decode(tsv_line(action=data, **MERGE))
    assert isinstance(hashed, Event)
    assert hashed.merged == (hashed_id("s2", key), hashed_id("s3", key))
    assert hashed.merged_into == hashed_id("s1", key)
    assert Decoder(id_key=key).decode(tsv_line(action={"merged": ["s2"]}, **MERGE)).merged_into is None  # type: ignore[union-attr]


def test_a_merge_without_data_says_nothing() -> None:
    reasons: list[Reason] = []
    assert merged_of(None, reasons) == NOTHING
    assert reasons == []
    assert merged_of(5, reasons) == NOTHING
    assert [(reason.field, reason.value) for reason in reasons] == [("unstruct_event", "a number")]


@pytest.mark.parametrize(
    ("data", "field", "value"),
    [
        ({"snowplow_id": {}, "merged": []}, "unstruct_event.snowplow_id", "object of 0 keys"),
        ({"snowplow_id": "s1", "merged": "s2"}, "unstruct_event.merged", "text of 2 characters"),
        ({"snowplow_id": "s1", "merged": [[]]}, "unstruct_event.merged[0]", "list of 0 items"),
        ({"merged": ["s"] * (MOST_IDS + 1)}, "unstruct_event.merged", f"{MOST_IDS + 1} ids"),
        ([], "unstruct_event", "list of 0 items"),
    ],
)
def test_what_is_wrong_with_a_merge_is_told(data: Any, field: str, value: str) -> None:
    assert (field, value) in told(decode(action=data, **MERGE))
