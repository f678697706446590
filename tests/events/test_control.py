"""Control records: what tells them from events, and what is wrong with those that cannot be used."""

import pytest

from events.control import PREFIX, forget_record, is_control
from events.decoder import WIRE_FORMATS, Decoder
from events.event import Event
from events.hashing import hashing_key
from events.verdict import Dead, Forget
from tests.events.recorded import tsv_line


@pytest.mark.parametrize("wire_format", WIRE_FORMATS)
@pytest.mark.parametrize("shopper", ["ann", "shopper@example.com", 'a "b" \\ {c}', "ü", "1"])
def test_a_forget_record_is_read_whatever_the_format(wire_format, shopper):
    decoder = Decoder(wire_format, app_ids=frozenset({"web"}))
    assert decoder.decode(forget_record(shopper)) == Forget(shopper)


@pytest.mark.parametrize(
    ("rest", "fields"),
    [
        (b"", ["record"]),
        (b'{"action":"forget"}', ["record"]),
        (b"7}", ["shopper_features_control"]),
        (b'{"action":"forget","shopper":"ann"},"more":1}', ["shopper_features_control"]),
        (b'{"action":"forget"}}', ["shopper_features_control.shopper"]),
        (b'{"action":"forget","shopper":" "}}', ["shopper_features_control.shopper"]),
        (b'{"action":"forget","shopper":["ann"]}}', ["shopper_features_control.shopper"]),
        (b'{"action":"forget","shopper":"ann","stored":1}}', ["shopper_features_control.stored"]),
        (b'{"action":"drop","shopper":"ann"}}', ["shopper_features_control.action"]),
        (b"{}}", ["shopper_features_control.action", "shopper_features_control.shopper"]),
    ],
)
def test_one_that_cannot_be_used_is_dead_with_every_reason(rest, fields):
    verdict = Decoder().decode(PREFIX + rest)
    assert isinstance(verdict, Dead)
    assert verdict.wire_format == "control"
    assert [reason.field for reason in verdict.reasons] == fields
    assert "ann" not in str(verdict)


def test_a_tracker_cannot_make_one():
    """Even an app_id that looks like one stands between tabs."""
    forged = tsv_line(app_id=forget_record("ann").decode())
    assert not is_control(forged)
    assert isinstance(Decoder("tsv").decode(forged), Event)


def test_an_id_as_it_is_kept_is_not_hashed_again():
    decoder = Decoder(id_key=hashing_key("a secret of the shop's own"))
    kept = decoder.id_of("ann")
    assert decoder.decode(forget_record("ann")) == Forget(kept)
    assert decoder.decode(forget_record(kept, stored=True)) == Forget(kept, stored=True)
