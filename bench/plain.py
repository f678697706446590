"""The job's Python without Flink and Kafka: raw records through decoding, keying, state, logic and sink.

The same classes as in the operators, one after another in this process, with Flink's map replaced by a dict
and the clock given: for what is to be counted, or compared finely, without the noise of a cluster.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from events.decoder import Decoder
from features.logic import ShopperLogic
from features.settings import Definitions
from operators.cache import CachedStore
from operators.garbage import collect_seldom
from operators.routing import Router
from operators.shard import Shard, ShardOptions
from operators.store import LEDGER
from operators.users import Users
from operators.writing import Sink

TOPIC: Final = "plain"
LIFE: Final = 1_600_000_000_000


class Buckets:
    """Flink's keyed map: which bucket's entries are seen depends on `at_hand`."""

    def __init__(self) -> None:
        """Begin empty."""
        self.at_hand = 0
        self._entries: dict[int, dict[str, bytes]] = {}

    @property
    def _own(self) -> dict[str, bytes]:
        return self._entries.setdefault(self.at_hand, {})

    def get(self, key: str) -> bytes | None:
        """The entry's bytes."""
        return self._own.get(key)

    def put_all(self, entries: Mapping[str, bytes]) -> None:
        """Write entries."""
        self._own.update(entries)

    def remove(self, key: str) -> None:
        """Remove an entry."""
        self._own.pop(key, None)

    def items(self) -> Iterable[tuple[str, bytes]]:
        """Every entry of the bucket at hand."""
        return tuple(self._own.items())

    def sizes(self) -> list[int]:
        """Bytes of each shopper's state."""
        return [
            len(data)
            for bucket in self._entries.values()
            for shopper, data in bucket.items()
            if shopper != LEDGER
        ]


class PlainJob:
    """One decode function and one features function, called in turn."""

    def __init__(
        self,
        sink: Sink,
        now: int,
        buckets: int = 16,
        definitions: Definitions | None = None,
        logic: ShopperLogic | None = None,
    ) -> None:
        """Begin without state at `now` (epoch ms); `now` may be set as time passes.

        With a `logic` of another job what that one compiled is there already.
        """
        collect_seldom()
        self.now = now
        self.states = Buckets()
        store = CachedStore(self.states, 50_000)
        applier = Users(logic or ShopperLogic(None, definitions), store.get)
        self._router = Router(Decoder(), TOPIC, buckets)
        options = ShardOptions("plain", TOPIC, LIFE, 0)
        self._shard = Shard(options, applier, sink, store, Buckets(), lambda: self.now)
        self._offset = 0

    def take(self, records: Sequence[bytes]) -> int:
        """Handle one micro-batch; returns how many dead letters it gave."""
        offsets = range(self._offset, self._offset + len(records))
        self._offset += len(records)
        routed = self._router.route([0] * len(records), offsets, records, self.now, self.now)
        letters = 0
        for _, bucket, payload in routed:
            self.states.at_hand = bucket
            letters += len(self._shard.take(payload))
        return letters

    def counts(self) -> dict[str, int]:
        """The shard's counters."""
        return self._shard.counts()


class Swallowing:
    """A Redis that takes everything and says so, for a sink whose own work is all that counts.

    It is a route, its pool and the pool's connection in one. `sent` is what would have gone over the wire,
    bytes; commands are packed as ever.
    """

    cluster = False

    def __init__(self, packer: Any) -> None:
        """Keep a connection of redis-py, never connected, for packing."""
        self._packer = packer
        self._answers: list[bytes] = []
        self.sent = 0
        self.commands = 0

    def pools(self, calls: Iterable[Any]) -> dict[Any, list[Any]]:
        """All calls by this one pool."""
        return {self: list(calls)}

    def refresh(self) -> None:
        """Nothing is known that could be forgotten."""

    def close(self) -> None:
        """Nothing is open."""

    def disconnect(self) -> None:
        """Forget what was not asked for."""
        self._answers.clear()

    def get_connection(self) -> Any:
        """This."""
        return self

    def release(self, connection: Any) -> None:
        """It is kept anyway."""

    def pack_commands(self, commands: Sequence[tuple[Any, ...]]) -> Any:
        """The bytes of the commands; their answers are ready."""
        self._answers += [_answer(command) for command in commands]
        self.commands += len(commands)
        return self._packer.pack_commands(commands)

    def send_packed_command(self, packed: Any) -> None:
        """Count the bytes."""
        self.sent += sum(map(len, packed)) if isinstance(packed, list) else len(packed)

    def read_response(self) -> bytes:
        """The next answer: every row was written."""
        return self._answers.pop(0)


def _answer(command: tuple[Any, ...]) -> bytes:
    if command[0] == "EVALSHA":
        return b"w" * int(command[2])
    return b"OK"
