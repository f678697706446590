"""The catalogue's rows, bucket by bucket, and who asked for those that are not there yet. Knows no Flink."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from events.sides.completing import Goods
from events.sides.row import SideRow
from operators.joining import Answer, Ask, Change, decode_asking, encode
from operators.store import Store

LOADING_MS: Final = 300_000
"""A topic whose last records are none (a transaction's end) is taken for read after this."""
SLACK_MS: Final = 60_000
"""So much longer than anyone waits it is known where a row is waited for."""
SWEPT_MS: Final = 10_000
"""How often what nobody waits for any more is looked for."""
READ: Final = "read"
"""Under this stands which generation of the topic has been read; under numbers, partitions that were."""

_Goods: Final = msgspec.msgpack.Decoder(Goods)
_Homes: Final = msgspec.msgpack.Decoder(dict[int, int])
_Asked: Final = msgspec.msgpack.Decoder(tuple[int, list[str]])


@dataclass(frozen=True)
class Stores:
    """The maps of the bucket at hand."""

    rows: Store
    """Product id -> what is known of it."""
    wanted: Store
    """Product id -> where it is waited for, and until when, epoch ms."""
    asked: Store
    """Calls that asked while the topic was read for the first time, with where they wait and for what."""
    loaded: Store


@dataclass(frozen=True)
class Loading:
    """What is to be read before anybody is answered.

    A bucket that has read one generation answers at once ever after. With another (another topic, or a query
    whose records are read anew) its rows are dropped: older ones would come back for a while.
    """

    generation: str = ""
    partitions: Collection[int] = ()
    """Those that had something when the job was submitted."""


@dataclass
class _Bucket:
    wanted: dict[str, dict[int, int]]
    loading: set[int]
    """Partitions of which not all has been read yet."""
    until: int
    """When what was not read is not waited for any more, epoch ms."""
    swept: int = 0


class Catalogue:
    """Answers who asks for products; where one was asked for in vain is told when its row comes.

    While the topic is read for the first time nobody is answered: a row may be missing, or an old one.
    """

    def __init__(
        self, stores: Stores, clock: Callable[[], int], wait_ms: int, loading: Loading = Loading()
    ) -> None:
        """`clock` gives epoch ms, `wait_ms` is how long events wait for a row that is not there."""
        self._stores = stores
        self._clock = clock
        self._wait_ms = wait_ms
        self._loading = loading
        self._buckets: dict[int, _Bucket] = {}

    def take(self, payload: bytes) -> list[tuple[int, bytes]]:
        """Take in rows, or a question; gives answers, by the bucket of `completing`."""
        told, now = decode_asking(payload), self._clock()
        bucket = self._bucket(told.bucket, now)
        answers: list[Answer] = []
        if bucket.loading and now >= bucket.until:
            answers += self._open(bucket, now)
        answers += (
            self._changed(bucket, told, now) if isinstance(told, Change) else self._asked(bucket, told, now)
        )
        if now >= bucket.swept + SWEPT_MS:
            bucket.swept = now
            self._sweep(bucket, now)
        return [(answer.bucket, encode(answer)) for answer in answers if answer.found or answer.missing]

    def _asked(self, bucket: _Bucket, ask: Ask, now: int) -> list[Answer]:
        if bucket.loading:
            self._stores.asked.put_all({ask.call: encode((ask.home, ask.products))})
            return []
        return [self._answer(bucket, ask.home, ask.call, ask.products, now)]

    def _answer(self, bucket: _Bucket, home: int, call: str, products: Iterable[str], now: int) -> Answer:
        """Tell a call what there is, and remember where it waits for what there is not."""
        answer = Answer(home, call, {}, [])
        noted: dict[str, bytes] = {}
        until = now + self._wait_ms + SLACK_MS
        for product in products:
            data = self._stores.rows.get(product)
            if data is not None:
                answer.found[product] = _Goods.decode(data)
                continue
            answer.missing.append(product)
            homes = bucket.wanted.setdefault(product, {})
            # Not written at each of a thousand questions for one product.
            if homes.get(home, 0) < until - SLACK_MS // 2:
                homes[home] = until
                noted[product] = encode(homes)
        if noted:
            self._stores.wanted.put_all(noted)
        return answer

    def _changed(self, bucket: _Bucket, change: Change, now: int) -> list[Answer]:
        latest: dict[str, SideRow] = {row.key: row for row in change.rows}
        kept: dict[str, bytes] = {}
        answers: dict[int, Answer] = {}
        for product, row in latest.items():
            if row.gone:
                self._stores.rows.remove(product)
                continue
            goods = Goods(row.category, row.price)
            kept[product] = encode(goods)
            if product in bucket.wanted:
                for home in bucket.wanted.pop(product):
                    answers.setdefault(home, Answer(home, "", {}, [])).found[product] = goods
                self._stores.wanted.remove(product)
        if kept:
            self._stores.rows.put_all(kept)
        if bucket.loading and change.loaded:
            self._stores.loaded.put_all({str(partition): b"" for partition in change.loaded})
            bucket.loading.difference_update(change.loaded)
            if not bucket.loading:
                return [*answers.values(), *self._open(bucket, now)]
        return [*answers.values()]

    def _open(self, bucket: _Bucket, now: int) -> list[Answer]:
        """Answer from now on, first all who asked meanwhile."""
        bucket.loading.clear()
        self._stores.loaded.put_all({READ: self._loading.generation.encode()})
        asked = {call: _Asked.decode(data) for call, data in self._stores.asked.items()}
        for call in asked:
            self._stores.asked.remove(call)
        return [self._answer(bucket, home, call, products, now) for call, (home, products) in asked.items()]

    def _sweep(self, bucket: _Bucket, now: int) -> None:
        for product, homes in list(bucket.wanted.items()):
            over = [home for home, until in homes.items() if until < now]
            for home in over:
                del homes[home]
            if not homes:
                del bucket.wanted[product]
                self._stores.wanted.remove(product)

    def _bucket(self, number: int, now: int) -> _Bucket:
        bucket = self._buckets.get(number)
        if bucket is None:
            bucket = self._buckets[number] = self._restored(now)
        return bucket

    def _restored(self, now: int) -> _Bucket:
        stores, loading = self._stores, self._loading
        wanted = {product: _Homes.decode(data) for product, data in stores.wanted.items()}
        generation, begun = loading.generation.encode(), dict(stores.loaded.items())
        if begun.get(READ) == generation:
            return _Bucket(wanted, set(), 0)
        if READ in begun:
            for product in [product for product, _ in stores.rows.items()]:
                stores.rows.remove(product)
            for name in begun:
                stores.loaded.remove(name)
            begun = {}
        left = {partition for partition in loading.partitions if str(partition) not in begun}
        if not left:
            stores.loaded.put_all({READ: generation})
        return _Bucket(wanted, left, now + LOADING_MS)
