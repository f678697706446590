"""Whatever a side input's record is, there is a bounded row or a reason, and the same one again."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.hashing import hashing_key
from events.masking import SHOWN_CHARS
from events.sides.categories import LONGEST, MOST
from events.sides.decoder import SideDecoder
from events.sides.row import SideRow
from events.values import LONGEST_ID
from events.verdict import Dead
from jobs.side_inputs import shipped, side_inputs
from tests.events.test_decoder_fuzz import texts, values
from tests.events.test_side_decoder import CENTS, KEYLESS

pytestmark = pytest.mark.property

SIDES = side_inputs(shipped())
DECODERS = [*map(SideDecoder, SIDES), *(SideDecoder(s, hashing_key("k")) for s in SIDES), CENTS, KEYLESS]
NAMES = sorted(
    {
        path
        for decoder in DECODERS
        for each in decoder.side.fields.values()
        for path in ([each.path] if isinstance(each.path, str) else each.path)
        if path
    }
)
keys = st.one_of(
    st.binary(max_size=20),
    texts.map(str.encode),
    values.map(json.dumps).map(str.encode),
    st.dictionaries(st.sampled_from(NAMES), values, max_size=3).map(json.dumps).map(str.encode),
)


def check(key: bytes, value: bytes) -> None:
    for decoder in DECODERS:
        verdict = decoder.decode(key, value)
        assert decoder.decode(key, value) == verdict
        if isinstance(verdict, Dead):
            assert verdict.reasons
            assert msgspec.json.decode(msgspec.json.encode(verdict), type=Dead) == verdict
            assert all(len(reason.value) <= SHOWN_CHARS for reason in verdict.reasons)
            assert not any("Error" in reason.value for reason in verdict.reasons), verdict
            continue
        assert verdict.table == decoder.side.table
        assert 0 < len(verdict.key) <= LONGEST_ID
        assert verdict.gone is not bool(value)
        assert len(verdict.categories) <= MOST
        texts_kept = (verdict.name, verdict.category, *verdict.categories)
        assert all(0 < len(text) <= LONGEST for text in texts_kept if text is not None)
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(verdict), type=SideRow) == verdict


@given(keys, st.binary(max_size=100))
@settings(max_examples=100, deadline=None)
def test_random_bytes(key: bytes, value: bytes) -> None:
    check(key, value)


@given(keys, st.dictionaries(st.sampled_from(NAMES), values, max_size=6))
@settings(max_examples=300, deadline=None)
def test_random_values_of_the_fields(key: bytes, value: Any) -> None:
    check(key, json.dumps(value).encode())
