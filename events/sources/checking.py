"""Checks a declaration, as the table that a file of TOML gives, and tells all that is wrong with it."""

import re
from collections.abc import Collection
from typing import Any, Final

from events.sources.field_checks import check_field, is_text, nearest, path_problem
from events.sources.formats import FORMATS
from events.sources.problems import Problems, SourceError
from events.sources.targets import EVENT, NEEDED, PRODUCT, Sort

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")
_LABEL: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TAKEN: Final = frozenset({"no_shopper_id", "robot", "app_id"})
_PARTS: Final = ("name", "topic", "format", "fields", "products", "filters")


def checked(table: dict[str, Any], file: str) -> None:
    """Check the declaration in `table`.

    Raises:
        SourceError: with everything that is wrong, at once.
    """
    problems = Problems(file)
    check_known(table, _PARTS, "", problems)
    _check_form(table.get("name"), _NAME, "name", "letters, digits, dashes and underscores", problems)
    check_topic_and_format(table, problems)
    fields = as_table(table.get("fields"), "fields", problems)
    check_fields(fields, EVENT, "fields", problems)
    _needed(fields, problems)
    products = as_table(table.get("products", {}), "products", problems)
    if "path" in products and (wrong := path_problem(products["path"])):
        problems.add("products.path", products["path"], wrong)
    check_fields({n: s for n, s in products.items() if n != "path"}, PRODUCT, "products", problems)
    _currencies(fields, products, problems)
    _check_filters(table.get("filters", []), problems)
    if problems.found:
        raise SourceError(tuple(problems.found))


def as_table(value: object, field: str, problems: Problems) -> dict[str, Any]:
    """The value where it is a table, else an empty one."""
    if isinstance(value, dict):
        return value
    problems.add(field, value, "a table")
    return {}


def check_topic_and_format(table: dict[str, Any], problems: Problems) -> None:
    """Check where the records are, and how they are written."""
    _check_form(table.get("topic"), _TOPIC, "topic", "a Kafka topic's name", problems)
    if (named := table.get("format", "json")) not in [*FORMATS]:
        problems.add("format", named, f"one of {', '.join(FORMATS)}")


def _check_form(value: object, form: re.Pattern[str], field: str, expected: str, problems: Problems) -> None:
    if not isinstance(value, str) or not form.fullmatch(value):
        problems.add(field, value, expected)


def check_known(table: dict[str, Any], known: Collection[str], place: str, problems: Problems) -> None:
    """Note the names in `table` that are none of `known`."""
    for name, value in table.items():
        if name not in known:
            problems.add(f"{place}{name}", value, nearest(name, known))


def check_fields(specs: dict[str, Any], known: dict[str, Sort], place: str, problems: Problems) -> None:
    """Check what is said of each field."""
    check_known(specs, known, f"{place}.", problems)
    for name, spec in specs.items():
        if name in known:
            check_field(spec, known[name], (place, name), problems)


def _needed(fields: dict[str, Any], problems: Problems) -> None:
    for name in NEEDED:
        if name not in fields:
            problems.add(f"fields.{name}", None, "a field, for every event has it")
    if not {"user_id", "device_id"} & fields.keys():
        problems.add("fields.user_id", None, "who the shopper is: user_id, device_id or both")


def _currencies(fields: dict[str, Any], products: dict[str, Any], problems: Problems) -> None:
    """An amount without a currency could never be used."""
    if "currency" in fields:
        return
    expected = 'the currency of the amounts: a path, or { constant = "EUR" }'
    if any(EVENT.get(name) is Sort.MONEY for name in fields):
        problems.add("fields.currency", None, expected)
    elif "price" in products and "currency" not in products:
        problems.add("products.currency", None, expected)


def _check_filters(filters: object, problems: Problems) -> None:
    if not isinstance(filters, list):
        problems.add("filters", filters, "tables, each beginning with [[filters]]")
        return
    names: set[str] = set()
    for index, table in enumerate(filters):
        place = f"filters[{index}]"
        if not isinstance(table, dict):
            problems.add(place, table, "a table")
            continue
        check_known(table, ("name", "path", "when", "unless"), f"{place}.", problems)
        name = table.get("name")
        _check_form(name, _LABEL, f"{place}.name", "small letters, digits and underscores", problems)
        if is_text(name) and (name in _TAKEN or name in names):
            problems.add(f"{place}.name", name, "a name that no other reason for leaving out has")
        names.add(str(name))
        if wrong := path_problem(table.get("path")):
            problems.add(f"{place}.path", table.get("path"), wrong)
        _check_words(table, place, problems)


def _check_words(table: dict[str, Any], place: str, problems: Problems) -> None:
    given = [how for how in ("when", "unless") if how in table]
    if len(given) != 1:
        problems.add(f"{place}.when", None if not given else table["when"], "either when or unless, not both")
    for how in given:
        words = table[how]
        if (
            not isinstance(words, list)
            or not words
            or not all(isinstance(w, str | int | float) for w in words)
        ):
            problems.add(f"{place}.{how}", words, "a list of texts, numbers or booleans")
