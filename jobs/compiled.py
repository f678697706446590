"""The pure core as machine code: `events/` and `features/` through Cython, to travel beside their sources.

What is compiled are the sources as they are, so both say the same, byte for byte (`tests/compiled.py`). A
worker takes a module that was made for its Python and platform, and the source where there is none.
"""

import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from jobs.package import ROOT
from jobs.process_group import run_group

CORE: Final = ("events", "features")
LEFT_OUT: Final = ("features/views", "features/entities", "events/sides", "events/sources")
"""Views are read once, and the byte code of their functions tells catalogues apart. The others are not on the
way of Snowplow's events to shoppers."""
FOLDER: Final = Path(".local") / "compiled"
SUFFIX: Final = EXTENSION_SUFFIXES[0]
"""Python's version and the platform, as in `.cpython-311-x86_64-linux-gnu.so`."""
FLAGS: Final = "-O2 -g0 -fno-semantic-interposition -Wl,-s"
DIRECTIVES: Final = ("language_level=3", "binding=True", "annotation_typing=False")
"""Annotations stay what they are in Python: no checks, and integers of any size."""
CYTHON: Final = "Cython"
INCLUDED: Final = sysconfig.get_path("include")
OTHERWISE: Final = "or leave the setting `compiled` at false"
TIMEOUT_S: Final = 900.0
_TAIL: Final = 15


class CompilationError(Exception):
    """The core could not be compiled; the message says what is missing, or what the compiler said."""


def modules(root: Path = ROOT) -> list[Path]:
    """The sources that are compiled, relative to `root`."""
    found = [path.relative_to(root) for package in CORE for path in sorted((root / package).rglob("*.py"))]
    return [path for path in found if path.name != "__init__.py" and not _left_out(path)]


def compiled(root: Path = ROOT, progress: Callable[[str], None] = lambda _: None) -> dict[str, bytes]:
    """The modules of the core as machine code, by their place in the job's zip.

    They are made once for each state of the sources, which `progress` is told, and kept below `FOLDER`.

    Raises:
        CompilationError: if they are not there and cannot be made.
    """
    folder = root / FOLDER / _key(root)
    if not folder.is_dir():
        _check_tools()
        progress("compiling the core: a minute, once")
        _make(root, folder)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.so"))}


def _left_out(path: Path) -> bool:
    return path.as_posix().startswith(tuple(f"{folder}/" for folder in LEFT_OUT))


def _key(root: Path) -> str:
    """What the machine code depends on. Without Cython no other is made, so what is there may be used."""
    digest = sha256(repr((FLAGS, DIRECTIVES, SUFFIX)).encode())
    for path in modules(root):
        digest.update(path.as_posix().encode() + b"\0" + (root / path).read_bytes())
    return digest.hexdigest()[:16]


def _make(root: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as made:
        work, target = Path(made) / "work", Path(made) / "target"
        for package in CORE:
            shutil.copytree(root / package, work / package, ignore=shutil.ignore_patterns("__pycache__"))
        _compile(work, modules(root))
        for source in modules(root):
            place = target / source.with_suffix(SUFFIX)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(work / source.with_suffix(SUFFIX), place)
        for older in folder.parent.glob("[0-9a-f]*"):
            if older != folder:
                shutil.rmtree(older, ignore_errors=True)
        try:
            target.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster
                raise


def _check_tools() -> None:
    try:
        version(CYTHON)
    except PackageNotFoundError:
        msg = f"Cython is not installed: `pip install -r requirements-build.lock`, {OTHERWISE}"
        raise CompilationError(msg) from None
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        msg = (
            f"there is no C compiler {compiler!r} on PATH: install it (on Debian: apt-get install gcc"
            f" libc6-dev), {OTHERWISE}"
        )
        raise CompilationError(msg)
    if not Path(INCLUDED, "Python.h").is_file():
        msg = (
            f"there is no Python.h in {INCLUDED}: install Python's headers (on Debian: apt-get install"
            f" python3-dev), {OTHERWISE}"
        )
        raise CompilationError(msg)


def _compile(work: Path, sources: list[Path]) -> None:
    """Compile `sources` in the folder `work`, each beside its own."""
    told = [argument for directive in DIRECTIVES for argument in ("-X", directive)]
    command = [sys.executable, "-m", "Cython.Build.Cythonize", "--inplace", "-j", str(os.cpu_count() or 1)]
    code, said = run_group(
        [*command, *told, *map(str, sources)], os.environ | {"CFLAGS": FLAGS}, work, TIMEOUT_S
    )
    if code is None:
        msg = f"compiling took longer than {TIMEOUT_S:g} s"
        raise CompilationError(msg)
    if code:
        tail = "\n".join(said.splitlines()[-_TAIL:])
        msg = f"compiling failed (exit code {code}):\n{tail}"
        raise CompilationError(msg)
