"""The catalogue as Feast definitions: `python -m shopper_reader.feast [CATALOGUE.json] > features.py`.

Text alone: nothing here needs Feast.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from shopper_reader.catalogue import SESSION, Catalogue, shipped

TYPES: Final = {
    "int": "Int64",
    "ms": "Int64",
    "s": "Int64",
    "float": "Float64",
    "money": "Float64",
    "bool": "Bool",
    "str": "String",
    "list": "Array(String)",
}
"""What Feast calls the catalogue's types; money is a number there, and its currency another feature."""

_HEAD: Final = '''\
"""Features of shoppers, as Feast describes them. Made from the catalogue; do not edit."""

from datetime import timedelta

from feast import Entity, FeatureView, Field, FileSource, PushSource
from feast.types import Array, Bool, Float64, Int64, String
from feast.value_type import ValueType

shopper = Entity(name="shopper", join_keys=["shopper"], value_type=ValueType.STRING)
'''


def definitions(catalogue: Catalogue) -> str:
    """Python text that declares an entity, and for each window a source and a feature view."""
    return "\n".join([_HEAD, *(line for label in catalogue.labels for line in _view(catalogue, label))])


def main(arguments: Sequence[str]) -> None:
    """Print the definitions of the catalogue in the file that is named, else of this package's."""
    sys.stdout.write(definitions(Catalogue.read(arguments[0]) if arguments else shipped()))


def _view(catalogue: Catalogue, label: str) -> Iterator[str]:
    name = "shopper_" + re.sub(r"\W", "_", label)
    window = catalogue.window.get(label)
    # A session's row expires by itself; Feast's 0 is no limit.
    ttl = window.size_ms + window.pane_ms if window else 0
    yield f"""
{name} = FeatureView(
    name={name!r},
    entities=[shopper],
    ttl=timedelta(milliseconds={ttl}),
    source=PushSource(
        name="{name}_rows",
        batch_source=FileSource(path="data/{name}.parquet", timestamp_field="event_timestamp"),
    ),
    tags={{"window": {label!r}, "key": "user:<id>:features:{label}"}},
    schema=["""
    for feature in catalogue.inside(label):
        described = f"{feature.doc} [{feature.unit}]" if feature.unit else feature.doc
        kind = TYPES[feature.type]
        yield f"        Field(name={feature.name!r}, dtype={kind}, description={described!r}),"
    whose = "the session with the latest event" if label == SESSION else f"the last {label}"
    yield f'    ],\n    description="A shopper, {whose}.",\n)\n'


if __name__ == "__main__":  # pragma: no cover
    main(sys.argv[1:])
