"""What a bucket writes: rows, progress and the number by which it notices that Redis lost some. No Flink."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import orjson

from features.row import FeatureRow
from operators.applying import Applying
from operators.bucket import LOOK_MS, Bucket
from operators.outcome import Outcome
from sinks.redis_sink import WriteReport
from sinks.sequence import Stamp

log = logging.getLogger(__name__)

AGAIN_MS: Final = 10_000
"""After which a row is written again that was refused, for what is stored is newer."""


class Sink(Protocol):
    """Where rows go; `write` raises when it cannot take them, or those that went ahead of it."""

    def ahead(self, rows: Sequence[FeatureRow], life: int) -> None:  # noqa: D102
        ...

    def write(  # noqa: D102
        self,
        rows: Sequence[FeatureRow],
        life: int,
        put: Mapping[str, Mapping[str, str]] | None = None,
        stamp: Stamp | None = None,
    ) -> WriteReport: ...


@dataclass(frozen=True)
class Names:
    """What the job's own keys and their fields are called."""

    job: str
    branch: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    """What progress says beside the ledger: the topic, how many buckets there are, which run tells it."""
    beyond: str = ""
    """What it holds instead of shoppers; how far that is says a hash of its own."""

    @property
    def progress(self) -> str:
        """Key of the hash that says how far the job is."""
        beyond = f"{self.beyond}:" if self.beyond else ""
        return f"pipeline:{self.job}:{beyond}progress"

    @property
    def sequence(self) -> str:
        """Key of the hash with the number of each bucket's last write."""
        return f"pipeline:{self.job}:sequence"

    def field(self, bucket: int) -> str:
        """A bucket's field in both; each branch has its own where branches run apart."""
        return f"{bucket}/{self.branch}" if self.branch else str(bucket)


class Writing:
    """Writes for the buckets of one operator instance, and tells progress at every beat."""

    def __init__(self, names: Names, applier: Applying, sink: Sink, progress_ms: int) -> None:
        """Begin with a beat that is due."""
        self._names = names
        self._applier = applier
        self._sink = sink
        self._progress_ms = progress_ms
        self.beat = 0
        """When progress is to be told again, epoch ms."""
        self.beating = -1
        """The bucket whose timer carries that moment."""

    def due(self, bucket: Bucket, now: int) -> bool:
        """Whether something is to be written though there are no rows."""
        return now >= self.beat or bucket.looks(now)

    def ahead(self, bucket: Bucket, outcome: Outcome) -> None:
        """Let the rows that an outcome has so far go ahead of the others: Redis has work meanwhile."""
        rows = outcome.rows[outcome.ahead :]
        outcome.ahead = len(outcome.rows)
        self._sink.ahead(rows, bucket.ledger.life)

    def write(
        self, bucket: Bucket, outcome: Outcome, now: int, known: Iterable[Bucket], rewriting: bool = False
    ) -> None:
        """Write an outcome's rows; what Redis answers may ask for more, at once or in the next wake-ups.

        Args:
            bucket: whose rows they are.
            outcome: is completed where rows had to be sent whole.
            now: epoch ms.
            known: the buckets whose progress is told if it is time.
            rewriting: whether these are rows that are written again.
        """
        rows = outcome.rows[outcome.ahead :]
        report = self._numbered(bucket, rows, now, rewriting, self._progress(bucket, now, known))
        bucket.ledger.add("rows.capped", sum(row.capped for row in outcome.rows))
        behind = report.behind
        if report.missed:
            again = self._numbered(bucket, self._applier.whole(report.missed, outcome), now, rewriting)
            bucket.ledger.add("rows.missed", len(report.missed))
            behind += again.behind
        if behind:
            self._applier.again(behind, outcome, now + AGAIN_MS)
            bucket.ledger.add("rows.behind", len(behind))

    def _numbered(
        self,
        bucket: Bucket,
        rows: Sequence[FeatureRow],
        now: int,
        rewriting: bool,
        progress: dict[str, dict[str, str]] | None = None,
    ) -> WriteReport:
        """Write rows and the number behind them; where Redis has lost some before, all are written again."""
        stamp = None
        if rewriting or bucket.rewriting is None:
            stamp = bucket.stamp(self._names.sequence, self._names.field(bucket.number), now)
            bucket.look_at = now + LOOK_MS
        report = self._sink.write(rows, bucket.ledger.life, progress, stamp)
        _count(bucket, report)
        if report.lost:
            bucket.ledger.add("losses")
            rewrite(bucket, "Redis does not hold any more what it had taken", now)
        elif stamp is not None:
            self._acknowledge(bucket, stamp, now)
        return report

    def _acknowledge(self, bucket: Bucket, stamp: Stamp, now: int) -> None:
        rewriting = bucket.rewriting
        if rewriting is None:
            bucket.ledger.number = stamp.number
            return
        rewriting.number = stamp.number
        if stamp.whole:
            bucket.ledger.number, bucket.ledger.catalogue = stamp.number, self._applier.catalogue
            bucket.rewriting = None
            what = rewriting.written, now - rewriting.begun
            log.info("bucket %d: rows of %d shoppers written again in %d ms", bucket.number, *what)

    def _progress(
        self, bucket: Bucket, now: int, known: Iterable[Bucket]
    ) -> dict[str, dict[str, str]] | None:
        """What to write of the progress, if it is time; `bucket` then carries the next moment."""
        if now < self.beat:
            return None
        self.beat, self.beating = now + self._progress_ms, bucket.number
        told = {
            self._names.field(each.number): orjson.dumps(
                each.ledger.progress(now) | {"rewriting": each.rewriting is not None} | self._names.about
            ).decode()
            for each in known
        }
        return {self._names.progress: told}


def rewrite(bucket: Bucket, reason: str, now: int) -> None:
    """Have all rows of a bucket written again."""
    log.warning("bucket %d: %s; its rows are written again", bucket.number, reason)
    bucket.rewrite(now)


def _count(bucket: Bucket, report: WriteReport) -> None:
    bucket.ledger.add("rows.written", report.written)
    bucket.ledger.add("rows.refused", report.refused)
    bucket.ledger.add("rows.foreign", report.foreign)
    bucket.ledger.add("forgotten.keys", report.deleted)
