"""Places in a record: `user.id`, `items[0].sku`, `metadata."utm.source"`."""

import re
from typing import Any, Final

from events.masking import sized
from events.verdict import Reason

Steps = tuple[str | int, ...]

_STEP: Final = re.compile(r'(?:^|\.)(?:"([^"]+)"|([^."\[\]\s]+))|\[(\d{1,6})\]')


def steps_of(path: str) -> Steps | None:
    """The keys and indexes that lead to the place, None where `path` is none.

    >>> steps_of('items[0]."unit.price"'), steps_of("a..b")
    (('items', 0, 'unit.price'), None)
    """
    steps: list[str | int] = []
    end = 0
    for match in _STEP.finditer(path):
        if match.start() != end:
            return None
        end = match.end()
        quoted, plain, index = match.groups()
        steps.append(int(index) if index else quoted or plain)
    return tuple(steps) if steps and end == len(path) and type(steps[0]) is str else None


class OwnWords(str):
    """The name of a field as the source words it already."""

    __slots__ = ()


def found(record: dict[str, Any], steps: Steps, reasons: list[Reason]) -> Any:
    """The value at the place, None where there is none; something else on the way there is a reason."""
    value: Any = record
    for depth, step in enumerate(steps):
        if type(value) is dict and type(step) is str:
            value = value.get(step)
        elif type(value) is list and type(step) is int:
            value = value[step] if step < len(value) else None
        elif value is None:
            return None
        else:
            expected = "an object" if type(step) is str else "a list"
            reasons.append(Reason(OwnWords(worded(steps[:depth])), sized(value), expected))
            return None
    return value


def worded(steps: Steps) -> str:
    """The place as it is written down.

    >>> worded(("items", 0, "unit.price"))
    'items[0]."unit.price"'
    """
    words = ""
    for step in steps:
        if type(step) is int:
            words += f"[{step}]"
        else:
            plain = _STEP.fullmatch(str(step))
            words += f".{step}" if plain and plain[2] else f'."{step}"'
    return words.removeprefix(".")
