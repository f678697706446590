"""A realistic stream of enriched TSV records of about 2 kB: Zipf shoppers, sessions, disorder, flaws. Seeded.

The visits are those of the synthetic shop (`jobs.shop`), cast again with other shoppers: a visit is taken
from a pool, its shopper is drawn by Zipf's law, and ids and times are put in. So a million shoppers cost no
more than a thousand (about 15 µs a record), and each record's shopper is known without decoding it. The same
arguments give the same records.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from heapq import heappop, heappush
from itertools import accumulate, islice
from random import Random
from typing import Final, NamedTuple

from events.decoder import Decoder
from events.event import Event
from events.fields import INDEX
from jobs.shop import shop_events
from jobs.shop.flaws import broken
from jobs.shop.people import uuid
from jobs.shop.record import stamp

POOL: Final = 4_000
"""Records of the shop that visits are cast from."""
POOL_START_MS: Final = 1_700_000_000_000
THINK_S: Final = 8.0
"""Mean pause between two events of a visit."""
DUPLICATES: Final = 0.02
BROKEN: Final = 0.01
ZIPF: Final = 0.9
CENSUS_PER_S: Final = 5_000
TIMES: Final = (
    "etl_tstamp",
    "collector_tstamp",
    "dvce_created_tstamp",
    "dvce_sent_tstamp",
    "derived_tstamp",
)
_CONTEXTS: Final = INDEX["contexts"]
# What the trackers of many shops send along; it brings a record to the usual 2 kB.
_TIMING: Final = (
    b',{"schema":"iglu:org.w3/PerformanceTiming/jsonschema/1-0-0","data":{'
    + b",".join(
        b'"%b":%d' % (name, POOL_START_MS + number * 37)
        for number, name in enumerate(
            b"navigationStart redirectStart redirectEnd fetchStart domainLookupStart domainLookupEnd"
            b" connectStart secureConnectionStart connectEnd requestStart responseStart responseEnd"
            b" unloadEventStart unloadEventEnd".split()
        )
    )
    + b"}}]}"
)


class Sent(NamedTuple):
    """One record on its way."""

    at: int
    """When it is to be sent, epoch ms."""
    shopper: str
    """Empty where the record is broken, so that nobody is meant."""
    record: bytes
    again: bool = False
    """Whether it was sent before."""


class Scene(NamedTuple):
    """A record of the shop with blanks for ids and times."""

    text: bytes
    """A format of bytes with the names of the blanks."""
    waits: tuple[int, ...]
    """How far each of `TIMES` lies from the moment of sending, ms."""

    def cast(self, at: int, shopper: str, session: bytes, event_id: bytes) -> bytes:
        """The record of this shopper, sent `at` (epoch ms)."""
        told = {b"%d" % i: stamp(at + wait).encode() for i, wait in enumerate(self.waits)}
        return self.text % (told | {b"shopper": shopper.encode(), b"session": session, b"event": event_id})


class Visit(NamedTuple):
    """One session of a shopper."""

    shopper: str
    session: bytes
    left: Iterator[Scene]
    """What has yet to be done."""


def shopper_id(number: int) -> str:
    """The id of a shopper by number; the least numbers come most often.

    >>> shopper_id(17)
    'customer-0000017'
    """
    return f"customer-{number:07d}"


def traffic(seed: int, shoppers: int, start_ms: int, rate_per_s: float) -> Iterator[Sent]:
    """What the shop sends from `start_ms` on, for ever, at a rate that counts every record.

    2 % are duplicates, up to a minute later; 1 % are broken. Event times lie up to two minutes before the
    sending.
    """
    rng = Random(f"traffic {seed}")
    visits = _pool(seed)
    weights = list(accumulate((rank + 1) ** -ZIPF for rank in range(shoppers)))
    numbers = range(shoppers)

    def draw() -> str:
        return shopper_id(rng.choices(numbers, cum_weights=weights)[0])

    inside = [
        _midway(rng, visits, draw()) for _ in range(max(1, min(int(rate_per_s * THINK_S), shoppers // 2)))
    ]
    later: list[tuple[int, int, Sent]] = []
    number = 0
    while True:
        at = start_ms + int(number * 1000 / rate_per_s)
        number += 1
        if later and later[0][0] <= at:
            yield heappop(later)[2]._replace(at=at, again=True)
            continue
        sent = _next(rng, visits, inside, at, draw)
        luck = rng.random()
        if luck < DUPLICATES:
            heappush(later, (at + int(rng.random() ** 3 * 60_000), number, sent))
        elif luck < DUPLICATES + BROKEN:
            sent = Sent(at, "", broken(rng, sent.record))
        yield sent


def census(seed: int, shoppers: int, until_ms: int, each: int = 1) -> Iterator[Sent]:
    """`each` records of every shopper, in an order that has nothing to do with their numbers.

    They came in at `CENSUS_PER_S` and have just ended at `until_ms`, about as they would be read.
    """
    rng = Random(f"census {seed}")
    visits = _pool(seed)
    numbers = list(range(shoppers))
    left = shoppers * each
    for _ in range(each):
        rng.shuffle(numbers)
        for shopper in numbers:
            at = until_ms - left * 1000 // CENSUS_PER_S
            left -= 1
            name, session = shopper_id(shopper), b"session-of-%d" % shopper
            yield Sent(at, name, rng.choice(rng.choice(visits)).cast(at, name, session, uuid(rng).encode()))


def scenes(seed: int) -> list[Scene]:
    """Every scene of the pool, for streams of another shape."""
    return [scene for visit in _pool(seed) for scene in visit]


def _next(
    rng: Random, visits: list[list[Scene]], inside: list[Visit], at: int, draw: Callable[[], str]
) -> Sent:
    """Let any visitor do the next thing; whoever has left makes room for the next."""
    place = int(rng.random() * len(inside))
    while True:
        visit = inside[place]
        scene = next(visit.left, None)
        if scene is not None:
            record = scene.cast(at, visit.shopper, visit.session, uuid(rng).encode())
            return Sent(at, visit.shopper, record)
        inside[place] = Visit(draw(), uuid(rng).encode(), iter(rng.choice(visits)))


def _midway(rng: Random, visits: list[list[Scene]], shopper: str) -> Visit:
    """A visit that has begun, so that a stream does not begin with everybody's landing page."""
    visit = rng.choice(visits)
    return Visit(shopper, uuid(rng).encode(), iter(visit[rng.randrange(len(visit)) :]))


