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
    at, seen, values = row.at, row.seen, row.values
    if values is None or row.until <= at or row.forgotten or row.same_as:
        return _over(row, life)
    version, until = fence(life, seen, at), str(row.until)
    flat = ["_v", version, "_at", str(at), "_next", str(row.next), "_until", until, "_seen", str(seen)]
    owned: tuple[Any, ...] = _NOBODY
    if row.entity == "session":
        owned = _ownership(row, gone=False)
        flat += ("_owner", owned[0], "_start", owned[1])
        if row.moved:
            flat += ("_moved", "1")
    if row.capped:
        flat += ("_capped", "1")
    flat += (texts and texts.get(id(values))) or _features(values, texts)
    if row.base is None:
        return (version, until, flat) if owned is _NOBODY else (version, until, flat, *owned)
    absent = row.absent if row.capped else (*row.absent, "_capped")
    return (version, until, flat, *owned, fence(life, *row.base), absent)


def _over(row: FeatureRow, life: int) -> Sequence[Any]:
    """Of a row without values: forgotten, deleted, expired, or one that points to another."""
    version, until = fence(life, row.seen, row.at), str(row.until)
    if row.forgotten:
        return (version, until, (), *(_ownership(row, gone=True) or _NOBODY), False, (), True)
    if row.values is None:
        until = str(max(row.until, row.at + TOMBSTONE_MS))
        return (version, until, _flat(meta_of(row, life)), *_ownership(row, gone=True))
    if row.until <= row.at:
        # The window became empty: nothing is left to read, and no claim to a session that others hold.
        return (version, until, (), *_ownership(row, gone=True))
    return (version, until, _flat(meta_of(row, life)))


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


def _features(values: Mapping[str, Value], texts: Texts | None) -> list[str]:
    given = values.values()
    # A loop that Python itself runs through would cost as much as making the texts.
    written = map(_call, map(_WRITTEN.__getitem__, map(type, given)), given)
    made = list(chain.from_iterable(zip(values, written)))  # noqa: B905  both are of the same dict
    if texts is not None:
        texts[id(values)] = made
    return made


def _ownership(row: FeatureRow, *, gone: bool) -> tuple[Any, ...]:
    if row.entity != "session":
        return ()
    claim = _MOVED if row.moved and not gone else _IF_THERE if row.if_there else gone
    return (clean(row.owner), str(row.start), claim)


def _flat(fields: Mapping[str, str]) -> list[str]:
    return list(chain.from_iterable(fields.items()))
