"""Listeners of a local broker that ask for TLS, a login, or both: what Kafka's own clients meet elsewhere."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from jobs.local.process import HOST, free_port

PROTOCOLS: Final = ("SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-512")
_PLAIN_MODULE: Final = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM_MODULE: Final = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True, slots=True)
class BrokerSecurity:
    """A listener for each of `PROTOCOLS`; those with a login take the one user by each of `MECHANISMS`."""

    keystore: Path
    """PEM file with the broker's private key (PKCS #8) and its certificate."""
    user: str
    """Letters and digits, as the password: Kafka's tools know no quoting."""
    password: str = field(repr=False)
    ports: dict[str, int] = field(default_factory=lambda: {protocol: free_port() for protocol in PROTOCOLS})

    def bootstrap(self, protocol: str) -> str:
        """Where clients of a protocol connect; by name, since certificates are made for names."""
        return f"localhost:{self.ports[protocol]}"

    @property
    def listeners(self) -> str:
        """What `listeners` gets beside the plain ones."""
        return "".join(f",{protocol}://{HOST}:{port}" for protocol, port in self.ports.items())

    @property
    def advertised(self) -> str:
        """What `advertised.listeners` gets beside the plain one."""
        return "".join(f",{protocol}://localhost:{port}" for protocol, port in self.ports.items())

    @property
    def properties(self) -> str:
        """Lines of `server.properties`."""
        lines = ["inter.broker.listener.name=PLAINTEXT"]
        names = ["CONTROLLER:PLAINTEXT", "PLAINTEXT:PLAINTEXT", *(f"{name}:{name}" for name in PROTOCOLS)]
        lines.append(f"listener.security.protocol.map={','.join(names)}")
        lines += ["ssl.keystore.type=PEM", f"ssl.keystore.location={self.keystore.absolute()}"]
        for protocol in ("sasl_plaintext", "sasl_ssl"):
            prefix = f"listener.name.{protocol}"
            lines.append(f"{prefix}.sasl.enabled.mechanisms={','.join(MECHANISMS)}")
            users = f'user_{self.user}="{self.password}"'
            lines.append(f"{prefix}.plain.sasl.jaas.config={_PLAIN_MODULE} required {users};")
            lines.append(f"{prefix}.scram-sha-512.sasl.jaas.config={_SCRAM_MODULE} required;")
        return "\n".join(lines) + "\n"

    @property
    def formatting(self) -> tuple[str, ...]:
        """What the storage's formatting is told: SCRAM users are part of the cluster's metadata."""
        return ("--add-scram", f"SCRAM-SHA-512=[name={self.user},password={self.password}]")
