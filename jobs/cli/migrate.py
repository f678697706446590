"""`shopper migrate`: go on with another query of the micro-batches, without loss."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final

import orjson
import typer

from jobs.cli.flags import JOB, with_settings
from jobs.cli.hand_over import WorkersPython, config_of, hand_over, tried
from jobs.cli.outcome import CommandError
from jobs.cli.stop import running_job, stop_job
from jobs.cluster.flink_rest import ENDED, FlinkRest, FlinkRestError
from jobs.cluster.standing import StandingError, standing_of
from jobs.kafka.client import KafkaUnreachableError, MissingTopicError
from jobs.kafka.offsets import read_on
from jobs.settings import Loaded

CHECKPOINT_S: Final = 300.0
_POLL_S: Final = 0.5


@with_settings(*JOB)
def migrate(
    loaded: Loaded,
    restore_from: Annotated[
        str, typer.Option("--from", metavar="URI", help="Savepoint of a migration that was interrupted.")
    ] = "",
    offsets: Annotated[
        str, typer.Option(metavar="P:N,…", help="Where that one was to read on, as it said.")
    ] = "",
    python: WorkersPython = "",
    preflight: Annotated[
        bool,
        typer.Option(help="Try Kafka and Redis from here first."),
    ] = True,
    json: Annotated[bool, typer.Option("--json", help='Print {"job_id":…}.')] = False,
) -> None:
    """Replace the running job by one with another query or another Flink, and print the new id.

    Needed where `submit --from` says that the state does not fit. Stops the job with a savepoint, takes over
    the shoppers, and reads on from Kafka: the records of the open micro-batch again, those that were counted
    not. Ends when the new job has its first checkpoint.

    With --from alone (a savepoint or checkpoint of a job that does not run any more) everything is read again
    from where that job began, and what its state has is passed by: right, and as slow as that sounds.

    Examples:
        shopper migrate --jobmanager flink:8081 --checkpoint-dir s3://bucket/checkpoints

        shopper migrate --from s3://bucket/checkpoints/savepoints/savepoint-1a2b3c --offsets 0:1041,1:997
    """
    settings = loaded.settings
    config = config_of(loaded, python)
    if preflight:
        tried(settings)
    try:
        standing = standing_of(settings)
        standing.check_fits(config)
        positions = parsed(offsets)
        if not restore_from:
            job = running_job(settings)
            positions = standing.positions(job.id)
            # What can fail should do so while the job still runs.
            read_on(settings, positions, standing.covers_from)
            restore_from = stop_job(settings, job)
        again = f"shopper migrate --from {restore_from}"
        if positions:
            again += f" --offsets {shown(positions)}"
        _say(f"stopped; should the rest fail, it is done again by: {again}")
        resume = read_on(settings, positions, standing.covers_from)
        config = replace(standing.gone_on(config), restore_from=restore_from, resume=resume)
        job_id = hand_over(config, settings)
        _wait_safe(FlinkRest(settings.jobmanager), job_id, again)
    except (FlinkRestError, KafkaUnreachableError, MissingTopicError, StandingError) as error:
        raise CommandError(str(error)) from None
    typer.echo(orjson.dumps({"job_id": job_id}) if json else job_id)


def shown(offsets: Mapping[int, int]) -> str:
    """Offsets as the flag takes them.

    >>> shown({0: 1041, 1: 997})
    '0:1041,1:997'
    """
    return ",".join(f"{partition}:{offset}" for partition, offset in sorted(offsets.items()))


def parsed(text: str) -> dict[int, int]:
    """The offsets that `shown` made `text` of.

    Raises:
        CommandError: if they cannot be read.
    """
    if not text:
        return {}
    try:
        return {int(partition): int(offset) for partition, offset in (p.split(":") for p in text.split(","))}
    except ValueError:
        msg = f"--offsets {text!r}: expected PARTITION:OFFSET, several separated by commas"
        raise CommandError(msg) from None


def _wait_safe(flink: FlinkRest, job_id: str, again: str) -> None:
    """Wait for the first checkpoint: from then on the job is one like any other."""
    until = time.monotonic() + CHECKPOINT_S
    while not flink.checkpoints(job_id):
        state = flink.state(job_id)
        if state in ENDED or time.monotonic() > until:
            msg = (
                f"job {job_id} is {state} without a checkpoint; Flink's page has the cause. Nothing is lost:"
                f" cancel it, put the cause right, then: {again}"
            )
            raise CommandError(msg)
        time.sleep(_POLL_S)


def _say(text: str) -> None:
    typer.echo(text, err=True)
