"""Several categories, however a record tells them."""

from typing import Any, Final

from events.masking import sized
from events.personal import without_email
from events.sources.paths import OwnWords
from events.values import text
from events.verdict import Reason

LONGEST: Final = 255
"""Characters of a text that are kept; what is kept of it later is cut to as many bytes."""
MOST: Final = 1_000


def categories(value: Any, words: OwnWords, reasons: list[Reason]) -> tuple[str, ...]:
    """The categories in a list of texts, or in one text: between `|`, where it has none between commas.

    Each stands once, blanks are left out; what cannot be used is a reason.
    """
    if value is None:
        return ()
    told: dict[str, None] = {}
    if isinstance(value, dict | bool):
        reasons.append(Reason(words, sized(value), "a list of texts, or one text"))
    elif type(value) is list:
        for index, each in enumerate(value):
            _add(text(each, OwnWords(f"{words}[{index}]"), reasons), told)
    else:
        line = text(value, words, reasons) or ""
        for each in line.split("|" if "|" in line else ","):
            _add(each, told)
    if len(told) <= MOST:
        return tuple(told)
    reasons.append(Reason(words, f"{len(told)} categories", f"at most {MOST:,}"))
    return ()


def _add(found: str | None, told: dict[str, None]) -> None:
    if named := (without_email(found) or "").strip()[:LONGEST]:
        told[named] = None
