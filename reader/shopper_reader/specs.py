"""How each feature is read from a row's fields: those that are stored, and those that depend on the clock."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from shopper_reader.catalogue import INSTANT, SESSION, Catalogue, Feature
from shopper_reader.values import PARSERS, Money, Value

Fields = Mapping[bytes, bytes]
Read = Callable[[Fields, int], Value | None]
"""Gives a value, or None, of a row's fields and the clock (epoch ms)."""

START: Final = "session_start"
DURATION: Final = "session_duration"
IDLE: Final = "session_idle_ms"
SINCE: Final = "ms_since_"


class Spec(NamedTuple):
    """One feature of one window."""

    feature: Feature
    fields: tuple[bytes, ...]
    """What it needs of the row."""
    read: Read


def specs_of(catalogue: Catalogue, label: str) -> dict[str, Spec]:
    """Every feature of a window by name: the stored ones, then those of the time of reading."""
    inside = list(catalogue.inside(label))
    made = {feature.name: _stored(feature) for feature in inside}
    for feature in inside:
        if feature.type == "ms" and feature.unit == INSTANT:
            spec = _since(feature)
            made[spec.feature.name] = spec
    if label == SESSION and {START, DURATION} <= made.keys():
        made[IDLE] = _idle(made[START].feature)
    return made


def at_reading(catalogue: Catalogue, label: str) -> list[Feature]:
    """The features of a window that no row holds, since they depend on the moment of reading."""
    stored = {feature.name for feature in catalogue.inside(label)}
    return [spec.feature for name, spec in specs_of(catalogue, label).items() if name not in stored]


def _stored(feature: Feature) -> Spec:
    name, parse = feature.name.encode(), PARSERS[feature.type]
    if feature.type == "money":
        return Spec(feature, (name, feature.unit.encode()), _money(name, feature.unit.encode()))

    def read(fields: Fields, _now: int) -> Value | None:
        raw = fields.get(name)
        return None if raw is None else parse(raw)

    return Spec(feature, (name,), read)


def _money(name: bytes, currency: bytes) -> Read:
    parse = PARSERS["money"]

    def read(fields: Fields, _now: int) -> Value | None:
        raw = fields.get(name)
        return None if raw is None else Money(parse(raw), fields.get(currency, b"").decode())

    return read


def _since(instant: Feature) -> Spec:
    """The time that has passed since an instant that the row holds."""
    name = instant.name.encode()

    def read(fields: Fields, now: int) -> Value | None:
        raw = fields.get(name)
        return None if raw is None else max(0, now - int(raw))

    doc = f"Time since `{instant.name}`, as of reading."
    return Spec(_at_reading(instant, SINCE + instant.name, doc), (name,), read)


def _idle(start: Feature) -> Spec:
    """The time since the last event of a session, which is where its duration ends."""
    first, lasted = START.encode(), DURATION.encode()

    def read(fields: Fields, now: int) -> Value | None:
        if first not in fields or lasted not in fields:
            return None
        return max(0, now - int(fields[first]) - int(fields[lasted]))

    doc = "Time since the last event of the session, as of reading."
    return Spec(_at_reading(start, IDLE, doc), (first, lasted), read)


def _at_reading(source: Feature, name: str, doc: str) -> Feature:
    return Feature(name, source.branch, source.view, source.windows, "ms", "ms", doc)
