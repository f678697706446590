"""What the shards ask of the map that holds a bucket's shoppers."""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

LEDGER: Final = ""
"""The bucket's own entry in its map; a shopper's id is never empty."""


class Store(Protocol):
    """The map of the bucket at hand: shopper to state."""

    def get(self, key: str) -> bytes | None:
        """The entry's bytes."""

    def put_all(self, entries: Mapping[str, bytes]) -> None:
        """Write entries, in one call."""

    def remove(self, key: str) -> None:
        """Remove an entry, whether it is there or not."""

    def items(self) -> Iterable[tuple[str, bytes]]:
        """Every entry."""
