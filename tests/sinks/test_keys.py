"""Key names: what they are, and that no id can forge another's."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from features.row import FeatureRow
from sinks.errors import SinkSettingError
from sinks.keys import KeyParts, checked_prefix, decode_id, encode_id, key_name, key_of, parts_of
from tests.sinks.rows import row, session
from tests.sinks.vectors import KEYS, ids


@pytest.mark.parametrize(("entity", "entity_id", "window", "prefix", "cluster", "key"), KEYS)
def test_a_key_names_its_row(entity, entity_id, window, prefix, cluster, key):
    made = key_of(row(entity=entity, entity_id=entity_id, window=window), prefix, cluster)
    assert made == key
    assert parts_of(key, prefix) == KeyParts(entity, entity_id, window)


@given(ids)
@example("")
@example("\x1c\x85\u2028\u3000")
def test_an_encoded_id_reads_back_and_holds_nothing_that_structures_a_key(raw):
    encoded = encode_id(raw)
    assert decode_id(encoded) == raw
    assert encoded
    assert not any(c in ":{}" or c.isspace() or ord(c) < 32 or 127 <= ord(c) < 160 for c in encoded)
    encoded.encode()


@given(ids, ids, st.sampled_from(["5min", "session"]), st.booleans())
def test_two_rows_have_one_key_only_if_they_are_of_one_entity(left, right, window, cluster):
    keys = {key_of(row(entity_id=i, window=window), "", cluster) for i in (left, right)}
    keys.add(key_of(session(entity_id=left), "", cluster))
    assert len(keys) == (2 if left == right else 3)


@given(ids, st.sampled_from(["", "shop1:"]), st.booleans())
def test_a_key_reads_back(entity_id, prefix, cluster):
    key = key_of(row(entity_id=entity_id), prefix, cluster)
    assert parts_of(key, prefix) == KeyParts("user", entity_id, "5min")


@pytest.mark.parametrize(
    "key",
    ["user:a:features", "session:a:b:features", "pipeline:live:progress", "other:user:a:features:5min", ""],
)
def test_a_foreign_key_is_no_row(key):
    assert parts_of(key, "shop1:") is None
    assert parts_of(key) is None


def test_the_hash_tag_of_all_rows_of_a_shopper_is_the_id():
    assert key_name("user", "42", "1h", cluster=True).split("{")[1].split("}")[0] == "42"


@pytest.mark.parametrize("prefix", ["{a}:", "a b:", "a\n"])
def test_a_prefix_cannot_become_a_hash_tag(prefix):
    with pytest.raises(SinkSettingError, match="redis_prefix"):
        checked_prefix(prefix)


def test_keys_of_entities_beyond_the_shopper_hold_every_part_encoded() -> None:
    pair = FeatureRow("user", "a:nn", "", {}, 0, 0, 0, 0, tail=("item", "h{a}t"))
    assert key_of(pair, "shop1:") == "shop1:user:a%3Ann:item:h%7Ba%7Dt"
    # In a cluster all pairs of a shopper lie in one slot.
    assert key_of(pair, cluster=True) == "user:{a%3Ann}:item:h%7Ba%7Dt"
    assert parts_of(key_of(pair)) is None
