"""The zip that travels to the cluster, and the description of the job in it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from jobs.cluster.submission import CONFIG_VARIABLE
from jobs.job_config import JobConfig
from jobs.package import ROOT, build_zip
from jobs.settings import load
from jobs.settings.job import job_config, kafka_properties

pytestmark = pytest.mark.usefixtures("nowhere")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_zip(tmp_path_factory.mktemp("package") / "job.zip")


def test_packages_lie_at_the_root_with_all_their_files(archive: Path) -> None:
    names = zipfile.ZipFile(archive).namelist()
    assert {name.partition("/")[0] for name in names} == {"events", "features", "sinks", "operators", "jobs"}
    assert {"jobs/live.py", "features/views/cart.py", "sinks/fence.lua"} <= set(names)


def test_nothing_travels_that_a_worker_does_not_need(archive: Path) -> None:
    names = zipfile.ZipFile(archive).namelist()
    assert not [
        name for name in names if name.startswith(("jobs/cli", "jobs/data", "jobs/local", "jobs/demo"))
    ]
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]


def test_the_same_code_gives_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    assert build_zip(tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_workers_find_everything_in_the_zip_alone(archive: Path) -> None:
    """Of the modules that the workers import, those without Flink; a script read by path would fail here."""
    program = (
        f"import sys; kept = [p for p in sys.path if p not in ('', {str(ROOT)!r})]\n"
        f"sys.path = [{str(archive)!r}, *kept]\n"
        "import features.logic, jobs.job_config, operators.routing, operators.shard, sinks.redis_sink\n"
        "sinks.redis_sink.RedisSink.connect('redis://localhost')\n"
        f"assert sinks.__file__.startswith({str(archive)!r}), sinks.__file__\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_job_is_what_the_settings_say() -> None:
    settings = load({"topic": "orders", "start": "2026-01-31T08:00:00Z", "search_path": "/suche"}).settings
    config = job_config(settings, life=7, checkpoint_dir="file:///state")
    assert config.topic == "orders"
    assert config.start == 1769846400000
    assert config.search.path == "/suche"
    assert config.definitions == settings.definitions()
    assert JobConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize("start", ["recent", "earliest", "latest"])
def test_named_starts_stay(start: str) -> None:
    assert job_config(load({"start": start}).settings, life=7, checkpoint_dir="file:///s").start == start


def test_a_plain_broker_needs_no_properties() -> None:
    assert kafka_properties(load().settings) == {}


def test_a_login_names_the_connectors_own_classes_and_quotes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SHOPPER_KAFKA_SASL_PASSWORD", 'a"b\\c')
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----")
    flags = {
        "kafka_security_protocol": "SASL_SSL",
        "kafka_sasl_mechanism": "SCRAM-SHA-512",
        "kafka_sasl_user": "shop",
        "kafka_ca_file": str(tmp_path / "ca.pem"),
    }
    properties = kafka_properties(load(flags).settings)
    jaas = properties["sasl.jaas.config"]
    assert jaas.startswith(
        "org.apache.flink.kafka.shaded.org.apache.kafka.common.security.scram.ScramLoginModule"
    )
    assert 'username="shop" password="a\\"b\\\\c";' in jaas
    assert properties["ssl.truststore.certificates"].startswith("-----BEGIN")


def test_the_configuration_travels_in_the_variable_that_the_job_reads() -> None:
    assert f'ENVIRONMENT_VARIABLE = "{CONFIG_VARIABLE}"' in (ROOT / "jobs" / "live.py").read_text()
