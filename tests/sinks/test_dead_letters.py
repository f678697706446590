"""Dead letters: nothing is lost that explains or replays a record, nothing personal is listed."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.verdict import Dead, Reason
from sinks import text
from sinks.dead_letters import RAW_BYTES, dead_letter, masked, read_dead_letter

DEAD = Dead("tsv", (Reason("derived_tstamp", "yesterday", "a time"), Reason("user_id", "ada", "text")))


@given(st.binary(max_size=200), st.integers(0, 2**63 - 1))
def test_a_dead_letter_reads_back(raw, offset):
    letter = read_dead_letter(dead_letter(raw, DEAD, "good", 3, offset, at=17))
    assert letter.raw == raw
    assert letter.whole
    assert letter.id == f"good/3/{offset}"
    assert letter.reasons == DEAD.reasons
    assert (letter.kind, letter.wire_format, letter.at, letter.bug) == ("undecodable", "tsv", 17, None)


def test_a_long_record_is_cut_and_its_digest_is_that_of_the_whole():
    raw = bytes(range(256)) * 1000
    letter = read_dead_letter(dead_letter(raw, DEAD, "good", 0, 1, at=17))
    assert letter.raw == raw[:RAW_BYTES]
    assert letter.size == len(raw)
    assert letter.sha256 == hashlib.sha256(raw).hexdigest()
    assert not letter.whole


def test_it_is_json_that_others_can_read():
    data = json.loads(dead_letter(b"\xff\x00", DEAD, "good", 0, 1, at=17, kind="future"))
    assert data["raw"] == "/wA="
    assert data["reasons"][0] == ["derived_tstamp", "yesterday", "a time"]
    assert data["kind"] == "future"


def test_a_bug_names_the_exceptions_class_and_the_place_in_our_code_and_no_values():
    with pytest.raises(KeyError) as caught:
        text.text_of(object())  # type: ignore[arg-type]
    data = dead_letter(b"x", Dead("", ()), "good", 0, 1, at=17, kind="bug", error=caught.value)
    bug = read_dead_letter(data).bug
    assert bug is not None
    assert bug.exception == "KeyError"
    assert bug.place.startswith("sinks/text.py:")
    assert b"object" not in data


def test_a_bug_outside_our_code_has_no_place():
    letter = read_dead_letter(dead_letter(b"x", Dead("", ()), "t", 0, 1, 17, "bug", ValueError("ada")))
    assert letter.bug is not None
    assert letter.bug.place == ""


def test_a_listing_shows_neither_the_record_nor_who_it_is_about():
    letter = masked(read_dead_letter(dead_letter(b"user ada", DEAD, "good", 0, 1, at=17)))
    assert letter.raw is None
    assert not letter.whole
    assert [reason.value for reason in letter.reasons] == ["yesterday", "•••"]
    assert "ada" not in repr(letter)


def test_a_letter_of_a_later_release_is_still_read():
    data = json.loads(dead_letter(b"x", DEAD, "good", 0, 1, at=17)) | {"new": 1}
    assert read_dead_letter(json.dumps(data).encode()).raw == b"x"
