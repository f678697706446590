"""What Snowplow Identities says: which ids turned out to be one person's."""

from typing import Any, Final, NamedTuple

from events.masking import sized
from events.values import key
from events.verdict import Reason

MOST_IDS: Final = 100
"""Ids of one event; Snowplow merges a handful at a time."""


class Merged(NamedTuple):
    """The ids that were given up, and the one that stands for them all; nothing where it is another event."""

    ids: tuple[str, ...] = ()
    into: str | None = None


NOTHING: Final = Merged()


def merged_of(data: object, reasons: list[Reason]) -> Merged:
    """What the data of an `identity_merge` event (2-0-0) say; each reason against them is appended.

    >>> merged_of({"snowplow_id": "s1", "merged": ["s2", "s3"]}, [])
    Merged(ids=('s2', 's3'), into='s1')
    """
    if data is None:  # a wire format that does not carry them
        return NOTHING
    if not isinstance(data, dict):
        reasons.append(Reason("unstruct_event", sized(data), "an object"))
        return NOTHING
    into = key(data.get("snowplow_id"), "unstruct_event.snowplow_id", reasons)
    merged: Any = data.get("merged")
    if merged is None:
        return Merged((), into)
    if not isinstance(merged, list) or len(merged) > MOST_IDS:
        found = f"{len(merged)} ids" if isinstance(merged, list) else sized(merged)
        reasons.append(Reason("unstruct_event.merged", found, f"a list of at most {MOST_IDS} ids"))
        return NOTHING
    ids = [key(each, f"unstruct_event.merged[{i}]", reasons) for i, each in enumerate(merged)]
    return Merged(tuple(each for each in ids if each is not None), into)
