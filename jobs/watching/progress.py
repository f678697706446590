"""What the running job says of itself in Redis: its accounting, and how far it has read."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from features.views import BRANCHES
from jobs.watching.tellers import Teller
from operators.ledger import VERDICTS
from operators.writing import Names
from serving.redis_reader import RedisReader


class Position(NamedTuple):
    """How far a partition was read."""

    read: int
    """Records."""
    offset: int
    """The greatest offset among them."""


@dataclass(frozen=True)
class Progress:
    """All buckets together; times are epoch milliseconds, 0 where nothing was read yet."""

    counts: Counter[str] = field(default_factory=Counter)
    """Of every record, by the operators that account, each for its own; work such as `rows.written` of all
    operators."""
    branches: dict[str, Counter[str]] = field(default_factory=dict)
    """Each branch's own counters; where one operator hosts all, only `applied`."""
    partitions: dict[int, Position] = field(default_factory=dict)
    buckets: int = 0
    """How many have told something."""
    apart: bool = False
    """Whether branches run apart."""
    at: int = 0
    """When the latest bucket reported."""
    as_of: int = 0
    """The latest clock of the job."""
    life: int = 0
    """When the run that began without state was submitted."""
    covers_from: int = 0
    """From when on the job has read."""
    event_time: int = 0
    """Greatest event time applied."""
    kafka_time: int = 0
    """Greatest Kafka timestamp read."""
    rewriting: int = 0
    """How many buckets' rows are being written again, of each branch where they run apart."""
    unbalanced: dict[str, int] = field(default_factory=dict)
    """Buckets whose verdicts do not add up to what they read, and by how much they miss it."""
    compiled: bool = False
    """Whether the core runs as machine code, everywhere."""
    controls: dict[str, dict[int, int]] = field(default_factory=dict)
    """Field (see `Teller`) -> partition -> greatest offset of a control record carried out."""


class Reached(msgspec.Struct):
    """How far a bucket came in a partition."""

    offset: int
    """The greatest that was read."""
    read: int = 0
    """Records."""


class Told(msgspec.Struct):
    """What one bucket of one operator tells. Times are epoch milliseconds."""

    covers_from: int
    at: int = 0
    event_time: int = 0
    as_of: int = 0
    life: int = 0
    kafka_time: int = 0
    counts: dict[str, int] = {}
    partitions: dict[int, Reached] = {}
    controls: dict[int, int] = {}
    topic: str = ""
    buckets: int = 0
    """How many the job has."""
    run: str = ""
    """`<job id>:<attempt>`."""
    rewriting: bool = False
    compiled: bool = False
    """Whether the core runs as machine code (`jobs.compiled`)."""

    @property
    def missing(self) -> int:
        """Records read without a verdict."""
        return self.counts.get("read", 0) - sum(self.counts.get(verdict, 0) for verdict in VERDICTS)


def progress_key(job_name: str, prefix: str = "") -> str:
    """Key of the hash that the job writes once a second: a field a bucket and operator."""
    return prefix + Names(job_name).progress


def told_by(fields: Mapping[str, str]) -> dict[str, Told]:
    """What each bucket tells, by its field in that hash (see `Teller`)."""
    return {name: msgspec.json.decode(text, type=Told) for name, text in fields.items()}


def read_progress(reader: RedisReader, job_name: str, prefix: str = "") -> Progress:
    """Add up what the buckets report once a second.

    Users and devices are two operators, each of which counts its own records. Where branches run apart, the
    branch that wants every event speaks for all: each counts the same records. What an earlier life or
    another topology left in the hash does not count.
    """
    (fields,) = reader.hashes([progress_key(job_name, prefix)])
    told = told_by(fields)
    life = max((bucket.life for bucket in told.values()), default=0)
    told = {name: bucket for name, bucket in told.items() if bucket.at >= life}
    latest = max(told, key=lambda name: told[name].at, default="")
    apart = bool(Teller.of(latest).branch)
    return _together(
        {name: each for name, each in told.items() if bool(Teller.of(name).branch) == apart}, apart
    )


def _together(told: Mapping[str, Told], apart: bool) -> Progress:
    home = {name: each for name, each in told.items() if Teller.of(name).accounts}
    counts = _sum(home.values())
    for name, bucket in told.items():
        if name not in home:
            counts.update({k: n for k, n in bucket.counts.items() if k.startswith(_WORK)})
    everyone = told.values()
    return Progress(
        counts=counts,
        branches=_branches(told, counts, apart),
        partitions=_positions(home.values()),
        buckets=len({Teller.of(name).bucket for name in home}),
        apart=apart,
        at=max((bucket.at for bucket in everyone), default=0),
        as_of=max((bucket.as_of for bucket in everyone), default=0),
        life=min((bucket.life for bucket in everyone), default=0),
        covers_from=min((bucket.covers_from for bucket in home.values()), default=0),
        event_time=max((bucket.event_time for bucket in home.values()), default=0),
        kafka_time=max((bucket.kafka_time for bucket in home.values()), default=0),
        rewriting=sum(bucket.rewriting for bucket in everyone),
        unbalanced={name: bucket.missing for name, bucket in home.items() if bucket.missing},
        compiled=bool(told) and all(bucket.compiled for bucket in everyone),
        controls={name: bucket.controls for name, bucket in told.items()},
    )


_WORK = ("rows.", "woken", "wake_bugs", "losses", "rewritten", "forgotten.keys", "identity.lost")
"""What each operator does by itself, so that it is added up over all."""


def _sum(buckets: Iterable[Told]) -> Counter[str]:
    total: Counter[str] = Counter()
    for bucket in buckets:
        total.update(bucket.counts)
    return total


def _branches(told: Mapping[str, Told], counts: Counter[str], apart: bool) -> dict[str, Counter[str]]:
    if not apart:
        return {branch: Counter(applied=counts[f"applied.{branch}"]) for branch in BRANCHES}
    return {
        branch: _sum(bucket for name, bucket in told.items() if Teller.of(name).branch == branch)
        for branch in BRANCHES
    }


def _positions(buckets: Iterable[Told]) -> dict[int, Position]:
    positions: dict[int, Position] = {}
    for bucket in buckets:
        for partition, at in bucket.partitions.items():
            read, offset = positions.get(partition, (0, -1))
            positions[partition] = Position(read + at.read, max(offset, at.offset))
    return dict(sorted(positions.items()))
