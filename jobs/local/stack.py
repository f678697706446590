"""Kafka, Redis and Flink together, up for the length of a `with` block."""

import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from jobs.local.flink import FlinkCluster
from jobs.local.jars import ROOT, Progress
from jobs.local.kafka import KafkaBroker
from jobs.local.redis import RedisServer
from jobs.local.service import LocalService
from jobs.local.toolchain import Toolchain, ensure

RUNS = ROOT / ".local" / "run"


@dataclass(slots=True)
class LocalStack:
    """What is asked for, started side by side and stopped in reverse order however the block ends.

    The folder of a run is removed after it, unless the caller named one or the block ended with an error:
    then its logs stay. Enter it in a thread that lives as long as the servers should (see `LocalProcess`).

    Example:
        with LocalStack(taskmanagers=2) as stack:
            stack.kafka.create_topic("events", 4)
    """

    with_kafka: bool = True
    with_redis: bool = True
    taskmanagers: int = 0
    """How many Flink TaskManagers; without one there is no Flink."""
    redis_append_only: bool = False
    flink_config: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    """Where everything is written; by default a new folder under `.local/run`."""
    progress: Progress = print
    """Told a line when something starts or is ready."""
    _services: dict[str, LocalService] = field(default_factory=dict, init=False)
    _exit: ExitStack = field(default_factory=ExitStack, init=False)
    _own_folder: Path | None = field(default=None, init=False)

    @property
    def kafka(self) -> KafkaBroker:
        """The broker; KeyError when it was not asked for."""
        broker = self._services["Kafka"]
        assert isinstance(broker, KafkaBroker)  # noqa: S101
        return broker

    @property
    def redis(self) -> RedisServer:
        """The Redis; KeyError when it was not asked for."""
        server = self._services["Redis"]
        assert isinstance(server, RedisServer)  # noqa: S101
        return server

    @property
    def flink(self) -> FlinkCluster:
        """The Flink cluster; KeyError when it was not asked for."""
        cluster = self._services["Flink"]
        assert isinstance(cluster, FlinkCluster)  # noqa: S101
        return cluster

    def __enter__(self) -> Self:
        toolchain = ensure(self.progress)
        folder = self.folder or self._new_folder()
        self._services = self._wanted(toolchain, folder)
        started = time.monotonic()
        try:
            for name, service in self._services.items():
                self.progress(f"{name} starts")
                self._exit.callback(service.stop)
                service.start()
            for name, service in self._services.items():
                service.wait_ready()
                self.progress(f"{name} is ready after {time.monotonic() - started:.0f} s")
        except BaseException as error:
            self._clear_up(type(error))
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear_up(kind)

    def _clear_up(self, kind: type[BaseException] | None) -> None:
        self._exit.close()
        if self._own_folder and (kind is None or not issubclass(kind, Exception)):
            shutil.rmtree(self._own_folder, ignore_errors=True)

    def _new_folder(self) -> Path:
        RUNS.mkdir(parents=True, exist_ok=True)
        self._own_folder = Path(tempfile.mkdtemp(dir=RUNS, prefix=time.strftime("%m%d-%H%M-")))
        return self._own_folder

    def _wanted(self, toolchain: Toolchain, folder: Path) -> dict[str, LocalService]:
        services: dict[str, LocalService] = {}
        if self.with_redis:
            services["Redis"] = RedisServer(toolchain.redis_server, folder / "redis", self.redis_append_only)
        if self.with_kafka:
            services["Kafka"] = KafkaBroker(toolchain, folder / "kafka")
        if self.taskmanagers:
            services["Flink"] = FlinkCluster(
                toolchain, folder / "flink", self.taskmanagers, self.flink_config
            )
        return services
