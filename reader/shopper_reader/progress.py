"""What a job says of itself once a second, bucket by bucket. Pure."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from shopper_reader.keys import bucket_of
from shopper_reader.verdicts import SILENT_AFTER_MS, Health

FUSED: Final = ("", "devices")
"""What follows the bucket in the names of fields where one operator hosts all branches of users, and another
those of devices; where branches run apart it is a branch, or `devices-` and a branch."""


class Report(NamedTuple):
    """One operator's, of one bucket."""

    at: int
    covers_from: int
    rewriting: bool
    buckets: int
    """How many there are."""
    run: str
    """Which run of the job tells it."""


class Progress:
    """All reports, as they were read at one moment."""

    def __init__(self, fields: Mapping[bytes, bytes], now: int) -> None:
        """Read the hash; what is no report is passed over. `now` is Redis' clock, epoch ms."""
        self._now = now
        self._of: dict[str, dict[bool, list[Report]]] = {}
        self._newest: Report | None = None
        for name, text in fields.items():
            report = _report(text)
            if report is not None:
                bucket, _, operator = name.decode(errors="replace").partition("/")
                self._of.setdefault(bucket, {}).setdefault(operator in FUSED, []).append(report)
                if self._newest is None or report.at > self._newest.at:
                    self._newest = report
        self._known: dict[str, Health] = {}

    @property
    def clock(self) -> int:
        """The latest that the job said of its own clock, epoch ms; 0: nothing."""
        return self._newest.at if self._newest else 0

    def health(self, shopper: str) -> Health:
        """What is said of the bucket that holds the shopper; of the job where that has not reported."""
        if self._newest is None:
            return Health(0, 0, True, False)
        bucket = bucket_of(shopper, self._newest.buckets)
        found = self._known.get(bucket)
        if found is None:
            # A job that ran in the other topology before has left its reports behind.
            forms = self._of.get(bucket, {}).values()
            own = _of_one_run(max(forms, key=_latest, default=[self._newest]))
            heard = min(report.at for report in own)
            found = self._known[bucket] = Health(
                heard,
                max(report.covers_from for report in own),
                self._now - heard > SILENT_AFTER_MS,
                any(report.rewriting for report in own),
            )
        return found


def _report(text: bytes) -> Report | None:
    try:
        told: dict[str, Any] = json.loads(text)
        at, covers_from, buckets = (int(told[name]) for name in ("at", "covers_from", "buckets"))
    except (KeyError, TypeError, ValueError):
        return None
    run = str(told.get("run", ""))
    return Report(at, covers_from, bool(told.get("rewriting")), buckets, run) if buckets > 0 else None


def _latest(reports: Iterable[Report]) -> int:
    return max(report.at for report in reports)


def _of_one_run(reports: list[Report]) -> list[Report]:
    """The reports of the latest run alone: an operator that holds nothing of a bucket tells nothing of it.

    What one that did, or that there is no more, told before a restart would look like silence.
    """
    run = max(reports, key=lambda report: report.at).run
    return [report for report in reports if report.run == run]
