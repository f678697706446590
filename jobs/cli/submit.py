"""`shopper submit`: hand the job to a Flink cluster."""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import orjson
import typer

from jobs import preflight as before
from jobs.cli.flags import ALL, with_settings
from jobs.cli.outcome import CommandError
from jobs.job_config import JobConfig
from jobs.local.errors import LocalError
from jobs.local.flink_config import write_config
from jobs.local.jars import provide, read_lock
from jobs.local.toolchain import find_flink, find_java
from jobs.settings import Loaded, Problem, Settings, SettingsError
from jobs.settings.job import job_config
from jobs.submission import SubmissionError
from jobs.submission import submit as hand_over


@with_settings(*ALL)
def submit(
    loaded: Loaded,
    restore_from: Annotated[
        str, typer.Option("--from", metavar="URI", help="Checkpoint or savepoint to begin from.")
    ] = "",
    python: Annotated[
        str,
        typer.Option(metavar="PATH", help="The workers' Python; default: the one their cluster configures."),
    ] = "",
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
    requirements.lock. Without --from the job starts without state, where the setting `start` says.

    Examples:
        shopper submit --jobmanager flink:8081 --checkpoint-dir s3://bucket/checkpoints

        shopper submit --from s3://bucket/savepoints/savepoint-1a2b3c
    """
    if not loaded.settings.checkpoint_dir:
        remedy = (
            "Name a folder that every TaskManager reaches, by --checkpoint-dir or SHOPPER_CHECKPOINT_DIR."
        )
        origin = str(loaded.origins["checkpoint_dir"])
        raise SettingsError((Problem("checkpoint_dir", "", origin, "missing", remedy),))
    if preflight:
        _try(loaded.settings)
    config = job_config(
        loaded.settings,
        life=round(time.time() * 1000),
        checkpoint_dir=loaded.settings.checkpoint_dir,
        python=python,
        restore_from=restore_from,
    )
    try:
        job_id = _hand_over(config, loaded.settings.jobmanager)
    except (LocalError, SubmissionError) as error:
        raise CommandError(str(error)) from None
    typer.echo(orjson.dumps({"job_id": job_id}) if json else job_id)


def _try(settings: Settings) -> None:
    """Find out now what the job would tell only in Flink's log, restarting for ever."""
    try:
        before.preflight(settings)
    except before.PreflightError as error:
        msg = f"{error}\nIf only the cluster can reach them, submit with --no-preflight."
        raise CommandError(msg) from None


def _hand_over(config: JobConfig, jobmanager: str) -> str:
    """Call Flink's client with a configuration folder of its own; return the job's id."""
    flink_home, java_home = find_flink(), find_java()
    jars = provide([jar for jar in read_lock() if jar.folder == "flink"], progress=_say)
    with tempfile.TemporaryDirectory(prefix="shopper-client-") as folder:
        write_config(Path(folder), flink_home, {})
        environment = {
            "JAVA_HOME": str(java_home),
            "FLINK_HOME": str(flink_home),
            "FLINK_CONF_DIR": folder,
            "FLINK_LOG_DIR": folder,
        }
        return hand_over(config, jobmanager, flink_home, jars["flink"][0], environment)


def _say(text: str) -> None:
    typer.echo(text, err=True)
