"""`shopper run`: the job on a Flink of this machine, against a Kafka and a Redis that are there already."""

import time
from contextlib import closing, suppress
from dataclasses import replace
from typing import Annotated, Final

import typer

from jobs.cli.flags import JOB, with_settings
from jobs.cli.outcome import CommandError, accounting
from jobs.cli.signals import interruptible
from jobs.cluster.preflight import PreflightError, preflight
from jobs.cluster.standing import StandingError, standing_of
from jobs.cluster.submission import SubmissionError
from jobs.cluster.supervisor import JobEndedError, Supervisor, newest_checkpoint
from jobs.kafka.client import KafkaUnreachableError, MissingTopicError
from jobs.kafka.offsets import catalogue_ends
from jobs.local.errors import LocalError
from jobs.local.jars import ROOT
from jobs.local.stack import LocalStack
from jobs.settings import Loaded, Settings
from jobs.settings.job import job_config
from jobs.watching.progress import read_progress
from serving.redis_reader import RedisReader, RedisUnreachableError

LOOK_S: Final = 2.0


@with_settings(*JOB)
def run(
    loaded: Loaded,
    seconds: Annotated[float | None, typer.Option(min=1, help="End by itself after so long.")] = None,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two lines of accounting.")] = 10,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin without state, whatever checkpoints there are.")
    ] = False,
) -> None:
    """Run the job on a Flink cluster of this machine, until Ctrl-C.

    Kafka and Redis are those of the settings; the topics must exist. Processes that die are started anew. The
    next run goes on from the newest checkpoint in --checkpoint-dir (default: .local/state/<job name>).

    Examples:
        shopper run --kafka-bootstrap localhost:9092 --redis-url redis://localhost:6379/0

        shopper run --parallelism 2 --topology branches
    """
    settings = loaded.settings
    try:
        preflight(settings)
    except PreflightError as error:
        raise CommandError(str(error)) from None
    state = settings.checkpoint_dir or (ROOT / ".local" / "state" / settings.job_name).as_uri()
    if not state.startswith("file:"):
        msg = f"checkpoint_dir is {state}; `shopper run` needs a folder of this machine, file:///…"
        raise CommandError(msg)
    try:
        with (
            interruptible(),
            LocalStack(
                with_kafka=False, with_redis=False, taskmanagers=settings.parallelism, progress=_say
            ) as stack,
        ):
            config = job_config(settings, life=round(time.time() * 1000), checkpoint_dir=state)
            with suppress(KafkaUnreachableError, MissingTopicError):  # the job would only wait, and say why
                config = replace(config, catalogue_ends=catalogue_ends(settings))
            if not fresh and newest_checkpoint(state):
                config = standing_of(settings).gone_on(config)
            supervisor = Supervisor(stack.flink, config, _say)
            supervisor.start(fresh=fresh)
            _say(f"job {supervisor.job_id} runs; Flink's page: {stack.flink.rest_url}")
            _watch(settings, supervisor, every, None if seconds is None else time.monotonic() + seconds)
    except KeyboardInterrupt:
        _say("stopped; the next run goes on from the newest checkpoint")
    except (LocalError, SubmissionError, JobEndedError, StandingError) as error:
        raise CommandError(str(error)) from None


def _watch(settings: Settings, supervisor: Supervisor, every: float, until: float | None) -> None:
    told = 0.0
    with closing(RedisReader(settings.redis_url)) as reader:
        while until is None or time.monotonic() < until:
            state = supervisor.look()
            if failure := supervisor.failure():
                _say(f"the job failed and is started again: {failure}")
            if time.monotonic() - told >= every:
                told = time.monotonic()
                typer.echo(f"{time.strftime('%H:%M:%S')} {state} {_accounts(reader, settings)}")
            time.sleep(LOOK_S)


def _accounts(reader: RedisReader, settings: Settings) -> str:
    try:
        return accounting(read_progress(reader, settings.job_name, settings.redis_prefix).counts)
    except RedisUnreachableError as error:
        return str(error)


def _say(text: str) -> None:
    typer.echo(text, err=True)
