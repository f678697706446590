"""The Redis URL: which of the three kinds of Redis, where, and with what credentials."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode

from redis.backoff import NoBackoff
from redis.retry import Retry

from sinks.errors import SinkSettingError

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
    {
        "ssl_ca_certs",
        "ssl_ca_data",
        "ssl_ca_path",
        "ssl_certfile",
        "ssl_keyfile",
        "ssl_cert_reqs",
        "ssl_check_hostname",
    }
    | {"sentinel_username", "sentinel_password"}
)


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed Redis URL. What it shows of itself holds no password."""

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
            SinkSettingError: if it is none; the message shows the URL without credentials and options.
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
        return cls(
            kind,
            tuple(_host(scheme, host, 26379 if kind == "sentinel" else 6379) for host in hosts.split(",")),
            tls,
            service,
            db,
            unquote(username) or None,
            unquote(password) or None,
            _options(scheme, query),
        )

    @property
    def shown(self) -> str:
        """The URL as it may be logged: without user, password and options."""
        hosts = ",".join(f"{host}:{port}" for host, port in self.hosts)
        kind = "" if self.kind == "single" else f"+{self.kind}"
        tail = f"/{self.service}" if self.service else ""
        return f"redis{'s' if self.tls else ''}{kind}://{hosts}{tail}" + (f"/{self.db}" if self.db else "")

    def connection(self, timeout_s: float) -> dict[str, Any]:
        """Arguments of a redis-py connection. It never retries by itself: the sink keeps the deadline."""
        arguments: dict[str, Any] = self._common(timeout_s) | {
            "username": self.username,
            "password": self.password,
        }
        return arguments if self.kind == "cluster" else arguments | {"db": self.db}

    def sentinel_connection(self, timeout_s: float) -> dict[str, Any]:
        """The same to the sentinels, which have credentials of their own."""
        return self._common(timeout_s) | {
            "ssl": self.tls,
            "username": self.options.get("sentinel_username"),
            "password": self.options.get("sentinel_password"),
        }

    def _common(self, timeout_s: float) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "socket_timeout": timeout_s,
            "socket_connect_timeout": timeout_s,
            "socket_keepalive": True,
            "retry": Retry(NoBackoff(), 0),
        }
        if self.tls:
            # redis-py 5 leaves the host name unchecked unless told otherwise.
            arguments["ssl_check_hostname"] = self.options.get("ssl_cert_reqs", "required") != "none"
            arguments |= {name: value for name, value in self.options.items() if name.startswith("ssl_")}
        return arguments


def with_authority(url: str) -> str:
    """`url` with the certificate itself in place of the file `ssl_ca_certs`, where that is a file here.

    A path would have to exist on every worker; the certificate is no secret and travels with the job.

    Raises:
        SinkSettingError: if `url` is no Redis URL, or the file is no text.
    """
    address = Address.parse(url)
    file = Path(address.options.get("ssl_ca_certs", ""))
    if not address.options.get("ssl_ca_certs") or not file.is_file():
        return url
    place, _, query = url.partition("?")
    kept = [(name, text) for name, text in parse_qsl(query) if name != "ssl_ca_certs"]
    try:
        return f"{place}?{urlencode([*kept, ('ssl_ca_data', file.read_text())], quote_via=quote)}"
    except (OSError, UnicodeDecodeError) as error:
        msg = f"redis_url: ssl_ca_certs={str(file)!r} cannot be read as a PEM file ({error})"
        raise SinkSettingError(msg) from None


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
    if options.get("ssl_cert_reqs", "required") not in ("required", "optional", "none"):
        raise _wrong(
            scheme, f"ssl_cert_reqs={options['ssl_cert_reqs']!r} is none of required, optional, none"
        )
    return options


def _wrong(scheme: str, fault: str) -> SinkSettingError:
    shown = f"{scheme}://…" if re.fullmatch(r"[a-z+]{1,20}", scheme) else "not shown, it may hold a password"
    msg = f"redis_url ({shown}): {fault}; expected {_FORMS}"
    return SinkSettingError(msg, fault)
