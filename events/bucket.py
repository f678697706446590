"""The bucket of a shopper: the virtual shard that holds the shopper's state."""

from functools import lru_cache
from hashlib import md5


@lru_cache(65_536)  # a shopper comes again soon
def bucket_of(shopper: str, buckets: int) -> int:
    """Bucket of a shopper, 0 to `buckets` - 1, the same on every machine and in every release.

    It is the first four hexadecimal digits of MD5 modulo `buckets`, so that SQL can say it too; at most
    65,536 buckets can be told apart. State is stored under it: `buckets` cannot change without a migration.

    >>> bucket_of("shopper@example.com", 16)
    0
    """
    digest = md5(shopper.encode(), usedforsecurity=False).hexdigest()
    return int(digest[:4], 16) % buckets
