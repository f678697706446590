"""The live job over TLS with logins, as a user would submit it: it works, and gives no secret away."""

import os
import subprocess
import sys
from contextlib import closing
from typing import Any

import pytest
import redis
from redis.exceptions import NoPermissionError

from jobs.job_config import JobConfig
from jobs.settings.job import job_config
from serving.redis_reader import RedisReader, RedisUnreachableError
from tests.harness import wait_until
from tests.integration import telltale
from tests.integration.live_job import END_S, LiveJob, Surroundings, live_job
from tests.integration.secured import (
    ID_KEY,
    READER_PASSWORD,
    REDIS_PASSWORD,
    SECRETS,
    Secured,
    now_ms,
)
from tests.integration.test_live_job import RECORDS, adds_up, recent_records, replayed, settle, stable

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SUBMIT_S = 180
WAYS = [
    ("SASL_SSL", "SCRAM-SHA-512", "fused"),
    ("SASL_SSL", "PLAIN", "branches"),
    ("SASL_PLAINTEXT", "SCRAM-SHA-512", "fused"),
    ("SSL", "PLAIN", "fused"),
]


def shopper(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line with settings in its environment."""
    return subprocess.run(
        [sys.executable, "-m", "jobs.cli.main", *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=SUBMIT_S,
        check=False,
    )


def described(secure: Secured, around: Surroundings, protocol: str, mechanism: str, **more: Any) -> JobConfig:
    """The job of this test, as the settings of a user make it."""
    own = {
        "topic": around.name,
        "dead_letter_topic": around.dead_letter_topic,
        "job_name": around.name,
        "redis_prefix": f"{around.name}:",
        "checkpoint_interval_s": 1,
    }
    settings = secure.settings(protocol, mechanism, **own | more)
    folder = (around.folder / "checkpoints").as_uri()
    return job_config(settings, life=now_ms(), checkpoint_dir=folder, python=sys.executable)


@pytest.mark.parametrize(("protocol", "mechanism", "topology"), WAYS)
def test_every_value_is_right_over_tls_with_logins(
    secure: Secured, secure_around: Surroundings, protocol: str, mechanism: str, topology: str
) -> None:
    records = recent_records()
    secure_around.send(records)
    config = described(secure, secure_around, protocol, mechanism, topology=topology)
    with live_job(secure_around, config) as job:
        counts = job.wait_read(RECORDS)
        adds_up(counts, RECORDS)
        wanted, _ = replayed(records)
        settle(job, wanted)
        assert stable(secure_around.features(config.redis_prefix)) == stable(wanted)
        wait_until(
            lambda: len({letter["id"] for letter in secure_around.dead_letters()}) == counts["dead"],
            END_S,
            "every dead letter is in its topic",
        )
        assert counts["dead"] > 2
        assert job.failures() == 0
        assert counts["rows.foreign"] == 0


def test_secrets_are_nowhere_to_be_read(secure: Secured, secure_around: Surroundings) -> None:
    """Not with a job that runs, not with one that fails."""
    around = secure_around
    security = secure.kafka.security
    assert security is not None
    around.send(recent_records())
    variables = {
        "SHOPPER_KAFKA_BOOTSTRAP": security.bootstrap("SASL_SSL"),
        "SHOPPER_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "SHOPPER_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "SHOPPER_KAFKA_SASL_USER": security.user,
        "SHOPPER_KAFKA_SASL_PASSWORD": security.password,
        "SHOPPER_KAFKA_CA_FILE": str(secure.authority),
        "SHOPPER_REDIS_URL": secure.redis_url(),
        "SHOPPER_REDIS_PREFIX": f"{around.name}:",
        "SHOPPER_TOPIC": around.name,
        "SHOPPER_DEAD_LETTER_TOPIC": around.dead_letter_topic,
        "SHOPPER_JOB_NAME": around.name,
        "SHOPPER_HASH_IDS": "true",
        "SHOPPER_HASH_IDS_KEY": ID_KEY,
        "SHOPPER_CHECKPOINT_DIR": (around.folder / "checkpoints").as_uri(),
        "SHOPPER_JOBMANAGER": around.address,
    }
    config = described(secure, around, "SASL_SSL", "SCRAM-SHA-512")
    said: dict[str, str] = {}
    with telltale.command_lines() as seen:
        done = shopper(variables, "submit", "--python", sys.executable)
        said["submit"] = done.stdout + done.stderr
        assert done.returncode == 0, said["submit"]
        job = LiveJob(around, config, done.stdout.strip())
        try:
            job.wait_read(RECORDS)
            said |= telltale.answers(around.flink, job.id)
            # Changed under the running job: it fails, says so, and goes on when the password is right again.
            let_in_by(secure, "anotherPassword", around)
            wait_until(lambda: job.failures() > 0, END_S, "the job failed")
            said |= {f"failing {path}": text for path, text in telltale.answers(around.flink, job.id).items()}
            secure.let_in(f"{around.name}:")
            around.send(recent_records(14))
            adds_up(job.wait_read(2 * RECORDS), 2 * RECORDS)
        finally:
            job.cancel()
        for command in (["config"], ["config", "--json"], ["config", "--toml"], ["get", "nobody"]):
            done = shopper(variables, *command)
            said[" ".join(command)] = done.stdout + done.stderr
        mistakes = {"SHOPPER_BUCKETS": "3", "SHOPPER_REDIS_URL": secure.redis_url() + "&x=1"}
        done = shopper(variables | mistakes, "config")
        assert done.returncode == 2
        said["mistakes"] = done.stdout + done.stderr
    failing = " ".join(
        text for place, text in said.items() if place.startswith("failing") and "exceptions" in place
    )
    assert "check user and password in redis_url" in failing
    said |= telltale.logs(around.flink.folder)
    said["Kafka"] = secure.kafka.process.log.read_text()
    said |= {line: line for line in seen}
    assert len(said) > 50
    assert {"Kafka", "/jobs/overview"} < {place for place, _ in telltale.found((around.name,), said)}, (
        "it would be found"
    )
    assert any("jobs.live" in line for line in seen), "the client's process was seen"
    assert telltale.found(SECRETS, said) == []


def let_in_by(secure: Secured, password: str, around: Surroundings) -> None:
    """Change the job's password, and hang up on it."""
    secure.admin.execute_command("ACL SETUSER", "shopper-job", "resetpass", f">{password}")
    clients: Any = secure.admin.client_list()
    for client in clients:
        if client["user"] == "shopper-job":
            secure.admin.client_kill_filter(_id=client["id"])


FORBIDDEN: list[tuple[Any, ...]] = [
    ("GET", "{prefix}user:a:features:1h"),
    ("HGETALL", "other:key"),
    ("SET", "{prefix}user:a:features:1h", "x"),
    ("HSET", "other:user:a:features:1h", "x", "1"),
    ("HSET", "{prefix}secrets", "x", "1"),
    ("DEL", "other:key"),
    ("KEYS", "*"),
    ("SCAN", "0"),
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("CONFIG", "GET", "*"),
    ("ACL", "LIST"),
    ("SCRIPT", "FLUSH"),
    ("SCRIPT", "KILL"),
    ("EVAL", "return 1", 0),
    ("SHUTDOWN",),
    ("DEBUG", "SLEEP", "0"),
    ("CLIENT", "LIST"),
    ("MONITOR",),
    ("REPLICAOF", "NO", "ONE"),
    ("PUBLISH", "channel", "x"),
    ("SUBSCRIBE", "channel"),
    ("XADD", "{prefix}user:a", "*", "a", "1"),
]


@pytest.mark.parametrize("command", FORBIDDEN, ids=lambda command: "-".join(map(str, command)))
def test_the_jobs_user_can_do_nothing_else(
    secure: Secured, secure_around: Surroundings, command: tuple[Any, ...]
) -> None:
    prefix = f"{secure_around.name}:"
    secure.admin.set("other:key", "x")
    with redis.Redis.from_url(secure.redis_url()) as client:
        assert client.hset(f"{prefix}user:a:features:1h", "x", "1") == 1, "what it may do"
        with pytest.raises(NoPermissionError):
            client.execute_command(*(str(part).format(prefix=prefix) for part in command))
    assert secure.admin.get("other:key") == "x"


def test_a_script_of_the_jobs_user_reaches_no_other_key(secure: Secured, secure_around: Surroundings) -> None:
    """Scripts run with the rights of who calls them."""
    secure.admin.set("other:key", "x")
    with redis.Redis.from_url(secure.redis_url()) as client:
        for call in ("'DEL', 'other:key'", "'FLUSHALL'", "'SET', KEYS[1], 'x'"):
            sha = client.script_load(f"return redis.call({call})")
            with pytest.raises(redis.ResponseError, match=r"can't|NOPERM|ACL failure|No permission"):
                client.evalsha(sha, 1, f"{secure_around.name}:user:a:features:1h")
    assert secure.admin.get("other:key") == "x"


def test_the_readers_user_reads_and_changes_nothing(secure: Secured, secure_around: Surroundings) -> None:
    key = f"{secure_around.name}:user:a:features:1h"
    secure.admin.hset(key, "x", "1")
    url = secure.redis_url("shopper-reader", READER_PASSWORD)
    with redis.Redis.from_url(url, decode_responses=True) as client:
        assert client.hgetall(key) == {"x": "1"}
        for command in (("HSET", key, "x", "2"), ("DEL", key), ("HGETALL", "other:key"), ("KEYS", "*")):
            with pytest.raises(NoPermissionError):
                client.execute_command(*command)
    assert secure.admin.hgetall(key) == {"x": "1"}


def test_who_reads_is_told_what_is_missing(secure: Secured, secure_around: Surroundings) -> None:
    key = f"{secure_around.name}:user:a:features:1h"
    for password, wanted in (
        ("wrong", "check user and password"),
        (READER_PASSWORD, "all keys under the prefix"),
    ):
        reader = RedisReader(secure.redis_url("shopper-reader", password))
        with closing(reader), pytest.raises(RedisUnreachableError, match=wanted) as caught:
            reader.hashes([key, "other:key"])
        assert password not in str(caught.value)


def test_nobody_comes_in_by_another_password(secure: Secured, secure_around: Surroundings) -> None:
    url = secure.redis_url(password=REDIS_PASSWORD[:5])
    with redis.Redis.from_url(url) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
