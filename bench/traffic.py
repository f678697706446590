"""A realistic stream of enriched TSV records of about 2 kB: Zipf shoppers, sessions, disorder, flaws. Seeded.

The visits are those of the synthetic shop (`jobs.shop`), cast again with other shoppers: a visit is taken
from a pool, its shopper is drawn by Zipf's law, and ids and times are put in. So a million shoppers cost no
more than a thousand (about 15 µs a record), and each record's shopper is known without decoding it. The same
arguments give the same records.

Each shopper has a device of its own, told by every record. By default every record carries the user, too, so
that figures with and without identity are of the same shoppers; `logged_in` is the share that does.
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
    """The user, else the device; empty where the record is broken, so that nobody is meant."""
    record: bytes
    again: bool = False
    """Whether it was sent before."""


class Scene(NamedTuple):
    """A record of the shop with blanks for ids and times."""

    text: bytes
    """A format of bytes with the names of the blanks."""
    waits: tuple[int, ...]
    """How far each of `TIMES` lies from the moment of sending, ms."""

    def cast(
        self, at: int, shopper: str, session: bytes, event_id: bytes, *, logged_in: bool = True
    ) -> bytes:
        """The record of this shopper, sent `at` (epoch ms); the user is told if `logged_in`."""
        told = {b"%d" % i: stamp(at + wait).encode() for i, wait in enumerate(self.waits)}
        user = shopper.encode() if logged_in else b""
        device = device_of(shopper).encode()
        told |= {b"shopper": user, b"device": device, b"session": session, b"event": event_id}
        return self.text % told


class Visit(NamedTuple):
    """One session of a shopper."""

    shopper: str
    session: bytes
    left: Iterator[tuple[Scene, bool]]
    """What has yet to be done, and whether the shopper is logged in then."""


def shopper_id(number: int) -> str:
    """The id of a shopper by number; the least numbers come most often.

    >>> shopper_id(17)
    'customer-0000017'
    """
    return f"customer-{number:07d}"


def device_of(shopper: str) -> str:
    """The id of a shopper's only device, as long as one that a tracker makes.

    >>> device_of("customer-0000017")
    'd0000000-0000-4000-8000-000000000017'
    """
    return f"d0000000-0000-4000-8000-{shopper.rpartition('-')[2]:0>12}"


def traffic(
    seed: int, shoppers: int, start_ms: int, rate_per_s: float, logged_in: float = 1.0
) -> Iterator[Sent]:
    """What the shop sends from `start_ms` on, for ever, at a rate that counts every record.

    2 % are duplicates, up to a minute later; 1 % are broken. Event times lie up to two minutes before the
    sending. About a share `logged_in` of the records carries a user: a visit begins without, and in as many
    visits as that takes somebody logs in on the way, as likely here as there.
    """
    rng = Random(f"traffic {seed}")
    logins = Random(f"logins {seed}")  # its own, so that all else is the same whatever the share
    pool = visits(seed)
    weights = list(accumulate((rank + 1) ** -ZIPF for rank in range(shoppers)))
    numbers = range(shoppers)

    def draw() -> str:
        return shopper_id(rng.choices(numbers, cum_weights=weights)[0])

    def told(scenes: list[Scene]) -> Iterator[tuple[Scene, bool]]:
        return _told_of(logins, scenes, logged_in)

    inside = [
        _midway(rng, pool, draw(), told) for _ in range(max(1, min(int(rate_per_s * THINK_S), shoppers // 2)))
    ]
    later: list[tuple[int, int, Sent]] = []
    number = 0
    while True:
        at = start_ms + int(number * 1000 / rate_per_s)
        number += 1
        if later and later[0][0] <= at:
            yield heappop(later)[2]._replace(at=at, again=True)
            continue
        place = int(rng.random() * len(inside))
        while (step := next(inside[place].left, None)) is None:
            inside[place] = Visit(draw(), uuid(rng).encode(), told(rng.choice(pool)))
        sent = _sent(rng, inside[place], at, *step)
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
    pool = visits(seed)
    numbers = list(range(shoppers))
    left = shoppers * each
    for _ in range(each):
        rng.shuffle(numbers)
        for shopper in numbers:
            at = until_ms - left * 1000 // CENSUS_PER_S
            left -= 1
            name, session = shopper_id(shopper), b"session-of-%d" % shopper
            yield Sent(at, name, rng.choice(rng.choice(pool)).cast(at, name, session, uuid(rng).encode()))


@lru_cache(maxsize=1)
def visits(seed: int) -> list[list[Scene]]:
    """Visits of the shop, each the records of one session in their order."""
    decode = Decoder().decode
    found: dict[str, list[Scene]] = {}
    for at, record in islice(shop_events(seed, POOL // 4, POOL_START_MS, POOL / 400), POOL):
        event = decode(record)
        if isinstance(event, Event) and event.session_id and b"," in record:
            ids = {b"session": event.session_id.encode(), b"device": (event.device_id or "").encode()}
            found.setdefault(event.session_id, []).append(_scene(at, record, ids))
    return list(found.values())


def _told_of(rng: Random, scenes: list[Scene], logged_in: float) -> Iterator[tuple[Scene, bool]]:
    """A visit's scenes, and from which on the user is told."""
    # Of a visit with a login half is behind it, so that twice as many visits need one.
    some = min(1.0, 2 * logged_in)
    whole = max(0.0, 2 * logged_in - 1)
    luck, place = rng.random(), rng.random() * len(scenes)
    if luck < whole:
        place = 0.0
    return ((scene, luck < some and number >= place) for number, scene in enumerate(scenes))


def _sent(rng: Random, visit: Visit, at: int, scene: Scene, logged_in: bool) -> Sent:
    record = scene.cast(at, visit.shopper, visit.session, uuid(rng).encode(), logged_in=logged_in)
    return Sent(at, visit.shopper if logged_in else device_of(visit.shopper), record)


def _midway(
    rng: Random,
    pool: list[list[Scene]],
    shopper: str,
    told: Callable[[list[Scene]], Iterator[tuple[Scene, bool]]],
) -> Visit:
    """A visit that has begun, so that a stream does not begin with everybody's landing page."""
    visit = rng.choice(pool)
    session = uuid(rng).encode()
    return Visit(shopper, session, islice(told(visit), rng.randrange(len(visit)), None))


def _scene(at: int, record: bytes, ids: dict[bytes, bytes]) -> Scene:
    fields = record.replace(b"%", b"%%").split(b"\t")
    waits = []
    for i, name in enumerate(TIMES):
        moment = datetime.strptime(fields[INDEX[name]].decode(), "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
        waits.append(round(moment.timestamp() * 1000) - at)
        fields[INDEX[name]] = b"%%(%d)b" % i
    fields[INDEX["event_id"]] = b"%(event)b"
    fields[INDEX["user_id"]] = b"%(shopper)b"
    fields[_CONTEXTS] = fields[_CONTEXTS].removesuffix(b"]}") + _TIMING
    fields[INDEX["domain_userid"]] = b"%(device)b"
    text = b"\t".join(fields)
    for blank, told in ids.items():
        if told:
            text = text.replace(told, b"%(" + blank + b")b")
    return Scene(text, tuple(waits))
