"""Keeps the job running on a Flink cluster of this machine, which has no high availability of its own."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from jobs.cluster.beginning import why_ended
from jobs.cluster.flink_rest import FlinkRest, FlinkRestError, root_cause
from jobs.cluster.submission import Client, submit
from jobs.job_config import JobConfig
from jobs.local.flink import FlinkCluster

RUNNING_S: Final = 180.0
_POLL_S: Final = 0.3
_ENDED: Final = frozenset({"FAILED", "CANCELED", "FINISHED"})


class JobEndedError(Exception):
    """Flink gave the job up; the message has the cause."""


class Supervisor:
    """Submits the job, starts dead processes anew and submits again when the JobManager was lost.

    Not to be used from several threads: the servers belong to the thread that starts them.
    """

    def __init__(self, cluster: FlinkCluster, config: JobConfig, say: Callable[[str], None]) -> None:
        """Prepare; `start` submits."""
        self._cluster = cluster
        self._config = config
        self._say = say
        self.job_id = ""
        self._taskmanagers = set(cluster.running())
        self.restarts = 0
        self._told = 0
        """When the failure was that `failure` told last."""

    def start(self, *, fresh: bool = False) -> None:
        """Submit the job, from the newest complete checkpoint of its folder unless it is to be `fresh`."""
        self._submit("" if fresh else newest_checkpoint(self._config.checkpoint_dir))

    def go_on(self, config: JobConfig, savepoint: str) -> None:
        """Submit the job, which has been stopped, as `config` has it, from the savepoint at that URI."""
        self._config = config
        self._submit(savepoint)

    def look(self) -> str:
        """Return the job's state after putting right what can be put right.

        Raises:
            JobEndedError: if the job has come to an end by itself.
        """
        if self._cluster.jobmanager.pid is None:
            self._say("the JobManager is gone; it is started anew, and the job is submitted again")
            self.restarts += 1
            self._cluster.restart_jobmanager()
            # It begins to answer, and the TaskManagers register again, while Flink's client builds the job.
            self.start()
        for number in self._taskmanagers - set(self._cluster.running()):
            self._say(f"TaskManager {number} is gone; another one is started")
            self.restarts += 1
            self._cluster.kill_taskmanager(number)
            self._cluster.start_taskmanager()
        self._taskmanagers = set(self._cluster.running())
        try:
            state = str(self._cluster.get(f"/jobs/{self.job_id}")["state"])
        except OSError:
            return "UNKNOWN"
        if state in _ENDED:
            msg = f"the job has ended as {state}: {self._cause()}"
            raise JobEndedError(msg)
        return state

    def wait_running(self) -> None:
        """Wait until every operator of the job runs.

        Raises:
            JobEndedError: if the job ends, or does not run in time.
        """
        until = time.monotonic() + RUNNING_S
        while time.monotonic() < until:
            self.look()
            try:
                vertices = self._cluster.get(f"/jobs/{self.job_id}")["vertices"]
            except OSError:
                vertices = []
            if vertices and all(vertex["status"] == "RUNNING" for vertex in vertices):
                return
            time.sleep(_POLL_S)
        msg = f"the job does not run {RUNNING_S:g} s after it was submitted: {self._cause()}"
        raise JobEndedError(msg)

    def failure(self) -> str:
        """Return the job's newest failure in one line, once; empty when there is no new one."""
        newest = self._newest()
        if newest is None or newest[0] == self._told:
            return ""
        self._told = newest[0]
        return root_cause(newest[1], named=False)

    def _submit(self, restore: str) -> None:
        if restore:
            self._say(f"goes on from {restore}")
        config = replace(self._config, restore_from=restore)
        address = self._cluster.rest_url.partition("://")[2]
        tools = self._cluster.toolchain
        client = Client(tools.flink_home, tools.flink_connector_jar, self._cluster.environment())
        self.job_id = submit(config, address, client, progress=self._say)

    def _cause(self) -> str:
        if newest := self._newest():
            return newest[1][:2000]
        try:
            # Where no task ran, as when the state to begin from does not fit, there is no history.
            return why_ended(FlinkRest(self._cluster.rest_url.partition("://")[2]), self.job_id)
        except FlinkRestError:
            return "its cause is in the cluster's logs"

    def _newest(self) -> tuple[int, str] | None:
        """The newest exception: when (epoch ms), and its stack trace."""
        try:
            history = self._cluster.get(f"/jobs/{self.job_id}/exceptions?maxExceptions=1")["exceptionHistory"]
            entry = history["entries"][0]
            return int(entry["timestamp"]), str(entry["stacktrace"])
        except (OSError, KeyError, IndexError):
            return None


def newest_checkpoint(checkpoint_dir: str) -> str:
    """Return the URI of the newest complete checkpoint in a folder of this machine; empty without one."""
    folder = Path(url2pathname(urlsplit(checkpoint_dir).path))
    complete = sorted(folder.glob("*/chk-*/_metadata"), key=lambda path: path.stat().st_mtime)
    return complete[-1].parent.as_uri() if complete else ""
