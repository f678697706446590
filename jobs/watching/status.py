"""Whether the job is well, in words. Pure: what Redis and Kafka say is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from events.sides.row import TABLES
from jobs.durations import span
from jobs.watching.lag import Lag
from jobs.watching.progress import Progress
from operators.ledger import OF_A_TABLE, VERDICTS
from operators.places import topic_and_partition

SILENT_MS: Final = 10_000
"""The job tells its progress once a second; after so long without a word it is not running."""
DEAD_SHARE: Final = 0.05


@dataclass(frozen=True)
class Status:
    """What is known of the job at `now` (epoch ms)."""

    job: str
    progress: Progress
    now: int
    lag: Mapping[int, Lag] = field(default_factory=dict)
    """By place (`operators.places`); empty where Kafka was not asked."""
    behind_ms: int = 30_000
    """An unread record that is older is too old."""
    topics: Mapping[int, str] = field(default_factory=dict)
    """The topics of declared sources, by their numbers (`operators.places`)."""

    @property
    def topology(self) -> str:
        """`fused` or `branches`."""
        return "branches" if self.progress.apart else "fused"

    def named(self, place: int) -> str:
        """Say which partition it is: `3`, or of a declared source `interactions/3`."""
        number, partition = topic_and_partition(place)
        return f"{self.topics.get(number, number)}/{partition}" if number else str(partition)

    def sources(self) -> dict[str, dict[str, int]]:
        """What became of the records of each declared source that is read."""
        counts = self.progress.counts
        return {
            topic: {name: counts[f"source.{number}.{name}"] for name in ("read", *VERDICTS)}
            for number, topic in self.topics.items()
        }

    def equation(self) -> str:
        """Say where every record read went, and whether the numbers add up."""
        counts = self.progress.counts
        said = " + ".join(f"{verdict} {counts[verdict]:,}" for verdict in VERDICTS)
        return f"read {counts['read']:,} = {said}"

    def problems(self) -> list[str]:
        """Say what is wrong, each with the way out; empty where the job is healthy."""
        return [*self._silence(), *self._unbalanced(), *self._behind()]

    def remarks(self) -> list[str]:
        """Say what somebody should look at, though the job does its work."""
        counts = self.progress.counts
        said = []
        if bugs := counts["dead.bug"] + sum(each["dead.bug"] for each in self._others()):
            said.append(f"{bugs:,} records met a defect in our code: shopper dlq list --kind bug")
        if counts["dead"] > DEAD_SHARE * counts["read"]:
            share = 100 * counts["dead"] / counts["read"]
            said.append(f"{share:.0f} % of the records read are dead: shopper dlq list --summary")
        if self.progress.rewriting:
            said.append(
                f"{self.progress.rewriting:,} buckets are being written again: Redis lost writes, or the "
                "features are others than before; nothing to do, see rewrites_per_s"
            )
        if counts["wake_bugs"]:
            said.append(f"{counts['wake_bugs']:,} wake-ups met a defect: see the TaskManagers' logs")
        if counts["identity.lost"]:
            said.append(
                f"{counts['identity.lost']:,} logins or histories of devices were lost to a defect: see the "
                "TaskManagers' logs, and docs/operations.md, ShopperIdentityLost"
            )
        if counts["rows.foreign"]:
            said.append(
                f"{counts['rows.foreign']:,} rows were not written, because their keys hold another type: "
                "who else writes under this redis_prefix?"
            )
        return said

    def sides(self) -> dict[str, dict[str, int]]:
        """What became of the records of each side input that told any."""
        counts = self.progress.counts
        told = {table: {name: counts[f"side.{table}.{name}"] for name in OF_A_TABLE} for table in TABLES}
        return {table: numbers for table, numbers in told.items() if any(numbers.values())}

    def as_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        told, problems = self.progress, self.problems()
        return {
            "job": self.job,
            "topology": self.topology,
            "healthy": not problems,
            "problems": problems,
            "remarks": self.remarks(),
            "now": self.now,
            "at": told.at,
            "life": told.life,
            "covers_from": told.covers_from,
            "event_time": told.event_time,
            "kafka_time": told.kafka_time,
            "buckets": told.buckets,
            "rewriting": told.rewriting,
            "adds_up": not told.unbalanced,
            "counts": dict(sorted(told.counts.items())),
            "branches": {branch: dict(sorted(own.items())) for branch, own in told.branches.items()},
            "sources": self.sources(),
            "sides": self.sides(),
            "partitions": {
                self.named(partition): {
                    "read": told.partitions[partition].read if partition in told.partitions else 0,
                    "next": lag.next,
                    "end": lag.end,
                    "lag": lag.records,
                    "oldest_unread": lag.oldest_unread,
                }
                for partition, lag in self.lag.items()
            },
        }

    def _others(self) -> list[Mapping[str, int]]:
        """The counters of the branches that do not account."""
        if not self.progress.apart:
            return []
        return [own for branch, own in self.progress.branches.items() if not own["read"]]

    def _silence(self) -> list[str]:
        age = self.now - self.progress.at
        if age <= SILENT_MS:
            return []
        said = f"the job has said nothing for {span(age)}, and should once a second: does it run? See Flink; "
        return [f"{said}shopper submit --from CHECKPOINT goes on from its newest checkpoint"]

    def _unbalanced(self) -> list[str]:
        return [
            f"bucket {name}: its verdicts miss what it read by {missing:+,}: a defect, please report it"
            for name, missing in self.progress.unbalanced.items()
        ]

    def _behind(self) -> list[str]:
        said = []
        for place, lag in self.lag.items():
            partition = self.named(place)
            age = self.now - lag.oldest_unread
            if lag.records < 0:
                said.append(
                    f"partition {partition}: read to offset {lag.next - 1:,}, but Kafka ends at {lag.end:,}: "
                    "was the topic made anew? Then the job must begin without its state"
                )
            elif lag.oldest_unread and age > self.behind_ms:
                said.append(
                    f"partition {partition}: {lag.records:,} records unread, the oldest for {span(age)}: is "
                    "the job slow, restarting, or short of slots? See its page in Flink"
                )
        return said
