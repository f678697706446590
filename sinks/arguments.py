"""A feature row as the argument of the script that writes it. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from operator import call
from typing import Any, Final

from features.row import FeatureRow, Value
from sinks.codec import fence, fields_of, meta_of
from sinks.text import TEXT, clean, text_of

TOMBSTONE_MS: Final = 24 * 3_600_000
"""A deleted row leaves its fence for at least so long: until then nobody can still hold an older write."""

_IF_THERE: Final = "there"
_MOVED: Final = "moved"
_NOBODY: Final = (False, False, False)
_call: Final[Callable[..., str]] = call
_WRITTEN: Final = {**TEXT, str: str}
"""Texts go as they are: what has no UTF-8 is seen to when the argument becomes bytes (`sinks.calls`)."""
Texts = dict[int, list[str]]
"""What was made of `FeatureRow.values`, by its identity: the current session goes to two keys, and windows
that hold the same events say the same. Only while the rows live: an identity may come again."""


def fenced_row(row: FeatureRow, life: int, texts: Texts | None = None) -> Sequence[Any]:
    """The argument of `fence.lua`."""
    version, values = fence(life, row.seen, row.at), row.values
    if row.forgotten:
        return (version, str(row.until), (), *(_ownership(row, gone=True) or _NOBODY), False, (), True)
    if values is None:
        until = str(max(row.until, row.at + TOMBSTONE_MS))
        return (version, until, _flat(meta_of(row, life)), *_ownership(row, gone=True))
    until = str(row.until)
    if row.until <= row.at:
        # The window became empty: nothing is left to read, and no claim to a session that others hold.
        return (version, until, (), *_ownership(row, gone=True))
    if row.same_as:
        return (version, until, _flat(meta_of(row, life)))
    flat = [
        "_v",
        version,
        "_at",
        str(row.at),
        "_next",
        str(row.next),
        "_until",
        until,
        "_seen",
        str(row.seen),
    ]
    if row.entity == "session":
        flat += ("_owner", clean(row.owner), "_start", str(row.start))
        if row.moved:
            flat += ("_moved", "1")
    if row.capped:
        flat += ("_capped", "1")
    flat += _features(values, {} if texts is None else texts)
    owned = _ownership(row, gone=False) if row.entity == "session" else ()
    if row.base is None:
        return (version, until, flat, *owned)
    absent = row.absent if row.capped else (*row.absent, "_capped")
    seen, at = row.base
    return (version, until, flat, *(owned or _NOBODY), fence(life, seen, at), absent)


def ranked_row(row: FeatureRow, life: int) -> Sequence[Any]:
    """The argument of `ranking.lua`."""
    version = fence(life, row.seen, row.at)
    members = [] if row.until <= row.at else (row.values or {}).items()
    flat = [each for member, score in members for each in (text_of(score), clean(member))]
    return version, str(row.until), flat, row.forgotten


def shared_row(
    row: FeatureRow, life: int, branch: str, names: Collection[str], zeros: Mapping[str, str]
) -> Sequence[Any]:
    """The argument of `branches.lua`; `names` are all fields of the branch, `zeros` what it says empty."""
    version = fence(life, row.seen, row.at)
    if row.same_as and row.until > row.at:
        same_as = clean(row.same_as)
        return version, str(row.until), str(row.next), row.at, False, (), (), False, same_as
    gone = row.values is None or bool(row.same_as)
    fields = zeros if gone else fields_of(row)
    until = str(row.at if gone else row.until)
    absent = [name for name in names if name not in fields]
    capped = f"_capped:{branch}"
    mine = {f"_v:{branch}": version, f"_next:{branch}": str(row.next), f"_until:{branch}": until}
    if row.capped:
        mine[capped] = "1"
    else:
        absent.append(capped)
    return version, until, str(row.next), row.at, row.capped, _flat({**mine, **fields}), absent, row.forgotten


def _features(values: Mapping[str, Value], texts: Texts) -> list[str]:
    known = texts.get(id(values))
    if known is None:
        given = values.values()
        # A loop that Python itself runs through would cost as much as making the texts.
        written = map(_call, map(_WRITTEN.__getitem__, map(type, given)), given)
        known = texts[id(values)] = list(chain.from_iterable(zip(values, written, strict=True)))
    return known


def _ownership(row: FeatureRow, *, gone: bool) -> tuple[Any, ...]:
    if row.entity != "session":
        return ()
    claim = _MOVED if row.moved and not gone else _IF_THERE if row.if_there else gone
    return (clean(row.owner), str(row.start), claim)


def _flat(fields: Mapping[str, str]) -> list[str]:
    return list(chain.from_iterable(fields.items()))
