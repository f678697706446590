"""What redis-py raises, told apart by what the caller can do about it."""

import asyncio
from typing import Final

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    RedisClusterException,
    RedisError,
    TimeoutError,  # noqa: A004  redis-py's own, not the builtin
)

from shopper_reader.errors import AccessError, AnswerError, ConnectError, ReaderError, TimedOutError

RIGHTS: Final = (
    "reading needs +hgetall +hmget +time on the keys user:*, session:* and pipeline:*:progress, "
    "with the prefix before them where there is one"
)


def unreachable(error: BaseException, shown: str) -> ReaderError:
    """The error for a round trip that came to nothing."""
    text = _text(error)
    if isinstance(error, (AuthenticationError, AuthorizationError)) or "NOPERM" in text:
        return AccessError(f"Redis at {shown} does not let the reader in ({text}); {RIGHTS}")
    if "Too many connections" in text:
        return ConnectError(f"all connections to Redis at {shown} are in use; raise Limits(connections=…)")
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        return TimedOutError(f"Redis at {shown} did not answer in time ({text})")
    return ConnectError(f"Redis at {shown} does not answer ({text}); does it run, is the URL right?")


def unusable(error: Exception, shown: str) -> ReaderError:
    """The error for a reply that is none."""
    text = str(error)
    if isinstance(error, (NoPermissionError, AuthenticationError)):
        return AccessError(f"Redis at {shown} refused a command ({text}); {RIGHTS}")
    if isinstance(error, (ClusterDownError, MasterDownError)):
        return ConnectError(f"Redis at {shown} has lost a part of itself ({text})")
    if isinstance(error, MovedError):
        return AnswerError(f"Redis at {shown} is a node of a cluster: give redis+cluster://… as its URL")
    return AnswerError(f"Redis at {shown} answered {type(error).__name__}: {text}")


CAUGHT: Final = (RedisError, RedisClusterException, OSError, asyncio.TimeoutError)


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__