@lru_cache(maxsize=1)
def _pool(seed: int) -> list[list[Scene]]:
    """Visits of the shop, each the records of one session in their order."""
    decode = Decoder().decode
    visits: dict[str, list[Scene]] = {}
    for at, record in islice(shop_events(seed, POOL // 4, POOL_START_MS, POOL / 400), POOL):
        event = decode(record)
        if isinstance(event, Event) and event.session_id and b"," in record:
            visits.setdefault(event.session_id, []).append(_scene(at, record, event.session_id.encode()))
    return list(visits.values())


def _scene(at: int, record: bytes, session: bytes) -> Scene:
    fields = record.replace(b"%", b"%%").split(b"\t")
    waits = []
    for i, name in enumerate(TIMES):
        moment = datetime.strptime(fields[INDEX[name]].decode(), "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
        waits.append(round(moment.timestamp() * 1000) - at)
        fields[INDEX[name]] = b"%%(%d)b" % i
    fields[INDEX["event_id"]] = b"%(event)b"
    fields[INDEX["user_id"]] = b"%(shopper)b"
    fields[_CONTEXTS] = fields[_CONTEXTS].removesuffix(b"]}") + _TIMING
    return Scene(b"\t".join(fields).replace(session, b"%(session)b"), tuple(waits))
