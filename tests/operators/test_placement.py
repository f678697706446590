"""Keys lie evenly on the slots, whatever number of slots there is."""

from collections import Counter

import pytest

from operators.placement import (
    bucket_keys,
    bucket_of_key,
    key_group_of_bucket,
    key_group_of_lane,
    lane_keys,
    slot_of,
)


@pytest.mark.parametrize("slots", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("buckets", [16, 32, 128])
def test_buckets_spread_evenly_over_the_slots(buckets: int, slots: int) -> None:
    held = Counter(slot_of(key_group_of_bucket(key), slots) for key in bucket_keys(buckets))
    assert set(held.values()) == {buckets // slots}
    assert len(held) == slots


@pytest.mark.parametrize("slots", [1, 2, 3, 4, 5, 8, 16])
def test_every_slot_has_as_many_lanes(slots: int) -> None:
    keys = lane_keys(2 * slots, slots)
    held = Counter(slot_of(key_group_of_lane(key), slots) for key in keys)
    assert len(set(keys)) == 2 * slots
    assert held == dict.fromkeys(range(slots), 2)


@pytest.mark.parametrize("buckets", [1, 2, 16, 128])
def test_a_key_tells_its_bucket(buckets: int) -> None:
    assert [bucket_of_key(key) for key in bucket_keys(buckets)] == list(range(buckets))


def test_the_keys_of_sixteen_buckets_are_part_of_the_state() -> None:
    assert bucket_keys(16)[:4] == ("0.1", "1.7", "2.61", "3.1")


@pytest.mark.parametrize("buckets", [0, 3, 100, 256])
def test_buckets_that_cannot_be_even_are_refused(buckets: int) -> None:
    with pytest.raises(ValueError, match=r"power of two up to 128"):
        bucket_keys(buckets)
