"""How a command ends, for people and for scripts."""

from collections.abc import Mapping
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    NOT_FOUND = 3
    INTERRUPTED = 130


class CommandError(Exception):
    """Something failed, and the message says what to do about it."""

    code = Exit.FAILURE


class NotFoundError(CommandError):
    """What was asked for is not there."""

    code = Exit.NOT_FOUND


def accounting(counts: Mapping[str, int]) -> str:
    """Say where every record read went.

    >>> accounting({"applied": 7, "dead": 1})
    'read 8 = applied 7 + filtered 0 + duplicate 0 + late 0 + dead 1'
    """
    parts = {name: counts.get(name, 0) for name in ("applied", "filtered", "duplicate", "late", "dead")}
    return f"read {sum(parts.values())} = " + " + ".join(f"{name} {count}" for name, count in parts.items())
