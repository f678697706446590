"""A Kafka with TLS and logins, and a Redis with TLS and a user who may do what the job does and no more."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis

from jobs.local.jars import ROOT
from jobs.local.kafka import KafkaBroker
from jobs.local.kafka_security import BrokerSecurity
from jobs.local.redis import RedisServer
from jobs.settings import Settings, load
from tests.harness import toolchain
from tests.proxies import certificate, proxy

KAFKA_PASSWORD = "kafkaSecret9f31c7"  # noqa: S105
REDIS_PASSWORD = "redisSecret/4b:0@e2?#%"  # noqa: S105  each of these signs must be percent-encoded in a URL
REDIS_PASSWORD_IN_URL = "redisSecret%2F4b%3A0%40e2%3F%23%25"  # noqa: S105
READER_PASSWORD = "readerSecret77aa"  # noqa: S105
ID_KEY = "idKeySecret5d0e6b81f24c4c7e"
SECRETS = (KAFKA_PASSWORD, REDIS_PASSWORD, REDIS_PASSWORD_IN_URL, READER_PASSWORD, ID_KEY)


@dataclass
class Secured:
    """The servers, and settings as a user would give them."""

    kafka: KafkaBroker
    redis: RedisServer
    tls_port: int
    authority: Path
    stranger: Path
    """A certificate that nobody here shows."""
    admin: Redis = field(init=False)

    def __post_init__(self) -> None:
        self.admin = Redis.from_url(self.redis.url, decode_responses=True)

    def let_in(self, prefix: str, without: str = "") -> None:
        """Make the two users of docs/security.md, that of the job `without` one of its commands."""
        for password, line in zip((REDIS_PASSWORD, READER_PASSWORD), acl_lines(), strict=True):
            words = [word.replace("shop1:", prefix) for word in line.split() if word != without]
            words[words.index(">PASSWORD")] = f">{password}"
            self.admin.execute_command("ACL SETUSER", *words[2:])

    def redis_url(self, user: str = "shopper-job", password: str = REDIS_PASSWORD_IN_URL) -> str:
        place = f"localhost:{self.tls_port}/0?ssl_ca_certs={self.authority}"
        return f"rediss://{user}:{password}@{place}"

    def settings(self, protocol: str = "SASL_SSL", mechanism: str = "SCRAM-SHA-512", **more: Any) -> Settings:
        security = self.kafka.security
        assert security is not None
        given: dict[str, Any] = {
            "kafka_bootstrap": security.bootstrap(protocol),
            "kafka_security_protocol": protocol,
            "kafka_sasl_mechanism": mechanism,
            "kafka_sasl_user": security.user,
            "kafka_sasl_password": security.password,
            "kafka_ca_file": str(self.authority) if "SSL" in protocol.split("_") else "",
            "redis_url": self.redis_url(),
        }
        return load(given | more).settings


def acl_lines() -> list[str]:
    """The lines that docs/security.md gives to users."""
    lines = (ROOT / "docs" / "security.md").read_text().splitlines()
    return [line for line in lines if line.startswith("ACL SETUSER ")]


@contextmanager
def secured(folder: Path) -> Iterator[Secured]:
    """The servers for the length of the block."""
    cert, key = certificate(folder / "own")
    stranger, _ = certificate(folder / "stranger")
    keystore = folder / "keystore.pem"
    keystore.write_text(key.read_text() + cert.read_text())
    security = BrokerSecurity(keystore, "shop", KAFKA_PASSWORD)
    server = RedisServer(toolchain().redis_server, folder / "redis")
    with (
        KafkaBroker(toolchain(), folder / "kafka", security=security) as kafka,
        server as redis,
        proxy(redis.port, tls=(cert, key)) as front,
    ):
        made = Secured(kafka, redis, front.port, cert, stranger)
        yield made
        made.admin.close()


def now_ms() -> int:
    return time.time_ns() // 1_000_000
