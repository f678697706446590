"""The core as machine code: which modules, made once for each state of the sources; what may be missing."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from jobs import compiled as machine_code
from jobs.cluster.submission import Client, SubmissionError, submit
from jobs.compiled import FOLDER, SUFFIX, CompilationError, compiled, modules
from jobs.job_config import JobConfig
from jobs.package import main as package

PLACE = f"features/logic{SUFFIX}"
CONFIG = JobConfig(
    kafka_bootstrap="localhost:9092",
    redis_url="redis://localhost",
    checkpoint_dir="file:///state",
    life=1,
    compiled=True,
)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A core of a function, a view and a fault that only Python's own compiler takes."""
    texts = {
        "events/__init__.py": "",
        "features/__init__.py": "",
        "features/logic.py": 'def twice(number: int) -> int:\n    """Double."""\n    return 2 * number\n',
        "features/views/__init__.py": "",
        "features/views/cart.py": "VIEW = lambda: 1\n",
    }
    for name, text in texts.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "root"


def test_all_of_the_core_that_events_meet_is_compiled_but_views() -> None:
    names = {path.as_posix() for path in modules()}
    assert {"events/tsv.py", "features/logic.py", "features/aggregates/latest.py"} <= names
    assert not [name for name in names if name.startswith(("features/views/", "features/entities/"))]
    assert not [name for name in names if name.endswith("__init__.py")]


def test_what_is_compiled_is_what_the_source_says(sources: Path) -> None:
    said: list[str] = []
    made = compiled(sources, said.append)
    assert list(made) == [PLACE]
    assert said == ["compiling the core: a minute, once"]
    (sources / PLACE).write_bytes(made[PLACE])
    program = (
        "import features.logic as it; assert it.__file__.endswith('.so'), it.__file__\n"
        "print(it.twice(2**70), it.twice('ab'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=sources, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == (f"{2**71} abab\n", "")


def test_it_is_made_once_for_each_state_of_the_sources(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = sources / FOLDER
    first = compiled(sources)
    (before,) = kept.iterdir()
    with monkeypatch.context() as nothing_is_there:
        nothing_is_there.setenv("PATH", "")
        nothing_is_there.setattr(machine_code, "_compile", pytest.fail)
        assert compiled(sources) == first
    (sources / "features" / "logic.py").write_text("def thrice(number):\n    return 3 * number\n")
    assert compiled(sources).keys() == first.keys()
    (after,) = kept.iterdir()
    assert after != before


def test_two_at_once_make_the_same(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile_it = machine_code._compile

    def another_is_faster(work: Path, modules: list[Path]) -> None:
        monkeypatch.setattr(machine_code, "_compile", compile_it)
        assert list(compiled(sources)) == [PLACE]
        compile_it(work, modules)

    monkeypatch.setattr(machine_code, "_compile", another_is_faster)
    assert list(compiled(sources)) == [PLACE]
    assert len(list((sources / FOLDER).iterdir())) == 1


def test_a_folder_that_cannot_be_kept_is_told(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _to: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space left"):
        compiled(sources)


def test_without_cython_it_says_what_to_install(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_code, "CYTHON", "no-such-distribution")
    with pytest.raises(CompilationError, match=r"requirements-build\.lock.*setting `compiled`"):
        compiled(sources)


def test_without_a_compiler_it_says_what_to_install(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -pthread")
    with pytest.raises(CompilationError, match=r"no C compiler 'no-such-compiler'.*apt-get install gcc"):
        compiled(sources)


def test_without_pythons_headers_it_says_what_to_install(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_code, "INCLUDED", str(sources))
    with pytest.raises(CompilationError, match=r"no Python\.h in .*apt-get install python3-dev"):
        compiled(sources)


def test_what_the_compiler_says_is_told_and_nothing_is_kept(sources: Path) -> None:
    (sources / "features" / "logic.py").write_text("x = max([1, *[2]]) if y else (\n")
    with pytest.raises(CompilationError, match=r"compiling failed \(exit code 1\):(.|\n)*features/logic.py"):
        compiled(sources)
    assert list((sources / FOLDER).iterdir()) == []


def test_a_compiler_that_hangs_is_ended(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_code, "TIMEOUT_S", 0.05)
    with pytest.raises(CompilationError, match=r"took longer than 0\.05 s"):
        compiled(sources)


def test_a_submission_that_cannot_be_compiled_is_refused(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(SubmissionError, match="no C compiler"):
        submit(CONFIG, "localhost:8081", Client(tmp_path, tmp_path / "connector.jar", {}), root=sources)


def test_a_submission_says_once_that_it_compiles(sources: Path, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "flink"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho JobID {0:032x}\n")
    program.chmod(0o755)
    client = Client(tmp_path, tmp_path / "connector.jar", {})
    said: list[str] = []
    for _ in range(2):
        submit(CONFIG, "localhost:8081", client, root=sources, progress=said.append)
    assert said == ["compiling the core: a minute, once"]


def test_the_zip_holds_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine_code, "compiled", lambda: {PLACE: b"machine code"})
    package([str(tmp_path / "plain.zip")])
    package(["--compiled", str(tmp_path / "compiled.zip")])
    plain, both = (
        set(zipfile.ZipFile(tmp_path / f"{name}.zip").namelist()) for name in ("plain", "compiled")
    )
    assert both - plain == {PLACE}
    assert "features/logic.py" in both
