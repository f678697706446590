"""What Redis's error replies mean for a write: try again, ask where, or give up now, and what mends it."""

import re
from enum import Enum, auto
from typing import Final

from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    TryAgainError,
)

BROKEN: Final = (RedisError, RedisClusterException, OSError)
"""What redis-py raises where nobody answers, or nobody is known who should."""


class Fault(Enum):
    """What to do about an error reply."""

    FOREIGN = auto()
    """The key holds another type: that row only is lost."""
    UNKNOWN_SCRIPT = auto()
    """Load the script and send again at once."""
    ASK = auto()
    """Send again at once, to the node the slot moves to."""
    MOVED = auto()
    """Look again who has the slot, then send again."""
    APART = auto()
    """Send the rows one by one."""
    LATER = auto()
    """Wait, look again where the primary is, send again."""
    FINAL = auto()
    """Waiting does not mend it."""


_KINDS: Final[dict[type[Exception], tuple[str, Fault]]] = {
    NoScriptError: ("NOSCRIPT", Fault.UNKNOWN_SCRIPT),
    AskError: ("ASK", Fault.ASK),
    MovedError: ("MOVED", Fault.MOVED),
    TryAgainError: ("TRYAGAIN", Fault.APART),
    ReadOnlyError: ("READONLY", Fault.LATER),
    ClusterDownError: ("CLUSTERDOWN", Fault.LATER),
    MasterDownError: ("MASTERDOWN", Fault.LATER),
    OutOfMemoryError: ("OOM", Fault.LATER),
    NoPermissionError: ("NOPERM", Fault.FINAL),
    AuthenticationError: ("NOAUTH", Fault.FINAL),
    AuthorizationError: ("NOAUTH", Fault.FINAL),
}

# Inside a script Redis 6.2 wraps the reply ("ERR Error running script …: -OOM command not allowed");
# redis-py knows replies by their first word.
_CODES: Final[dict[str, Fault]] = {
    "WRONGTYPE": Fault.FOREIGN,
    "OOM": Fault.LATER,
    "READONLY": Fault.LATER,
    "MISCONF": Fault.LATER,
    "NOREPLICAS": Fault.LATER,
    "LOADING": Fault.LATER,
    "BUSY": Fault.LATER,
    "MASTERDOWN": Fault.LATER,
    "CLUSTERDOWN": Fault.LATER,
    "NOSCRIPT": Fault.UNKNOWN_SCRIPT,
    "MOVED": Fault.MOVED,
    "CROSSSLOT": Fault.FINAL,
    "NOAUTH": Fault.FINAL,
    "WRONGPASS": Fault.FINAL,
    "NOPERM": Fault.FINAL,
    # OpenSSL's word, in what redis-py says of a connection.
    "CERTIFICATE_VERIFY_FAILED": Fault.LATER,
}
_CODE: Final = re.compile(rf"\b({'|'.join(_CODES)})\b")
_WRAPPED: Final = {
    "write against a read only replica": "READONLY",
    "command not allowed when used memory": "OOM",
    "is a busy Redis running a script": "BUSY",
    "MISCONF": "MISCONF",
    "The user executing the script can't": "NOPERM",
}

# A cluster's clients also need +cluster|slots +cluster|shards +command.
COMMANDS: Final = "+evalsha +script|load +hget +hmget +hset +hdel +hlen +hgetall +del +pexpireat +ping"
LIVE_SHOPPER_COMMANDS: Final = "+set"
"""What the layout `live-shopper` needs besides."""
ENTITY_COMMANDS: Final = "+type +get +set +zadd"
"""What entities beyond the shopper need besides."""
_NOT_SINGLE: Final = "the server is part of a Redis Cluster: redis_url must begin with redis+cluster://"
_REMEDIES: Final[dict[str, str]] = {
    "OOM": "Redis is full: raise its maxmemory (rows expire by themselves, so it may also be waited for)",
    "READONLY": "it is a replica: give the primary's address, or redis+sentinel://…, which finds it",
    "MISCONF": "Redis cannot save to its disk and refuses writes: mend the disk or its persistence settings",
    "NOREPLICAS": "too few replicas answer for min-replicas-to-write: bring them back or lower it",
    "LOADING": "Redis is still loading its data",
    "BUSY": "another client's script keeps Redis busy",
    "CLUSTERDOWN": "the cluster does not serve all slots: see CLUSTER INFO",
    "MOVED": _NOT_SINGLE,
    "CROSSSLOT": _NOT_SINGLE,
    "NOAUTH": "check user and password in redis_url",
    "WRONGPASS": "check user and password in redis_url",
    "CERTIFICATE_VERIFY_FAILED": "give the PEM file of the authority that signed it: rediss://…?ssl_ca_certs=FILE",
    "NOPERM": f"the user in redis_url needs all keys under the prefix and {COMMANDS}, "
    f"with the layout live-shopper {LIVE_SHOPPER_COMMANDS}, with entities {ENTITY_COMMANDS}, too",
}
UNREACHABLE: Final = (
    "check that it runs, that redis_url is right as seen from here, and whether it speaks TLS (rediss) or "
    "not (redis); the job will write again"
)


def fault_of(error: Exception, cluster: bool) -> tuple[Fault, str]:
    """What to do about `error`, and Redis's word for it."""
    code, fault = _KINDS.get(type(error), ("", None))
    if fault is None:
        text = str(error)
        match = _CODE.search(text)
        code = match[1] if match else next((c for part, c in _WRAPPED.items() if part in text), "")
        fault = _CODES.get(code, Fault.FINAL)
    if fault is Fault.MOVED and not cluster:
        return Fault.FINAL, code
    return fault, code


def remedy(code: str) -> str:
    """What an operator can do about it."""
    return _REMEDIES.get(code, UNREACHABLE)
