"""What is tried before a job is submitted: each thing that would keep it from running, with the way out."""

import gc
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

from jobs.cluster.preflight import PreflightError, preflight
from jobs.kafka.client import producer, topics_of, why
from sinks.faults import ENTITY_COMMANDS, LIVE_SHOPPER_COMMANDS
from tests.harness import wait_until
from tests.integration.live_job import END_S, Surroundings
from tests.integration.secured import SECRETS, Secured

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")]

WRONG = "wrongSecret"
LOGINS = [("SASL_PLAINTEXT", "PLAIN"), ("SASL_SSL", "PLAIN"), ("SASL_SSL", "SCRAM-SHA-512")]


def own(around: Surroundings) -> dict[str, Any]:
    return {
        "topic": around.name,
        "dead_letter_topic": around.dead_letter_topic,
        "job_name": around.name,
        "redis_prefix": f"{around.name}:",
    }


def refused(secure: Secured, around: Surroundings, **more: Any) -> str:
    with pytest.raises(PreflightError) as caught:
        preflight(secure.settings(**own(around) | more))
    said = str(caught.value)
    assert not any(secret in said for secret in SECRETS)
    return said


@pytest.fixture(autouse=True)
def sockets() -> Iterator[None]:
    """A client of kafka-python 3.0 that never got in forgets to close its sockets, which would be noticed."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.mark.parametrize(("protocol", "mechanism"), [*LOGINS, ("SSL", "PLAIN")])
@pytest.mark.parametrize("topology", ["fused", "branches"])
def test_with_the_right_settings_there_is_nothing_to_say_and_nothing_is_left_behind(
    secure: Secured, secure_around: Surroundings, protocol: str, mechanism: str, topology: str
) -> None:
    settings = secure.settings(protocol, mechanism, topology=topology, **own(secure_around))
    preflight(settings)
    assert not list(secure.admin.scan_iter(f"{secure_around.name}*"))
    with producer(settings) as kafka:
        kafka.send(settings.topic, b"{}").get(timeout=10)
    assert secure_around.name in topics_of(settings)


@pytest.mark.parametrize(("protocol", "mechanism"), LOGINS)
def test_a_wrong_password_for_kafka_is_told(
    secure: Secured, secure_around: Surroundings, protocol: str, mechanism: str
) -> None:
    settings = {"protocol": protocol, "mechanism": mechanism, "kafka_sasl_password": WRONG}
    said = refused(secure, secure_around, **settings)
    assert f"did not accept the login of 'shop' by {mechanism}" in said
    assert "kafka_sasl_password" in said
    assert WRONG not in said


def test_a_certificate_that_is_not_trusted_is_told(secure: Secured, secure_around: Surroundings) -> None:
    said = refused(secure, secure_around, kafka_ca_file=str(secure.stranger))
    assert "certificate that is not trusted" in said
    assert "kafka_ca_file" in said


def test_the_wrong_protocol_for_kafka_is_told(secure: Secured, secure_around: Surroundings) -> None:
    plain = secure.kafka.bootstrap
    said = refused(secure, secure_around, kafka_bootstrap=plain)
    assert f"Kafka at {plain} does not speak TLS there" in said
    assert secure.kafka.security is not None
    tls = secure.kafka.security.bootstrap("SSL")
    said = refused(secure, secure_around, kafka_bootstrap=tls, kafka_security_protocol="PLAINTEXT")
    assert "answers, but not by PLAINTEXT" in said


def test_everything_that_is_missing_is_told_at_once(secure: Secured, secure_around: Surroundings) -> None:
    more = {"topic": "absent", "redis_url": secure.redis_url(password=WRONG)}
    said = refused(secure, secure_around, **more)
    assert "has no topic absent (setting topic)" in said
    assert "check user and password in redis_url" in said
    assert WRONG not in said


def test_nobody_there_is_told(secure: Secured, secure_around: Surroundings) -> None:
    said = refused(
        secure, secure_around, kafka_bootstrap="127.0.0.1:1,127.0.0.1:2", redis_url="redis://127.0.0.1:1"
    )
    assert "127.0.0.1:1 does not answer" in said
    assert "127.0.0.1:2 does not answer" in said
    assert "Redis at redis://127.0.0.1:1" in said


def test_tls_that_does_not_fit_is_told_for_redis(secure: Secured, secure_around: Surroundings) -> None:
    stranger = secure.redis_url().replace(str(secure.authority), str(secure.stranger))
    assert "?ssl_ca_certs=FILE" in refused(secure, secure_around, redis_url=stranger)
    # A Redis without TLS waits for the end of the line, one with TLS hangs up.
    plain = secure.redis.url.replace("redis://", "rediss://")
    assert "whether it speaks TLS (rediss) or not" in refused(secure, secure_around, redis_url=plain)
    tls = secure.redis_url().partition("?")[0].replace("rediss://", "redis://")
    assert "whether it speaks TLS (rediss) or not" in refused(secure, secure_around, redis_url=tls)


@pytest.mark.parametrize("missing", ["+evalsha", "+script|load", "+hset", "+del", "+pexpireat"])
def test_a_command_that_redis_does_not_allow_is_told(
    secure: Secured, secure_around: Surroundings, missing: str
) -> None:
    secure.let_in(f"{secure_around.name}:", without=missing)
    assert missing in refused(secure, secure_around)


def test_the_layout_of_live_shopper_needs_a_command_more_and_leaves_nothing_behind(
    secure: Secured, secure_around: Surroundings
) -> None:
    def empty() -> bool:
        return not list(secure.admin.scan_iter(f"{secure_around.name}*"))

    secure.let_in(f"{secure_around.name}:")
    assert LIVE_SHOPPER_COMMANDS in refused(secure, secure_around, layout="live-shopper")
    # What could not be tried to its end expires.
    wait_until(empty, END_S, "nothing is left")
    secure.admin.execute_command("ACL SETUSER", "shopper-job", LIVE_SHOPPER_COMMANDS)
    for topology in ("fused", "branches"):
        preflight(secure.settings(layout="live-shopper", topology=topology, **own(secure_around)))
        assert empty()


def test_entities_need_keys_and_commands_more(secure: Secured, secure_around: Surroundings) -> None:
    prefix = f"{secure_around.name}:"
    secure.let_in(prefix)
    assert ENTITY_COMMANDS in refused(secure, secure_around, entities=("item",))
    rights = [f"~{prefix}product:*", f"~{prefix}products:*", *ENTITY_COMMANDS.split()]
    secure.admin.execute_command("ACL SETUSER", "shopper-job", *rights)
    preflight(secure.settings(entities=("item",), **own(secure_around)))
    wait_until(lambda: not list(secure.admin.scan_iter(f"{secure_around.name}*")), END_S, "nothing is left")


def test_a_prefix_that_redis_does_not_allow_is_told(secure: Secured, secure_around: Surroundings) -> None:
    said = refused(secure, secure_around, redis_prefix="elsewhere:")
    assert "all keys under the prefix" in said


def test_a_client_that_timed_out_is_told_why(secure: Secured) -> None:
    settings = secure.settings(kafka_ca_file=str(secure.stranger))
    assert "certificate that is not trusted" in why(settings, KafkaTimeoutError())
    assert "did not accept the login" in why(secure.settings(), KafkaTimeoutError())
