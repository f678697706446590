"""A Kafka broker on this machine: one node that is broker and controller (KRaft), from its jars alone."""

import subprocess
import uuid
from base64 import urlsafe_b64encode
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket

from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from jobs.local.errors import ProcessError
from jobs.local.kafka_security import BrokerSecurity
from jobs.local.process import HOST, LocalProcess, free_port
from jobs.local.service import LocalService
from jobs.local.toolchain import Toolchain

READY_S = 60.0
FORMAT_S = 60.0
CALL_MS = 10_000
# A record's value of 4 MiB, with its key, headers and batch.
MAX_BYTES = 4 * 1024 * 1024 + 64 * 1024

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}{listeners}
advertised.listeners=PLAINTEXT://{host}:{port}{advertised}
log.dirs={data}
auto.create.topics.enable=false
message.max.bytes={max_bytes}
replica.fetch.max.bytes={max_bytes}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
"""
LOGGING = """\
rootLogger.level=INFO
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %-5p %c{1}: %m%n
"""


@dataclass(slots=True)
class KafkaBroker(LocalService):
    """A broker on free ports, which stay the same over restarts, as does its data."""

    toolchain: Toolchain
    folder: Path
    heap: str = "512m"
    security: BrokerSecurity | None = None
    """Listeners with TLS and logins beside the plain one."""
    port: int = field(default_factory=free_port)
    controller_port: int = field(default_factory=free_port)
    process: LocalProcess = field(init=False)

    def __post_init__(self) -> None:
        self.process = LocalProcess(
            name="Kafka",
            command=(*self._java(f"-Xmx{self.heap}"), "kafka.Kafka", str(self._properties)),
            log=self.folder / "kafka.log",
        )

    @property
    def bootstrap(self) -> str:
        """Where clients connect."""
        return f"{HOST}:{self.port}"

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def start(self) -> None:
        """Start it without waiting, its storage formatted first if it is new."""
        self.folder.mkdir(parents=True, exist_ok=True)
        data = self.folder / "data"
        if not (data / "meta.properties").is_file():
            (self.folder / "log4j2.properties").write_text(LOGGING)
            self._properties.write_text(self._text(data))
            self._format()
        self.process.start()

    def wait_ready(self) -> None:
        """Wait until it answers clients."""
        self.process.wait_ready(lambda: answers(self.bootstrap), READY_S)

    def stop(self) -> None:
        """End it in good order."""
        self.process.stop()

    def create_topic(self, name: str, partitions: int = 1) -> None:
        """Create a topic.

        Raises:
            TopicAlreadyExistsError: from `kafka.errors`.
        """
        create_topic(self.bootstrap, name, partitions)

    def _text(self, data: Path) -> str:
        secure = self.security
        text = PROPERTIES.format(
            host=HOST,
            port=self.port,
            controller_port=self.controller_port,
            listeners=secure.listeners if secure else "",
            advertised=secure.advertised if secure else "",
            data=data.absolute(),
            max_bytes=MAX_BYTES,
        )
        return text + (secure.properties if secure else "")

    def _format(self) -> None:
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = [*self._java("-Xmx128m"), "kafka.tools.StorageTool", "format"]
        # As one argument: one id in 64 begins with a dash.
        command += [f"--cluster-id={cluster}", "--config", str(self._properties)]
        command += self.security.formatting if self.security else ()
        done = subprocess.run(command, capture_output=True, text=True, timeout=FORMAT_S, check=False)
        if done.returncode:
            msg = f"Kafka's storage in {self.folder} cannot be formatted:\n{done.stdout}{done.stderr}"
            raise ProcessError(msg)

    def _java(self, *options: str) -> tuple[str, ...]:
        classpath = ":".join(map(str, self.toolchain.kafka_classpath))
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        return (str(self.toolchain.java), *options, logging, "-Djava.awt.headless=true", "-cp", classpath)


def create_topic(bootstrap: str, name: str, partitions: int = 1) -> None:
    """Create a topic of one replica and wait until clients can see it."""
    with KafkaAdminClient(bootstrap_servers=bootstrap) as admin:
        admin.create_topics([NewTopic(name, partitions, 1)], timeout_ms=CALL_MS, wait_for_metadata=True)


def answers(bootstrap: str) -> bool:
    """Whether a broker there serves clients."""
    host, port = bootstrap.rsplit(":", 1)
    # kafka-python 3.0 leaks a socket for every refused connection.
    with closing(socket()) as probe:
        if probe.connect_ex((host, int(port))):
            return False
    try:
        with KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=1_000) as admin:
            admin.list_topics()
    except KafkaError:
        return False
    return True
