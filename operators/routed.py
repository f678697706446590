"""Batches on their way to the buckets of operators, and what those are called. Pure."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from events.bucket import bucket_of
from operators.backlog import behind
from operators.batch import Batch, Forgetting, Login, Record, encode_all
from operators.joining import Ask, Hold
from operators.joining import encode as encode_joining

ACCOUNTANT: Final = "session"
"""The branch that wants every event, so the one that accounts for every record where branches run apart."""
COMPLETING: Final = "completing"
"""The operator where events wait for what the catalogue says of their products, where there is one."""
CATALOGUE: Final = "catalogue"
"""The one that holds the catalogue's rows."""
ENTITIES: Final = "entities"
"""The operator that holds entities beyond the shopper, where there are views of them."""
RANKINGS: Final = "rankings"
"""The one that puts sorted sets over all entities together."""
DEVICES: Final = "devices"
"""The operator that holds those who have not logged in, where logins count."""


class Routed(NamedTuple):
    """A batch on its way to one bucket of one operator."""

    host: str
    """The branch that the operator hosts, empty for all; of those of devices `devices_of` says the name."""
    bucket: int
    payload: bytes


def devices_of(branch: str) -> str:
    """Name of the operator that holds devices: for one branch, or for all.

    >>> devices_of(""), devices_of("cart")
    ('devices', 'devices-cart')
    """
    return f"{DEVICES}-{branch}" if branch else DEVICES


class Batches:
    """The batches of one call that are being made."""

    def __init__(self, newest: int, home: str) -> None:
        self.made: dict[tuple[str, int], Batch] = {}
        self.home = home
        self._newest = newest

    def routed(self, at: int) -> list[Routed]:
        """The batches on their way at `at` (epoch ms)."""
        payloads = encode_all(list(self.made.values()), packed=behind(self._newest, at))
        return [Routed(*place, payload) for place, payload in zip(self.made, payloads, strict=True)]

    def batch(self, host: str, bucket: int) -> Batch:
        """The batch of a bucket."""
        batch = self.made.get((host, bucket))
        if batch is None:
            # Lists and dictionaries of its own cost less here than msgspec's copies of the defaults.
            batch = self.made[host, bucket] = Batch(bucket, self._newest, {}, {}, [], [])
        return batch

    def at(self, host: str, bucket: int, partition: int, offset: int, read: int) -> Batch:
        """The batch of a bucket, which takes note of a record and accounts for it if `read` is 1."""
        batch = self.made.get((host, bucket)) or self.batch(host, bucket)
        reads = batch.reads
        if partition in reads:
            known, greatest = reads[partition]
            reads[partition] = known + read, max(greatest, offset)
        else:
            reads[partition] = read, offset
        return batch

    def put(self, host: str, bucket: int, record: Record, home: bool) -> None:
        """Add an event."""
        self.at(host, bucket, record.partition, record.offset, int(home)).records.append(record)

    def tell(self, host: str, bucket: int, record: Record, device: str, user: str) -> None:
        """Add a login on a device; the event goes another way."""
        batch = self.at(host, bucket, record.partition, record.offset, 0)
        at, before = record.event.at, len(batch.records)
        last = batch.logins[-1] if batch.logins else None
        if last is not None and (last.device, last.user, last.before) == (device, user, before):
            last.first, last.last = min(last.first, at), max(last.last, at)
        else:
            batch.logins.append(Login(device, user, at, at, before))


class Held:
    """What of one call waits, by the bucket where it waits, and what is asked of the catalogue."""

    def __init__(self, buckets: int, newest: int) -> None:
        self._buckets = buckets
        self._newest = newest
        self._holds: dict[int, Hold] = {}
        self._asks: dict[tuple[int, str], tuple[int, dict[str, None]]] = {}

    def add(self, record: Record, lacks: Iterable[str]) -> None:
        """Hold an event that lacks something of these products."""
        home = self._home(record.partition)
        hold = self._hold(home, record.partition, record.offset)
        hold.records.append(record)
        for product in lacks:
            asked = bucket_of(product, self._buckets), hold.call
            self._asks.setdefault(asked, (home, {}))[1][product] = None

    def forget(self, shopper: str, partition: int, offset: int) -> None:
        """Let a control record go by way of the bucket where its partition's events wait."""
        hold = self._hold(self._home(partition), partition, offset)
        hold.forgets.append(Forgetting(partition, offset, shopper, len(hold.records)))

    def routed(self) -> list[Routed]:
        """All on their way."""
        holds = [Routed(COMPLETING, home, encode_joining(hold)) for home, hold in self._holds.items()]
        return holds + [
            Routed(CATALOGUE, bucket, encode_joining(Ask(bucket, home, call, list(products))))
            for (bucket, call), (home, products) in self._asks.items()
        ]

    def _hold(self, home: int, partition: int, offset: int) -> Hold:
        if home not in self._holds:
            self._holds[home] = Hold(home, f"{partition}:{offset}", self._newest, [], False, [])
        return self._holds[home]

    def _home(self, partition: int) -> int:
        return bucket_of(str(partition), self._buckets)
