"""`shopper stop`: stop the job with a savepoint, from which it can go on."""

from typing import Annotated

import orjson
import typer

from jobs.cli.flags import with_settings
from jobs.cli.outcome import CommandError, NotFoundError
from jobs.cluster.flink_rest import FlinkRest, FlinkRestError, JobSeen
from jobs.settings import Loaded, Settings


@with_settings("jobmanager", "job_name", "checkpoint_dir")
def stop(
    loaded: Loaded,
    json: Annotated[bool, typer.Option("--json", help='Print {"savepoint":…}.')] = False,
) -> None:
    """Stop the job with a savepoint below --checkpoint-dir, and print its URI. Nothing is lost.

    The records of the open micro-batch are in the savepoint; keys in Redis stay, and expire when their values
    end.

    Examples:
        shopper stop --jobmanager flink:8081 --checkpoint-dir s3://bucket/checkpoints

        shopper submit --from $(shopper stop)
    """
    savepoint = stop_job(loaded.settings, running_job(loaded.settings))
    typer.echo(orjson.dumps({"savepoint": savepoint}) if json else savepoint)


def running_job(settings: Settings) -> JobSeen:
    """The job of the settings' name.

    Raises:
        CommandError: if none runs.
    """
    try:
        job = FlinkRest(settings.jobmanager).running(settings.job_name)
    except FlinkRestError as error:
        raise CommandError(str(error)) from None
    if job is None:
        msg = f"no job {settings.job_name!r} runs at {settings.jobmanager}"
        raise NotFoundError(msg)
    return job


def stop_job(settings: Settings, job: JobSeen) -> str:
    """Stop a job; return the savepoint's URI.

    Raises:
        CommandError: if it cannot be stopped; it then runs on.
    """
    if not settings.checkpoint_dir:
        msg = "checkpoint_dir is missing: savepoints go below it. Give --checkpoint-dir as for `submit`"
        raise CommandError(msg)
    try:
        return FlinkRest(settings.jobmanager).stop(
            job.id, f"{settings.checkpoint_dir.rstrip('/')}/savepoints"
        )
    except FlinkRestError as error:
        raise CommandError(str(error)) from None
