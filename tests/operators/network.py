"""The job's operators without Flink: a router, and the buckets of devices and of users behind it."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from events.event import Event
from events.verdict import Forget
from features.logic import ShopperLogic
from features.settings import Definitions
from features.state import ShopperState
from operators.routed import DEVICES
from operators.routing import Router
from operators.store import LEDGER
from tests.logics import logic_of
from tests.operators.fakes import Instance

BUCKETS = 4


class Encoded:
    """Takes records that are events already, or say who is to be forgotten."""

    def __init__(self) -> None:
        self._event = msgspec.msgpack.Decoder(Event).decode

    def decode(self, raw: bytes) -> Event | Forget:
        return Forget(raw.decode()[1:]) if raw.startswith(b"-") else self._event(raw)


class Network:
    """Batches go through the router to the devices and on to the users, as Flink would carry them."""

    def __init__(self, definitions: Definitions, logic: type[ShopperLogic] | None = None) -> None:
        router: Any = Encoded()
        self.router = Router(router, "topic", BUCKETS, identity=definitions.identity != "off")
        self.logic = logic(definitions=definitions) if logic else logic_of(definitions)
        self.hosts = {
            host: Instance(self.logic, buckets=BUCKETS, devices=host == DEVICES) for host in ("", DEVICES)
        }
        for instance in self.hosts.values():
            instance.sink = self.hosts[""].sink
            instance.restart()
        self.read = 0

    def forget(self, shopper: str, now: int, *events: Event) -> list[str]:
        """Let a control record arrive, and events behind it."""
        return self._take([f"-{shopper}".encode(), *map(msgspec.msgpack.encode, events)], now)

    def take(self, events: Iterable[Event], now: int) -> list[str]:
        """Let a batch arrive at `now`; returns dead letters."""
        return self._take(list(map(msgspec.msgpack.encode, events)), now)

    def _take(self, raws: Sequence[bytes], now: int) -> list[str]:
        offsets = range(self.read, self.read + len(raws))
        self.read += len(raws)
        letters: list[str] = []
        self.on_time(now)
        for host, bucket, payload in self.router.route([0] * len(raws), offsets, raws, now, now):
            letters += self.give(host, bucket, payload)
        return letters

    def give(self, host: str, bucket: int, payload: bytes) -> list[str]:
        """Hand a payload to a bucket, and what it hands on to others."""
        instance = self.hosts[host]
        letters = instance.give(payload, bucket)
        for number, handed in instance.shard.handed_on():
            letters += self.give("", number, handed)
        return letters

    def on_time(self, now: int) -> None:
        for instance in self.hosts.values():
            instance.now = max(instance.now, now)

    def restart(self) -> None:
        for instance in self.hosts.values():
            instance.restart()

    def checkpoint(self) -> dict[str, Any]:
        return {host: copy.deepcopy(instance.store.entries) for host, instance in self.hosts.items()}

    def restore(self, checkpoint: dict[str, Any]) -> None:
        for host, entries in checkpoint.items():
            self.hosts[host].store.entries = copy.deepcopy(entries)
            self.hosts[host].restart()

    def states(self) -> dict[tuple[str, str], ShopperState]:
        """Every state, by host and shopper."""
        return {
            (host, shopper): self.logic.load(data)
            for host, instance in self.hosts.items()
            for entries in instance.store.entries.values()
            for shopper, data in entries.items()
            if shopper != LEDGER
        }

    def counts(self) -> dict[str, int]:
        totals: dict[str, int] = {}
        for instance in self.hosts.values():
            for name, number in instance.counts().items():
                totals[name] = totals.get(name, 0) + number
        return totals
