"""The other files of deploy/: they parse, and name only what exists."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from features.settings import Definitions
from jobs.job_config import JobConfig
from jobs.local.jars import read_lock
from jobs.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CONFIG = yaml.safe_load((DEPLOY / "flink-conf/config.yaml").read_text())
SECRET, DEPLOYMENT = yaml.safe_load_all((DEPLOY / "kubernetes/shopper-features.yaml").read_text())


def option(name: str) -> str:
    value: Any = CONFIG
    for part in name.split("."):
        value = value[part]
    return str(value)


@pytest.mark.parametrize(
    "path", [path.relative_to(DEPLOY).as_posix() for path in sorted(DEPLOY.rglob("*.json"))]
)
def test_a_json_file_parses(path: str) -> None:
    assert json.loads((DEPLOY / path).read_text())


@pytest.mark.parametrize(
    "path", [path.relative_to(DEPLOY).as_posix() for path in sorted(DEPLOY.rglob("*.y*ml"))]
)
def test_a_yaml_file_parses(path: str) -> None:
    assert all(yaml.safe_load_all((DEPLOY / path).read_text()))


def test_prometheus_asks_flinks_processes_at_the_port_where_they_answer() -> None:
    (scrape,) = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    (asked,) = scrape["dns_sd_configs"]
    assert str(asked["port"]) == option("metrics.reporter.prom.port")
    assert set(asked["names"]) <= set(COMPOSE["services"])


def test_the_job_on_kubernetes_can_be_built_from_its_secret() -> None:
    config = JobConfig.from_json(SECRET["stringData"]["job.json"].encode())
    defaults = Settings.model_fields
    assert (config.topic, config.dead_letter_topic) == (
        defaults["topic"].default,
        defaults["dead_letter_topic"].default,
    )
    assert config.definitions == Definitions()
    (connector,) = (jar for jar in read_lock() if jar.folder == "flink")
    assert config.jars == (f"file:///opt/shopper/.local/jars/{connector.path}",)
    assert config.python == option("python.executable")
    assert config.parallelism == DEPLOYMENT["spec"]["job"]["parallelism"]


def test_the_job_on_kubernetes_runs_the_zip_of_the_image() -> None:
    spec, dockerfile = DEPLOYMENT["spec"], (DEPLOY / "Dockerfile").read_text()
    assert spec["image"] == COMPOSE["services"]["submit"]["image"]
    arguments = spec["job"]["args"]
    assert arguments[:4] == ["-pyfs", "/opt/shopper/job.zip", "-pym", "jobs.live"]
    assert "WORKDIR /opt/shopper" in dockerfile
    assert "python -m jobs.package --compiled job.zip" in dockerfile
    (flink,) = re.findall(r"^ARG FLINK=flink:([\d.]+)-", dockerfile, re.MULTILINE)
    assert spec["job"]["jarURI"].endswith(f"/flink-python-{flink}.jar")
    (container,) = spec["podTemplate"]["spec"]["containers"]
    assert container["env"][0]["value"].endswith(f"-{flink}.jar")
    (mount,) = container["volumeMounts"]
    assert arguments[4:] == ["--config", f"{mount['mountPath']}/job.json"]


def test_the_processes_on_kubernetes_are_configured_as_those_of_compose() -> None:
    given = DEPLOYMENT["spec"]["flinkConfiguration"]
    own = {name for name in given if "CHANGE-ME" in given[name] or name.startswith("high-availability")}
    assert {name: option(name) for name in given.keys() - own} == {
        name: given[name] for name in given.keys() - own
    }
    assert DEPLOYMENT["spec"]["taskManager"]["resource"]["memory"] == option(
        "taskmanager.memory.process.size"
    )
    assert DEPLOYMENT["spec"]["jobManager"]["resource"]["memory"] == option("jobmanager.memory.process.size")
