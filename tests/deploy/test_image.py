"""The image and the Flink in it agree with the locks, the wheel and the local cluster."""

import ast
import re
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.local.flink_config import DEFAULTS
from jobs.local.jars import WANTED, read_lock
from jobs.package import PACKAGES

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
KAFKA = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["kafka"]["image"]
# What follows from where it runs: addresses, and the memory of one machine that everything shares.
OF_THE_PLACE = re.compile(r".*(address|host|process\.size|java\.opts)")


def flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each option by its full name, as Flink reads it."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, str(value)


OPTIONS = dict(flat(yaml.safe_load((ROOT / "deploy/flink-conf/config.yaml").read_text())))


def flink_home() -> Path:
    spec = find_spec("pyflink")
    assert spec
    assert spec.origin
    return Path(spec.origin).parent


def argument(name: str) -> str:
    found = re.search(rf"^ARG {name}=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert found
    return found[1]


def pinned_flink() -> str:
    (pin,) = (need for need in PROJECT["project"]["dependencies"] if need.startswith("apache-flink=="))
    return str(pin).partition("==")[2]


def test_the_images_flink_is_pyflinks_on_java_17() -> None:
    assert argument("FLINK") == f"flink:{pinned_flink()}-scala_2.12-java17"


def test_the_images_python_is_the_one_that_the_locks_are_made_for() -> None:
    found = re.fullmatch(r"python:(3\.\d+)\.\d+-slim-bookworm", argument("PYTHON"))
    assert found
    compiled = re.search(r"--python-version (\S+)", (ROOT / "Makefile").read_text())
    assert compiled
    assert found[1] == compiled[1]


def test_every_stage_comes_from_a_pinned_image() -> None:
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${FLINK}", "${PYTHON}"}


def test_libraries_are_installed_by_hash() -> None:
    from_files = [line for line in DOCKERFILE.splitlines() if " -r " in line]
    assert len(from_files) == 2
    assert all("--require-hashes --no-deps" in line for line in from_files)
    assert "--no-index --editable" in DOCKERFILE
    assert DOCKERFILE.count("pip install") == 3


def test_what_it_submits_is_compiled_with_it() -> None:
    build, _, image = DOCKERFILE.rpartition("\nFROM ")
    assert "--no-install-recommends gcc libc6-dev" in build
    assert "SHOPPER_COMPILED=true" in image
    assert "gcc" not in image
    assert "COPY --from=build --chown=flink:flink /opt/shopper /opt/shopper" in image, "with .local/compiled"


def test_it_does_not_run_as_root() -> None:
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["flink"]


def test_what_is_copied_is_let_through_to_the_build_and_exists() -> None:
    lines = (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines()
    let_through = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    packages = set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    needed = (
        packages
        | set(PACKAGES)
        | {"pyproject.toml", "deploy/jars.lock", "deploy/flink-conf", "deploy/submit_once.py"}
    )
    assert let_through == needed | {"requirements.lock", "requirements-build.lock"}
    assert [name for name in let_through - packages if not (ROOT / name).exists()] == []


def test_the_jars_are_the_locked_ones() -> None:
    locked = {(jar.folder, jar.coordinate) for jar in read_lock()}
    assert set(WANTED.items()) <= locked
    assert "python -m jobs.local.jars" in DOCKERFILE
    # What brings the broker is the same version here and there.
    assert KAFKA.partition(":")[2] == WANTED["kafka"].rpartition(":")[2]


def test_flink_gets_javas_options_from_its_distribution() -> None:
    shipped = yaml.safe_load((flink_home() / "conf/config.yaml").read_text())
    assert OPTIONS["env.java.opts.all"] == shipped["env"]["java"]["opts"]["all"]


@pytest.mark.property
def test_every_option_is_one_that_flink_knows() -> None:
    known = b"".join(_constants(flink_home()))
    unknown = [
        name for name in OPTIONS if name.encode() not in known and "metrics.reporter.prom." not in name
    ]
    assert unknown == []


def test_the_workers_run_the_python_that_has_the_libraries() -> None:
    assert OPTIONS["python.executable"] == OPTIONS["python.client.executable"] == "/opt/venv/bin/python"
    assert "RUN python -m venv /opt/venv" in DOCKERFILE
    assert "COPY --from=build /opt/venv /opt/venv" in DOCKERFILE


def test_the_reporter_of_metrics_is_in_the_distribution() -> None:
    (jar,) = (flink_home() / "plugins/metrics-prometheus").glob("*.jar")
    entry = OPTIONS["metrics.reporter.prom.factory.class"].replace(".", "/") + ".class"
    assert entry in zipfile.ZipFile(jar).namelist()


def _constants(home: Path) -> Iterator[bytes]:
    """The classes that declare options, as bytes: a class file holds its string constants as they are."""
    declares = re.compile(
        r"org/apache/flink/(configuration|python)/\w+Options\.class|.*/ConfigConstants\.class"
    )
    for pattern in ("lib/flink-dist-*.jar", "opt/flink-python-*.jar"):
        (jar,) = home.glob(pattern)
        with zipfile.ZipFile(jar) as archive:
            yield from (archive.read(name) for name in archive.namelist() if declares.fullmatch(name))


@pytest.mark.parametrize("name", [name for name in DEFAULTS if not OF_THE_PLACE.match(name)])
def test_the_cluster_is_configured_as_the_local_one(name: str) -> None:
    assert OPTIONS[name] == DEFAULTS[name]


def _said_by_the_job() -> Iterator[tuple[str, str]]:
    """Options in the job's source; importing it would take PyFlink's seconds."""
    for module in sorted((ROOT / "jobs").glob("*.py")):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                        yield str(key.value), str(value.value)


def test_the_cluster_says_nothing_else_than_the_job() -> None:
    said = {name: value for name, value in _said_by_the_job() if name in OPTIONS}
    assert "restart-strategy.type" in said
    assert said == {name: OPTIONS[name] for name in said}
