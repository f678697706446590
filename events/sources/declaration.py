"""What a shop declares of a topic: where in its records an event's fields are."""

from dataclasses import dataclass, field
from typing import Any, Final, Self

from events.sources.checking import checked

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Field:
    """How one field of an event is found.

    The value is the `constant`; else what lies at `path`; else, where that is absent (missing, null or
    blank), what is made by `made_from`; else the `default`. A field that is `required` and absent makes the
    record dead.

    >>> Field("user_id", type="integer", required=True).table()
    {'path': 'user_id', 'type': 'integer', 'required': True}
    """

    path: str | tuple[str, ...] = ""
    """Place in the record: `user.id`, `items[0].sku`, `metadata."utm.source"`; of several the first that is
    there."""
    type: str = ""
    """What the record's value must be: one of `targets.TYPES`; empty: whatever the field can be read from."""
    unit: str = ""
    """Of a time one of `targets.TIME_UNITS`; of an amount `major` (the default) or `minor`."""
    constant: Scalar | None = None
    default: Scalar | None = None
    values: dict[str, str] | tuple[str, ...] = ()
    """What the record may say, or what each of its words means. Numbers and booleans are compared as text."""
    other: str | None = None
    """What a value that is none of `values` means; without it such a record is dead."""
    required: bool = False
    made_from: str | tuple[str, ...] = ()
    """Of `event_id`: `position` (topic, partition and offset) or the paths whose values are hashed. Of `at`:
    `kafka_timestamp`."""

    def table(self) -> dict[str, Any]:
        """What was set, as a table of TOML would have it."""
        told = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in told.items() if value not in (None, "", (), {}, False)} | {
            name: told[name] for name in ("constant", "default") if told[name] is not None
        }


@dataclass(frozen=True, slots=True)
class Products:
    """How an event's products are found: one in the record itself, or one for each item of a list."""

    fields: dict[str, Field] = field(default_factory=dict)
    """By `targets.PRODUCT`; paths are seen from the item where there is a list."""
    path: str = ""
    """Where the list is; empty: the record is the product."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Records that are left out on purpose, and counted as `filtered.<name>`."""

    name: str
    path: str
    when: tuple[Scalar, ...] = ()
    """Left out if the value is one of these."""
    unless: tuple[Scalar, ...] = ()
    """Left out unless the value is one of these."""


@dataclass(frozen=True, slots=True)
class Source:
    """One topic, and how its records are read.

    Raises:
        SourceError: with everything that is wrong, at once.
    """

    name: str
    """Stands in counters and dead letters, and keeps the ids of this source's events apart from others'."""
    topic: str
    fields: dict[str, Field]
    """By `targets.EVENT`."""
    products: Products | None = None
    filters: tuple[Filter, ...] = ()
    format: str = "json"
    """One of `formats.FORMATS`."""

    def __post_init__(self) -> None:
        """Check the declaration as a whole."""
        checked(self.table(), f"source {self.name!r}")

    def table(self) -> dict[str, Any]:
        """The declaration as a file of TOML would have it."""
        table: dict[str, Any] = {
            "name": self.name,
            "topic": self.topic,
            "format": self.format,
            "fields": {name: each.table() for name, each in self.fields.items()},
        }
        if self.products is not None:
            place = {"path": self.products.path} if self.products.path else {}
            table["products"] = place | {n: each.table() for n, each in self.products.fields.items()}
        if self.filters:
            table["filters"] = [
                {"name": each.name, "path": each.path}
                | {how: list(words) for how in ("when", "unless") if (words := getattr(each, how))}
                for each in self.filters
            ]
        return table

    @classmethod
    def of(cls, table: dict[str, Any], file: str) -> Self:
        """The declaration in a table, as it stands in `file`.

        Raises:
            SourceError: with everything that is wrong, at once.
        """
        checked(table, file)
        products = table.get("products")
        return cls(
            table["name"],
            table["topic"],
            fields_of(table["fields"]),
            None if products is None else _products(products),
            tuple(_filter(each) for each in table.get("filters", ())),
            table.get("format", "json"),
        )


_LISTS: Final = ("path", "made_from", "values")


def fields_of(specs: dict[str, Any]) -> dict[str, Field]:
    """The fields in a table that was checked."""
    return {name: _field(spec) for name, spec in specs.items()}


def _field(spec: str | dict[str, Any]) -> Field:
    if isinstance(spec, str):
        return Field(spec)
    told: dict[str, Any] = {
        name: tuple(value) if name in _LISTS and isinstance(value, list) else value
        for name, value in spec.items()
    }
    return Field(**told)


def _products(table: dict[str, Any]) -> Products:
    fields = {name: spec for name, spec in table.items() if name != "path"}
    return Products(fields_of(fields), table.get("path", ""))


def _filter(table: dict[str, Any]) -> Filter:
    return Filter(table["name"], table["path"], tuple(table.get("when", ())), tuple(table.get("unless", ())))
