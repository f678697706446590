"""Which letters are meant, and groups of them. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from jobs.dead_letters.topic import Found
from sinks.dead_letters import DeadLetter

_INDEX: Final = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class Selection:
    """What a letter must be like; empty means any."""

    kind: str = ""
    tried_format: str = ""
    field: str = ""
    """Part of the name of a field that some reason is about."""
    topic_partition: str = ""
    """`topic/partition`, or the number of a partition."""
    since: int = 0
    """Epoch milliseconds: found dead then or later."""
    waiting: bool = False
    """Only letters that were not replayed."""

    def takes(self, found: Found) -> bool:
        """Whether it is meant."""
        letter = found.letter
        return (
            self.kind in ("", letter.kind)
            and self.tried_format in ("", letter.wire_format)
            and (
                not self.field or any(self.field.lower() in reason.field.lower() for reason in letter.reasons)
            )
            and self.topic_partition in ("", str(letter.partition), f"{letter.topic}/{letter.partition}")
            and letter.at >= self.since
            and not (self.waiting and found.replays)
        )


@dataclass
class Group:
    """Letters of one cause; times are epoch milliseconds."""

    kind: str
    cause: str
    count: int
    replayed: int
    first: int
    last: int
    example: str
    """Id of the newest of them."""


def cause_of(letter: DeadLetter) -> str:
    """The first reason without its value, or where the defect is.

    >>> from events.verdict import Dead, Reason
    >>> from sinks.dead_letters import dead_letter, read_dead_letter
    >>> dead = Dead("tsv", (Reason("contexts.product[3].price", "x", "a number"),))
    >>> cause_of(read_dead_letter(dead_letter(b"", dead, "t", 0, 1, 2)))
    'contexts.product[].price: expected a number'
    """
    if letter.bug is not None:
        return f"{letter.bug.exception} at {letter.bug.place or 'an unknown place'}"
    if not letter.reasons:
        return "no reason was given"
    reason = letter.reasons[0]
    return f"{_INDEX.sub('[]', reason.field)}: expected {reason.expected}"


def summary(letters: Iterable[Found]) -> list[Group]:
    """Group letters by kind and cause, the most frequent first."""
    groups: dict[tuple[str, str], Group] = {}
    for found in letters:
        letter = found.letter
        key = letter.kind, cause_of(letter)
        group = groups.get(key)
        if group is None:
            group = groups[key] = Group(*key, 0, 0, letter.at, letter.at, letter.id)
        group.count += 1
        group.replayed += bool(found.replays)
        group.first, group.last = min(group.first, letter.at), max(group.last, letter.at)
    return sorted(groups.values(), key=lambda group: (-group.count, group.kind, group.cause))
