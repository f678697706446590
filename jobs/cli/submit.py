"""`shopper submit`: hand the job to a Flink cluster."""

import time
from dataclasses import replace
from typing import Annotated, Final

import orjson
import typer

from jobs.cli.flags import JOB, with_settings
from jobs.cli.hand_over import WorkersPython, config_of, hand_over, tried
from jobs.cli.outcome import CommandError
from jobs.cluster.flink_rest import FlinkRest, FlinkRestError
from jobs.cluster.standing import StandingError, standing_of
from jobs.job_config import JobConfig
from jobs.settings import Loaded, Settings

LATEST: Final = "latest"


@with_settings(*JOB)
def submit(
    loaded: Loaded,
    restore_from: Annotated[
        str,
        typer.Option(
            "--from", metavar="URI", help="Checkpoint or savepoint to begin from; `latest`: the newest known."
        ),
    ] = "",
    new_life: Annotated[
        bool, typer.Option("--new-life", help="Begin without state although a job of this name has lived.")
    ] = False,
    python: WorkersPython = "",
    preflight: Annotated[
        bool,
        typer.Option(
            help="Try Kafka and Redis from here first; without, where only the cluster can reach them."
        ),
    ] = True,
    json: Annotated[bool, typer.Option("--json", help='Print {"job_id":…}.')] = False,
) -> None:
    """Submit the job to the Flink cluster at --jobmanager, and print its id.

    The job travels as one zip with our code and the Kafka connector's jar; the workers need the packages of
    requirements.lock. Without --from the job starts without state, where the setting `start` says; where one
    of this name has lived already, that takes --new-life.

    Examples:
        shopper submit --jobmanager flink:8081 --checkpoint-dir s3://bucket/checkpoints

        shopper submit --from s3://bucket/savepoints/savepoint-1a2b3c

        shopper submit --from latest
    """
    settings = loaded.settings
    config = config_of(loaded, python)
    if preflight:
        tried(settings)
    try:
        _refuse_a_second(settings)
        if restore_from:
            uri = _newest(settings) if restore_from == LATEST else restore_from
            config = replace(_gone_on(settings, config), restore_from=uri)
        else:
            config = replace(config, life=_life(settings, config.life, new_life=new_life))
        job_id = hand_over(config, settings)
    except (FlinkRestError, StandingError) as error:
        raise CommandError(str(error)) from None
    typer.echo(orjson.dumps({"job_id": job_id}) if json else job_id)


def _refuse_a_second(settings: Settings) -> None:
    job = FlinkRest(settings.jobmanager).running(settings.job_name)
    if job is not None:
        msg = (
            f"a job {settings.job_name!r} is there already, {job.state}: {job.id}. Two would count everything"
            " twice and refuse each other's rows. `shopper stop` stops it with a savepoint"
        )
        raise CommandError(msg)


def _newest(settings: Settings) -> str:
    """The newest state that the JobManager remembers, else the newest in a folder of this machine."""
    flink = FlinkRest(settings.jobmanager)
    for job in flink.jobs(settings.job_name):
        if uri := flink.newest_state(job.id):
            _say(f"goes on from {uri}")
            return uri
    if settings.checkpoint_dir.startswith("file:"):
        from jobs.cluster.supervisor import newest_checkpoint  # noqa: PLC0415  it brings PyFlink, which takes seconds

        if uri := newest_checkpoint(settings.checkpoint_dir):
            _say(f"goes on from {uri}")
            return uri
    msg = (
        f"the JobManager at {settings.jobmanager} remembers no checkpoint of {settings.job_name!r} (a restart"
        " makes it forget). Look for the newest folder chk-… or savepoint-… with a file _metadata below"
        f" {settings.checkpoint_dir}, and give it as --from URI"
    )
    raise CommandError(msg)


def _gone_on(settings: Settings, config: JobConfig) -> JobConfig:
    """The config for going on; refuse what the state cannot go on with, as Redis tells it."""
    try:
        standing = standing_of(settings)
    except StandingError as error:
        _say(f"{error}: topic, buckets, topology and identity go unchecked")
        return config
    standing.check_fits(config)
    return standing.gone_on(config)


def _life(settings: Settings, now: int, *, new_life: bool) -> int:
    """The life of a start without state: later than any that left rows, so that its own win.

    Raises:
        CommandError: if a job of this name has lived, and that is not said to be over.
    """
    try:
        before = standing_of(settings).life
    except StandingError as error:
        if new_life:
            _say(str(error))
            return now
        msg = f"{error}. Whether a job of this name has lived cannot be told; --new-life begins all the same"
        raise CommandError(msg) from None
    if before and not new_life:
        since = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(before / 1000))
        msg = (
            f"a job {settings.job_name!r} has lived since {since}; Redis holds its progress. Without its"
            " state every shopper begins anew, from the records that `start` says. Go on with it by"
            " --from latest (or --from URI), or give it up by --new-life: its rows stay until they expire, or"
            " until the new life has something to say of that shopper"
        )
        raise CommandError(msg)
    return max(now, before + 1)


def _say(text: str) -> None:
    typer.echo(text, err=True)
