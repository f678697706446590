"""Checks what a declaration says of one field."""

import difflib
from collections.abc import Collection
from typing import Any, Final, TypeGuard

from events.commerce import LAST_STEP
from events.money import DIGITS, GREATEST
from events.sources.paths import steps_of
from events.sources.problems import Problems
from events.sources.targets import CLOSED, KAFKA_TIMESTAMP, MONEY_UNITS, POSITION, TIME_UNITS, TYPES, Sort
from events.values import GREATEST_COUNT

_KEYS: Final = (
    "path",
    "type",
    "unit",
    "constant",
    "default",
    "values",
    "other",
    "required",
    "made_from",
)
_PATH: Final = 'a place such as user.id, items[0].sku or metadata."utm.source"'
_ALONE: Final = ("path", "type", "unit", "default", "values", "other", "required", "made_from")
_ID: Final = ("fields", "event_id")
_OWN: Final = "nothing: each event has an id of its own"
_BOUNDS: Final = {Sort.WHOLE: (0, GREATEST_COUNT), Sort.STEP: (1, LAST_STEP)}
_MAPPED: Final = frozenset({Sort.ID, Sort.TEXT, Sort.KIND, Sort.DEVICE, Sort.CURRENCY})


def nearest(name: object, known: Collection[str]) -> str:
    """What may have been meant by an unknown name."""
    found = difflib.get_close_matches(str(name), known, 1)
    return f"{found[0]}, perhaps" if found else f"one of {', '.join(known)}"


def is_text(value: object) -> TypeGuard[str]:
    """Whether it is a text with something in it."""
    return isinstance(value, str) and bool(value)


def path_problem(path: object) -> str:
    """What a path should be, empty where it is one."""
    return "" if is_text(path) and steps_of(path) is not None else _PATH


def check_field(spec: object, sort: Sort, place: tuple[str, str], problems: Problems) -> None:
    """Check what is said of the field `place[1]` of the part `place[0]`."""
    at = ".".join(place)
    if isinstance(spec, str):
        spec = {"path": spec}
    if not isinstance(spec, dict):
        problems.add(at, spec, "a path, or a table with one")
        return
    for name, value in spec.items():
        if name not in _KEYS:
            problems.add(f"{at}.{name}", value, nearest(name, _KEYS))
    if not {"path", "constant", "made_from"} & spec.keys():
        problems.add(f"{at}.path", None, _PATH)
    _check_origin(spec, place, problems)
    _check_reading(spec, sort, at, problems)
    _check_words(spec, sort, at, problems)
    for name in ("constant", "default"):
        if name in spec and (expected := _OWN if place == _ID else _unfit(spec[name], sort)):
            problems.add(f"{at}.{name}", spec[name], expected)


def _check_origin(spec: dict[str, Any], place: tuple[str, str], problems: Problems) -> None:
    at = ".".join(place)
    if "constant" in spec and (beside := [name for name in _ALONE if name in spec]):
        problems.add(f"{at}.{beside[0]}", spec[beside[0]], "nothing beside a constant")
    if "path" in spec:
        for path in spec["path"] if isinstance(spec["path"], list | tuple) else [spec["path"]]:
            if wrong := path_problem(path):
                problems.add(f"{at}.path", path, wrong)
        if spec["path"] in ([], ()):
            problems.add(f"{at}.path", spec["path"], _PATH)
    if "required" in spec and not isinstance(spec["required"], bool):
        problems.add(f"{at}.required", spec["required"], "true or false")
    if spec.get("required") is True and ("default" in spec or "made_from" in spec):
        problems.add(f"{at}.required", True, "no default and no made_from beside it, which make it needless")
    if "made_from" in spec:
        _check_made(spec["made_from"], place, problems)


def _check_made(made: object, place: tuple[str, str], problems: Problems) -> None:
    at = ".".join(place)
    if place == _ID:
        if made == POSITION:
            return
        paths = made if isinstance(made, list | tuple) else []
        if not paths or any(path_problem(path) for path in paths):
            problems.add(f"{at}.made_from", made, f'"{POSITION}", or a list of the places that are hashed')
    elif place == ("fields", "at"):
        if made != KAFKA_TIMESTAMP:
            problems.add(f"{at}.made_from", made, f'"{KAFKA_TIMESTAMP}"')
    else:
        problems.add(f"{at}.made_from", made, "nothing: only event_id and at can be made")


def _check_reading(spec: dict[str, Any], sort: Sort, at: str, problems: Problems) -> None:
    if "type" in spec and spec["type"] not in TYPES:
        problems.add(f"{at}.type", spec["type"], f"one of {', '.join(TYPES)}")
    units = {Sort.TIME: TIME_UNITS, Sort.MONEY: MONEY_UNITS}.get(sort, ())
    if "unit" in spec and spec["unit"] not in units:
        expected = f"one of {', '.join(units)}" if units else f"nothing: {sort.value} has no unit"
        problems.add(f"{at}.unit", spec["unit"], expected)
    if spec.get("type") == "boolean" and "values" not in spec:
        problems.add(f"{at}.type", "boolean", "values beside it, which say what true and false mean")
    if spec.get("unit") == "minor" and isinstance(spec.get("default"), float):
        problems.add(f"{at}.default", spec["default"], "a whole number of minor units")
    if sort is Sort.TIME and "path" in spec and "unit" not in spec:
        problems.add(f"{at}.unit", None, f"one of {', '.join(units)}")


def _check_words(spec: dict[str, Any], sort: Sort, at: str, problems: Problems) -> None:
    if sort not in _MAPPED:
        for name in ("values", "other"):
            if name in spec:
                problems.add(f"{at}.{name}", spec[name], f"nothing: {sort.value} has no words of yours")
        return
    values = spec.get("values")
    meant = list(values.values()) if isinstance(values, dict) else values
    if "values" in spec and not (isinstance(meant, list | tuple) and meant and all(map(is_text, meant))):
        problems.add(f"{at}.values", values, "a list of texts, or a table of them")
        return
    for word in meant or ():
        if expected := _unfit(word, sort):
            problems.add(f"{at}.values", word, expected)
    if "other" not in spec:
        return
    if not meant and sort not in CLOSED:
        problems.add(f"{at}.other", spec["other"], "values beside it")
    if expected := "" if is_text(spec["other"]) and not _unfit(spec["other"], sort) else _unfit("", sort):
        problems.add(f"{at}.other", spec["other"], expected)


def _unfit(value: object, sort: Sort) -> str:
    """What a value of ours for a field should be, empty where it is that."""
    if sort in CLOSED:
        return "" if value in CLOSED[sort] else f"one of {', '.join(CLOSED[sort])}"
    if sort is Sort.CURRENCY:
        return "" if isinstance(value, str) and value in DIGITS else "an ISO 4217 code with minor digits"
    if sort in _BOUNDS:
        least, greatest = _BOUNDS[sort]
        fits = type(value) is int and least <= value <= greatest
        return "" if fits else f"a whole number from {least} to {greatest}"
    if sort is Sort.MONEY:
        fits = type(value) in (int, float) and 0 <= value <= GREATEST  # type: ignore[operator]
        return "" if fits else f"a number from 0 to {GREATEST}"
    if sort is Sort.TIME:
        return "no fixed time: an event has its own"
    return "" if is_text(value) or type(value) is int else "a text or a whole number"
