"""Hand the job of the settings to a Flink cluster, with a client of our own."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.outcome import CommandError
from jobs.cluster.beginning import JobNotBegunError, see_it_begin
from jobs.cluster.flink_rest import FlinkRest, FlinkRestError
from jobs.cluster.preflight import PreflightError, preflight
from jobs.cluster.submission import Client, SubmissionError, knock, submit
from jobs.job_config import JobConfig
from jobs.kafka.client import KafkaUnreachableError, MissingTopicError
from jobs.kafka.offsets import catalogue_ends
from jobs.local.errors import LocalError
from jobs.local.flink_config import write_config
from jobs.local.jars import provide, read_lock
from jobs.local.toolchain import find_flink, find_java
from jobs.settings import Loaded, Problem, Settings, SettingsError
from jobs.settings.job import job_config

WorkersPython = Annotated[
    str, typer.Option(metavar="PATH", help="The workers' Python; default: the one their cluster configures.")
]


def config_of(loaded: Loaded, python: str = "") -> JobConfig:
    """The job that the settings describe, to be submitted now.

    Raises:
        SettingsError: if nothing says where its checkpoints go.
    """
    if not loaded.settings.checkpoint_dir:
        remedy = (
            "Name a folder that every TaskManager reaches, by --checkpoint-dir or SHOPPER_CHECKPOINT_DIR."
        )
        origin = str(loaded.origins["checkpoint_dir"])
        raise SettingsError((Problem("checkpoint_dir", "", origin, "missing", remedy),))
    return job_config(
        loaded.settings,
        life=round(time.time() * 1000),
        checkpoint_dir=loaded.settings.checkpoint_dir,
        python=python,
    )


def tried(settings: Settings) -> None:
    """Find out now what the job would tell only in Flink's log, restarting for ever.

    Raises:
        CommandError: with everything that will not work.
    """
    try:
        preflight(settings)
    except PreflightError as error:
        msg = f"{error}\nIf only the cluster can reach them, submit with --no-preflight."
        raise CommandError(msg) from None


def hand_over(config: JobConfig, settings: Settings) -> str:
    """Call Flink's client with a configuration folder of its own; return the job's id.

    The job is told how far the catalogue's topic goes, so that no event counts before it has been read.

    Raises:
        CommandError: if the job was not taken.
    """
    jobmanager = settings.jobmanager
    try:
        config = replace(config, catalogue_ends=catalogue_ends(settings))
    except (KafkaUnreachableError, MissingTopicError) as error:
        _say(f"{error}. Events of the first seconds may count before the catalogue's rows are there")
    try:
        job_id = _hand_over(config, jobmanager)
        if config.restore_from:
            see_it_begin(FlinkRest(jobmanager), job_id, config.restore_from)
    except (LocalError, SubmissionError, JobNotBegunError, FlinkRestError) as error:
        raise CommandError(str(error)) from None
    return job_id


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
        knock(jobmanager)
        client = Client(flink_home, jars["flink"][0], environment)
        return submit(config, jobmanager, client, progress=_say)


def _say(text: str) -> None:
    typer.echo(text, err=True)
