"""The Redis URL: one server, sentinels or a cluster, in the forms that the job takes."""

import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, unquote

from shopper_reader.errors import InvalidURLError

Kind = Literal["single", "sentinel", "cluster"]

_SCHEMES: Final[dict[str, tuple[Kind, bool]]] = {
    "redis": ("single", False),
    "rediss": ("single", True),
    "redis+sentinel": ("sentinel", False),
    "rediss+sentinel": ("sentinel", True),
    "redis+cluster": ("cluster", False),
    "rediss+cluster": ("cluster", True),
}
_FORMS: Final = (
    "redis://[user:password@]host:port[/db], redis+sentinel://host:port,host:port/service[/db] or "
    "redis+cluster://host:port,host:port; rediss… for TLS"
)
_HOST: Final = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.%]+)\]|(?P<name>[\w.-]+))(?::(?P<port>\d{1,5}))?", re.ASCII
)
_LAST_PORT: Final = 65_535
_FLAGS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_OPTIONS: Final = frozenset(
    {"ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname"}
    | {"sentinel_username", "sentinel_password"}
)


@dataclass(frozen=True)
class Address:
    """A parsed URL. What it shows of itself holds no password."""

    kind: Kind
    hosts: tuple[tuple[str, int], ...]
    tls: bool = False
    service: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    options: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, url: str) -> "Address":
        """The address that `url` gives.

        Raises:
            InvalidURLError: if it is none; the message shows neither credentials nor options.
        """
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in _SCHEMES:
            raise _wrong(scheme if separator else "", "its scheme is unknown")
        kind, tls = _SCHEMES[scheme]
        place, _, query = rest.partition("?")
        authority, _, path = place.partition("/")
        # What looks like its path or options may be a part of a password: no message shows any of it.
        if "@" in path or "@" in query or "#" in rest:
            fault = "user, password and options must be percent-encoded (/ as %2F, @ as %40, ? as %3F)"
            raise _wrong(scheme, fault)
        credentials, _, hosts = authority.rpartition("@")
        service, db = _path(scheme, kind, path)
        username, _, password = credentials.partition(":")
        default_port = 26379 if kind == "sentinel" else 6379
        return cls(
            kind,
            tuple(_host(scheme, host, default_port) for host in hosts.split(",")),
            tls,
            service,
            db,
            unquote(username) or None,
            unquote(password) or None,
            _options(scheme, query),
        )

    @property
    def shown(self) -> str:
        """The URL as it may be logged."""
        hosts = ",".join(f"{host}:{port}" for host, port in self.hosts)
        kind = "" if self.kind == "single" else f"+{self.kind}"
        tail = f"/{self.service}" if self.service else ""
        return f"redis{'s' if self.tls else ''}{kind}://{hosts}{tail}" + (f"/{self.db}" if self.db else "")

    @property
    def credentials(self) -> dict[str, Any]:
        """User, password and database as redis-py takes them."""
        found: dict[str, Any] = {"username": self.username, "password": self.password}
        return found if self.kind == "cluster" else found | {"db": self.db}

    @property
    def sentinel_credentials(self) -> dict[str, Any]:
        """Those of the sentinels, which have their own."""
        return {
            "ssl": self.tls,
            "username": self.options.get("sentinel_username"),
            "password": self.options.get("sentinel_password"),
        }

    @property
    def tls_options(self) -> dict[str, Any]:
        """What redis-py is told about TLS; the host name is checked unless the URL says otherwise."""
        if not self.tls:
            return {}
        checked = self.options.get("ssl_cert_reqs", "required") != "none"
        given = {name: value for name, value in self.options.items() if name.startswith("ssl_")}
        return {"ssl_check_hostname": checked} | given


def _path(scheme: str, kind: Kind, path: str) -> tuple[str, int]:
    parts = [unquote(part) for part in path.split("/") if part]
    service = parts.pop(0) if kind == "sentinel" and parts else ""
    if kind == "sentinel" and not service:
        raise _wrong(scheme, "the name of the sentinels' service is missing after the hosts")
    if kind == "cluster" and parts and parts != ["0"]:
        raise _wrong(scheme, "a Redis Cluster has database 0 only")
    if len(parts) > 1 or (parts and not parts[0].isdecimal()):
        raise _wrong(scheme, "what follows the host must be a database number")
    return service, int(parts[0]) if parts else 0


def _host(scheme: str, text: str, default_port: int) -> tuple[str, int]:
    match = _HOST.fullmatch(text)
    port = int(match["port"] or default_port) if match else 0
    if match is None or not 0 < port <= _LAST_PORT:
        raise _wrong(scheme, "a host is missing or a port is no number from 1 to 65535")
    return match["six"] or match["name"], port


def _options(scheme: str, query: str) -> dict[str, Any]:
    options: dict[str, Any] = dict(parse_qsl(query))
    unknown = sorted(options.keys() - _OPTIONS)
    if unknown:
        raise _wrong(scheme, f"option {unknown[0]!r} is none of {', '.join(sorted(_OPTIONS))}")
    if (flag := options.get("ssl_check_hostname")) is not None:
        if flag.lower() not in _FLAGS:
            raise _wrong(scheme, f"ssl_check_hostname={flag!r} is neither true nor false")
        options["ssl_check_hostname"] = _FLAGS[flag.lower()]
    wants = options.get("ssl_cert_reqs", "required")
    if wants not in ("required", "optional", "none"):
        raise _wrong(scheme, f"ssl_cert_reqs={wants!r} is none of required, optional, none")
    return options


def _wrong(scheme: str, fault: str) -> InvalidURLError:
    shown = f"{scheme}://…" if re.fullmatch(r"[a-z+]{1,20}", scheme) else "not shown, it may hold a password"
    msg = f"the Redis URL ({shown}): {fault}; expected {_FORMS}"
    return InvalidURLError(msg)
