"""Hashes as they are read from Redis, and how two of them differ."""

from collections.abc import Iterable, Mapping

Fields = dict[str, str]
Rows = dict[str, Fields]


def is_tombstone(fields: Fields) -> bool:
    return "_gone" in fields and all(name[0] == "_" for name in fields)


def points(fields: Fields) -> bool:
    """Whether it says nothing but whose the device is."""
    return "_same_as" in fields


def owner_of(key: str, fields: Fields) -> str:
    """The shopper whose row it is."""
    return fields["_owner"] if key.startswith("session:") else key.split(":")[1]


def wrong_fields(got: Mapping[str, str], wanted: Mapping[str, str], ours: Iterable[str]) -> list[str]:
    """`field: got, wanted` wherever the two differ in a feature, in where they point, or in one of `ours`."""
    kept = {*ours, "_same_as"}
    names = sorted(name for name in got.keys() | wanted.keys() if name[0] != "_" or name in kept)
    return [
        f"{name}: {got.get(name, 'nothing')}, the oracle says {wanted.get(name, 'nothing')}"
        for name in names
        if got.get(name) != wanted.get(name)
    ]
