"""What goes wrong: each fault has a name and `inject()`, which returns when the fault itself is over.

Processes that a supervisor would start again (JobManager, TaskManagers) are left dead: `World.tend` finds
them. Kafka and Redis are started again by the fault.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from features.logic import ShopperLogic
from features.row import FeatureRow
from sinks.keys import key_of
from sinks.redis_sink import RedisSink
from tests.faults.stream import is_keyed
from tests.faults.topic import Topic
from tests.faults.world import World

FROZEN_S = 30.0
OLDER_BY_S = 1.5
DOWN_S = 3.0
ZOMBIE_S = 5.0
ZOMBIE_ROWS = 400
ZOMBIE_MARGIN_MS = 30_000
AOF = "appendonly"


@dataclass(frozen=True)
class Context:
    """What a fault may touch."""

    world: World
    topic: Topic
    say: Callable[[str], None]
    wrong: list[str] = field(default_factory=list)
    """What a fault itself found wrong."""


@dataclass(frozen=True)
class Fault:
    name: str
    inject: Callable[[Context], None]
    forgets: bool = False
    """Whether Redis itself loses rows: keys may be missing and fences go back until they are repaired."""
    lasts: bool = False
    """Whether recovery counts from the end of the fault, and not from its beginning."""


def kill_taskmanager(context: Context) -> None:
    """SIGKILL of one of the two; the supervisor starts another."""
    flink = context.world.stack.flink
    flink.taskmanager(max(flink.running())).kill()


def kill_jobmanager(context: Context) -> None:
    """SIGKILL; the supervisor starts it anew and submits again from the newest complete checkpoint."""
    context.world.stack.flink.jobmanager.kill()


def restart_redis(context: Context) -> None:
    """SIGKILL; it comes back with its data."""
    _redis_with(context, _nothing)


def empty_redis(context: Context) -> None:
    """SIGKILL; it comes back with nothing."""
    _redis_with(context, _clear)


def older_redis(context: Context) -> None:
    """SIGKILL; it comes back as it was a second before, like a promoted replica."""
    folder = context.world.stack.redis.folder
    kept = folder / "older"
    _remove(kept)
    for file in folder.glob(f"{AOF}*"):
        _copy(file, kept / file.name)
    time.sleep(OLDER_BY_S)

    def put_back(place: Path) -> None:
        _clear(place)
        for file in kept.iterdir():
            _copy(file, place / file.name)

    _redis_with(context, put_back)


def freeze_redis(context: Context) -> None:
    """SIGSTOP for half a minute: connections stay open, and nobody answers."""
    process = context.world.stack.redis.process
    process.freeze()
    try:
        _tend(context, FROZEN_S)
    finally:
        process.thaw()


def kill_kafka(context: Context) -> None:
    """SIGKILL of the broker; it comes back with its log."""
    broker = context.world.stack.kafka
    broker.process.kill()
    time.sleep(DOWN_S)
    broker.start()
    broker.wait_ready()


def zombie(context: Context) -> None:
    """A writer that should be dead writes rows as they were long ago, and rows of a former life.

    Whoever is told that such a row was written knows that the fence failed.
    """
    world = context.world
    life = world.config.life
    old = _old_rows(context)
    sink = RedisSink.connect(world.config.redis_url, world.config.redis_prefix)
    written = tries = 0
    until = time.monotonic() + ZOMBIE_S
    try:
        while time.monotonic() < until:
            present = [row for row in old if _is_there(world, row)]
            former = [_with_seen(row, 10**9) for row in present]
            written += sink.write(present, life).written + sink.write(former, life - 1).written
            tries += 2 * len(present)
            time.sleep(0.2)
    finally:
        sink.close()
    context.say(f"the zombie tried {tries} rows, {written} were written")
    if written or not tries:
        context.wrong.append(f"{written} of {tries} rows of a zombie were written")


def rescaled_to(parallelism: int) -> Callable[[Context], None]:
    """Stop with a savepoint, go on at another parallelism."""

    def rescale(context: Context) -> None:
        context.topic.rescales.append(time.time_ns() // 1_000_000)
        context.world.rescale(parallelism)

    return rescale


FAULTS = (
    Fault("TaskManager killed", kill_taskmanager),
    Fault("JobManager killed", kill_jobmanager),
    Fault("Redis killed, back empty", empty_redis, forgets=True),
    Fault("Redis killed, back with its data", restart_redis),
    Fault("Kafka killed", kill_kafka),
    Fault("savepoint, parallelism 1", rescaled_to(1)),
    Fault("zombie writes old rows", zombie),
    Fault("Redis killed, back a second older", older_redis, forgets=True),
    Fault("savepoint, parallelism 2", rescaled_to(2)),
    Fault("Redis frozen for 30 s", freeze_redis, lasts=True),
)


def _redis_with(context: Context, change: Callable[[Path], None]) -> None:
    """Kill it, change its folder, start it again."""
    server = context.world.stack.redis
    server.process.kill()
    change(server.folder)
    server.start()
    server.wait_ready()


def _nothing(folder: Path) -> None:
    """Leave the folder as it is."""


def _clear(folder: Path) -> None:
    for file in folder.glob(f"{AOF}*"):
        _remove(file)


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """A file, or a folder of files: newer releases of Redis have one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def _tend(context: Context, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        context.world.tend()
        time.sleep(0.3)


def _old_rows(context: Context) -> list[FeatureRow]:
    """Rows of shoppers whose order of records is known, as they were after the first half of these.

    Only those that the last of these changed: another one would be newer by its fence, and right.
    """
    context.topic.catch_up()
    logic = ShopperLogic()
    rows: list[FeatureRow] = []
    for shopper in filter(is_keyed, context.topic.shoppers()):
        arrivals = list(context.topic.arrivals(shopper))
        state = logic.zero()
        changed: set[str] = set()
        for event, sent_at in arrivals[: len(arrivals) // 2]:
            logic.apply(state, event, sent_at)
            changed = {key_of(row) for row in logic.rows(state, shopper)}
        whole = logic.all_rows(state, shopper)
        rows += [row for row in whole if row.values is not None and key_of(row) in changed]
        if len(rows) >= ZOMBIE_ROWS:
            break
    return rows


def _is_there(world: World, row: FeatureRow) -> bool:
    """Whether the row is in Redis and stays for a while; over one that has expired, a write is no harm."""
    key = key_of(row, world.config.redis_prefix)
    return world.client.pttl(key) > ZOMBIE_MARGIN_MS and not world.client.hexists(key, "_gone")


def _with_seen(row: FeatureRow, seen: int) -> FeatureRow:
    return msgspec.structs.replace(row, seen=seen)
