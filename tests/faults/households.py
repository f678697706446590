"""Who comes in the drill: devices, some shared, customers who log in on them, people without a device."""

from random import Random
from typing import Final
from zlib import crc32

from jobs.shop import Crowd
from jobs.shop.people import Device, People, Shopper

CUSTOMER: Final = "customer-"
COUNTER: Final = "counter-"
"""Whoever is served at a counter is known, and has no device."""
COUNTERS: Final = 8
"""One in so many shoppers is served there."""
SHARED: Final = 2
"""One in so many pairs of customers shares a device."""
HABITS: Final = ("stays anonymous", "waits", "waits", "logs in", "logs in")
"""Of a device. Those that wait log in when they are told to, all at once."""
LOGS_IN: Final = 0.1
LOGS_OUT: Final = 0.02
CHANGES_HANDS: Final = 0.1


class Households(Crowd):
    """The visitors of the drill; `attend` says who sends the next record of a device."""

    def __init__(self, rng: Random, shoppers: int, visitors: int) -> None:
        super().__init__(rng, shoppers, visitors)
        self._people = self.residents = Residents(rng, shoppers)

    def attend(self, device: Device) -> None:
        """Let somebody log in or out before a device's next record is written."""
        self.residents.attend(device)


class Residents(People):
    """Shoppers whose devices have habits."""

    def __init__(self, rng: Random, shoppers: int) -> None:
        super().__init__(rng, shoppers)
        self._whose: dict[Device, Shopper] = {}
        self._waiting: dict[Device, None] = {}
        self._sharers: dict[Device, tuple[str, str]] = {}

    def draw(self) -> tuple[Shopper, Device]:
        shopper, device = super().draw()
        if device not in self._whose:
            self._move_in(shopper)
        return shopper, device

    def attend(self, device: Device) -> None:
        account, luck = self._whose[device].account, self._rng.random()
        if not device.anonymous_id and account.startswith(COUNTER):
            device.user_id = account
        elif device in self._sharers:
            if luck < CHANGES_HANDS:
                device.user_id = self._rng.choice(("", *self._sharers[device]))
        elif device in self._waiting or habit_of(device) == "stays anonymous" or luck < LOGS_OUT:
            device.user_id = ""
        elif luck > 1 - LOGS_IN:
            device.user_id = account

    def is_shared(self, device: Device) -> bool:
        return device in self._sharers

    def log_in(self, most: int) -> list[tuple[Shopper, Device]]:
        """Let some of the devices log in that have waited for it longest."""
        ready = [device for device in self._waiting if device.session_index][:most]
        for device in ready:
            del self._waiting[device]
            device.user_id = self._whose[device].account
        return [(self._whose[device], device) for device in ready]

    def _move_in(self, shopper: Shopper) -> None:
        at_the_counter = crc32(shopper.account.encode()) % COUNTERS == 0
        pair, second = divmod(int(shopper.account.removeprefix(CUSTOMER)), 2)
        if at_the_counter:
            shopper.account = shopper.account.replace(CUSTOMER, COUNTER)
        elif not second and shopper.devices[0].anonymous_id and may_share(shopper.account):
            # Nothing in the records would connect those who share a device without an id.
            self._sharers[shopper.devices[0]] = shopper.account, f"{CUSTOMER}{2 * pair + 1:06d}"
        for device in shopper.devices:
            self._whose[device] = shopper
            if at_the_counter:
                device.anonymous_id, device.sends_client_session = "", False
            elif device not in self._sharers and habit_of(device) == "waits":
                self._waiting[device] = None


def habit_of(device: Device) -> str:
    return HABITS[crc32(device.place.encode()) % len(HABITS)]


def is_customer(shopper: str) -> bool:
    """Whether it is a user who has devices."""
    return shopper.startswith(CUSTOMER)


def may_share(customer: str) -> bool:
    """Whether a customer is one of a pair that shares a device, if the first of them has one with an id."""
    return crc32(b"pair %d" % (int(customer.removeprefix(CUSTOMER)) // 2)) % SHARED == 0
