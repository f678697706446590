"""Logins that every operator has heard of by now. Pure."""

from typing import Final

SETTLE_MS: Final = 5_000
"""After this, what a device held has long been handed over to its user."""
MOST: Final = 100_000


class Settled:
    """Which user each device has shown lately, as far as one instance has seen.

    The first events of a user on a device go by way of the device's bucket, so that what the device held is
    with the user before them; later ones straight to the user's. Either way is right: this only decides in
    what order rows show up.
    """

    def __init__(self, most: int = MOST) -> None:
        """Remember so many devices at most; with 0 no login is settled ever."""
        self._since: dict[str, tuple[str, int]] = {}
        self._most = most

    def __call__(self, device: str, user: str, now: int) -> bool:
        """Whether the login is settled; `now` is epoch ms.

        >>> settled = Settled()
        >>> [settled("phone", user, now) for user, now in (("ann", 0), ("ann", 4_999), ("ann", 5_000))]
        [False, False, True]
        >>> settled("phone", "bob", 6_000), settled("phone", "ann", 99_000)
        (False, False)
        """
        known = self._since.get(device)
        if known is not None and known[0] == user:
            return now - known[1] >= SETTLE_MS
        self._since.pop(device, None)
        self._since[device] = user, now
        if len(self._since) > self._most:
            del self._since[next(iter(self._since))]
        return False
