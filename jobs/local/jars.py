"""The jars that Kafka and the Flink connector need: resolved by jgo once, locked, fetched and checked.

`python -m jobs.local.jars` fetches what is missing; `python -m jobs.local.jars lock` resolves anew.
"""

import hashlib
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import requests
from jgo.config import GlobalSettings
from jgo.maven import MavenContext

from jobs.local.errors import ToolchainError

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "deploy" / "jars.lock"
FOLDER = ROOT / ".local" / "jars"

WANTED = {
    "kafka": "org.apache.kafka:kafka_2.13:4.2.0",
    "flink": "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2",
}
"""What is resolved into each folder, by `python -m jobs.local.jars lock`."""

HEADER = "# folder coordinate sha256; written by `make lock`, do not edit\n"
ATTEMPTS = 3
REPORT_EVERY = 10
TIMEOUT_S = 60

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock.

    >>> Jar.parse("flink org.example:thing:1.0 ab12").path
    PosixPath('flink/thing-1.0.jar')
    """

    folder: str
    coordinate: str
    """`group:artifact:version`"""
    sha256: str

    @classmethod
    def parse(cls, line: str) -> "Jar":
        """Read a line as `str()` writes it."""
        return cls(*line.split())

    def __str__(self) -> str:
        return f"{self.folder} {self.coordinate} {self.sha256}"

    @property
    def path(self) -> Path:
        """Where the file lies, relative to the jars' folder."""
        _, artifact, version = self.coordinate.split(":")
        return Path(self.folder, f"{artifact}-{version}.jar")


def read_lock(lock: Path = LOCK) -> tuple[Jar, ...]:
    """Every jar of the lock, in its order."""
    lines = lock.read_text().splitlines()
    return tuple(Jar.parse(line) for line in lines if line and not line.startswith("#"))


def provide(
    jars: Iterable[Jar], folder: Path = FOLDER, progress: Progress = print, context: Any = None
) -> dict[str, tuple[Path, ...]]:
    """Fetch the jars that are missing or damaged; return the paths of all, by folder.

    Args:
        jars: What has to be there.
        folder: Where the jars go.
        progress: Told a line every ten files.
        context: jgo's view of the repositories; by default `repositories()`.

    Raises:
        ToolchainError: A file cannot be fetched, or is not the locked one.
    """
    jars = tuple(jars)
    missing = [jar for jar in jars if sha256(folder / jar.path) != jar.sha256]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        # A folder of its own a run: jgo takes whatever lies in its cache as complete.
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as cache:
            context = context or repositories()
            context.repo_cache = Path(cache)
            fetch = partial(_fetch, context=context, folder=folder)
            with ThreadPoolExecutor(4) as pool:
                size = 0
                for done, fetched in enumerate(pool.map(fetch, missing), 1):
                    size += fetched
                    if done % REPORT_EVERY == 0 or done == len(missing):
                        progress(f"{done} of {len(missing)} jars ({size / 1e6:.0f} MB)")
    paths: dict[str, tuple[Path, ...]] = {}
    for jar in jars:
        paths[jar.folder] = (*paths.get(jar.folder, ()), folder / jar.path)
    return paths


def sha256(path: Path) -> str | None:
    """The file's hash in hex, or None when there is no file."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def repositories() -> Any:
    """Return the Maven repositories to ask: jgo's default and what the user's jgo configuration names."""
    context = MavenContext(timeout=TIMEOUT_S)
    context.remote_repos.update(GlobalSettings.load().repositories)
    return context


def resolve(context: Any = None) -> Iterator[Jar]:
    """Yield the runtime class path of everything wanted, with the hashes of the files as served now."""
    with tempfile.TemporaryDirectory() as cache:
        context = context or repositories()
        context.repo_cache = Path(cache)
        for folder, coordinate in WANTED.items():
            inputs, transitive = context.resolver.resolve([context.create_dependency(coordinate)])
            for found in (*inputs, *transitive):
                if found.scope in {None, "compile", "runtime"}:
                    name = f"{found.groupId}:{found.artifactId}:{found.version}"
                    yield Jar(folder, name, str(sha256(found.artifact.resolve())))


def _fetch(jar: Jar, context: Any, folder: Path) -> int:
    """Put one jar into its place; return its size in bytes."""
    artifact = context.create_dependency(jar.coordinate).artifact
    fetched = _download(jar, artifact)
    actual = sha256(fetched)
    if actual != jar.sha256:
        msg = (
            f"{jar.path.name} is not the locked file: expected sha256 {jar.sha256}, got {actual}. "
            "A proxy or mirror on the way changed it: check the network and jgo's configuration, then try "
            "again. If the version was changed on purpose, run `make lock`."
        )
        raise ToolchainError(msg)
    target = folder / jar.path
    target.parent.mkdir(exist_ok=True)
    size = fetched.stat().st_size
    fetched.replace(target)
    return size


def _download(jar: Jar, artifact: Any) -> Path:
    cause: Exception | None = None
    for _ in range(ATTEMPTS):
        # What an attempt leaves half done, jgo would take as complete.
        artifact.cached_path.unlink(missing_ok=True)
        try:
            return Path(artifact.resolve())
        except (requests.RequestException, RuntimeError, OSError) as error:
            cause = error
    msg = (
        f"cannot fetch {jar.coordinate} ({ATTEMPTS} attempts, the last: {cause}). Check the network, "
        "HTTPS_PROXY and REQUESTS_CA_BUNDLE; a mirror can be named in jgo's own configuration file."
    )
    raise ToolchainError(msg) from cause


def main(arguments: list[str]) -> int:
    """Fetch the locked jars, or with `lock` write the lock; return the exit code."""
    try:
        if arguments == ["lock"]:
            jars = sorted(map(str, resolve()))
            LOCK.write_text(HEADER + "".join(f"{jar}\n" for jar in jars))
            print(f"{LOCK.relative_to(ROOT)}: {len(jars)} jars")
        else:
            provide(read_lock(), progress=partial(print, "setup:", flush=True))
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
