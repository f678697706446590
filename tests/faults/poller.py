"""Reads random shoppers' keys all the while, as those do who use the values, and notes what must not be."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from redis import Redis, RedisError

from tests.faults.comparison import OWN_OF_THE_JOB
from tests.faults.households import is_customer, may_share
from tests.faults.rows import Fields, is_tombstone, owner_of, points
from tests.faults.stream import is_keyed

PAUSE_S = 0.05
KEYS_A_LOOK = 25
SCAN_EVERY = 40
SNAPSHOTS = 4_000
GRANULARITY_MS = 2
"""Redis expires by a clock of whole milliseconds that it reads once a command."""
COUNTED = ("event_count", "page_count")
"""Of a session: also when it goes over from a device to its user, who counts what the device did, too."""
NEVER_FALLS = ("_seen", "_at")


@dataclass
class Findings:
    """What the poller saw."""

    reads: int = 0
    violations: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    during_replay: Counter[str] = field(default_factory=Counter)
    """What may be while a replay catches up, or after Redis has lost rows."""

    def note(self, what: str, detail: str, *, allowed: bool) -> None:
        if allowed:
            self.during_replay[what] += 1
            return
        self.violations[what] += 1
        if len(self.examples) < 20:
            self.examples.append(f"{what}: {detail}")


class Watch:
    """Compares what is read of a key with what was read of it before.

    `replaying` says that a fault is being recovered from: until then values may show an earlier state.
    `forgotten` says that Redis itself lost rows: then they may be missing, and their fences may go back.
    """

    def __init__(self, rng: Random, prefix: str) -> None:
        self._rng, self._prefix = rng, prefix
        self._last: dict[str, Fields] = {}
        self.findings = Findings()
        self.snapshots: dict[tuple[str, str], Fields] = {}
        """(key, fence) -> what was read: of shoppers whose records have a known order."""
        self.replaying = self.forgotten = False
        self._unread: set[str] = set()
        """Keys that were read before a fault was recovered from, and not since."""

    def known(self) -> set[str]:
        """Keys that were there when they were read last."""
        return set(self._last)

    def forget(self) -> None:
        """Begin anew: what was read before says nothing of what must be there now."""
        self._last = {}

    def recovered(self) -> None:
        """From now on values must go on from those that the replay led to."""
        self._unread = set(self._last)
        self.replaying = False

    def judge(self, key: str, fields: Fields, now: int, *, forgotten: bool = False) -> None:
        """A key was read after the moment `now`; `forgotten` as it was before the reading."""
        self.findings.reads += 1
        forgotten = forgotten or self.forgotten
        before = self._last.get(key)
        first = key in self._unread
        self._unread.discard(key)
        if not fields:
            if before is not None and int(before["_until"]) > now + GRANULARITY_MS:
                detail = f"{key} at {now}, to be read until {before['_until']}"
                self.findings.note("a key was lost", detail, allowed=forgotten)
            self._last.pop(key, None)
            return
        if "_v" not in fields or "_until" not in fields:
            self.findings.note("a hash is torn", f"{key}: {fields}", allowed=False)
            return
        if is_tombstone(fields):
            self._last.pop(key, None)
            return
        if int(fields["_until"]) + GRANULARITY_MS < now:
            detail = f"{key} at {now}, until {fields['_until']}"
            self.findings.note("a key was readable after its time", detail, allowed=False)
        self._inside(key, fields)
        if before is not None:
            self._onward(key, before, fields, forgotten=forgotten, first=first)
        self._last[key] = fields
        self._remember(key, fields)

    def _inside(self, key: str, fields: Fields) -> None:
        """Fields that follow from each other must be of one version; a row that points holds no features."""
        _, seen, at = fields["_v"].split(".")
        torn = (int(seen), int(at)) != (int(fields["_seen"]), int(fields["_at"]))
        torn |= points(fields) and any(name[0] != "_" for name in fields)
        if "cart_update_count" in fields:
            counts = [int(fields[f"cart_{name}_count"]) for name in ("update", "add", "remove")]
            torn |= counts[0] != counts[1] + counts[2]
        if "return_view_count" in fields:
            views, unique = int(fields["product_view_count"]), int(fields["unique_products_viewed"])
            torn |= int(fields["return_view_count"]) != views - unique
        if torn:
            self.findings.note("a hash is torn", f"{key}: {fields}", allowed=False)

    def _onward(self, key: str, before: Fields, fields: Fields, *, forgotten: bool, first: bool) -> None:
        never_fall: tuple[str, ...] = NEVER_FALLS
        if key.startswith(f"{self._prefix}session:"):
            never_fall += COUNTED
        if before.get("_owner") != fields.get("_owner"):
            if is_customer(before["_owner"]) or not is_customer(fields["_owner"]) or "_moved" not in fields:
                return  # the part of another shopper, which began earlier, has taken the session over
            never_fall = COUNTED
        elif fields["_v"] < before["_v"]:
            detail = f"{key}: {fields['_v']} after {before['_v']}"
            self.findings.note("a fence went back", detail, allowed=forgotten)
        if points(before) and not points(fields):
            detail = f"{key}: {fields} after {before}"
            self.findings.note("a device is itself again", detail, allowed=forgotten or self.replaying)
        for name in never_fall:
            if name in before and int(fields.get(name, "0")) < int(before[name]):
                detail = f"{key}: {name} {fields.get(name)} after {before[name]}: {fields} after {before}"
                allowed = forgotten or self.replaying or (first and _may_be_of_another(name, fields))
                self.findings.note(f"{name} went back", detail, allowed=allowed)

    def _remember(self, key: str, fields: Fields) -> None:
        name = key.removeprefix(self._prefix)
        place = name, fields["_v"]
        if place not in self.snapshots and not points(fields) and is_keyed(owner_of(name, fields)):
            if len(self.snapshots) >= SNAPSHOTS:
                self.snapshots.pop(self._rng.choice(list(self.snapshots)))
            self.snapshots[place] = fields


def _may_be_of_another(name: str, fields: Fields) -> bool:
    """Whether a replay can have given events to another who shares the device, and their count with them.

    It meets logins in another order than they came in before, and what is older than all of them then is
    another's from there on; see "After a crash" in docs/identity.md.
    """
    return name in COUNTED and is_customer(fields["_owner"]) and may_share(fields["_owner"])


class Poller:
    """A thread with its own client of Redis."""

    def __init__(self, url: str, prefix: str, seed: int) -> None:
        self._client: Any = Redis.from_url(
            url, decode_responses=True, socket_timeout=2, socket_connect_timeout=2
        )
        self._prefix = prefix
        self._rng = Random(seed)
        self.watch = Watch(self._rng, prefix)
        self._keys: list[str] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        looks = 0
        while not self._end.wait(PAUSE_S):
            try:
                if looks % SCAN_EVERY == 0:
                    found = self._client.scan_iter(f"{self._prefix}*", count=5_000)
                    rows = {key for key in found if not key.startswith(self._prefix + OWN_OF_THE_JOB)}
                    self._keys = sorted(rows | self.watch.known())
                looks += 1
                if self._keys:
                    self._look(self._rng.choices(self._keys, k=KEYS_A_LOOK))
            except (RedisError, OSError):
                looks += 1  # it is down or frozen: one of the faults

    def _look(self, keys: list[str]) -> None:
        """The clock is read first: what is still there afterwards was readable at that time."""
        forgotten = self.watch.forgotten
        pipeline = self._client.pipeline(transaction=False)
        pipeline.time()
        for key in keys:
            pipeline.hgetall(key)
        (seconds, micros), *rows = pipeline.execute()
        now = seconds * 1000 + micros // 1000
        for key, fields in zip(keys, rows, strict=True):
            self.watch.judge(key, fields, now, forgotten=forgotten)
