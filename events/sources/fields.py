"""Reads single fields of a record, as their declarations say."""

from collections.abc import Callable
from typing import Any, Final

from events.masking import shown_number, shown_time, sized
from events.sources.conversions import as_word, epoch, major_of, typed
from events.sources.declaration import Field
from events.sources.paths import OwnWords, found, steps_of, worded
from events.sources.targets import CLOSED, NEEDED, Sort
from events.verdict import Reason

_TYPES: Final = {
    "text": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
_UNITS: Final = {"iso": "yyyy-MM-dd HH:mm:ss.SSS or RFC 3339", "auto": "RFC 3339, or a number since 1970"}
_MOST_WORDS: Final = 8
"""So many allowed words a reason lists."""

Shown = Callable[[object], str]


class FieldReader:
    """Reads one field of an event.

    It appends reasons in the source's own words. Checks that all sources share are left to `events.assemble`.
    """

    def __init__(self, name: str, declared: Field, sort: Sort) -> None:
        """Take the declaration, which is sound."""
        paths = (declared.path,) if isinstance(declared.path, str) else declared.path
        self._paths = tuple(steps for path in paths if path and (steps := steps_of(path)))
        self.words = " or ".join(map(worded, self._paths)) or name
        self._declared = declared
        self._sort = sort
        self._needed = declared.required or (name in NEEDED and not declared.made_from)
        self._words = self._meanings(declared)
        self._constant = declared.constant

    def read(self, record: dict[str, Any], reasons: list[Reason], currency: object = None) -> Any:
        """The field's value, None where it is absent or cannot be used; `currency` is that of an amount."""
        if self._constant is not None:
            return self._constant
        for steps in self._paths:
            since = len(reasons)
            value = found(record, steps, reasons)
            if len(reasons) > since:
                return None
            if value is not None and not (type(value) is str and (not value or value.isspace())):
                return self._converted(value, reasons, currency)
        if self._declared.default is not None:
            return self._in_major(self._declared.default, currency)
        if self._needed:
            reasons.append(
                Reason(OwnWords(self.words), "absent", "a value; the source is declared to have one")
            )
        return None

    @staticmethod
    def _meanings(declared: Field) -> dict[str, str]:
        values = declared.values
        return values if isinstance(values, dict) else {word: word for word in values}

    def _converted(self, value: Any, reasons: list[Reason], currency: object) -> Any:
        sort, declared = self._sort, self._declared
        if declared.type:
            if (fit := typed(value, declared.type)) is None:
                return self._refused(value, _TYPES[declared.type], reasons)
            value = fit
        if sort is Sort.TIME:
            at = epoch(value, declared.unit)
            expected = _UNITS.get(declared.unit) or f"{declared.unit} since 1970"
            return self._refused(value, expected, reasons, shown_time) if at is None else at
        if sort is Sort.MONEY:
            amount = self._in_major(value, currency)
            if amount is None:
                return self._refused(value, "a whole number of minor units", reasons, shown_number)
            return amount
        allowed = self._words or {word: word for word in CLOSED.get(sort, ())}
        return self._meaning(value, allowed, reasons) if allowed else value

    def _in_major(self, value: Any, currency: object) -> Any:
        return major_of(value, currency) if self._declared.unit == "minor" else value

    def _meaning(self, value: Any, allowed: dict[str, str], reasons: list[Reason]) -> str | None:
        word = as_word(value)
        meaning = None if word is None else allowed.get(word)
        if meaning is not None:
            return meaning
        if self._declared.other is not None and word is not None:
            return self._declared.other
        more = ", …" if len(allowed) > _MOST_WORDS else ""
        self._refused(value, f"one of {', '.join([*allowed][:_MOST_WORDS])}{more}", reasons)
        return None

    def _refused(self, value: Any, expected: str, reasons: list[Reason], shown: Shown = sized) -> None:
        reasons.append(Reason(OwnWords(self.words), shown(value), expected))
