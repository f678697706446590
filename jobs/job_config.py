"""What the live job needs to be built: frozen, picklable, JSON there and back."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Self

import msgspec

from events.decoder import WireFormat
from events.page import SearchRule
from events.sides.declaration import SideInput
from events.sides.row import PRODUCTS
from events.sources.declaration import Source
from features.entities.settings import EntitySettings
from features.entities.views import entity_views
from features.settings import Definitions
from operators.backlog import IDLE_MS
from operators.placement import bucket_keys
from operators.places import number_of

Topology = Literal["fused", "branches"]
StateBackend = Literal["hashmap", "rocksdb"]

RECENT: Final = "recent"
EARLIEST: Final = "earliest"
LATEST: Final = "latest"
GROUP_OFFSETS: Final = "group-offsets"

MOST_BATCH_MS: Final = 10_000


class JobConfigError(ValueError):
    """The job cannot be built as described; the message names the setting, its value and the way out."""


@dataclass(frozen=True, kw_only=True)
class JobConfig:
    """One live job. Names end in their unit; times are epoch milliseconds.

    `buckets` and the order of the SQL are part of the state's contract.
    """

    kafka_bootstrap: str
    redis_url: str = field(repr=False)
    checkpoint_dir: str
    """A URI; the default of Flink keeps state in memory and fails every checkpoint of more than 5 MB."""
    life: int
    """When a run that begins without state was submitted: the first part of the fence."""
    job_name: str = "shopper-features"
    topic: str = "snowplow-enriched-good"
    """Of Snowplow's events; empty where there are none."""
    sources: tuple[Source, ...] = ()
    """Declared ones, each with a topic of its own."""
    sides: tuple[SideInput, ...] = ()
    """Tables kept beside the events, each in a topic of its own."""
    side_wait_s: float = 10
    """How long an event waits for a catalogue row that its product has not got yet."""
    catalogue_ends: dict[int, int] = field(default_factory=dict)
    """How far the partitions of the catalogue's topic went when the job was submitted: a job that has not
    read it before lets events wait until it has read so far."""
    dead_letter_topic: str = "shopper-dead-letters"
    kafka_properties: dict[str, str] = field(default_factory=dict, repr=False)
    """For every Kafka client of the job: security and the like, in Kafka's own names."""
    redis_prefix: str = ""
    definitions: Definitions = field(default_factory=Definitions)
    entities: EntitySettings = field(default_factory=EntitySettings)
    """Which entities beyond the shopper there are; where there are none the plan has no operator of them."""
    wire_format: WireFormat = "auto"
    app_ids: frozenset[str] = frozenset()
    exclude_robots: bool = False
    search: SearchRule = field(default_factory=SearchRule)
    id_key: bytes = field(default=b"", repr=False)
    """Key of the hashes that stand for ids of people; empty: ids are kept as they are."""
    start: int | str = RECENT
    """Where a first run begins: `recent`, `earliest`, `latest`, `group-offsets`, or a Kafka timestamp."""
    topology: Topology = "fused"
    parallelism: int = 1
    buckets: int = 16
    """Virtual shards of the shoppers; part of the state. 32 were as fast at a backlog; where events leave no
    pause, shoppers' moments may be five seconds late in a slot that holds 64, about one in one with 16."""
    lanes: int = 0
    """Micro-batches gathered side by side; 0: one a slot."""
    batch_ms: int = 100
    """So long the records of a lane are gathered. A call that brings a bucket its batch costs some
    0.4 ms beside what its events cost, so at 2,000 events/s 100 ms instead of 50 save a twentieth of all
    CPU, for some 20 ms of freshness; docs/performance.md has both."""
    checkpoint_interval_s: float = 10
    """So much is done again after a crash, at most. One of 100,000 shoppers costs a quarter of a second of
    CPU; every 20 or 30 s instead changed nothing that could be seen."""
    state_backend: StateBackend = "hashmap"
    restore_from: str = ""
    """A checkpoint or savepoint to begin from."""
    resume: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Set by `shopper migrate`, for every place (`operators.places`): the offset to read on from, and the one
    below which records may have been counted already. Flink then leaves the state of the earlier
    micro-batches behind."""
    devices_since: int = 0
    """Set where a job without identity goes on with it: from when on devices have operators of their own,
    which know nothing of what came before. 0: they always had."""
    cached_shoppers: int = 50_000
    """States that each features operator keeps at hand, a few kB each."""
    rewrites_per_s: int = 1000
    """Shoppers a second, of each features operator, whose rows are written again after Redis lost some."""
    compiled: bool = False
    """Whether the core travels as machine code, too (`jobs.compiled`): a fifth less CPU at a backlog."""
    jars: tuple[str, ...] = ()
    """URLs of the jars that the job needs (the Kafka connector)."""
    python: str = ""
    """The Python of the workers; empty: the one that Flink finds."""
    flink: dict[str, str] = field(default_factory=dict)
    """Flink's own options; they win over what the job sets."""

    def __post_init__(self) -> None:
        """Check what Flink would only tell at run time, or never."""
        if "://" not in self.checkpoint_dir and not self.checkpoint_dir.startswith("file:/"):
            msg = f"checkpoint_dir is {self.checkpoint_dir!r}; give a URI such as file:///var/checkpoints"
            raise JobConfigError(msg)
        if not 1 <= self.batch_ms <= MOST_BATCH_MS:
            msg = f"batch_ms is {self.batch_ms}; give 1 to {MOST_BATCH_MS} milliseconds"
            raise JobConfigError(msg)
        if isinstance(self.start, str) and self.start not in (RECENT, EARLIEST, LATEST, GROUP_OFFSETS):
            msg = (
                f"start is {self.start!r}; give recent, earliest, latest, group-offsets or epoch milliseconds"
            )
            raise JobConfigError(msg)
        try:
            bucket_keys(self.buckets)
        except ValueError as error:
            raise JobConfigError(str(error)) from None

        try:
            views = entity_views(self.entities)
        except ValueError as error:
            raise JobConfigError(str(error)) from None
        if views and self.topology != "fused":
            msg = f"topology is {self.topology!r}, but there are entities; let the topology be fused"
            raise JobConfigError(msg)

        self._check_topics()

    def _check_topics(self) -> None:
        """Refuse topics that would be read twice, or whose partitions could not be told apart."""
        topics = [each for each in (self.topic, *(source.topic for source in self.sources)) if each]
        names = {source.name for source in self.sources}
        if not topics or len(set(topics)) < len(topics) or len(names) < len(self.sources):
            told = ", ".join(topics) or "none"
            msg = f"topics are {told}; give one at least, and each source a topic and a name of its own"
            raise JobConfigError(msg)
        taken = {*topics, self.dead_letter_topic}
        for side in self.sides:
            if side.topic in taken:
                msg = (
                    f"the side input of {side.table} is in {side.topic}, a topic that has another use; "
                    "give it one of its own"
                )
                raise JobConfigError(msg)
            taken.add(side.topic)
        tables = [side.table for side in self.sides]
        if len(set(tables)) < len(tables):
            msg = f"side inputs are of {', '.join(tables)}; give each table one topic"
            raise JobConfigError(msg)
        if len(self.source_topics | self.side_topics) < len(self.sources) + len(self.sides):
            told = ", ".join([*topics, *(side.topic for side in self.sides)])
            msg = f"the topics {told} cannot be told apart by their numbers; rename one"
            raise JobConfigError(msg)

    @property
    def source_topics(self) -> dict[int, str]:
        """The topics of the declared sources, by their numbers (`operators.places`)."""
        return {number_of(source.topic): source.topic for source in self.sources}

    @property
    def side_topics(self) -> dict[int, str]:
        """The topics of the side inputs, by their numbers (`operators.places`)."""
        return {number_of(side.topic): side.topic for side in self.sides}

    @property
    def idle_ms(self) -> int:
        """Where nothing came for so long, batches that wait are applied; one may always be on its way."""
        return max(IDLE_MS, 2 * self.batch_ms)

    @property
    def completes(self) -> bool:
        """Whether there is a catalogue, for which events wait that lack what it says."""
        return PRODUCTS in self.side_tables

    @property
    def side_tables(self) -> tuple[str, ...]:
        """The tables of the side inputs."""
        return tuple(side.table for side in self.sides)

    @property
    def covers_from(self) -> int:
        """From when on a run without state reads, by Kafka's timestamps."""
        if isinstance(self.start, int):
            return self.start
        if self.start == RECENT:
            return self.life - self.definitions.reach_ms
        return 0 if self.start == EARLIEST else self.life

    def to_json(self) -> bytes:
        """The config as JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The config in `data`.

        Raises:
            JobConfigError: naming the field that cannot be used.
        """
        try:
            return msgspec.json.decode(data, type=cls)
        except msgspec.MsgspecError as error:
            msg = f"the job's configuration cannot be used: {error}"
            raise JobConfigError(msg) from None

    @classmethod
    def read(cls, path: Path) -> Self:
        """The config in the file at `path`."""
        return cls.from_json(path.read_bytes())
