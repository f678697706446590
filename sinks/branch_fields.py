"""What one branch's writer must know of all branches when several share a window's hash."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final

import msgspec

from features.row import Value
from sinks.calls import Script
from sinks.errors import SinkSettingError
from sinks.text import text_of


@dataclass(frozen=True, slots=True)
class BranchFields:
    """The fields that a branch owns in the hash of a rolling window."""

    names: frozenset[str]
    """All its feature names, of which a row may lack some."""
    zeros: Mapping[str, Value] = field(default_factory=dict)
    """What the row of a shopper without such events holds: counts of zero."""


def _load(name: str) -> str:
    """Text of a script of this package; works from a zip, too."""
    return files("sinks").joinpath(name).read_text(encoding="utf-8")


# Read when the module is imported: a later job in the same TaskManager finds the module, but not its file.
FENCE_LUA: Final = _load("fence.lua")
RANKING_LUA: Final = _load("ranking.lua")
BRANCHES_LUA: Final = _load("branches.lua")


def branch_script(branch: str, branches: Mapping[str, BranchFields]) -> Script:
    """`branches.lua` for the writer of `branch`.

    Raises:
        SinkSettingError: if `branch` is none of `branches`.
    """
    if branch not in branches:
        msg = f"branch {branch!r} is none of {sorted(branches)}; expected the fields of every branch"
        raise SinkSettingError(msg)
    others = sorted(branches.keys() - {branch})
    meta = ["_v", f"_v:{branch}", "_same_as"]
    zeros = []
    for other in others:
        texts = {name: text_of(value) for name, value in branches[other].zeros.items()}
        # Where a branch has no zeros, a field that is always there says that none are missing.
        first = next(iter(texts), f"_v:{branch}")
        meta += [f"_v:{other}", f"_until:{other}", f"_next:{other}", f"_capped:{other}", first]
        zeros.append(msgspec.msgpack.encode([text for pair in texts.items() for text in pair]))
    text = BRANCHES_LUA.replace("'@META@'", ", ".join(quoted(name.encode()) for name in meta))
    return Script.of(text.replace("'@ZEROS@'", ", ".join(map(quoted, zeros))))


def quoted(data: bytes) -> str:
    """Bytes as a string of Lua's."""
    return "'" + "".join(f"\\{byte:03d}" for byte in data) + "'"
