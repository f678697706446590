"""How far a job of this name came, by what it told Redis: what a submission checks and a migration needs."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import NamedTuple, Self

from features.identity import OFF
from jobs.job_config import JobConfig
from jobs.settings import Settings
from jobs.watching.progress import progress_key, told_by
from jobs.watching.tellers import Teller
from serving.redis_reader import RedisReader, RedisUnreachableError


class StandingError(Exception):
    """The job cannot go on as asked; the message says why, and the way out."""


class Run(NamedTuple):
    """One run of a job, from a start or restart to its end."""

    job_id: str
    attempt: int

    @classmethod
    def of(cls, text: str) -> Self:
        """The run that `operators.streams.run_of` wrote."""
        job_id, _, attempt = text.partition(":")
        return cls(job_id, int(attempt or 0))


class Standing:
    """All buckets together."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        """Take the fields of the progress key; those of branches that account for nothing pass by."""
        tellers = {name: Teller.of(name) for name in fields}
        self.apart = any(teller.apart for teller in tellers.values())
        """Whether branches ran apart."""
        self.devices = any(teller.devices for teller in tellers.values())
        """Whether devices had operators of their own, as with identity."""
        self.told = [
            told
            for name, told in told_by(fields).items()
            if tellers[name].accounts and tellers[name].bucket.isdecimal()
        ]

    @classmethod
    def read(cls, reader: RedisReader, job_name: str, prefix: str = "") -> Self:
        """What Redis holds.

        Raises:
            RedisUnreachableError: if Redis does not answer.
        """
        (fields,) = reader.hashes([progress_key(job_name, prefix)])
        return cls(fields)

    @property
    def life(self) -> int:
        """The latest life; 0 where no job of this name has lived."""
        return max((told.life for told in self.told), default=0)

    @property
    def covers_from(self) -> int:
        """From when on the job has read, by Kafka's timestamps."""
        return min((told.covers_from for told in self.told), default=0)

    def positions(self, job_id: str) -> dict[int, int]:
        """By partition, an offset below which the latest run of that job has accounted for every record.

        Every record leaves its offset with some bucket, whatever became of it, and a partition's records are
        decoded in their order. What an earlier run told may be ahead of the state that this one began from.
        """
        runs = [(Run.of(told.run), told) for told in self.told]
        latest = max((run for run, _ in runs if run.job_id == job_id), default=None)
        found: dict[int, int] = {}
        for run, told in runs:
            for partition, place in told.partitions.items() if run == latest else ():
                found[partition] = max(found.get(partition, 0), place.offset + 1)
        return found

    def life_for(self, config: JobConfig) -> int:
        """The life of what goes on from this job's state and has none itself.

        Where devices get operators of their own, their rows must stand above those that they had as shoppers
        like any other.
        """
        first_devices = not self.devices and config.definitions.identity != OFF
        return config.life if first_devices else self.life or config.life

    def gone_on(self, config: JobConfig) -> JobConfig:
        """The config as it is for going on from this job's state.

        What anonymous shoppers did before devices got operators of their own stays where it was, so that
        values are PARTIAL for as long as a window reaches back to then.
        """
        first_devices = bool(self.told) and not self.devices and config.definitions.identity != OFF
        since = config.life if first_devices else 0
        return replace(config, life=self.life_for(config), devices_since=since)

    def check_fits(self, config: JobConfig) -> None:
        """Compare with the job that is to go on from this one's state.

        Raises:
            StandingError: if topic, buckets or topology are others, or identity was on and is to be off.
        """
        if self.devices and config.definitions.identity == OFF:
            msg = (
                f"identity is off, but the job {config.job_name!r} ran with it, and what it holds of devices"
                " cannot go on without. Set identity back, or give up the state (--new-life)"
            )
            raise StandingError(msg)
        topology = "branches" if self.apart else "fused"
        for told in self.told:
            for name, before, now in (
                ("topic", told.topic, config.topic),
                ("buckets", told.buckets, config.buckets),
                ("topology", topology, config.topology),
            ):
                if before not in ("", 0, now):
                    msg = (
                        f"{name} is {now}, but the job {config.job_name!r} ran with {before}, and its state"
                        f" cannot go on with another. Set {name} back, or give up the state (--new-life)"
                    )
                    raise StandingError(msg)


def standing_of(settings: Settings) -> Standing:
    """How far a job of the settings' name came.

    Raises:
        StandingError: if Redis does not answer.
    """
    try:
        with closing(RedisReader(settings.redis_url)) as reader:
            return Standing.read(reader, settings.job_name, settings.redis_prefix)
    except RedisUnreachableError as error:
        raise StandingError(str(error)) from None
