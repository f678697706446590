"""A Flink cluster on this machine: one JobManager and any number of TaskManagers, each a process."""

import json
import os
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.local.errors import ProcessError
from jobs.local.flink_config import write_config
from jobs.local.process import HOST, LocalProcess, free_port
from jobs.local.service import LocalService
from jobs.local.toolchain import Toolchain

READY_S = 90.0
CALL_S = 5.0
STOP_GRACE_S = 5.0


@dataclass(slots=True)
class FlinkCluster(LocalService):
    """A standalone cluster from the distribution in PyFlink's wheel, with one slot a TaskManager.

    It has no high availability: whoever runs a job on it resubmits it after the JobManager was lost.
    """

    toolchain: Toolchain
    folder: Path
    taskmanagers: int = 1
    config: Mapping[str, str] = field(default_factory=dict)
    """Flink options that replace or add to the defaults of `flink_config`."""
    rest_port: int = field(default_factory=free_port)
    rpc_port: int = field(default_factory=free_port)
    jobmanager: LocalProcess = field(init=False)
    _taskmanagers: dict[int, LocalProcess] = field(default_factory=dict, init=False)
    _resource_ids: dict[int, str] = field(default_factory=dict, init=False)
    _started: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.folder = self.folder.absolute()
        self.jobmanager = self._process("jobmanager", "jobmanager.sh")

    @property
    def rest_url(self) -> str:
        """Where the REST API and the web page are."""
        return f"http://{HOST}:{self.rest_port}"

    @property
    def conf_dir(self) -> Path:
        """The folder with the cluster's configuration, for FLINK_CONF_DIR."""
        return self.folder / "conf"

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints are written."""
        return self.folder / "checkpoints"

    def environment(self, log_dir: Path | None = None) -> dict[str, str]:
        """Return what Flink's scripts, `flink run` among them, must find in their environment."""
        python = Path(sys.executable).parent
        return {
            "JAVA_HOME": str(self.toolchain.java_home),
            "FLINK_HOME": str(self.toolchain.flink_home),
            "FLINK_CONF_DIR": str(self.conf_dir),
            "FLINK_LIB_DIR": str(self.folder / "lib"),
            "FLINK_LOG_DIR": str(log_dir or self.folder / "client"),
            "FLINK_PID_DIR": str(self.folder / "pids"),
            "PATH": f"{python}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }

    def start(self) -> None:
        """Start all processes without waiting."""
        write_config(self.conf_dir, self.toolchain.flink_home, self._own_config() | dict(self.config))
        self._link_jars()
        # The client writes its log here; a missing folder would make it complain on every call.
        (self.folder / "client").mkdir(parents=True, exist_ok=True)
        self.jobmanager.start()
        for _ in range(self.taskmanagers):
            self.start_taskmanager()

    def wait_ready(self, deadline_s: float = READY_S) -> None:
        """Wait until every TaskManager that runs here has registered with the JobManager."""
        self.jobmanager.wait_ready(self._all_registered, deadline_s)

    def wait_answering(self, deadline_s: float = READY_S) -> None:
        """Wait until the JobManager takes jobs, whether it has TaskManagers already or not."""
        self.jobmanager.wait_ready(self._answers, deadline_s)

    def start_taskmanager(self) -> int:
        """Start one more TaskManager without waiting; return its number, the lowest that is free."""
        number = next(i for i in range(len(self._taskmanagers) + 1) if i not in self._taskmanagers)
        # Ids are never used twice, so that the JobManager's memory of a dead one is not taken for a new one.
        self._started += 1
        resource_id = f"taskmanager-{number}-{self._started}"
        arguments = ("-D", f"taskmanager.resource-id={resource_id}")
        process = self._process(f"taskmanager-{number}", "taskmanager.sh", *arguments)
        process.start()
        self._taskmanagers[number] = process
        self._resource_ids[number] = resource_id
        return number

    def kill_taskmanager(self, number: int) -> None:
        """End a TaskManager at once, as a crash of its machine would."""
        self._taskmanagers.pop(number).kill()

    def taskmanager(self, number: int) -> LocalProcess:
        """Return a TaskManager's process, to freeze it or to read its log."""
        return self._taskmanagers[number]

    def running(self) -> tuple[int, ...]:
        """Numbers of the TaskManagers whose process lives."""
        return tuple(sorted(i for i, process in self._taskmanagers.items() if process.pid is not None))

    def restart_jobmanager(self) -> None:
        """Kill the JobManager and start it anew; its jobs are gone, the TaskManagers register again."""
        self.jobmanager.kill()
        self.jobmanager.start()

    def get(self, path: str) -> Any:
        """Ask the REST API, e.g. `get("/jobs/overview")`; OSError when it does not answer."""
        with urllib.request.urlopen(f"{self.rest_url}{path}", timeout=CALL_S) as answer:  # noqa: S310
            return json.load(answer)

    def stop(self) -> None:
        """End all processes, all at once: each would wait for the others otherwise."""
        processes = (*self._taskmanagers.values(), self.jobmanager)
        for process in processes:
            process.terminate()
        for process in processes:
            process.stop(STOP_GRACE_S)
        self._taskmanagers.clear()

    def _answers(self) -> bool:
        try:
            self.get("/overview")
        except OSError:
            return False
        return True

    def _all_registered(self) -> bool:
        for process in self._taskmanagers.values():
            if process.pid is None:
                msg = f"{process.name} ended while it started. The end of {process.log}:\n{process.tail()}"
                raise ProcessError(msg)
        try:
            seen = self.get("/taskmanagers")["taskmanagers"]
        except OSError:
            return False
        ready = {taskmanager["id"] for taskmanager in seen if taskmanager["slotsNumber"]}
        return all(self._resource_ids[number] in ready for number in self._taskmanagers)

    def _process(self, name: str, script: str, *arguments: str) -> LocalProcess:
        return LocalProcess(
            name=f"Flink {name}",
            command=(str(self.toolchain.flink_home / "bin" / script), "start-foreground", *arguments),
            log=self.folder / name / "console.log",
            environment=self.environment(self.folder / name),
        )

    def _link_jars(self) -> None:
        """Give the cluster a lib folder of the shipped jars, PyFlink's own and the Kafka connector.

        What comes with a job is loaded by a class loader of that job, and the bridge to Python (pemja 0.5.5)
        can be loaded only once a JVM on Java 17: a second job on the same TaskManager would fail for ever
        with `NoSuchFieldException: loadedLibraryNames`. From here it is loaded once, for all jobs.
        """
        home, lib = self.toolchain.flink_home, self.folder / "lib"
        lib.mkdir(parents=True, exist_ok=True)
        jars = [*(home / "lib").glob("*.jar"), *(home / "opt").glob("flink-python-*.jar")]
        for jar in (*jars, self.toolchain.flink_connector_jar):
            link = lib / jar.name
            link.unlink(missing_ok=True)
            link.symlink_to(jar.absolute())

    def _own_config(self) -> dict[str, str]:
        return {
            "jobmanager.rpc.port": str(self.rpc_port),
            "rest.port": str(self.rest_port),
            "rest.bind-port": str(self.rest_port),
            "execution.checkpointing.dir": self.checkpoints.as_uri(),
            "execution.checkpointing.savepoint-dir": (self.folder / "savepoints").as_uri(),
            "io.tmp.dirs": str(self.folder / "tmp"),
            "env.log.dir": str(self.folder / "client"),
            "env.pid.dir": str(self.folder / "pids"),
            "python.executable": sys.executable,
            "python.client.executable": sys.executable,
        }
