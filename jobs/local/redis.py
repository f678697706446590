"""A Redis on this machine."""

from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis, RedisError

from jobs.local.process import HOST, LocalProcess, free_port
from jobs.local.service import LocalService

READY_S = 15.0


@dataclass(slots=True)
class RedisServer(LocalService):
    """A redis-server on a free port; its port stays the same over restarts."""

    executable: Path
    folder: Path
    append_only: bool = False
    """Keep the data on disk, so that a restart finds it; otherwise a restart is empty."""
    port: int = field(default_factory=free_port)
    process: LocalProcess = field(init=False)

    def __post_init__(self) -> None:
        keep = "yes" if self.append_only else "no"
        self.process = LocalProcess(
            name="Redis",
            command=(
                *(str(self.executable), "--bind", HOST, "--port", str(self.port), "--daemonize", "no"),
                *("--dir", str(self.folder), "--save", "", "--appendonly", keep, "--appendfsync", "everysec"),
            ),
            log=self.folder / "redis.log",
        )

    @property
    def url(self) -> str:
        """What `Redis.from_url` takes."""
        return f"redis://{HOST}:{self.port}/0"

    def start(self) -> None:
        """Start it without waiting."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process.start()

    def wait_ready(self) -> None:
        """Wait until it answers, its data loaded."""
        self.process.wait_ready(lambda: answers(self.url), READY_S)

    def stop(self) -> None:
        """End it."""
        self.process.stop()


def answers(url: str) -> bool:
    """Whether a Redis there serves clients, its data loaded."""
    with Redis.from_url(url, socket_timeout=1) as client:
        try:
            return bool(client.ping())
        except RedisError:
            return False
