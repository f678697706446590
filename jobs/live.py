"""The live job: Kafka in, Redis out, until it is stopped.

Entry point of `flink run -pym jobs.live -pyfs job.zip -- --config job.json` (and of `python -m jobs.live`).
The configuration is the JSON of `jobs.job_config.JobConfig`, in a file, since it may hold passwords: a
process list would show them as arguments, and Flink's client logs its environment.
"""

import argparse
import logging
import os
import sys
from pathlib import Path

from pyflink.common.job_client import JobClient

from jobs.job_config import JobConfig, JobConfigError
from jobs.pipeline import build, environment

ENVIRONMENT_VARIABLE = "SHOPPER_JOB_CONFIG"

log = logging.getLogger(__name__)


def submit(config: JobConfig) -> JobClient:
    """Build the job and submit it to the cluster at hand; without one, it runs inside this process's JVM."""
    env = environment(config)
    build(env, config)
    return env.execute_async(config.job_name)


def main(arguments: list[str] | None = None) -> int:
    """Submit the job that the configuration describes, print its id and, if asked, wait for its end."""
    parser = argparse.ArgumentParser(prog="jobs.live", description="Submit the live job.")
    parser.add_argument(
        "--config", type=Path, help=f"JSON of the job; without it {ENVIRONMENT_VARIABLE} names it"
    )
    parser.add_argument("--wait", action="store_true", help="stay until the job ends")
    given = parser.parse_args(arguments)
    try:
        config = _config(given.config)
    except (JobConfigError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    client = submit(config)
    sys.stdout.write(f"{client.get_job_id()}\n")
    sys.stdout.flush()
    if given.wait:
        client.get_job_execution_result().result()
    return 0


def _config(path: Path | None) -> JobConfig:
    if path is not None:
        return JobConfig.read(path)
    return configured()


def configured() -> JobConfig:
    """The configuration in the file that the environment names.

    Raises:
        JobConfigError: if it names none, or what is in it cannot be used.
    """
    name = os.environ.get(ENVIRONMENT_VARIABLE)
    if not name:
        msg = f"no configuration: give --config FILE, or its name in {ENVIRONMENT_VARIABLE}"
        raise JobConfigError(msg)
    return JobConfig.read(Path(name))


if __name__ == "__main__":
    sys.exit(main())
