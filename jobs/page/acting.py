"""Visitors of the page who act as shoppers, by real records through the real topic."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from random import Random, SystemRandom
from typing import Any, Final

from jobs.kafka.client import KafkaUnreachableError
from jobs.shop.assortment import Assortment
from jobs.shop.guest import CannotError, Guest
from serving.page.service import RefusedError

MOST_GUESTS: Final = 64
Send = Callable[[Sequence[bytes]], None]
"""Sends records to the topic; returns when Kafka has them."""


class Guests:
    """Whom the page's visitors steer, one each. Thread-safe."""

    def __init__(self, send: Send, stored_id: Callable[[str], str]) -> None:
        """Open the shop; its shelves are always the same.

        Args:
            send: where their records go.
            stored_id: gives the id by which a shopper is kept.
        """
        self._send = send
        self._stored_id = stored_id
        self._shop = Assortment(Random(1))
        self._lock = threading.Lock()
        self._guests: OrderedDict[str, Guest] = OrderedDict()

    def about(self, visitor: str) -> dict[str, Any]:
        """Tell who the visitor is as a shopper, and what is on the shelf and in the cart."""
        with self._lock:
            return self._told(self._guest(visitor))

    def act(self, visitor: str, deed: str, product: str) -> dict[str, Any]:
        """Do something and tell who the visitor is then.

        Raises:
            RefusedError: if it cannot be done now.
        """
        with self._lock:
            guest = self._guest(visitor)
            try:
                self._send(guest.act(deed, product, round(time.time() * 1000)))
            except (CannotError, KafkaUnreachableError) as error:
                raise RefusedError(str(error)) from None
            return self._told(guest)

    def poison(self, visitor: str) -> None:
        """Send a record that no decoder can use."""
        with self._lock:
            try:
                self._send([self._guest(visitor).poison(round(time.time() * 1000))])
            except KafkaUnreachableError as error:
                raise RefusedError(str(error)) from None

    def _guest(self, visitor: str) -> Guest:
        guest = self._guests.get(visitor)
        if guest is None:
            account = f"you-{SystemRandom().getrandbits(24):06x}"
            guest = self._guests[visitor] = Guest(SystemRandom(), self._shop, account)
        self._guests.move_to_end(visitor)
        if len(self._guests) > MOST_GUESTS:
            self._guests.popitem(last=False)
        return guest

    def _told(self, guest: Guest) -> dict[str, Any]:
        shelf = [{"id": each.id, "name": each.name, "price": guest.price(each)} for each in guest.shelf]
        shopper = self._stored_id(guest.shopper)
        return {"shopper": shopper, "logged_in": guest.logged_in, "cart": guest.cart, "shelf": shelf}
