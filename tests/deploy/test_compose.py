"""The laws of docker-compose.yml. No Docker engine is needed: what is checked is what the file says."""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from jobs.local.kafka import MAX_BYTES
from jobs.settings import Settings
from jobs.settings.model import ENVIRONMENT_PREFIX

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
FLINK_CONFIG = yaml.safe_load((ROOT / "deploy/flink-conf/config.yaml").read_text())
PROFILES = {
    "snowplow": {"snowplow-topics", "collector", "enrich"},
    "ui": {"akhq", "redisinsight", "prometheus", "grafana"},
}
EVERY_SERVICE = pytest.mark.parametrize("name", SERVICES)
_VARIABLE = re.compile(r"\$\{\w+:-([^}]*)\}")


def resolved(text: str) -> str:
    """What Compose makes of it while no variable is set."""
    return _VARIABLE.sub(r"\1", text).replace("$$", "$")


def environment(name: str) -> dict[str, Any]:
    given: dict[str, Any] = SERVICES[name].get("environment", {})
    return given


def topics(name: str) -> dict[str, int]:
    words = environment(name)["TOPICS"].split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


def test_it_keeps_the_compose_specification() -> None:
    # The schema that check-jsonschema ships; found without importing its command line.
    spec = find_spec("check_jsonschema")
    assert spec
    assert spec.origin
    schema = Path(spec.origin).parent / "builtin_schemas/vendor/compose-spec.json"
    errors = jsonschema.Draft7Validator(json.loads(schema.read_text())).iter_errors(COMPOSE)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


@EVERY_SERVICE
def test_an_image_is_pinned_to_a_full_version(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].partition(":")
    assert re.match(r"v?\d+\.\d+\.\d+", tag), f"{name}: {SERVICES[name]['image']}"


@EVERY_SERVICE
def test_a_port_is_published_on_the_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", resolved(port)), f"{name}: {port}"


def test_no_two_services_publish_one_port() -> None:
    ports = [
        resolved(port).split(":")[1] for service in SERVICES.values() for port in service.get("ports", [])
    ]
    assert len(ports) == len(set(ports))


@EVERY_SERVICE
def test_no_service_gains_privileges_or_the_hosts_network(name: str) -> None:
    service = SERVICES[name]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "cap_add", "pid", "user"} & set(service)


def test_every_setting_in_the_environment_is_one_of_the_jobs() -> None:
    texts = [(ROOT / path).read_text() for path in ("docker-compose.yml", "deploy/README.md")]
    text = "\n".join(texts)
    names = set(re.findall(rf"{ENVIRONMENT_PREFIX}\w+", text))
    assert {name.removeprefix(ENVIRONMENT_PREFIX).lower() for name in names} <= set(Settings.model_fields)


def test_the_job_accepts_the_settings_it_is_given() -> None:
    given = {
        name.removeprefix(ENVIRONMENT_PREFIX).lower(): value for name, value in environment("submit").items()
    }
    settings = Settings(**given)
    assert settings.checkpoint_dir == FLINK_CONFIG["execution"]["checkpointing"]["dir"]
    assert settings.kafka_bootstrap in environment("kafka")["KAFKA_ADVERTISED_LISTENERS"]


def test_the_job_has_exactly_the_slots_that_it_asks_for() -> None:
    slots = SERVICES["taskmanager"]["deploy"]["replicas"] * FLINK_CONFIG["taskmanager"]["numberOfTaskSlots"]
    assert int(environment("submit")["SHOPPER_PARALLELISM"]) == slots == 2


def test_the_topics_are_those_of_the_settings() -> None:
    made = topics("topics")
    fields = Settings.model_fields
    assert made == {fields["topic"].default: 4, fields["dead_letter_topic"].default: 1}
    given = environment("submit")
    assert set(made) == {given["SHOPPER_TOPIC"], given["SHOPPER_DEAD_LETTER_TOPIC"]}
    assert topics("snowplow-topics")[given["SHOPPER_TOPIC"]] == made[given["SHOPPER_TOPIC"]]


def test_records_may_be_as_large_as_in_the_local_stack() -> None:
    kafka = environment("kafka")
    sizes = {kafka["KAFKA_MESSAGE_MAX_BYTES"], kafka["KAFKA_REPLICA_FETCH_MAX_BYTES"]}
    sizes |= {environment(name)["MAX_BYTES"] for name in ("topics", "snowplow-topics")}
    assert sizes == {str(MAX_BYTES)}


def test_snowplows_parts_read_and_write_topics_that_are_made() -> None:
    configs = [(ROOT / "deploy/snowplow" / f"{name}.hocon").read_text() for name in ("collector", "enrich")]
    named = set(re.findall(r'"?(?:topicName"?:|name =) "([^"]+)"', "\n".join(configs)))
    assert named == set(topics("snowplow-topics"))
    # What the collector writes is what Enrich reads.
    assert all('"snowplow-collector-good"' in config for config in configs)


@pytest.mark.parametrize("name", ["collector", "enrich"])
def test_snowplows_licence_is_accepted_by_nobody_but_the_user(name: str) -> None:
    variable = "ACCEPT_LIMITED_USE_LICENSE"
    # Without a value it is passed on where the user has set it, and is not set otherwise.
    assert environment(name) == {variable: None}
    settings = [
        line
        for line in (ROOT / "deploy/snowplow" / f"{name}.hocon").read_text().splitlines()
        if "accept" in line
    ]
    assert [line for line in settings if not line.lstrip().startswith("#")] == []


def test_the_profiles_are_as_promised() -> None:
    named = {name: set(service["profiles"]) for name, service in SERVICES.items() if "profiles" in service}
    assert named == {name: {profile} for profile, names in PROFILES.items() for name in names}


@EVERY_SERVICE
def test_what_a_service_waits_for_can_come_true(name: str) -> None:
    needs = {
        "service_healthy": "healthcheck",
        "service_started": "image",
        "service_completed_successfully": "image",
    }
    profiles = set(SERVICES[name].get("profiles", []))
    for other, dependency in SERVICES[name].get("depends_on", {}).items():
        assert needs[dependency["condition"]] in SERVICES[other]
        assert set(SERVICES[other].get("profiles", [])) <= profiles
        if dependency["condition"] == "service_completed_successfully":
            assert "restart" not in SERVICES[other]


@EVERY_SERVICE
def test_what_a_service_mounts_exists(name: str) -> None:
    for mount in SERVICES[name].get("volumes", []):
        source, target, *mode = mount.split(":")
        assert target.startswith("/")
        if source.startswith("."):
            assert (ROOT / source).exists(), source
            assert mode == ["ro"]
        else:
            assert source in COMPOSE["volumes"]


def test_the_job_is_handed_in_by_the_script_that_looks_first() -> None:
    *_, script = SERVICES["submit"]["command"]
    assert (ROOT / script).is_file()
    assert f"!{script}" in (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines()


def test_every_container_of_flink_shares_the_checkpoints() -> None:
    folder = FLINK_CONFIG["execution"]["checkpointing"]["dir"].removeprefix("file://")
    for name in ("jobmanager", "taskmanager", "submit"):
        assert SERVICES[name]["volumes"] == [f"checkpoints:{folder}"]
        assert (ROOT / SERVICES[name]["build"]["dockerfile"]).is_file()
