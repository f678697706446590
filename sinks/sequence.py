"""How a writer notices that Redis lost what it had taken: a number with every write, on every node.

The number is the last command of a write. What Redis saves to disk and sends to replicas is a prefix of what
it was told, so a number that is still there says that the rows before it are, too; a lower one, or none, says
that rows may be missing.
"""

from importlib.resources import files
from typing import Final, NamedTuple

from sinks.calls import Call, Script, evaluation

_SCRIPT: Final = Script.of(files("sinks").joinpath("sequence.lua").read_text(encoding="utf-8"))


class Stamp(NamedTuple):
    """What one write leaves behind of itself."""

    key: str
    """The hash of the job's numbers."""
    field: str
    known: int
    """The last number that Redis acknowledged; 0: none yet, nothing can be missed."""
    number: int
    """This write's; greater than `known`, at most 2**53."""
    whole: str = ""
    """The field that takes over `number`, where this write is the last of those that wrote all rows again."""


def stamping(stamp: Stamp, prefix: str = "") -> Call:
    """The call that leaves `stamp` on each node."""
    row = (stamp.field, stamp.known, stamp.number, *([stamp.whole] if stamp.whole else ()))
    call = evaluation(_SCRIPT, [(prefix + stamp.key, row)])
    call.everywhere = True
    return call
