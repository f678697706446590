"""All that a job and its servers say where somebody could read it: logs, REST answers, command lines."""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs.local.flink import FlinkCluster

JOB_PATHS = (
    "",
    "/config",
    "/plan",
    "/exceptions",
    "/accumulators?includeSerializedValue=true",
    "/checkpoints",
    "/checkpoints/config",
    "/jobmanager/config",
    "/jobmanager/environment",
    "/status",
    "/execution-result",
)
CLUSTER_PATHS = ("/config", "/overview", "/jobs/overview", "/jars", "/datasets", "/taskmanagers")
MANAGER_PATHS = ("/config", "/environment", "/logs", "/metrics")


def answers(flink: FlinkCluster, job_id: str) -> dict[str, str]:
    """What Flink's REST API says of the job and the cluster, by path."""
    paths = [*CLUSTER_PATHS, *(f"/jobmanager{path}" for path in MANAGER_PATHS)]
    paths += [f"/jobs/{job_id}{path}" for path in JOB_PATHS]
    paths += [f"/taskmanagers/{tm['id']}" for tm in flink.get("/taskmanagers")["taskmanagers"]]
    for vertex in flink.get(f"/jobs/{job_id}")["vertices"]:
        own = f"/jobs/{job_id}/vertices/{vertex['id']}"
        paths += [own, f"{own}/accumulators", f"{own}/metrics", f"{own}/taskmanagers", f"{own}/watermarks"]
    return {path: _answer(flink, path) for path in paths}


def logs(folder: Path) -> dict[str, str]:
    """Every file of a cluster that is not state: logs, configuration, what lies in its temporary folders."""
    files = (path for path in folder.rglob("*") if path.is_file() and "checkpoints" not in path.parts)
    return {str(path): path.read_bytes().decode("latin-1") for path in files if path.suffix != ".jar"}


def found(secrets: tuple[str, ...], told: dict[str, str]) -> list[tuple[str, str]]:
    """Which secret is in which of the texts."""
    return [(place, secret) for place, text in told.items() for secret in secrets if secret in text]


@contextmanager
def command_lines() -> Iterator[set[str]]:
    """Every command line that a process of this machine has while the block runs."""
    seen: set[str] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes().replace(b"\0", b" ").decode("latin-1"))
                except OSError:
                    continue

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        watching.join()


def _answer(flink: FlinkCluster, path: str) -> Any:
    try:
        with urllib.request.urlopen(f"{flink.rest_url}{path}", timeout=10) as answer:  # noqa: S310
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()
