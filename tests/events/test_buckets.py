"""Buckets are part of the state's contract: they never move."""

from collections import Counter

import pytest

from events.bucket import bucket_of

# From `printf %s "$shopper" | md5sum | cut -c1-4`.
DIGESTS = {"": 0xD41D, "shopper@example.com": 0x2DB0, "é": 0x66DD, "device-1": 0xD111}


@pytest.mark.parametrize("buckets", [1, 12, 16, 256])
def test_buckets_are_the_first_four_digits_of_md5(buckets: int) -> None:
    for shopper, digest in DIGESTS.items():
        assert bucket_of(shopper, buckets) == digest % buckets


def test_shoppers_spread_over_all_buckets() -> None:
    sizes = Counter(bucket_of(f"shopper-{n}", 16) for n in range(16_000))
    assert set(sizes) == set(range(16))
    assert max(sizes.values()) < 1_200
