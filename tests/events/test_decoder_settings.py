"""What the shop leaves out, and what a decoder is made of."""

import json
import pickle
from typing import Any

import pytest

from events.decoder import Decoder
from events.event import Event
from events.verdict import Filtered
from tests.events.recorded import (
    ECOMMERCE,
    decode,
    sdk_object,
    told,
    tsv_line,
)

BROKEN: dict[str, Any] = {"action": {"type": "add_to_cart"}, "derived_tstamp": "then"}
BROKEN_CART = ECOMMERCE.format("cart"), {"total_value": "a lot"}


def test_app_ids_that_the_shop_did_not_name_are_left_out() -> None:
    decoder = Decoder(app_ids=frozenset({"shop", "7"}))
    assert isinstance(decoder.decode(tsv_line()), Event)
    for other in ("other", None, " shop"):
        assert decoder.decode(tsv_line(app_id=other)) == Filtered("app_id")
    for app_id, used in ((7, True), (["shop"], False), (None, False)):
        record = sdk_object(tsv_line()) | {"app_id": app_id}
        assert isinstance(decoder.decode(json.dumps(record).encode()), Event) is used


def test_what_is_left_out_is_not_checked() -> None:
    assert Decoder(app_ids=frozenset({"x"})).decode(tsv_line(contexts="{", **BROKEN)) == Filtered("app_id")
    assert decode(BROKEN_CART, domain_userid=" ", **BROKEN) == Filtered("no_shopper_id")
    robot = tsv_line(BROKEN_CART, useragent="curl/8.4.0", **BROKEN)
    assert Decoder(exclude_robots=True).decode(robot) == Filtered("robot")


def test_a_shopper_that_cannot_be_read_is_not_a_shopper_that_is_absent() -> None:
    assert told(decode(domain_userid=None, contexts="{")) == [("contexts", "text of 1 characters")]
    assert told(decode(domain_userid="x" * 1001)) == [("domain_userid", "text of 1001 characters")]


def test_a_set_of_app_ids_may_come_as_any_collection() -> None:
    decoder = Decoder(app_ids=["shop"])  # type: ignore[arg-type]
    assert isinstance(decoder.decode(tsv_line()), Event)


def test_an_unknown_wire_format_is_named() -> None:
    with pytest.raises(ValueError, match="wire format is 'xml'; expected one of auto, tsv"):
        Decoder("xml")  # type: ignore[arg-type]


def test_decoders_travel_to_workers() -> None:
    decoder = Decoder(app_ids=frozenset({"shop"}), exclude_robots=True)
    again = pickle.loads(pickle.dumps(decoder))  # noqa: S301 - our own
    assert again == decoder
    assert again.decode(tsv_line()) == decoder.decode(tsv_line())
