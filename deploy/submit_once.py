"""What the service `submit` of docker-compose.yml runs: hand the job in, unless the cluster has it already.

`docker compose up` starts a service that has ended anew, whatever else it was called for; a bare `shopper
submit` would then put a second job beside the first. This cluster has no high availability either, so after
the loss of its JobManager the job goes on from the newest complete checkpoint.
"""  # noqa: INP001

import json
import subprocess
import sys
import urllib.request
from typing import Any

from jobs.settings import Settings, load

TIMEOUT_S = 10.0
ENDED = frozenset({"FAILED", "CANCELED", "FINISHED"})


def running(overview: dict[str, Any], job_name: str) -> str:
    """Return the id of the job of that name which has not ended; empty without one."""
    jobs = (job for job in overview["jobs"] if job["name"] == job_name and job["state"] not in ENDED)
    return next((str(job["jid"]) for job in jobs), "")


def command(restore: str) -> list[str]:
    """Return the command that hands the job in: from a checkpoint, or a new life where there is none."""
    submit = [sys.executable, "-m", "jobs.cli.main", "submit"]
    return [*submit, "--from", restore] if restore else [*submit, "--new-life"]


def overview_of(settings: Settings) -> dict[str, Any]:
    """Ask the JobManager which jobs it knows."""
    url = f"http://{settings.jobmanager}/jobs/overview"
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def main() -> int:
    """Hand the job in if need be; return the exit code."""
    settings = load().settings
    if job := running(overview_of(settings), settings.job_name):
        print(f"{settings.job_name} is there already: {job}")
        return 0
    from jobs.cluster.supervisor import newest_checkpoint  # noqa: PLC0415 - it brings PyFlink, which takes seconds

    restore = newest_checkpoint(settings.checkpoint_dir)
    print(
        f"{settings.job_name} goes on from {restore}" if restore else f"{settings.job_name} starts anew",
        flush=True,
    )
    return subprocess.run(command(restore), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
