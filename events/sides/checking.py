"""Checks a side input's declaration, and tells all that is wrong with it."""

from typing import Any, Final

from events.sides.row import TABLES
from events.sides.targets import CURRENCY, KEY, KEY_SAYS, ROW
from events.sources.checking import as_table, check_fields, check_known, check_topic_and_format
from events.sources.problems import Problems, SourceError

DECLARED: Final = "side inputs"
"""What the declarations are of, as errors say it."""
_PARTS: Final = ("table", "topic", "format", "fields")


def checked(table: dict[str, Any], file: str) -> None:
    """Check the declaration in `table`.

    Raises:
        SourceError: with everything that is wrong, at once.
    """
    problems = Problems(file)
    check_known(table, _PARTS, "", problems)
    check_topic_and_format(table, problems)
    fields = as_table(table.get("fields"), "fields", problems)
    if (named := table.get("table")) in TABLES:
        check_fields(fields, ROW[named], "fields", problems)
    else:
        problems.add("table", named, f"one of {', '.join(TABLES)}")
    _check_key(fields.get(KEY), problems)
    if "price" in fields and CURRENCY not in fields:
        problems.add("fields.currency", None, 'the currency of the prices: a path, or { constant = "EUR" }')
    if problems.found:
        raise SourceError(tuple(problems.found), DECLARED)


def _check_key(spec: object, problems: Problems) -> None:
    """A key that is not the record's own words would never meet the key of its tombstone."""
    for name, value in spec.items() if isinstance(spec, dict) else ():
        if name not in KEY_SAYS:
            problems.add(f"fields.{KEY}.{name}", value, f"nothing but {', '.join(KEY_SAYS)}")
