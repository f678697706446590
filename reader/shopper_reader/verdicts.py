"""Whether a row's values hold. Pure: rows, the pipeline's reports and the clock come in as arguments.

All times are epoch milliseconds by one clock: Redis' own, taken in the same round trip, or the job's where
that is ahead. The clock of the machine that reads plays no part.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

STALE_AFTER_MS: Final = 2_000
"""So long after `_next` values may still be on their way."""
SILENT_AFTER_MS: Final = 5_000
"""A pipeline that has not reported for longer is silent; it does so every second."""
SAME_AS: Final = b"_same_as"
"""The field of a device's row that names the user whose row is to be read instead."""


class Verdict(str, Enum):
    """What may be thought of a row; where several are true, the first of MISSING, STALE, PARTIAL is told."""

    FRESH = "FRESH"
    """The values hold now."""
    STALE = "STALE"
    """They should have changed more than two seconds ago, or the pipeline is silent."""
    PARTIAL = "PARTIAL"
    """They hold for what the job has read, but the window reaches back before that."""
    MISSING = "MISSING"
    """There is no row: nothing of the shopper is in the window, as far as the pipeline knows."""

    def __str__(self) -> str:
        """The name alone."""
        return self.value


class Stamps(NamedTuple):
    """When a row is right."""

    at: int
    next: int
    until: int


class Health(NamedTuple):
    """What the pipeline says of the part of it that a shopper belongs to."""

    heard: int
    """When it last reported, by its own clock; 0: never."""
    covers_from: int
    """From when on it has read."""
    silent: bool
    """Whether it had not reported for more than `SILENT_AFTER_MS`."""
    rewriting: bool
    """Whether it is writing its rows again, because Redis had lost some or the catalogue is new."""


def stamps_of(fields: Mapping[bytes, bytes]) -> Stamps | None:
    """The stamps of a row; None where there is no row of ours, a tombstone, or one that points."""
    return None if SAME_AS in fields else _stamps(fields)


def user_of(fields: Mapping[bytes, bytes], clock: int) -> str:
    """The user whose row is to be read instead; empty where these fields do not point any more."""
    stamps = _stamps(fields) if SAME_AS in fields else None
    if stamps is None or stamps.until <= max(clock, stamps.at):
        return ""
    return fields[SAME_AS].decode("utf-8", "replace")


def _stamps(fields: Mapping[bytes, bytes]) -> Stamps | None:
    if b"_v" not in fields or b"_gone" in fields:
        return None
    try:
        return Stamps(int(fields[b"_at"]), int(fields[b"_next"]), int(fields[b"_until"]))
    except (KeyError, ValueError):
        return None


def judge(stamps: Stamps | None, now: int, reach: int, health: Health) -> Verdict:
    """The verdict on a row whose window reaches back to `reach`."""
    if stamps is None or stamps.until <= now:
        return Verdict.MISSING
    if health.silent or now > stamps.next + STALE_AFTER_MS:
        return Verdict.STALE
    return Verdict.PARTIAL if reach < health.covers_from else Verdict.FRESH


def reason(stamps: Stamps | None, now: int, health: Health, verdict: Verdict) -> str:
    """The verdict in words, for people and logs."""
    if stamps is None or verdict is Verdict.MISSING:
        return "there is no row" + (", and the pipeline is silent" if health.silent else "")
    if verdict is Verdict.PARTIAL:
        return f"the window reaches back before {health.covers_from}, from when on the job has read"
    if verdict is Verdict.FRESH:
        return f"right as of {now - stamps.at} ms ago and until the next change"
    if not health.silent:
        return f"the values were to change {now - stamps.next} ms ago"
    if not health.heard:
        return "no job reports under this name"
    return f"the job last reported {now - health.heard} ms ago"
